// SPDX-License-Identifier: MIT
/* What calls are made on: open fds, names, memory. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fuzz.h"

struct slot slots[SLOTS];

/* ---- What is an fd? ---- */

static enum what socket_kind(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t len = sizeof(int);

	raw(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	len = sizeof(int);
	raw(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len);
	len = sizeof(int);
	raw(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	if (listens)
		return W_LISTEN;
	if (domain == AF_UNIX)
		return type == SOCK_STREAM ? W_STREAM : type == SOCK_DGRAM ? W_DGRAM : W_PACKET;
	return type == SOCK_STREAM ? W_TCP : W_UDP;
}

/* eventfd, timerfd, ... by the name that /proc has for them. */
static enum what anon_kind(int fd)
{
	static const struct {
		const char *name;
		enum what what;
	} known[] = {{"[eventfd]", W_EVENT},
		     {"[eventpoll]", W_EPOLL},
		     {"[timerfd]", W_TIMER},
		     {"[signalfd]", W_SIGNAL},
		     {"inotify", W_INOTIFY}};
	char path[40], target[100];
	long n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = raw(SYS_readlinkat, AT_FDCWD, path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < NR(known); i++)
		if (strstr(target, known[i].name))
			return known[i].what;
	return W_OTHER;
}

enum what what_is(int fd)
{
	struct stat st;

	if (raw(SYS_fstat, fd, &st) < 0)
		return W_OTHER;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return W_FILE;
	case S_IFDIR: return W_DIR;
	case S_IFCHR: return W_CHAR;
	case S_IFIFO: return W_PIPE;
	case S_IFSOCK: return socket_kind(fd);
	case 0: return anon_kind(fd);
	default: return W_OTHER;
	}
}

/* ---- Slots ---- */

struct slot *slot_of(int fd)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd == fd && fd >= 0)
			return &slots[i];
	return NULL;
}

int open_fd(unsigned whats)
{
	int fit[SLOTS];
	unsigned n = 0;

	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd >= 0 && slots[i].what & whats)
			fit[n++] = slots[i].fd;
	return n ? fit[rnd(n)] : -1;
}

int pick_fd(unsigned whats)
{
	static const int wrong[] = {-1, -100, 63, 199, 100000, INT_MAX, INT_MIN, 0};
	uint32_t p = rnd(100);
	int fd = -1;

	if (p < 3)
		return ANY(wrong);
	if (p < 90)
		fd = open_fd(whats);
	return fd >= 0 ? fd : open_fd(W_ALL);
}

static void let_go(struct slot *s)
{
	s->fd = -1;
	s->conn = 0;
}

static void close_slot(struct slot *s, const char *why)
{
	int fd = s->fd;
	int conn = s->conn;

	let_go(s);
	RUN(close(fd), "close(%d) %s", fd, why);
	/* The other end hears of it. */
	for (int i = 0; conn && i < SLOTS; i++)
		if (slots[i].fd >= 0 && slots[i].conn == conn)
			settle(slots[i].fd);
}

void make_room(unsigned n)
{
	unsigned none = 0;

	for (int i = 0; i < SLOTS; i++)
		none += slots[i].fd < 0;
	while (none < n) {
		struct slot *s = &slots[rnd(SLOTS)];

		if (s->fd < 0)
			continue;
		close_slot(s, "for room");
		none++;
	}
}

int keep_conn(long new, int conn, int side)
{
	int fd = (int)new;
	struct slot *s = slot_of(fd);

	if (fd < 0)
		return fd;
	for (int i = 0; !s && i < SLOTS; i++)
		if (slots[i].fd < 0)
			s = &slots[i];
	if (!s) {
		s = &slots[rnd(SLOTS)];
		close_slot(s, "for room");
	}
	*s = (struct slot){fd, what_is(fd), conn, side};
	note(" -> fd flags %ld %#lx", raw(SYS_fcntl, fd, F_GETFD), raw(SYS_fcntl, fd, F_GETFL));
	return fd;
}

