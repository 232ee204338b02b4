/* The table of ops is whole and consistent, and the structs are as the kernel has them. */
#include "tests/unit/ring.h"

/* A few that are known, so that the table does not only agree with itself. */
static const struct {
	const char *name;
	unsigned number, since;
} known[] = {
	{"nop", 0, 5001},	{"readv", 1, 5001},	    {"fsync", 3, 5001},
	{"poll_add", 6, 5001},	{"sendmsg", 9, 5003},	    {"timeout", 11, 5004},
	{"accept", 13, 5005},	{"link_timeout", 15, 5005}, {"fallocate", 17, 5006},
	{"openat", 18, 5006},	{"close", 19, 5006},	    {"statx", 21, 5006},
	{"read", 22, 5006},	{"write", 23, 5006},	    {"recv", 27, 5006},
	{"splice", 30, 5007},	{"tee", 33, 5008},	    {"shutdown", 34, 5011},
	{"unlinkat", 36, 5011}, {"linkat", 39, 5015},	    {"msg_ring", 40, 5018},
	{"socket", 45, 5019},	{"send_zc", 47, 6000},	    {"sendmsg_zc", 48, 6001},
	{"waitid", 50, 6007},	{"futex_wait", 51, 6007},   {"ftruncate", 55, 6009},
	{"bind", 56, 6011},	{"listen", 57, 6011},	    {"recv_zc", 58, 6015},
};

_Static_assert(sizeof(struct io_uring_sqe) == 64, "a submission entry has 64 bytes");
_Static_assert(sizeof(struct io_uring_cqe) == 16, "a completion entry has 16 bytes");
_Static_assert(sizeof(struct io_uring_params) == 120, "the parameters have 120 bytes");
_Static_assert(sizeof(struct xu_timespec) == 16, "a time has 16 bytes");
_Static_assert(offsetof(struct io_uring_sqe, user_data) == 32, "user data are at 32");
_Static_assert(offsetof(struct io_uring_sqe, addr3) == 48, "the third address is at 48");

int main(void)
{
	unsigned last = 0;

	for (unsigned op = 0; op < IORING_OP_LAST; op++) {
		const char *name = xu_op_name(op);
		unsigned since = xu_op_since(op);

		CHECK(name != NULL);
		check_case = name;
		CHECK_GE(strlen(name), 1);
		CHECK_EQ(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
		CHECK_EQ(xu_op_number(name, strlen(name)), op);
		/* A part of a name is none, nor is more than a name. */
		CHECK_EQ(xu_op_number(name, 0), -1);
		if (strlen(name) < 30) {
			char longer[32];

			snprintf(longer, sizeof(longer), "%sx", name);
			CHECK_EQ(xu_op_number(longer, strlen(longer)), -1);
			CHECK_EQ(xu_op_number(longer, strlen(name)), op);
		}
		/* Numbers are given out in the order of time. */
		CHECK_GE(since, 5001);
		CHECK_GE(since, last);
		CHECK_LE(since, XURING_UAPI_MAJOR * 1000 + XURING_UAPI_MINOR);
		last = since;
	}
	check_case = "";
	CHECK(xu_op_name(IORING_OP_LAST) == NULL);
	CHECK(xu_op_name(~0u) == NULL);
	CHECK_EQ(xu_op_since(IORING_OP_LAST), 0);
	CHECK_EQ(xu_op_since(~0u), 0);
	CHECK_EQ(xu_op_number("rea", 3), -1);
	CHECK_EQ(xu_op_number("READ", 4), -1);
	CHECK_EQ(xu_op_number("read,write", 4), IORING_OP_READ);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		check_case = known[i].name;
		CHECK_EQ(xu_op_number(known[i].name, strlen(known[i].name)), known[i].number);
		CHECK_EQ(xu_op_since(known[i].number), known[i].since);
	}
	return 0;
}
