// SPDX-License-Identifier: MIT
/* Sockets: unix of all types, TCP and UDP over the loopback. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "fuzz.h"

#ifdef __GLIBC__
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
#endif

static int conns; /* the number of the last internet connection */

/* ---- Making them ---- */

static void do_socket(void)
{
	int domain = ONE_OF(AF_UNIX, AF_UNIX, AF_UNIX, AF_INET, AF_INET6, 0, 99, -1);
	int type = ONE_OF(SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, 0, 99, 5);
	int flags = ONE_OF(0, 0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_NONBLOCK | SOCK_CLOEXEC, 1 << 29);
	int proto = chance(90) ? 0 : ONE_OF(IPPROTO_TCP, IPPROTO_UDP, 255, -1);

	make_room(1);
	keep_fd(RUN(socket(domain, type | flags, proto), "socket(%d, %#x, %d)", domain,
		    type | flags, proto));
}

static void do_socketpair(void)
{
	int domain = ONE_OF(AF_UNIX, AF_UNIX, AF_UNIX, AF_UNIX, AF_INET, 0);
	int type = ONE_OF(SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM);
	int flags = ONE_OF(0, 0, 0, SOCK_CLOEXEC, SOCK_NONBLOCK);
	int fds[2] = {-7, -7}, *to = !is.gentle && chance(3) ? NULL : fds;
	long r;

	make_room(2);
	r = RUN(socketpair(domain, type | flags, 0, to), "socketpair(%d, %#x)%s", domain,
		type | flags, to ? "" : " to nowhere");
	note(" %d %d", fds[0], fds[1]);
	if (!r && to) {
		keep_fd(fds[0]);
		keep_fd(fds[1]);
	}
}

