/* libc's own functions, found when first needed: most programs use few of them, and searching all takes time. */
#include <stdbool.h>
#include <stddef.h>

#include "shim/lookup.h"
#include "shim/symbols.h"

struct real real;

static __thread bool searching;

void *real_find(const char *name, void *slot)
{
	void *fn;

	if (searching)
		return NULL;
	searching = true;
	fn = lookup_next(name);
	searching = false;
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
#define GONE(ret, name, params, args, sys, before) #name,
#define HAND(ret, name, params) #name,
#include "shim/symbols.def"
	};

	return names[symbol];
}
