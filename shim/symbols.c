/* libc's own functions, found when first needed: most programs use few of them, and searching all takes time. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/symbols.h"

/*
 * dlsym has been in libc.so.6 since glibc 2.34 under a new version, and before in libdl.so.2. The old version is found
 * in either, so that one build serves all.
 */
#if defined(__GLIBC__) && defined(__x86_64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__GLIBC__) && defined(__aarch64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#endif

struct real real;

static __thread bool searching;

void *real_find(const char *name, void *slot)
{
	void *fn;

	if (searching)
		return NULL;
	searching = true;
	fn = dlsym(RTLD_NEXT, name);
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
