/*
 * Files that were met before, by device and number: sources with several names, whose copies are to be hard links of one
 * file; and, of several arguments, these, which may be named twice, and their copies, none of which may overwrite another.
 *
 * The entries lie in one stretch of memory, of which the kernel provides what is used. Where it will not promise so much,
 * or all is used, the rest is forgotten: links become files, with a word of warning.
 */
#include <string.h>
#include <sys/mman.h>

#include "core/examples/xu-cp/xu-cp.h"

struct entry {
	dev_t dev;
	ino_t ino;
	uint32_t next; /* of the same bucket: its place, counted in entries' alignment; 0 ends */
	uint32_t kind;
	char path[];
};

#define UNIT _Alignof(struct entry)
#define BUCKETS 65536u

static char *memory; /* NULL: not asked for yet */
static size_t size, used = UNIT;
static uint32_t buckets[BUCKETS];

static uint32_t *bucket_of(enum kind kind, const struct stat *st)
{
	uint64_t key = ((uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 40) * 4 + (unsigned)kind;

	return &buckets[key * UINT64_C(0x9e3779b97f4a7c15) >> 48];
}

static void get_memory(void)
{
	for (size = (size_t)1 << 30; size > 1 << 20; size /= 4) {
		void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p != MAP_FAILED) {
			memory = p;
			return;
		}
	}
	size = 0;
}

void remember(enum kind kind, const struct stat *st, const char *path)
{
	uint32_t *bucket = bucket_of(kind, st);
	size_t length = sizeof(struct entry) + strlen(path) + 1;
	struct entry *e;

	if (!memory)
		get_memory();
	if (length > size - used) {
		complain(0, "too many files to remember '%s': a link of it will be a file", path);
		return;
	}
	e = (struct entry *)(void *)(memory + used);
	*e = (struct entry){.dev = st->st_dev, .ino = st->st_ino, .next = *bucket, .kind = kind};
	memcpy(e->path, path, length - sizeof(*e));
	*bucket = (uint32_t)(used / UNIT);
	used += (length + UNIT - 1) / UNIT * UNIT;
}

const char *recall(enum kind kind, const struct stat *st)
{
	for (uint32_t at = *bucket_of(kind, st); at;) {
		const struct entry *e = (const struct entry *)(void *)(memory + at * UNIT);

		if (e->dev == st->st_dev && e->ino == st->st_ino && e->kind == (uint32_t)kind)
			return e->path;
		at = e->next;
	}
	return NULL;
}
