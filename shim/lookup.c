/*
 * The function behind ours, found in the tables of the loaded objects. It is what dlsym(RTLD_NEXT, name) should be:
 *
 *   dlsym takes the dynamic loader's big lock, which dlopen holds while constructors run: a constructor that waits for
 *   a thread whose first read has to find libc's would wait for ever. What we take is held for moments only.
 *   dlsym forgets the error that a program's own dlopen has left for dlerror, and allocates where it fails.
 *   dlsym of glibc before 2.36 gives the oldest version of a function that has several (posix_spawn), not the default.
 *   dlsym sees no library that was opened for others alone, as Python opens librt with shm_open for a module of its.
 *   dlsym was in libdl.so.2 before glibc 2.34, which many programs did not load.
 *
 * Even that lock must not be taken at any time: another thread may hold it at the moment of a fork, and the child would
 * wait for ever; a handler may leave by a jump, and the lock would stay taken. So where the tables of the objects are
 * that the program was started with is noted down once, and looking into them takes no lock. They are never unloaded.
 */
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/syscall.h"
#include "shim/lookup.h"
#include "xuring.h"

extern const char own_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* The tables of one object. */
struct object {
	ElfW(Addr) base;
	bool libc; /* it is the C library, or a part of it */
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint32_t *gnu_hash;
	const uint32_t *hash;
	const uint16_t *versions;
};

struct search {
	const char *name;
	uint32_t gnu_hash;
	uint32_t hash;
	bool past_us;
	bool libc;
	void *found;
};

/* The objects after us that were there at the start; the number is there when they are. */
static struct object known[48];
static unsigned nr_known;

static uint32_t hash_gnu(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static uint32_t hash_elf(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++) {
		h = (h << 4) + (unsigned char)*name;
		h ^= h >> 24 & 0xf0;
	}
	return h & 0xfffffff;
}

/* Some loaders leave offsets in the dynamic section, others make addresses of them. */
static const void *address(const struct dl_phdr_info *info, ElfW(Addr) value)
{
	return (const void *)(value < info->dlpi_addr ? value + info->dlpi_addr : value);
}

/* The C library by its file's name: libc.so.6, libc-2.31.so, ld-musl-x86_64.so.1; and what was apart from it once. */
static bool is_libc(const char *path)
{
	static const char *const names[] = {"libc.so",	"libc-",  "ld-musl-", "libpthread",
					    "librt.so", "librt-", "libutil",  "libaio.so"};
	const char *slash = path ? strrchr(path, '/') : NULL;

	for (size_t i = 0; slash && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(slash + 1, names[i], strlen(names[i])))
			return true;
	return false;
}

static bool read_tables(const struct dl_phdr_info *info, struct object *o)
{
	const ElfW(Dyn) *d = NULL;

	memset(o, 0, sizeof(*o));
	o->base = info->dlpi_addr;
	o->libc = is_libc(info->dlpi_name);
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			d = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++) {
		switch (d->d_tag) {
		case DT_SYMTAB: o->symbols = address(info, d->d_un.d_ptr); break;
		case DT_STRTAB: o->strings = address(info, d->d_un.d_ptr); break;
		case DT_GNU_HASH: o->gnu_hash = address(info, d->d_un.d_ptr); break;
		case DT_HASH: o->hash = address(info, d->d_un.d_ptr); break;
		case DT_VERSYM: o->versions = address(info, d->d_un.d_ptr); break;
		default: break;
		}
	}
	return o->symbols && o->strings;
}

/*
 * Is symbol `i` the one, and better than `best`? Bit 15 of a version marks those that new programs are not linked
 * with: such a one is taken only if there is no other. 0 and 1 are "local" and "none".
 */
