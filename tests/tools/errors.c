/*
 * Every call with every combination of arguments that are right, wrong, and wrong in more than one way, a line for each:
 * what it said. Which of two errors is told is the kernel's to choose, and must be the same by whichever way the call goes.
 *
 *     errors DIR [NAME]...
 *
 * A table says what each argument is taken from. After a call that succeeded, files and fds are made anew. All that could
 * wait is O_NONBLOCK.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* What an argument may be. */
struct domain {
	const char *name;
	const long *values;
	size_t nr;
};

static char page[8192], name_long[260], path_long[PATH_MAX + 10];
static char *edge; /* a page that ends where there is nothing */
static struct iovec vectors[4][2];
static struct sockaddr_un here, missing, nameless;
static struct sockaddr_in port;
static struct msghdr messages[3];
static struct epoll_event event;
static socklen_t length, length_bad;

#define ADDRESS(p) ((long)(uintptr_t)(p))
#define WRONG 8L, -4096L, 0L

enum {
	FILE_READ = 10,
	FILE_WRITE,
	FILE_PATH,
	DIRECTORY,
	PIPE_IN,
	PIPE_OUT,
	STREAM,
	DATAGRAM,
	LISTENER
};
enum { INET = 19, UDP, PAIR, OTHER, EVENT, POLL, NOTIFY, ZERO, NOTHING, LAST };

static const long fds[] = {-1,	    9999,     FILE_READ, FILE_WRITE, FILE_PATH, DIRECTORY,
			   PIPE_IN, PIPE_OUT, STREAM,	 DATAGRAM,   LISTENER,	INET,
			   UDP,	    PAIR,     EVENT,	 POLL,	     NOTIFY,	NOTHING};
static const long dirs[] = {AT_FDCWD, DIRECTORY, FILE_READ, -1, 9999};
static long paths[16], buffers[5], iovs[8], addresses[8], lengths[4], msgs[5], events[3];
static const long sizes[] = {0, 1, 100, 4097, INT_MAX, LONG_MAX, LONG_MIN};
static const long offsets[] = {0, 7, 5000, -1, LONG_MIN, LONG_MAX};
static const long counts[] = {0, 1, 2, 1025, -1};
static const long rwf[] = {0, 1, 2, 8, 16, 32, 1 << 30};
static const long opens[] = {O_RDONLY,
			     O_WRONLY,
			     O_RDWR,
			     3,
			     O_CREAT | O_RDWR,
			     O_CREAT | O_EXCL,
			     O_DIRECTORY,
			     O_CREAT | O_DIRECTORY,
			     O_NOFOLLOW,
			     O_PATH,
			     O_TMPFILE | O_RDWR,
			     O_TMPFILE,
			     O_TRUNC | O_WRONLY,
			     O_DIRECT | O_RDWR,
			     1 << 30};
static const long modes[] = {0600, 01777, 0177777};
static const long unlinks[] = {0, AT_REMOVEDIR, 1};
static const long renames[] = {0, 1, 2, 3, 4, 5, 8};
static const long links[] = {0, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, 1};
static const long stats[] = {0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 1, 0x2000, 0x6000};
static const long masks[] = {0, 0x7ff, 0x80000000, -1};
static const long falls[] = {0, 1, 2, 3, 8, 0x10, 0x40, -1};
static const long advices[] = {0, 3, 4, 6, -1};
static const long families[] = {AF_UNIX, AF_INET, AF_INET6, 0, 99, -1};
static const long types[] = {
	SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, 0, 77, SOCK_STREAM | SOCK_CLOEXEC, SOCK_STREAM | 0x10};
static const long protocols[] = {0, 1, 6, 17, 99, -1};
static const long accepts[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, 1, -1};
static const long hows[] = {0, 2, 3, -1};
static const long lens[] = {0, 1, 2, 5, 16, 110, 128, 129, 1000, -1};
static const long sends[] = {0,	       MSG_DONTWAIT, MSG_OOB, MSG_MORE, MSG_ERRQUEUE,
			     MSG_PEEK, 1 << 26,	     -1};
static const long levels[] = {SOL_SOCKET, 6, 99, -1};
static const long options[] = {2, 4, 9, 13, 20, 999};
static const long controls[] = {1, 2, 3, 0, 99};
static const long timeouts[] = {0};
static const long pipes[] = {0, O_CLOEXEC, O_NONBLOCK, O_DIRECT, 1, -1};
static const long xflags[] = {0, 1, 2, 3, 4};
static long xnames[6];

#define D(name, list)                                                                              \
	{                                                                                          \
		name, list, NR(list)                                                               \
	}
