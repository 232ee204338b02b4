/* libc's own functions, found when first needed: most programs use few of them, and searching all takes time. */
#include "shim/lookup.h"
#include "shim/symbols.h"

struct real real;
bool foreign[sizeof(struct real) / sizeof(void *)];

void *real_find(const char *name, void *slot)
{
	bool libc;
	void *fn = lookup_next(name, &libc);

	if (fn && !libc)
		__atomic_store_n(&foreign[(void **)slot - (void **)&real], true, __ATOMIC_RELAXED);
	if (fn)
		__atomic_store_n((void **)slot, fn, __ATOMIC_RELEASE);
	return fn;
}

const char *symbol_name(enum symbol symbol)
{
	static const char *const names[] = {
#define CALL(ret, name, params, args, sys, route, prepare, then) #name,
#define PASS(ret, name, params, args, sys) #name,
#define HOOK(ret, name, params, args, sys, before, after) #name,
#define GONE(ret, name, params, args, sys, interest, before) #name,
#define HAND(ret, name, params) #name,
#include "shim/symbols.def"
	};

	return names[symbol];
}
