/*
 * What the tests of the preparation functions share: a table of ops and what to do with each, on both ends of the ladder.
 * An op that this kernel lacks is left out and named; where none is left, the test is skipped.
 */
#ifndef PREP_H
#define PREP_H

#include "tests/unit/ring.h"

struct prep_case {
	const char *what;
	unsigned op;
	void (*test)(struct xu_ring *);
};

#define PREP_CASES(table) prep_cases(table, sizeof(table) / sizeof((table)[0]))

/* Set by a case that found that it can not be tried here, with the reason. */
static const char *prep_not_here;

/*
 * Tell whoever gathers what came of each op (tests/lab/session): a line "NAME WORD" in the file $XURING_TEST_OPS. An op
 * that was begun and is not ok has failed.
 */
static inline void prep_tell(unsigned op, const char *word)
{
	const char *path = getenv("XURING_TEST_OPS");
	FILE *file = path ? fopen(path, "a") : NULL;

	if (!file)
		return;
	fprintf(file, "%s %s\n", xu_op_name(op), word);
	fclose(file);
}

static inline int prep_cases(const struct prep_case *cases, size_t nr)
{
	struct xu_probe probe;
	struct xu_ring ring;
	size_t ran = 0;
	char name[100], missing[1000] = "";

	need_ring();
	CHECK_EQ(xu_probe_cached(&probe), 0);
	for (size_t i = 0; i < 2 * nr; i++) {
		const struct prep_case *c = &cases[i / 2];

		prep_not_here = NULL;
		if (xu_opcode_supported(&probe, c->op)) {
			snprintf(name, sizeof(name), "%s, %s ring", c->what, i % 2 ? "best" : "plain");
			check_case = name;
			prep_tell(c->op, "begun");
			if (i % 2)
				CHECK_EQ(xu_queue_init_best(8, &ring,
							    XU_WANT_HIDDEN | XU_WANT_SINGLE, 0),
					 0);
			else
				CHECK_EQ(xu_queue_init(8, &ring, 0), 0);
			c->test(&ring);
			CHECK_EQ(xu_sq_ready(&ring), 0);
			CHECK_EQ(xu_cq_ready(&ring), 0);
			xu_queue_exit(&ring);
			prep_tell(c->op, prep_not_here ? "left-out" : "ok");
		} else {
			prep_not_here = "this kernel has none";
		}
		if (!prep_not_here) {
			ran++;
		} else if (i % 2) {
			size_t len = strlen(missing);

			snprintf(missing + len, sizeof(missing) - len, "%s%s: %s", len ? ", " : "",
				 c->what, prep_not_here);
		}
	}
	if (!ran)
		skip("%s", missing);
	if (*missing)
		printf("left out: %s\n", missing);
	return 0;
}

/* A file with this content, open for reading and writing. */
static inline int file_with(const char *path, const char *content)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK_GE(fd, 0);
	CHECK_EQ(write(fd, content, strlen(content)), strlen(content));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* The file holds exactly this. */
static inline void check_content(const char *path, const char *content)
{
	char buf[4096] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CHECK_GE(fd, 0);
	n = read(fd, buf, sizeof(buf) - 1);
	CHECK_GE(n, 0);
	buf[n] = '\0';
	close(fd);
	CHECK_STR(buf, content);
}

#endif
