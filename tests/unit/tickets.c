/* The table of tickets: each is good once, between its taking and its giving back. */
#include "tests/unit/ring.h"

#define SLOTS 50

static struct xu_ticket_slot slots[SLOTS];
static int owners[SLOTS];

int main(void)
{
	struct xu_tickets t;
	uint64_t held[SLOTS] = {0}, old, random = 1;
	bool taken[SLOTS] = {false};
	unsigned used = 0;

	xu_tickets_init(&t, slots, 2);
	CHECK(!xu_tickets_owner(&t, XU_TICKET_NONE));
	CHECK(!xu_tickets_owner(&t, XU_TICKET_INTERNAL));
	held[0] = xu_tickets_take(&t, &owners[0]);
	held[1] = xu_tickets_take(&t, &owners[1]);
	CHECK_NE(held[0], XU_TICKET_NONE);
	CHECK_NE(held[0], held[1]);
	CHECK_EQ(xu_tickets_take(&t, &owners[2]), XU_TICKET_NONE);
	CHECK_EQ(t.used, 2);
	/* Looking does not take away; giving back does, once. */
	CHECK(xu_tickets_owner(&t, held[0]) == &owners[0]);
	CHECK(xu_tickets_owner(&t, held[0]) == &owners[0]);
	CHECK(xu_tickets_give_back(&t, held[0]) == &owners[0]);
	CHECK(!xu_tickets_give_back(&t, held[0]));
	CHECK(!xu_tickets_owner(&t, held[0]));
	CHECK_EQ(t.used, 1);
	/* The same slot, another ticket. */
	old = held[0];
	held[0] = xu_tickets_take(&t, &owners[2]);
	CHECK_EQ(xu_ticket_index(held[0]), xu_ticket_index(old));
	CHECK_NE(held[0], old);
	CHECK(!xu_tickets_give_back(&t, old));
	CHECK(xu_tickets_owner(&t, held[0]) == &owners[2]);
	/* A table made anew in the same memory knows none of the old. */
	xu_tickets_init(&t, slots, SLOTS);
	CHECK(!xu_tickets_owner(&t, held[0]));
	CHECK(!xu_tickets_owner(&t, held[1]));
	/* The generation's number runs over. */
	slots[0].generation = UINT32_MAX - 1;
	old = xu_tickets_take(&t, &owners[0]);
	CHECK_EQ(xu_ticket_generation(old), UINT32_MAX);
	CHECK(xu_tickets_give_back(&t, old) == &owners[0]);
	CHECK(!xu_tickets_owner(&t, old));
	CHECK_NE(xu_tickets_take(&t, &owners[0]), XU_TICKET_NONE);
	xu_tickets_init(&t, slots, 0);
	CHECK_EQ(xu_tickets_take(&t, owners), XU_TICKET_NONE);

	/* Taking and giving back at random: each ticket leads to its owner and no other. */
	memset(held, 0, sizeof(held));
	xu_tickets_init(&t, slots, SLOTS);
	for (int i = 0; i < 200000; i++) {
		unsigned n;

		random = random * 6364136223846793005u + 1442695040888963407u;
		n = (unsigned)(random >> 33) % SLOTS;
		if (taken[n]) {
			CHECK(xu_tickets_owner(&t, held[n]) == &owners[n]);
			CHECK(xu_tickets_give_back(&t, held[n]) == &owners[n]);
			used--;
		} else {
			if (held[n])
				CHECK(!xu_tickets_owner(&t, held[n]));
			held[n] = xu_tickets_take(&t, &owners[n]);
			CHECK_NE(held[n], XU_TICKET_NONE);
			used++;
		}
		taken[n] = !taken[n];
		CHECK_EQ(t.used, used);
	}
	return 0;
}