int keep_fd(long fd)
{
	return keep_conn(fd, 0, 0);
}

void forget_closed(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd >= 0 && raw(SYS_fcntl, slots[i].fd, F_GETFD) < 0)
			let_go(&slots[i]);
}

void close_all(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd >= 0)
			close_slot(&slots[i], "at the end");
}

void note_fd(int fd)
{
	enum what what = what_is(fd);
	int queued = 0;

	/* By libc: in profile bulk the shim knows it, and the kernel does not. */
	if (what & W_FILE)
		note(" pos %ld", (long)lseek(fd, 0, SEEK_CUR));
	else if (what & (W_PIPE | W_SOCKET | W_INOTIFY) && !raw(SYS_ioctl, fd, FIONREAD, &queued))
		note(" queued %d", queued);
}

/* ---- The loopback: what is sent has to arrive, which is nearly, but not quite, at once ---- */

static bool tcp_state(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return !raw(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, info, &len);
}

enum { ESTABLISHED = 1, FIN_WAIT1 = 4, FIN_WAIT2 = 5, CLOSE = 7 };

/* Has `to` got all that `from` sent, its end included? */
static bool tcp_arrived(const struct slot *from, const struct slot *to)
{
	struct tcp_info a, b;

	if (!to || !tcp_state(to->fd, &b))
		return true;
	if (!from) /* closed; in a child, perhaps only here */
		return is.child ||
		       b.tcpi_state ==
			       CLOSE || /* and what is sent to who has gone is answered by a reset */
		       (b.tcpi_state != ESTABLISHED && b.tcpi_state != FIN_WAIT2 &&
			!b.tcpi_unacked && !b.tcpi_notsent_bytes);
	if (!tcp_state(from->fd, &a))
		return true;
	if (a.tcpi_state == ESTABLISHED && b.tcpi_state != ESTABLISHED && b.tcpi_state != FIN_WAIT2)
		return false;
	if (a.tcpi_state == FIN_WAIT1 || (a.tcpi_state == FIN_WAIT2 && b.tcpi_state == ESTABLISHED))
		return false;
	return a.tcpi_notsent_bytes == 0 &&
	       b.tcpi_bytes_received + a.tcpi_bytes_retrans >= a.tcpi_bytes_sent;
}

static bool arrived(const struct slot *ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] && ends[i]->what == W_TCP)
			return tcp_arrived(ends[0], ends[1]) && tcp_arrived(ends[1], ends[0]);
	/* Datagrams: whoever sent one, the other has it; there is no saying whether there was one. */
	return true;
}

void settle(int fd)
{
	struct slot *s = slot_of(fd);
	const struct slot *ends[2] = {NULL, NULL};

	if (!s || !s->conn)
		return;
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].fd >= 0 && slots[i].conn == s->conn)
			ends[slots[i].side] = &slots[i];
	for (int i = 0; i < 300 && !arrived(ends); i++) {
		struct timespec ms = {0, i < 50 ? 20000 : 1000000};

		raw(SYS_nanosleep, &ms, NULL);
	}
}

/* ---- Names ---- */

static const char *long_name(size_t n)
{
	static char name[300];

	memset(name, 'n', sizeof(name));
	name[n] = '\0';
	return name;
}

const char *pick_name(void)
{
	static const char *const plain[] = {"a",  "b",	"c",  "e",    "f",    "g",    "h",
					    "d0", "d1", "d2", "d0/a", "d0/b", "d1/a", "d0/d",
					    "l0", "l1", "p0", "a",    "b",    "d0/a"};
	static const char *const odd[] = {"",	 "missing/x", "a/b",   "a/",   "d0/",
					  "./a", "d0/./a",    "d1//a", "loop", "d0/d/a"};

	if (chance(88))
		return ANY(plain);
	switch (rnd(8)) {
	case 0: return long_name(255);
	case 1: return long_name(256);
	case 2: return is.gentle ? "" : NULL;
	case 3: return is.gentle ? "" : (const char *)8;
	default: return ANY(odd);
	}
}