enum {
	NONE,
	FD,
	DFD,
	PATH,
	BUF,
	SIZE,
	OFF,
	IOV,
	COUNT,
	RWF,
	OPEN,
	MODE,
	UNLINK,
	RENAME,
	LINK,
	STAT,
	MASK,
	FALL,
	ADVICE,
	FAMILY,
	TYPE,
	PROTO,
	ACCEPT,
	HOW,
	LEN,
	SEND,
	LEVEL,
	OPTION,
	CTL,
	TIME,
	PIPE,
	XFLAG,
	XNAME,
	ADDR,
	LENP,
	MSG,
	EV
};
static const struct domain domains[] = {
	{"", NULL, 0},	      D("fd", fds),	     D("dfd", dirs),	   D("path", paths),
	D("buf", buffers),    D("n", sizes),	     D("off", offsets),	   D("iov", iovs),
	D("nr", counts),      D("rwf", rwf),	     D("open", opens),	   D("mode", modes),
	D("unlink", unlinks), D("rename", renames),  D("link", links),	   D("stat", stats),
	D("mask", masks),     D("fall", falls),	     D("advice", advices), D("family", families),
	D("type", types),     D("proto", protocols), D("accept", accepts), D("how", hows),
	D("len", lens),	      D("send", sends),	     D("level", levels),   D("option", options),
	D("ctl", controls),   D("time", timeouts),   D("pipe", pipes),	   D("xflag", xflags),
	D("xname", xnames),   D("addr", addresses),  D("lenp", lengths),   D("msg", msgs),
	D("ev", events)};

typedef long function(long, long, long, long, long, long);

/* A call: its arguments' domains, and whether its result is an fd. */
static const struct row {
	const char *name;
	void *fn;
	int args[6];
	bool makes_fd;
} rows[] = {
	{"read", (void *)read, {FD, BUF, SIZE}, false},
	{"write", (void *)write, {FD, BUF, SIZE}, false},
	{"pread", (void *)pread, {FD, BUF, SIZE, OFF}, false},
	{"pwrite", (void *)pwrite, {FD, BUF, SIZE, OFF}, false},
	{"readv", (void *)readv, {FD, IOV, COUNT}, false},
	{"writev", (void *)writev, {FD, IOV, COUNT}, false},
	{"preadv", (void *)preadv, {FD, IOV, COUNT, OFF}, false},
	{"pwritev", (void *)pwritev, {FD, IOV, COUNT, OFF}, false},
#ifdef __GLIBC__
	{"preadv2", (void *)preadv2, {FD, IOV, COUNT, OFF, RWF}, false},
	{"pwritev2", (void *)pwritev2, {FD, IOV, COUNT, OFF, RWF}, false},
	{"fallocate", (void *)fallocate, {FD, FALL, OFF, OFF}, false},
	{"sync_file_range", (void *)sync_file_range, {FD, OFF, OFF, XFLAG}, false},
	{"statx", (void *)statx, {DFD, PATH, STAT, MASK, BUF}, false},
	{"renameat2", (void *)renameat2, {DFD, PATH, DFD, PATH, RENAME}, false},
#endif
	{"open", (void *)open, {PATH, OPEN, MODE}, true},
	{"openat", (void *)openat, {DFD, PATH, OPEN, MODE}, true},
	{"creat", (void *)creat, {PATH, MODE}, true},
	{"fsync", (void *)fsync, {FD}, false},
	{"fdatasync", (void *)fdatasync, {FD}, false},
	{"ftruncate", (void *)ftruncate, {FD, OFF}, false},
	{"posix_fadvise", (void *)posix_fadvise, {FD, OFF, OFF, ADVICE}, false},
	{"stat", (void *)stat, {PATH, BUF}, false},
	{"lstat", (void *)lstat, {PATH, BUF}, false},
	{"fstat", (void *)fstat, {FD, BUF}, false},
	{"fstatat", (void *)fstatat, {DFD, PATH, BUF, STAT}, false},
	{"unlink", (void *)unlink, {PATH}, false},
	{"rmdir", (void *)rmdir, {PATH}, false},
	{"unlinkat", (void *)unlinkat, {DFD, PATH, UNLINK}, false},
	{"rename", (void *)rename, {PATH, PATH}, false},
	{"renameat", (void *)renameat, {DFD, PATH, DFD, PATH}, false},
	{"link", (void *)link, {PATH, PATH}, false},
	{"linkat", (void *)linkat, {DFD, PATH, DFD, PATH, LINK}, false},
	{"symlink", (void *)symlink, {PATH, PATH}, false},
	{"symlinkat", (void *)symlinkat, {PATH, DFD, PATH}, false},
	{"mkdir", (void *)mkdir, {PATH, MODE}, false},
	{"mkdirat", (void *)mkdirat, {DFD, PATH, MODE}, false},
	{"mknodat", (void *)mknodat, {DFD, PATH, MODE, CTL}, false},
	{"getxattr", (void *)getxattr, {PATH, XNAME, BUF, SIZE}, false},
	{"fgetxattr", (void *)fgetxattr, {FD, XNAME, BUF, SIZE}, false},
	{"setxattr", (void *)setxattr, {PATH, XNAME, BUF, SIZE, XFLAG}, false},
	{"fsetxattr", (void *)fsetxattr, {FD, XNAME, BUF, SIZE, XFLAG}, false},
	{"socket", (void *)socket, {FAMILY, TYPE, PROTO}, true},
	{"bind", (void *)bind, {FD, ADDR, LEN}, false},
	{"listen", (void *)listen, {FD, COUNT}, false},
	{"connect", (void *)connect, {FD, ADDR, LEN}, false},
	{"accept", (void *)accept, {FD, BUF, LENP}, true},
	{"accept4", (void *)accept4, {FD, BUF, LENP, ACCEPT}, true},
	{"shutdown", (void *)shutdown, {FD, HOW}, false},
	{"recv", (void *)recv, {FD, BUF, SIZE, SEND}, false},
	{"recvfrom", (void *)recvfrom, {FD, BUF, COUNT, SEND, BUF, LENP}, false},
	{"recvmsg", (void *)recvmsg, {FD, MSG, SEND}, false},
	{"send", (void *)send, {FD, BUF, SIZE, SEND}, false},
	{"sendto", (void *)sendto, {FD, BUF, COUNT, SEND, ADDR, LEN}, false},
	{"sendmsg", (void *)sendmsg, {FD, MSG, SEND}, false},
	{"setsockopt", (void *)setsockopt, {FD, LEVEL, OPTION, BUF, LEN}, false},
	{"epoll_ctl", (void *)epoll_ctl, {FD, CTL, FD, EV}, false},
	{"epoll_wait", (void *)epoll_wait, {FD, BUF, COUNT, TIME}, false},
	{"pipe2", (void *)pipe2, {BUF, PIPE}, false},
};