static socklen_t unix_address(struct sockaddr_un *un)
{
	const char *path = ONE_OF("s0", "s0", "s1", "s1", "s2", "d0/s", "missing/s", "a", "");

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

/* Addresses of unix sockets without a path are chosen by the kernel. */
static socklen_t never_autobind(struct sockaddr_un *un, socklen_t len)
{
	if (len > 2 && !un->sun_path[0])
		strcpy(un->sun_path, "s9");
	return len == 2 ? 4 : len;
}

static void do_bind(void)
{
	int fd = pick_fd(W_UNIX);
	struct sockaddr_un un;
	socklen_t len = unix_address(&un);
	const struct sockaddr *to = (struct sockaddr *)&un;

	if (chance(5))
		len = ONE_OF(0u, 1u, 110u, 500u, (unsigned)-1);
	if (!is.gentle && chance(3))
		to = NULL;
	len = never_autobind(&un, len);
	RUN(bind(fd, to, len), "bind(%d, %s, %d)%s", fd, un.sun_path, (int)len, to ? "" : " nowhere");
}

static void do_listen(void)
{
	int fd = pick_fd(W_UNIX | W_LISTEN), backlog = ONE_OF(0, 1, 2, 5, 128, -1);

	RUN(listen(fd, backlog), "listen(%d, %d)", fd, backlog);
	if (slot_of(fd))
		slot_of(fd)->what = what_is(fd);
}

static void do_connect(void)
{
	int fd = pick_fd(W_UNIX);
	struct sockaddr_un un;
	socklen_t len = unix_address(&un);
	bool sys = chance(20);

	if (chance(5))
		un.sun_family = ONE_OF(AF_UNSPEC, AF_INET, 99);
	if (chance(3))
		len = ONE_OF(0u, 1u, 2u, 500u);
	RUN_ON(fd,
	       sys ? syscall(SYS_connect, fd, &un, len) : connect(fd, (struct sockaddr *)&un, len),
	       "%sconnect(%d, %s, %d)", sys ? "syscall " : "", fd, un.sun_path, (int)len);
}

/* A server and its client at once: connections that work. */
static void do_unix_pair(void)
{
	struct sockaddr_un un;
	int type = ONE_OF(SOCK_STREAM, SOCK_STREAM, SOCK_SEQPACKET);
	long server, client;

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	strcpy(un.sun_path, ONE_OF("s0", "s1", "s2"));
	make_room(3);
	RUN(unlink(un.sun_path), "unlink(%s)", un.sun_path);
	server = RUN(socket(AF_UNIX, type, 0), "socket server");
	if (keep_fd(server) < 0)
		return;
	RUN(bind((int)server, (struct sockaddr *)&un, sizeof(un)), "bind(%ld, %s)", server,
	    un.sun_path);
	RUN(listen((int)server, 3), "listen(%ld)", server);
	slot_of((int)server)->what = W_LISTEN;
	client = RUN(socket(AF_UNIX, type, 0), "socket client");
	if (keep_fd(client) < 0)
		return;
	RUN(connect((int)client, (struct sockaddr *)&un, sizeof(un)), "connect(%ld, %s)", client,
	    un.sun_path);
	keep_fd(RUN(accept((int)server, NULL, NULL), "accept(%ld)", server));
}

static void note_address(const void *addr, socklen_t len)
{
	const struct sockaddr_un *un = addr;

	note(" len %d", (int)len);
	if (len >= sizeof(sa_family_t) && len <= sizeof(*un))
		note(" family %d", un->sun_family);
	if (len > sizeof(sa_family_t) && un->sun_family == AF_UNIX)
		note(" path %.100s", un->sun_path);
}

static void do_accept(void)
{
	int fd = pick_fd(W_LISTEN), flags = ONE_OF(0, 0, SOCK_NONBLOCK, SOCK_CLOEXEC, 99);
	struct sockaddr_un un;
	socklen_t len = ONE_OF(110u, 110u, 0u, 2u, 4u, (unsigned)-1), *plen = &len;
	void *to = chance(50) ? NULL : &un;
	long r;

	make_room(1);
	memset(&un, 0, sizeof(un));
	if (!is.gentle && chance(4))
		to = (void *)8;
	if (chance(3))
		plen = NULL;
	if (chance(50))
		r = RUN_ON(fd, accept4(fd, to, plen, flags), "accept4(%d, %#x)%s", fd, flags,
			   to ? " address" : "");
	else if (chance(30))
		r = RUN_ON(fd, syscall(SYS_accept4, fd, to, plen, flags),
			   "syscall accept4(%d, %#x)%s", fd, flags, to ? " address" : "");
	else
		r = RUN_ON(fd, accept(fd, to, plen), "accept(%d)%s", fd, to ? " address" : "");
	keep_fd(r);
	if (to == &un && plen)
		note_address(&un, len);
}

/* Two TCP sockets that are connected, or two UDP sockets that know each other. */
static void do_inet_pair(void)
{
	struct sockaddr_in in[2] = {{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
				    {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
	socklen_t len = sizeof(in[0]);
	bool tcp = chance(60), busy = chance(20);
	int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | ONE_OF(0, 0, SOCK_CLOEXEC);
	int one = 1, error = -1;
	long a, b, c = -1;

	make_room(3);
	a = RUN(socket(AF_INET, type, 0), "socket first %#x", type);
	b = RUN(socket(AF_INET, type | (busy ? SOCK_NONBLOCK : 0), 0), "socket second%s",
		busy ? " nonblock" : "");
	if (a < 0 || b < 0)
		goto out;
	RUN(bind((int)a, (struct sockaddr *)&in[0], len), "bind(%ld)", a);
	RUN(getsockname((int)a, (struct sockaddr *)&in[0], &len), "getsockname(%ld)", a);
	if (tcp) {
		RUN(listen((int)a, 1), "listen(%ld)", a);
		RUN(connect((int)b, (struct sockaddr *)&in[0], len), "connect(%ld)", b);
		if (busy) {
			struct pollfd p = {(int)b, POLLOUT, 0};

			RUN(poll(&p, 1, 1000), "poll(%ld)", b);
			len = sizeof(error);
			RUN(getsockopt((int)b, SOL_SOCKET, SO_ERROR, &error, &len), "SO_ERROR(%ld)",
			    b);
			note(" %d", error);
		}
		c = RUN(accept((int)a, NULL, NULL), "accept(%ld)", a);
		RUN(close((int)a), "close(%ld)", a);
		a = c;
		RUN(setsockopt((int)a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
		    "TCP_NODELAY(%ld)", a);
		RUN(setsockopt((int)b, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
		    "TCP_NODELAY(%ld)", b);
	} else {
		RUN(bind((int)b, (struct sockaddr *)&in[1], len), "bind(%ld)", b);
		RUN(getsockname((int)b, (struct sockaddr *)&in[1], &len), "getsockname(%ld)", b);
		RUN(connect((int)a, (struct sockaddr *)&in[1], len), "connect(%ld)", a);
		RUN(connect((int)b, (struct sockaddr *)&in[0], len), "connect(%ld)", b);
	}
out:
	conns++;
	keep_conn(a, conns, 0);
	keep_conn(b, conns, 1);
}

/* ---- Sending and receiving ---- */

static int pick_send_flags(int fd)
{
	static const int some[] = {MSG_DONTWAIT, MSG_NOSIGNAL,	MSG_NOSIGNAL, MSG_EOR,
				   MSG_OOB,	 MSG_DONTROUTE, MSG_MORE,     MSG_CONFIRM,
				   MSG_DONTWAIT, 1 << 27};
	int flags = chance(50) ? 0 : ANY(some);

	if (chance(15))
		flags |= ANY(some);
	/* On the internet these delay. */
	return what_is(fd) & W_INET ? flags & ~(MSG_MORE | MSG_OOB) : flags;
}

static int pick_recv_flags(void)
{
	static const int some[] = {MSG_DONTWAIT, MSG_PEEK,     MSG_PEEK,    MSG_TRUNC,
				   MSG_WAITALL,	 MSG_NOSIGNAL, MSG_OOB,	    MSG_CTRUNC,
				   MSG_ERRQUEUE, MSG_DONTWAIT, MSG_DONTWAIT};
	int flags = chance(45) ? 0 : ANY(some);

	return chance(20) ? flags | ANY(some) : flags;
}

/* What fills the loopback's buffers is not determined: little is sent there. */
static size_t pick_message(int fd)
{
	size_t n = pick_size();

	return what_is(fd) & W_INET && n > 4096 ? 100 : n;
}

static void do_send(void)
{
	int fd = pick_fd(W_UNIX | W_INET), flags = pick_send_flags(fd);
	struct area a = pick_source(pick_message(fd));
	struct sockaddr_un un;
	socklen_t len = unix_address(&un);

	switch (rnd(4)) {
	case 0:
		RUN_ON(fd, sendto(fd, a.p, a.n, flags, NULL, 0), "sendto(%d, %s, %zu, %#x)", fd,
		       a.tag, a.n, flags);
		break;
	case 1:
		if (chance(5))
			len = ONE_OF(0u, 1u, 500u);
		RUN_ON(fd, sendto(fd, a.p, a.n, flags, (struct sockaddr *)&un, len),
		       "sendto(%d, %s, %zu, %#x, %s, %d)", fd, a.tag, a.n, flags, un.sun_path,
		       (int)len);
		break;
	case 2:
		RUN_ON(fd, syscall(SYS_sendto, fd, a.p, a.n, flags, NULL, 0),
		       "syscall sendto(%d, %s, %zu, %#x)", fd, a.tag, a.n, flags);
		break;
	default:
		RUN_ON(fd, send(fd, a.p, a.n, flags), "send(%d, %s, %zu, %#x)", fd, a.tag, a.n, flags);
	}
}

static void do_recv(void)
{
	int fd = pick_fd(W_UNIX | W_INET), flags = pick_recv_flags();
	struct area a = pick_target(pick_size());
	struct sockaddr_un un;
	socklen_t len = ONE_OF(110u, 110u, 0u, 4u, (unsigned)-1);
	bool address = false;

	memset(&un, 0, sizeof(un));
	switch (rnd(6)) {
	case 0:
		RUN_ON(fd, recvfrom(fd, a.p, a.n, flags, NULL, NULL), "recvfrom(%d, %s, %zu, %#x)",
		       fd, a.tag, a.n, flags);
		break;
	case 1:
		address = true;
		RUN_ON(fd, recvfrom(fd, a.p, a.n, flags, (struct sockaddr *)&un, &len),
		       "recvfrom(%d, %s, %zu, %#x, address)", fd, a.tag, a.n, flags);
		break;
	case 2:
		RUN_ON(fd, syscall(SYS_recvfrom, fd, a.p, a.n, flags, NULL, NULL),
		       "syscall recvfrom(%d, %s, %zu, %#x)", fd, a.tag, a.n, flags);
		break;
#ifdef __GLIBC__
	case 3:
		RUN_ON(fd, __recv_chk(fd, a.p, a.n, a.n, flags), "__recv_chk(%d, %s, %zu, %#x)", fd,
		       a.tag, a.n, flags);
		break;
	case 4:
		RUN_ON(fd, __recvfrom_chk(fd, a.p, a.n, a.n, flags, NULL, NULL),
		       "__recvfrom_chk(%d, %s, %zu, %#x)", fd, a.tag, a.n, flags);
		break;
#endif
	default:
		RUN_ON(fd, recv(fd, a.p, a.n, flags), "recv(%d, %s, %zu, %#x)", fd, a.tag, a.n, flags);
	}
	note_area(&a);
	if (address && !(what_is(fd) & W_INET))
		note_address(&un, len);
}

/* ---- Messages, with fds in them ---- */

union control {
	char buf[CMSG_SPACE(8 * sizeof(int)) + 64];
	struct cmsghdr align;
};

static void put_fds(struct msghdr *msg, union control *c)
{
	unsigned n = 1 + rnd(3);
	int fds[3];
	struct cmsghdr *h;

	/* An internet connection's ends have to be known here (slots.c). */
	for (unsigned i = 0; i < n; i++)
		fds[i] = pick_fd(W_ALL & ~W_INET);
	for (unsigned i = 0; i < n; i++)
		if (what_is(fds[i]) & (W_INET | W_UNIX | W_LISTEN))
			return;
	memset(c, 0, sizeof(*c));
	msg->msg_control = c->buf;
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	h = CMSG_FIRSTHDR(msg);
	h->cmsg_level = chance(97) ? SOL_SOCKET : 99;
	h->cmsg_type = chance(97) ? SCM_RIGHTS : 99;
	h->cmsg_len = chance(97) ? CMSG_LEN(n * sizeof(int)) : 5;
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	note(" with %u fds", n);
}

static void fill(struct msghdr *msg, struct vector *v)
{
	memset(msg, 0, sizeof(*msg));
	msg->msg_iov = v->p;
	msg->msg_iovlen = (size_t)(v->nr < 0 ? 1025 : v->nr);
}

static void do_sendmsg(void)
{
	int fd = pick_fd(W_UNIX | W_INET), flags = pick_send_flags(fd);
	struct vector *v = pick_vector(true);
	struct msghdr msg, *pmsg = !is.gentle && chance(2) ? NULL : &msg;
	union control c;
	struct sockaddr_un un;
	bool inet = what_is(fd) & W_INET;

	if (inet && v->total > 4096)
		return;
	fill(&msg, v);
	note("\nsendmsg");
	if (!inet && chance(40))
		put_fds(&msg, &c);
	if (!inet && chance(15)) {
		msg.msg_namelen = unix_address(&un);
		msg.msg_name = &un;
	}
	if (chance(20))
		RUN_ON(fd, syscall(SYS_sendmsg, fd, pmsg, flags), "syscall sendmsg(%d, %s, %#x)%s",
		       fd, v->tag, flags, pmsg ? "" : " nothing");
	else
		RUN_ON(fd, sendmsg(fd, pmsg, flags), "sendmsg(%d, %s, %#x)%s", fd, v->tag, flags,
		       pmsg ? "" : " nothing");
}

static void take_fds(struct msghdr *msg)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		int fds[8];
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		note(" control %d %d", h->cmsg_level, h->cmsg_type);
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS || n > NR(fds))
			continue;
		memcpy(fds, CMSG_DATA(h), n * sizeof(int));
		for (size_t i = 0; i < n; i++) {
			note(" fd %d", fds[i]);
			keep_fd(fds[i]);
		}
	}
}

static void do_recvmsg(void)
{
	int fd = pick_fd(W_UNIX | W_INET),
	    flags = pick_recv_flags() | ONE_OF(0, 0, 0, MSG_CMSG_CLOEXEC);
	struct vector *v = pick_vector(false);
	struct msghdr msg, *pmsg = !is.gentle && chance(2) ? NULL : &msg;
	union control c;
	struct sockaddr_un un;
	bool inet = what_is(fd) & W_INET;
	long r;

	fill(&msg, v);
	memset(&c, 0, sizeof(c));
	memset(&un, 0, sizeof(un));
	if (chance(75)) {
		msg.msg_control = &c;
		msg.msg_controllen = ONE_OF(sizeof(c), sizeof(c), sizeof(c), CMSG_LEN(4),
					    CMSG_SPACE(4), 3ul, 0ul);
	}
	if (!inet && chance(30)) {
		msg.msg_name = &un;
		msg.msg_namelen = ONE_OF(110u, 4u, 0u);
	}
	if (chance(20))
		r = RUN_ON(fd, syscall(SYS_recvmsg, fd, pmsg, flags), "syscall recvmsg(%d, %s, %#x)%s",
			   fd, v->tag, flags, pmsg ? "" : " nothing");
	else
		r = RUN_ON(fd, recvmsg(fd, pmsg, flags), "recvmsg(%d, %s, %#x)%s", fd, v->tag,
			   flags, pmsg ? "" : " nothing");
	note_vector(v);
	note(" flags %#x control %zu name %u", (unsigned)msg.msg_flags, (size_t)msg.msg_controllen,
	     msg.msg_namelen);
	if (r >= 0 && msg.msg_name)
		note_address(&un, msg.msg_namelen);
	if (r >= 0 && msg.msg_control)
		take_fds(&msg);
}

static void do_mmsg(void)
{
	int fd = pick_fd(W_UNIX), flags = MSG_DONTWAIT | (int)(rnd(2) ? 0 : MSG_NOSIGNAL);
	struct mmsghdr m[3];
	struct iovec iov[3];
	struct area a[3];
	bool in = chance(50);
	unsigned n = rnd(4);

	memset(m, 0, sizeof(m));
	for (int i = 0; i < 3; i++) {
		a[i] = in ? good_target(ONE_OF(0, 10, 3000)) : pick_source(ONE_OF(0, 10, 3000));
		iov[i] = (struct iovec){a[i].p, a[i].n};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	if (in)
		RUN_ON(fd, recvmmsg(fd, m, n, flags, NULL), "recvmmsg(%d, %u, %#x)", fd, n, flags);
	else
		RUN_ON(fd, sendmmsg(fd, m, n, flags), "sendmmsg(%d, %u, %#x)", fd, n, flags);
	for (unsigned i = 0; i < n; i++)
		note(" %u", m[i].msg_len);
}

/* ---- Options and ends ---- */

static void do_shutdown(void)
{
	int fd = pick_fd(W_UNIX | W_INET), how = ONE_OF(0, 1, 1, 2, 3, -1);

	RUN_ON(fd, shutdown(fd, how), "shutdown(%d, %d)", fd, how);
}

static void do_setsockopt(void)
{
	static const int names[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_SNDBUF,    SO_RCVBUF,
				    SO_PRIORITY,  SO_BROADCAST, SO_OOBINLINE, SO_RCVLOWAT,
				    SO_PASSCRED,  9999,		SO_LINGER};
	int fd = pick_fd(W_SOCKET), name = ANY(names),
	    level = chance(95) ? SOL_SOCKET : ONE_OF(IPPROTO_TCP, 99);
	int value[2] = {ONE_OF(0, 1, 1, 5000, 100000, -1), 0};
	socklen_t len =
		chance(95) ? (name == SO_LINGER ? 8 : 4) : ONE_OF(0u, 3u, 1000u, (unsigned)-1);
	const void *p = !is.gentle && chance(3) ? NULL : value;
	struct timeval tv = {0, ONE_OF(0, 2000, 3000)};

	/* With SO_PASSCRED a socket binds itself, and waiting to linger takes time. */
	if (name == SO_PASSCRED || name == SO_LINGER)
		value[0] = 0;
	if (what_is(fd) & W_INET && (name == SO_SNDBUF || name == SO_RCVBUF || name == SO_RCVLOWAT))
		name = SO_KEEPALIVE;
	if (chance(20)) {
		name = ONE_OF(SO_RCVTIMEO, SO_SNDTIMEO);
		level = SOL_SOCKET;
		RUN(setsockopt(fd, level, name, &tv, sizeof(tv)), "timeout(%d, %d, %ld)", fd, name,
		    (long)tv.tv_usec);
		return;
	}
	if (chance(20))
		RUN(syscall(SYS_setsockopt, fd, level, name, p, len),
		    "syscall setsockopt(%d, %d, %d, %d, %d)%s", fd, level, name, value[0], (int)len,
		    p ? "" : " nothing");
	else
		RUN(setsockopt(fd, level, name, p, len), "setsockopt(%d, %d, %d, %d, %d)%s", fd,
		    level, name, value[0], (int)len, p ? "" : " nothing");
}

static void do_getsockopt(void)
{
	static const int names[] = {SO_TYPE,   SO_ERROR,    SO_DOMAIN,	SO_ACCEPTCONN,
				    SO_SNDBUF, SO_RCVBUF,   SO_LINGER,	SO_RCVTIMEO,
				    9999,      SO_PROTOCOL, SO_RCVLOWAT};
	int fd = pick_fd(W_SOCKET), name = ANY(names);
	int value[4] = {-9, -9, -9, -9};
	socklen_t len = ONE_OF(4u, 4u, 16u, 8u, 0u, 1u, (unsigned)-1);
	struct sockaddr_un un;

	if (chance(30)) {
		memset(&un, 0, sizeof(un));
		len = sizeof(un);
		if (chance(50))
			RUN(getsockname(fd, (struct sockaddr *)&un, &len), "getsockname(%d)", fd);
		else
			RUN(getpeername(fd, (struct sockaddr *)&un, &len), "getpeername(%d)", fd);
		note_address(&un, len);
		return;
	}
	RUN(getsockopt(fd, SOL_SOCKET, name, value, &len), "getsockopt(%d, %d)", fd, name);
	note(" %d %d len %u", value[0], value[1], len);
}

const struct kind socket_kinds[] = {
	{"socket", do_socket, 14, ANYWHERE},
	{"socketpair", do_socketpair, 25, ANYWHERE},
	{"bind", do_bind, 15, ANYWHERE},
	{"listen", do_listen, 10, ANYWHERE},
	{"connect", do_connect, 15, ANYWHERE},
	{"unix pair", do_unix_pair, 8, ANYWHERE},
	{"accept", do_accept, 12, ANYWHERE},
	{"inet pair", do_inet_pair, 8, ANYWHERE},
	{"send", do_send, 60, ANYWHERE},
	{"recv", do_recv, 60, ANYWHERE},
	{"sendmsg", do_sendmsg, 35, ANYWHERE},
	{"recvmsg", do_recvmsg, 35, ANYWHERE},
	{"mmsg", do_mmsg, 10, ANYWHERE},
	{"shutdown", do_shutdown, 10, ANYWHERE},
	{"setsockopt", do_setsockopt, 20, ANYWHERE},
	{"getsockopt", do_getsockopt, 15, ANYWHERE},
	{NULL, NULL, 0, ANYWHERE},
};
