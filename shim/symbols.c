/* libc's own functions, found when first needed: most programs use few of them, and searching all takes time. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/symbols.h"

/*
 * dlsym is in libc.so.6 since glibc 2.34, under a new version and under its old one; before that it was in libdl.so.2
 * alone. Naming libdl as needed would cost every program its loading. So the old version is referred to weakly, and
 * where it is not there, libdl is opened by the door that libc itself used then.
 */
#if defined(__GLIBC__)
#if defined(__x86_64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__aarch64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#endif
#pragma weak dlsym
extern void *__libc_dlopen_mode(const char *file, int mode) __attribute__((weak));
extern void *__libc_dlsym(void *handle, const char *name) __attribute__((weak));
#else
#define __libc_dlopen_mode(file, mode) NULL
#define __libc_dlsym(handle, name) NULL
#endif

typedef void *dlsym_function(void *handle, const char *name);

static dlsym_function *find_dlsym(void)
{
	static dlsym_function *found;

	if (!found)
		found = dlsym;
	if (!found)
		found = (dlsym_function *)__libc_dlsym(__libc_dlopen_mode("libdl.so.2", RTLD_NOW), "dlsym");
	return found;
}

struct real real;

static __thread bool searching;

void *real_find(const char *name, void *slot)
{
	void *fn;

	if (searching)
		return NULL;
	searching = true;
	fn = find_dlsym()(RTLD_NEXT, name);
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
