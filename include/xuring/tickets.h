/*
 * A table of tickets: user data for entries in flight that can be told from those of the past.
 *
 * Each slot keeps a pointer of the caller's and a generation, which changes whenever the slot is taken or given back. A
 * ticket (xu_ticket) names both, so a completion that comes late, or twice, finds that its ticket is stale instead of
 * somebody else's memory. The memory is the caller's, nothing is allocated, each call takes the same short time. One
 * thread at a time. Included by xuring.h.
 *
 *     static struct xu_ticket_slot slots[64];
 *     struct xu_tickets tickets;
 *     xu_tickets_init(&tickets, slots, 64);
 *     xu_sqe_set_data64(sqe, xu_tickets_take(&tickets, request));
 *     ...
 *     request = xu_tickets_give_back(&tickets, cqe->user_data);
 */
#ifndef XURING_TICKETS_H
#define XURING_TICKETS_H

#ifndef XURING_H
#error "include xuring.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* No ticket: that of a table that is full. Never equal to a valid one. */
#define XU_TICKET_NONE UINT64_C(0)

struct xu_ticket_slot {
	void *owner;
	uint32_t generation; /* odd while the slot is taken */
	uint32_t next;	     /* of the free ones: the next, or `nr` */
};

struct xu_tickets {
	struct xu_ticket_slot *slots;
	uint32_t nr;
	uint32_t used;
	uint32_t free; /* the first free slot, or `nr` */
};

/* All of `slots` are free. Tickets of an earlier use of this memory are stale, if it was not written to since. */
static inline void xu_tickets_init(struct xu_tickets *t, struct xu_ticket_slot *slots, uint32_t nr)
{
	t->slots = slots;
	t->nr = nr;
	t->used = 0;
	t->free = 0;
	for (uint32_t i = 0; i < nr; i++) {
		slots[i].owner = NULL;
		slots[i].generation += slots[i].generation & 1;
		slots[i].next = i + 1;
	}
}

/* Take a slot for `owner`. Its ticket, or XU_TICKET_NONE when all are taken. */
static inline uint64_t xu_tickets_take(struct xu_tickets *t, void *owner)
{
	uint32_t index = t->free;
	struct xu_ticket_slot *slot = &t->slots[index];

	if (index == t->nr)
		return XU_TICKET_NONE;
	t->free = slot->next;
	t->used++;
	slot->owner = owner;
	return xu_ticket(index, ++slot->generation);
}

/* Does the ticket name a slot that is still taken by whom it was given to? */
static inline bool xu_tickets_valid(const struct xu_tickets *t, uint64_t ticket)
{
	uint32_t index = xu_ticket_index(ticket), generation = xu_ticket_generation(ticket);

	return index < t->nr && generation & 1 && t->slots[index].generation == generation;
}

/* The owner of a ticket, or NULL when it is stale. The slot stays taken: for completions with IORING_CQE_F_MORE. */
static inline void *xu_tickets_owner(const struct xu_tickets *t, uint64_t ticket)
{
	return xu_tickets_valid(t, ticket) ? t->slots[xu_ticket_index(ticket)].owner : NULL;
}

/* The same, and the slot is free again. */
static inline void *xu_tickets_give_back(struct xu_tickets *t, uint64_t ticket)
{
	uint32_t index = xu_ticket_index(ticket);
	struct xu_ticket_slot *slot;
	void *owner;

	if (!xu_tickets_valid(t, ticket))
		return NULL;
	slot = &t->slots[index];
	owner = slot->owner;
	slot->owner = NULL;
	slot->generation++;
	slot->next = t->free;
	t->free = index;
	t->used--;
	return owner;
}

#ifdef __cplusplus
}
#endif

#endif
