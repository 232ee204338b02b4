/* A ticket is an index and a generation, and tells a slot's earlier use from the present one. */
#include "tests/unit/ring.h"

static const uint32_t values[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

#define NR (sizeof(values) / sizeof(values[0]))

/* A slot is used again while a completion of its earlier use is on the way: that one is told stale. */
static void stale(struct xu_ring *ring)
{
	uint32_t generation = 41;
	uint64_t data = 0;

	put_nop(ring, xu_ticket(5, generation));
	CHECK_EQ(xu_submit(ring), 1);
	generation++;
	put_nop(ring, xu_ticket(5, generation));
	CHECK_EQ(xu_submit(ring), 1);
	take(ring, &data);
	CHECK_EQ(xu_ticket_index(data), 5);
	CHECK_NE(xu_ticket_generation(data), generation);
	take(ring, &data);
	CHECK_EQ(xu_ticket_index(data), 5);
	CHECK_EQ(xu_ticket_generation(data), generation);
}

int main(void)
{
	for (size_t i = 0; i < NR; i++)
		for (size_t g = 0; g < NR; g++) {
			uint64_t t = xu_ticket(values[i], values[g]);

			CHECK_EQ(xu_ticket_index(t), values[i]);
			CHECK_EQ(xu_ticket_generation(t), values[g]);
			/* All tickets differ, and from the library's own if not both are the last. */
			CHECK_EQ(t == XU_TICKET_INTERNAL, i == NR - 1 && g == NR - 1);
			for (size_t j = 0; j < NR; j++)
				for (size_t h = 0; h < NR; h++)
					CHECK_EQ(t == xu_ticket(values[j], values[h]),
						 i == j && g == h);
		}
	on_each_ring(4, stale);
	return 0;
}
