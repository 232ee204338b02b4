/*
 * What POSIX says of aio_read and kin, one case an argument (aio_case.h). The file is of 1 MiB, and is written to.
 */
#include "aio-posix.h"

const char *path;
char *memory;

static const struct aio_case cases[] = {
	CASE(read),   CASE(write),  CASE(append),	 CASE(errors),	CASE(names),
	CASE(signal), CASE(thread), CASE(told_of_lists), CASE(suspend), CASE(quiet),
	CASE(list),   CASE(cancel), CASE(threads),	 CASE(polled),	CASE(closed),
	CASE(fork),   CASE(child),  CASE(identity),	 CASE(many),	CASE(handler),
	CASE(exit),
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), BLOCKS);
}
