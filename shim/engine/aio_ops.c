/* The operations of the engine aio: their memory, and sleeping until they have ended. */
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

#include "core/syscall.h"
#include "shim/engine/aio_ring.h"
#include "shim/policy.h"
#include "shim/thread.h"

struct aio *aio;

/* ---- Memory ---- */

struct aio *aio_own(void)
{
	struct aio *a = XU_LOAD_ACQUIRE(&aio), *none = NULL;

	if (a)
		return a;
	thread_start();
	a = thread_map_wiped(sizeof(*a));
	if (!a)
		return NULL;
	if (__atomic_compare_exchange_n(&aio, &none, a, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return a;
	xu_sys(SYS_munmap, a, sizeof(*a));
	return none;
}

void aio_count(enum aio_count what, unsigned n)
{
	struct aio *a = XU_LOAD_ACQUIRE(&aio);

	if (a)
		__atomic_add_fetch(&a->counts[what], n, __ATOMIC_RELAXED);
}

uint64_t aio_counted(enum aio_count what)
{
	struct aio *a = XU_LOAD_ACQUIRE(&aio);

	return a ? XU_LOAD(&a->counts[what]) : 0;
}

unsigned aio_op_number(const struct aio_op *op)
{
	return (unsigned)(op - aio->ops);
}

struct aio_op *aio_op_at(unsigned number)
{
	struct aio *a = XU_LOAD_ACQUIRE(&aio);

	return a && number < NR_OPS && XU_LOAD_ACQUIRE(&a->ops[number].used) ? &a->ops[number] : NULL;
}

struct aio_op *aio_op_of(const void *stand_in)
{
	struct aio *a = XU_LOAD_ACQUIRE(&aio);
	uintptr_t at;

	if (!a || (uintptr_t)stand_in < (uintptr_t)a->ops)
		return NULL;
	at = (uintptr_t)stand_in - (uintptr_t)a->ops;
	return at % sizeof(struct aio_op) == offsetof(struct aio_op, kernel.stand_in)
		       ? aio_op_at((unsigned)(at / sizeof(struct aio_op)))
		       : NULL;
}

unsigned aio_ops_of(unsigned long context)
{
	unsigned n = XU_LOAD(&aio->taken), found = 0;

	for (unsigned i = 0; i < n && i < NR_OPS; i++) {
		const struct aio_op *op = aio_op_at(i);

		found += op && XU_LOAD(&op->context) == context;
	}
	return found;
}

void aio_later(struct aio_op *op, bool (*again)(struct aio_op *op))
{
	op->again = again;
	op->next = aio->late;
	aio->late = op;
}

void aio_try_late(void)
{
	struct aio_op *op = aio->late;

	aio->late = NULL;
	while (op) {
		struct aio_op *next = op->next;

		if (!op->again(op))
			aio_later(op, op->again);
		op = next;
	}
}

/* A stack by number; the count of changes makes a late exchange fail. */
struct aio_op *aio_op_new(void)
{
	uint64_t was = XU_LOAD_ACQUIRE(&aio->free), is;
	struct aio_op *op;
	unsigned n;

	while ((uint32_t)was) {
		op = &aio->ops[(uint32_t)was - 1];
		n = (unsigned)(uintptr_t)XU_LOAD(&op->next);
		is = ((was >> 32) + 1) << 32 | n;
		if (__atomic_compare_exchange_n(&aio->free, &was, is, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			goto found;
	}
	n = __atomic_fetch_add(&aio->taken, 1, __ATOMIC_RELAXED);
	if (n >= NR_OPS) {
		__atomic_store_n(&aio->taken, NR_OPS, __ATOMIC_RELAXED);
		return NULL;
	}
	op = &aio->ops[n];
found:
	memset(op, 0, sizeof(*op));
	XU_STORE_RELEASE(&op->used, true);
	return op;
}

void aio_op_free(struct aio_op *op)
{
	uint64_t was = XU_LOAD_ACQUIRE(&aio->free), is;

	XU_STORE_RELEASE(&op->used, false);
	do {
		/* The number of the next, in the place of its address. */
		__atomic_store_n(&op->next, (struct aio_op *)(uintptr_t)(uint32_t)was,
				 __ATOMIC_RELAXED);
		is = ((was >> 32) + 1) << 32 | (aio_op_number(op) + 1);
	} while (!__atomic_compare_exchange_n(&aio->free, &was, is, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
}

/* ---- Sleeping and waking ---- */

long aio_sleep(unsigned *word, unsigned value, const struct timespec *left)
{
	return xu_sys(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, left, 0, 0);
}

void aio_wake(unsigned *word)
{
	xu_sys(SYS_futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0);
}

unsigned aio_ended(void)
{
	return XU_LOAD_ACQUIRE(&aio->ended);
}

/* As with all such pairs: each side writes its word, and then reads the other's. */
void aio_op_mark(struct aio_op *op)
{
	__atomic_store_n(&op->awaited, true, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void aio_op_wake(const struct aio_op *op)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&op->awaited, __ATOMIC_SEQ_CST))
		__atomic_store_n(&aio->awaited, 1, __ATOMIC_RELAXED);
}

long aio_await_any(unsigned seen, const struct timespec *left)
{
	__atomic_store_n(&aio->awaited, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&aio->ended, __ATOMIC_SEQ_CST) != seen)
		return 0;
	return aio_await(seen, left, false);
}

long aio_await(unsigned seen, const struct timespec *left, bool cancels)
{
	int type = PTHREAD_CANCEL_DEFERRED;
	long ret;

	cancels = cancels && REAL(pthread_setcanceltype);
	if (cancels)
		REAL(pthread_setcanceltype)(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = aio_sleep(&aio->ended, seen, left);
	if (cancels)
		REAL(pthread_setcanceltype)(type, NULL);
	return ret;
}

void aio_tell_ended(unsigned n)
{
	__atomic_add_fetch(&aio->ended, n, __ATOMIC_SEQ_CST);
	if (XU_LOAD(&aio->awaited) && __atomic_exchange_n(&aio->awaited, 0, __ATOMIC_SEQ_CST))
		aio_wake(&aio->ended);
}