/* `fd` is to be number `to`. */
static void number(int fd, int to)
{
	if (fd < 0 || dup2(fd, to) < 0)
		perror("errors: an fd"), exit(2);
	if (fd != to)
		close(fd);
}

static void name_socket(struct sockaddr_un *un, const char *path)
{
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	return at->level ? remove(path) : 0;
}

/* The files, and the fds, as a call finds them. */
static void make_all(void)
{
	int two[2];

	for (int fd = 3; fd < LAST + 20; fd++)
		close(fd);
	nftw(".", forget, 8, FTW_DEPTH | FTW_PHYS);
	number(open("file", O_RDWR | O_CREAT, 0644), FILE_READ);
	if (ftruncate(FILE_READ, 9000) || mkdir("dir", 0755) || mkdir("dir/empty", 0755) ||
	    symlink("loop", "loop") || symlink("file", "link") || symlink("nowhere", "dangling"))
		perror("errors: a file"), exit(2);
	number(open("dir/other", O_RDWR | O_CREAT, 0644), FILE_READ);
	number(open("file", O_RDONLY), FILE_READ);
	number(open("file", O_WRONLY), FILE_WRITE);
	number(open("file", O_PATH), FILE_PATH);
	number(open("dir", O_RDONLY), DIRECTORY);
	if (pipe2(two, O_NONBLOCK))
		exit(2);
	number(two[0], PIPE_IN);
	number(two[1], PIPE_OUT);
	number(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), STREAM);
	number(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), DATAGRAM);
	number(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), LISTENER);
	if (bind(LISTENER, (struct sockaddr *)&here, sizeof(here)) || listen(LISTENER, 5))
		exit(2);
	number(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), INET);
	number(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), UDP);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two))
		exit(2);
	number(two[0], PAIR);
	number(two[1], OTHER);
	number(eventfd(0, EFD_NONBLOCK), EVENT);
	number(epoll_create1(0), POLL);
	number(inotify_init1(IN_NONBLOCK), NOTIFY);
	number(open("/dev/zero", O_RDWR), ZERO);
	number(open("/dev/null", O_RDWR), NOTHING);
}

/* What calls write their answers to is as before each of them. */
static void reset(void)
{
	memset(page, 'x', sizeof(page));
	length = sizeof(struct sockaddr_un);
	length_bad = (socklen_t)-1;
	for (int i = 0; i < 3; i++)
		messages[i] = (struct msghdr){.msg_iov = vectors[0], .msg_iovlen = 1};
	messages[1].msg_name = &here;
	messages[1].msg_namelen = sizeof(here);
	messages[2].msg_iov = (struct iovec *)8;
	event = (struct epoll_event){.events = EPOLLIN};
}