static bool better(const struct object *o, const struct search *s, uint32_t i, uint32_t best)
{
	const ElfW(Sym) *sym = &o->symbols[i];
	unsigned type = sym->st_info & 15;

	if (sym->st_shndx == SHN_UNDEF || !sym->st_value ||
	    (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) ||
	    strcmp(o->strings + sym->st_name, s->name))
		return false;
	if (!best || !o->versions)
		return !best;
	if ((o->versions[i] ^ o->versions[best]) & 0x8000)
		return o->versions[best] & 0x8000;
	return o->versions[i] > o->versions[best];
}

/* Layout: buckets, first symbol, words of the filter, its shift; the filter, the buckets, the chains. */
static uint32_t find_gnu(const struct object *o, const struct search *s)
{
	const uint32_t *t = o->gnu_hash;
	const ElfW(Addr) *filter = (const ElfW(Addr) *)(t + 4);
	const uint32_t *buckets = (const uint32_t *)(filter + t[2]);
	const uint32_t *chains = buckets + t[0];
	const unsigned bits = 8 * sizeof(*filter);
	ElfW(Addr) word = filter[s->gnu_hash / bits % t[2]];
	uint32_t best = 0, i;

	if (!t[0] || !(word >> s->gnu_hash % bits & word >> (s->gnu_hash >> t[3]) % bits & 1))
		return 0;
	i = buckets[s->gnu_hash % t[0]];
	if (i < t[1])
		return 0;
	for (;; i++) {
		uint32_t h = chains[i - t[1]];

		if ((h ^ s->gnu_hash) < 2 && better(o, s, i, best))
			best = i;
		if (h & 1)
			return best;
	}
}

/* Layout: number of buckets, of chains; the buckets, the chains. */
static uint32_t find_elf(const struct object *o, const struct search *s)
{
	const uint32_t *t = o->hash;
	uint32_t best = 0;

	if (!t[0])
		return 0;
	for (uint32_t i = t[2 + s->hash % t[0]]; i && i < t[1]; i = t[2 + t[0] + i])
		if (better(o, s, i, best))
			best = i;
	return best;
}

static bool find_in(const struct object *o, struct search *s)
{
	uint32_t i = 0;

	if (o->gnu_hash)
		i = find_gnu(o, s);
	else if (o->hash)
		i = find_elf(o, s);
	if (i)
		s->found = (void *)(o->base + o->symbols[i].st_value);
	s->libc = o->libc;
	return i;
}

/* Is this object after us? */
static bool is_past_us(const struct dl_phdr_info *info, bool *past_us)
{
	if (*past_us)
		return true;
	*past_us = info->dlpi_addr == (ElfW(Addr))own_start;
	return false;
}

static int look_into(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	struct object o;

	(void)size;
	return is_past_us(info, &s->past_us) && read_tables(info, &o) && find_in(&o, s);
}

struct census {
	unsigned n;
	bool past_us;
};

static int note_down(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct census *c = arg;

	(void)size;
	if (c->n < sizeof(known) / sizeof(known[0]) && is_past_us(info, &c->past_us) &&
	    read_tables(info, &known[c->n]))
		c->n++;
	return 0;
}

/* With all signals held back: see above. */
static void iterate(int (*fn)(struct dl_phdr_info *, size_t, void *), void *arg)
{
	uint64_t all = ~UINT64_C(0);
	uint64_t before = 0;

	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	dl_iterate_phdr(fn, arg);
	xu_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
}

void lookup_start(void)
{
	struct census c = {0, false};

	if (XU_LOAD_ACQUIRE(&nr_known))
		return;
	/* Whoever comes at the same time writes the same. */
	iterate(note_down, &c);
	XU_STORE_RELEASE(&nr_known, c.n);
}

void *lookup_next(const char *name, bool *libc)
{
	struct search s = {.name = name, .gnu_hash = hash_gnu(name), .hash = hash_elf(name)};
	unsigned n;

	lookup_start();
	n = XU_LOAD_ACQUIRE(&nr_known);
	for (unsigned i = 0; i < n && !s.found; i++)
		find_in(&known[i], &s);
	/* A library that was opened later. */
	if (!s.found)
		iterate(look_into, &s);
	*libc = s.libc;
	return s.found;
}