const char *pick_path(bool to_open)
{
	/* Only what reads the same at any time, and what can be opened for writing and truncated without harm. */
	static const char *const others[] = {
		".",
		"/dev/null",
		"/dev/zero",
		"/dev/full",
		"/proc/self/comm",
		"/proc/thread-self/comm",
		"/proc/sys/kernel/ostype",
		"/missing/x",
		"/dev/stdin",
	};
	/* Below an fd of one of these, other calls would change what is not ours. */
	static const char *const directories[] = {"/", "..", "/proc/self/fd", "/proc/thread-self"};
	static char of_fd[40];

	if (chance(75))
		return pick_name();
	if (chance(30)) {
		snprintf(of_fd, sizeof(of_fd), "/proc/self/fd/%d", pick_fd(W_ALL & ~W_SOCKET));
		return of_fd;
	}
	return to_open || chance(75) ? ANY(others) : ANY(directories);
}

int pick_dfd(void)
{
	return chance(60) ? AT_FDCWD : pick_fd(W_DIR);
}

const char *shown(const char *name, int i)
{
	static char buf[4][40];

	if ((uintptr_t)name < 4096) {
		snprintf(buf[i], sizeof(buf[i]), "pointer %ld", (long)(uintptr_t)name);
		return buf[i];
	}
	if (strlen(name) > 100) {
		snprintf(buf[i], sizeof(buf[i]), "<%zu long>", strlen(name));
		return buf[i];
	}
	return name;
}

/* ---- Memory ---- */

#define ARENA (1u << 20)

