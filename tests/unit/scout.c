/*
 * The parts of the scout that need no ring: paths as text, the argument list, directories and the orders of their entries.
 *
 * They are compiled in; what they ask of the others is answered here.
 */
#include "shim/engine/scout_args.c" // NOLINT(bugprone-suspicious-include)
#include "shim/engine/scout_dir.c"  // NOLINT(bugprone-suspicious-include)
#include "shim/engine/scout_path.c" // NOLINT(bugprone-suspicious-include)
#include "tests/unit/check.h"

#include <fcntl.h>

struct scout *scout;
struct score score;
static bool asks;

uint64_t scout_now(void)
{
	return 1;
}

uint32_t scout_hash(const char *name, size_t len)
{
	uint32_t h = 0;

	/* All of one length meet. */
	(void)name;
	return h + (uint32_t)len;
}

void scout_found_dirs(void) {}

bool plan_asks(void)
{
	return asks;
}

unsigned change_count(void)
{
	return 0;
}

/* path_dir of this path, as text. */
static const char *dir_of(int dfd, const char *path)
{
	static char buf[SCOUT_PATH];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	return path_dir(dfd, path, &t) ? buf : NULL;
}

static void test_paths(void)
{
	char here[SCOUT_PATH], wanted[SCOUT_PATH + 8], longest[2 * SCOUT_PATH];
	size_t len;
	int fd;

	CHECK_STR(path_last("a/b/c", &len), "c");
	CHECK_EQ(len, 1);
	CHECK_STR(path_last("name", &len), "name");
	CHECK_STR(path_last("a/", &len), "");
	CHECK_EQ(path_common("/a/b", "/a/b"), 4);
	CHECK_EQ(path_common("/a/b", "/a/bc"), 2);
	CHECK_EQ(path_common("/a/b/c", "/a/b"), 4);
	CHECK_EQ(path_common("/x", "/y"), 0);
	CHECK_STR(dir_of(AT_FDCWD, "/file"), "/");
	CHECK_STR(dir_of(AT_FDCWD, "/a//b/./file"), "/a/b");
	CHECK(getcwd(here, sizeof(here)));
	CHECK_STR(dir_of(AT_FDCWD, "file"), here);
	CHECK_STR(dir_of(AT_FDCWD, "./file"), here);
	snprintf(wanted, sizeof(wanted), "%s/sub", here);
	CHECK_STR(dir_of(AT_FDCWD, "sub/file"), wanted);
	CHECK_EQ(mkdir("sub", 0700), 0);
	fd = open("sub", O_RDONLY | O_DIRECTORY);
	CHECK_STR(dir_of(fd, "file"), wanted);
	CHECK_EQ(rmdir("sub"), 0);
	CHECK(!dir_of(fd, "file"));
	close(fd);
	CHECK(!dir_of(fd, "file"));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + sizeof(longest) - 3, "/f", 3);
	*longest = '/';
	CHECK(!dir_of(AT_FDCWD, longest));
}

static void test_args(void)
{
	static const char list[] = "md5sum\0-b\0x/a\0x/b\0\0y\0x/a\0z";
	unsigned at;

	memcpy(scout->args, list, sizeof(list));
	scout->args_len = sizeof(list);
	scout->args_loaded = true;
	CHECK(!args_at("x/c"));
	CHECK(args_at("x/a"));
	at = scout->arg;
	CHECK_STR(args_next(&at), "x/b");
	CHECK_STR(args_next(&at), "y"); /* an empty one is no file */
	/* The second of two that are the same, as the first is behind. */
	CHECK(args_at("x/a"));
	at = scout->arg;
	CHECK_STR(args_next(&at), "z");
	CHECK(!args_next(&at));
	/* Options are none either. */
	CHECK(args_at("md5sum"));
	at = scout->arg;
	CHECK_STR(args_next(&at), "x/a");
	/* It began again. */
	CHECK(args_at("z"));
	CHECK(args_at("x/b"));
}

static void make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	CHECK_GE(fd, 0);
	close(fd);
}