#define LIST(list, ...)                                                                            \
	do {                                                                                       \
		const long all_[] = {__VA_ARGS__};                                                 \
		_Static_assert(sizeof(all_) == sizeof(list), "as many as there is room for");      \
		memcpy(list, all_, sizeof(all_));                                                  \
	} while (0)

static void make_domains(void)
{
	memset(name_long, 'n', 256);
	memset(path_long, '/', PATH_MAX + 1);
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge == MAP_FAILED || mprotect(edge + 4096, 4096, PROT_NONE))
		exit(2);
	vectors[0][0] = vectors[0][1] = (struct iovec){page, 100};
	vectors[1][0] = (struct iovec){page, 100};
	vectors[1][1] = (struct iovec){(void *)8, 100};
	vectors[2][0] = vectors[2][1] = (struct iovec){page, (size_t)-1};
	vectors[3][0] = vectors[3][1] = (struct iovec){edge + 4090, 0};
	name_socket(&here, "socket");
	name_socket(&missing, "missing/socket");
	nameless.sun_family = AF_UNIX;
	port = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	LIST(paths, ADDRESS("file"), ADDRESS("new"), ADDRESS("missing/new"), ADDRESS("dir"),
	     ADDRESS("dir/"), ADDRESS("dir/empty"), ADDRESS("file/"), ADDRESS("file/x"),
	     ADDRESS("loop"), ADDRESS("link"), ADDRESS("dangling"), ADDRESS(name_long),
	     ADDRESS(path_long), ADDRESS(""), 8L, 0L);
	LIST(buffers, ADDRESS(page), ADDRESS(edge + 4090), WRONG);
	LIST(iovs, ADDRESS(vectors[0]), ADDRESS(vectors[1]), ADDRESS(vectors[2]),
	     ADDRESS(vectors[3]), ADDRESS(edge + 4090), WRONG);
	LIST(addresses, ADDRESS(&here), ADDRESS(&missing), ADDRESS(&nameless), ADDRESS(&port),
	     ADDRESS(edge + 4090), WRONG);
	LIST(lengths, ADDRESS(&length), ADDRESS(&length_bad), 0L, 8L);
	LIST(msgs, ADDRESS(&messages[0]), ADDRESS(&messages[1]), ADDRESS(&messages[2]), 0L, 8L);
	LIST(events, ADDRESS(&event), 0L, 8L);
	LIST(xnames, ADDRESS("user.a"), ADDRESS("bad"), ADDRESS(""), ADDRESS(name_long), 0L, 8L);
}

/* An argument in words that do not depend on where things lie: which of its domain it is, or the number itself. */
static void show(const struct domain *d, size_t at)
{
	if (d->values[at] > -100000 && d->values[at] < 100000)
		printf(" %s %ld", d->name, d->values[at]);
	else
		printf(" %s #%zu", d->name, at);
}

/* One combination. */
static void run_one(const struct row *row, const size_t *at)
{
	long a[6] = {0}, result;

	reset();
	for (int i = 0; i < 6 && row->args[i]; i++)
		a[i] = domains[row->args[i]].values[at[i]];
	errno = 0;
	result = ((function *)row->fn)(a[0], a[1], a[2], a[3], a[4], a[5]);
	printf("%s", row->name);
	for (int i = 0; i < 6 && row->args[i]; i++)
		show(&domains[row->args[i]], at[i]);
	printf(" = %d errno %d\n", (int)result, (int)result == -1 ? errno : 0);
	if ((int)result >= 0 && !(result > 0 && row->fn == (void *)posix_fadvise))
		make_all();
}

/* All combinations, the last argument first; `most` of them at most, evenly chosen. */
static void run_row(const struct row *row, size_t most)
{
	size_t all = 1, step;

	for (int i = 0; i < 6 && row->args[i]; i++)
		all *= domains[row->args[i]].nr;
	/* Odd, and so without a common rhythm with most lists. */
	step = all <= most ? 1 : (all / most) | 1;
	for (size_t n = 0; n < all; n += step) {
		size_t at[6] = {0}, left = n;

		for (int i = 5; i >= 0; i--)
			if (row->args[i]) {
				at[i] = left % domains[row->args[i]].nr;
				left /= domains[row->args[i]].nr;
			}
		run_one(row, at);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: errors DIR [NAME]...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	make_domains();
	make_all();
	for (size_t i = 0; i < NR(rows); i++) {
		bool wanted = argc == 2;

		for (int n = 2; n < argc; n++)
			wanted = wanted || !strcmp(argv[n], rows[i].name);
		if (wanted)
			run_row(&rows[i], 1000);
	}
	return 0;
}