/* Memory with nothing behind it. */
static unsigned char *arena(bool random)
{
	unsigned char *p =
		mmap(NULL, ARENA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t x = 1;

	if (p == MAP_FAILED || mprotect(p + ARENA, 4096, PROT_NONE))
		abort();
	for (size_t i = 0; random && i < ARENA; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		p[i] = (unsigned char)(x >> 56);
	}
	return p;
}

static unsigned char *sources(void)
{
	static unsigned char *p;

	if (!p)
		p = arena(true);
	return p;
}

static unsigned char *targets(void)
{
	static unsigned char *p;

	if (!p)
		p = arena(false);
	return p;
}

size_t pick_size(void)
{
	static const size_t small[] = {0, 1, 2, 3, 7, 8, 8, 13, 16, 64, 100, 128, 200};
	static const size_t middle[] = {512, 1000, 1024, 2000, 4095, 4096, 4097, 5000, 8192, 10000};
	static const size_t large[] = {16384, 20000, 65535, 65536, 65537, 70000, 131072, 200000};
	static const size_t huge[] = {0x7ffff000, 0x7fffffff, 0x80000000,
				      0xffffffff, SSIZE_MAX,  (size_t)SSIZE_MAX + 1,
				      SIZE_MAX};
	uint32_t p = rnd(100);

	if (p < 62)
		return ANY(small);
	if (p < 92)
		return ANY(middle);
	if (p < 99 || is.gentle)
		return ANY(large);
	return ANY(huge);
}

off_t pick_offset(void)
{
	static const off_t near[] = {0, 0, 0, 1, 7, 100, 511, 512, 1000, 4095, 4096, 8192, 10000};
	static const off_t far[] = {-1,	       -2,	  -4096,	   65536,
				    1 << 20,   1ll << 31, (1ll << 31) - 5, 1ll << 32,
				    1ll << 40, LLONG_MIN, LLONG_MAX,	   LLONG_MAX - 4096};

	return chance(88) ? ANY(near) : ANY(far);
}

/* Where in an arena: anywhere, or so near to its end that some is missing; or nowhere at all. */
static struct area place(unsigned char *from, size_t n, bool good)
{
	struct area a = {.n = n};
	uint32_t p = good || is.gentle ? 99 : rnd(100);
	size_t have;

	if (p < 3) {
		a.p = ONE_OF(NULL, (unsigned char *)1, (unsigned char *)-4096l);
		snprintf(a.tag, sizeof(a.tag), "pointer %ld", (long)a.p);
		return a;
	}
	if (p < 8 || n > ARENA / 2) {
		have = rnd(3) ? rnd(n > 20000 ? 20000 : (uint32_t)n)
			      : ONE_OF(0u, 1u, 4096u, 8192u, 65536u);
		if (have > n)
			have = n;
		if (n > ARENA / 2 && good)
			have = n;
		a.p = from + ARENA - have;
		a.real = have;
		snprintf(a.tag, sizeof(a.tag), "edge-%zu", have);
		return a;
	}
	have = rnd(4096);
	a.p = from + have;
	a.real = n;
	snprintf(a.tag, sizeof(a.tag), "+%zu", have);
	return a;
}

struct area pick_source(size_t n)
{
	struct area a = place(sources(), n, false);

	if (a.tag[0] == '+')
		a.p += rnd(ARENA / 4);
	return a;
}

/* A pattern in what the call may write to, and a little behind it. */
static void paint(const struct area *a)
{
	size_t n = a->real + 32;

	if (!a->tag[0] || a->tag[0] == 'p')
		return;
	if (n > (size_t)(targets() + ARENA - a->p))
		n = (size_t)(targets() + ARENA - a->p);
	memset(a->p, 0xa5, n);
}

struct area pick_target(size_t n)
{
	struct area a = place(targets(), n, false);

	paint(&a);
	return a;
}

struct area good_target(size_t n)
{
	struct area a = place(targets(), n > ARENA / 2 ? ARENA / 2 : n, true);

	paint(&a);
	return a;
}

void note_area(const struct area *a)
{
	size_t n = a->real + 32;

	if (a->tag[0] == 'p')
		return;
	if (n > (size_t)(targets() + ARENA - a->p))
		n = (size_t)(targets() + ARENA - a->p);
	note(" hash %08lx", (unsigned long)(hash_mem(a->p, n, 0) >> 32));
}

/* ---- Vectors ---- */

struct vector *pick_vector(bool source)
{
	static struct vector v;
	static const int counts[] = {1, 1, 2, 2, 3, 3, 4, 5, 8, 8, 15, 16, 17, 20, 33};
	static const int odd[] = {0, -1, 1023, 1024, 1025, INT_MAX, INT_MIN};
	unsigned char *from = source ? sources() + rnd(ARENA / 4) : targets();
	bool dense;
	int fill;

	v.nr = chance(92) ? ANY(counts) : ANY(odd);
	v.p = v.iov;
	v.total = 0;
	fill = v.nr < 0 || v.nr > 1100 ? 1 : v.nr;
	dense = fill > 40 || chance(70);
	for (int i = 0; i < fill; i++) {
		size_t n = fill > 40 ? rnd(3) * 7
			   : dense   ? rnd(5) * rnd(5) * 11
				     : ANY(((size_t[]){0, 1, 4096, 5000, 9000}));

		v.iov[i] = (struct iovec){from + v.total, n};
		v.total += n;
	}
	snprintf(v.tag, sizeof(v.tag), "%d pieces, %zu", v.nr, v.total);
	if (!is.gentle && chance(6)) {
		int i = (int)rnd((uint32_t)(fill ? fill : 1));
		/* What is endless begins where memory ends, or a socket would take as much as it has room for just then. */
		unsigned char *edge = (source ? sources() : targets()) + ARENA - 100;

		switch (rnd(4)) {
		case 0: v.iov[i].iov_base = NULL; break;
		case 1: v.iov[i] = (struct iovec){edge, SSIZE_MAX}; break;
		case 2: v.iov[i] = (struct iovec){edge, SIZE_MAX}; break;
		case 3: v.p = ONE_OF(NULL, (struct iovec *)1); break;
		}
		strcat(v.tag, ", bad");
	}
	if (!source)
		memset(from, 0xa5, v.total + 32);
	return &v;
}

void note_vector(const struct vector *v)
{
	note(" hash %08lx", (unsigned long)(hash_mem(targets(), v->total + 32, 0) >> 32));
}