static void test_dirs(void)
{
	static char buf[32768];
	char here[SCOUT_PATH], path[SCOUT_PATH], name[300];
	unsigned seen[NR_ORDERS][64] = {{0}};
	struct dir *d;

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%d-%x", i * 7 % 20, i);
		make(name);
	}
	memset(name, 0xff, 255);
	name[255] = '\0';
	make(name);
	CHECK_EQ(mkdir("sub", 0700), 0);
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK(getcwd(here, sizeof(here)));
	d = dir_want(here, strlen(here), NULL, -1);
	CHECK(d && dir_with_helper(d) && !dir_listed(d));
	CHECK(dir_want(here, strlen(here), NULL, -1) == d);
	d->state = DIR_LISTING;
	dir_list(d, buf, sizeof(buf));
	if (d->state == DIR_FAILED)
		skip("this file system is not one to be scouted");
	CHECK(dir_listed(d));
	CHECK_EQ(d->nr, 23);
	CHECK(!d->more && !dir_continue(d));
	for (enum order o = 0; o < NR_ORDERS; o++) {
		for (unsigned rank = 0; rank < d->nr; rank++) {
			int at = dir_entry(d, o, rank), next;

			CHECK_EQ(dir_rank(d, o, at), rank);
			seen[o][at]++;
			if (rank + 1 == d->nr)
				break;
			next = dir_entry(d, o, rank + 1);
			if (o == ORDER_INODE)
				CHECK_LE(d->entries[at].ino, d->entries[next].ino);
			if (o == ORDER_NAME)
				CHECK(strcmp(d->names + d->entries[at].name,
					     d->names + d->entries[next].name) < 0);
		}
		for (unsigned at = 0; at < d->nr; at++)
			CHECK_EQ(seen[o][at], 1);
	}
	CHECK_EQ(dir_find(d, "nothing", 7), -1);
	CHECK_EQ(d->entries[dir_find(d, "fifo", 4)].type, DT_FIFO);
	CHECK_EQ(d->entries[dir_find(d, "sub", 3)].type, DT_DIR);
	CHECK_GE(dir_find(d, name, 255), 0);
	CHECK(dir_path(d, dir_find(d, "sub", 3), path, sizeof(path)));
	CHECK(!dir_path(d, dir_find(d, "sub", 3), path, strlen(here) + 4));
	/* Its place in its parent is found by its name, and a link in its place is not followed. */
	d = dir_want(path, strlen(path), d, -1);
	CHECK_EQ(dir_at(d), dir_find(d->parent, "sub", 3));
	CHECK_EQ(rmdir("sub"), 0);
	CHECK_EQ(symlink("/", "sub"), 0);
	d->expected_dev = d->parent->dev;
	d->state = DIR_LISTING;
	dir_list(d, buf, sizeof(buf));
	CHECK_EQ(d->state, DIR_FAILED);
	/* No more than there is room for; then the first that is of no use any more. */
	memset(scout->dirs, 0, sizeof(scout->dirs));
	for (int i = 0; i < 2 * SCOUT_DIRS; i++) {
		snprintf(path, sizeof(path), "/nowhere/%d", i);
		CHECK_EQ(dir_want(path, strlen(path), NULL, -1) != NULL, i < SCOUT_DIRS);
	}
	scout->dirs[5].state = DIR_FAILED;
	CHECK(dir_want(path, strlen(path), NULL, -1) == &scout->dirs[5]);
	CHECK_EQ(scout->dirs[5].serial, 2);
}

/* What does not fit is read on in the same place. */
static void test_large(void)
{
	static char buf[32768];
	unsigned whole = SCOUT_ENTRIES + 100, nr = 0;
	char here[SCOUT_PATH], name[30];
	struct dir *d;

	CHECK_EQ(mkdir("large", 0700), 0);
	CHECK_EQ(chdir("large"), 0);
	for (unsigned i = 0; i < whole; i++) {
		snprintf(name, sizeof(name), "%u", i);
		make(name);
	}
	CHECK(getcwd(here, sizeof(here)));
	memset(scout->dirs, 0, sizeof(scout->dirs));
	d = dir_want(here, strlen(here), NULL, -1);
	do {
		d->state = DIR_LISTING;
		dir_list(d, buf, sizeof(buf));
		CHECK(dir_listed(d));
		nr += d->nr;
	} while (dir_continue(d));
	CHECK_EQ(nr, whole);
}

int main(void)
{
	scout = calloc(1, sizeof(*scout));
	if (!scout)
		skip("no memory");
	scratch();
	test_paths();
	test_args();
	test_dirs();
	test_large();
	free(scout);
	return 0;
}
