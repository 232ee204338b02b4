// SPDX-License-Identifier: MIT
/*
 * Small reads and small writes, one after another: what is answered from memory, or gathered, has to be what the kernel
 * alone would have shown, whatever comes in between: positions asked for, moved and shared by duplicates, children and
 * threads; the same file changed and looked at by other ways. And files that are synced one after another.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fuzz.h"

static const char *const names[] = {"st0", "st1", "st2"};

static size_t pick_small(void)
{
	return ONE_OF(1, 1, 1, 2, 3, 8, 16, 64, 100, 100, 500, 1000, 1500, 2500);
}

static const char *text(void)
{
	static char bytes[8192];

	if (!bytes[0])
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)('!' + i * 7 % 90);
	return bytes + rnd(4000);
}

static void read_some(int fd, size_t n)
{
	struct area a = good_target(n);

	RUN(read(fd, a.p, n), "read(%d, %zu)", fd, n);
	note_area(&a);
}

static void write_some(int fd, size_t n)
{
	const char *from = text();

	RUN(write(fd, from, n), "write(%d, %zu)", fd, n);
}

static void transfer(int fd, bool writes)
{
	(writes ? write_some : read_some)(fd, pick_small());
}

/* What others see of the file now. */
static void look(const char *name)
{
	static unsigned char buf[65536];
	struct stat st;
	long fd, r;

	if (!RUN(stat(name, &st), "stat(%s)", name))
		note(" size %lld", (long long)st.st_size);
	fd = RUN(open(name, O_RDONLY), "open(%s)", name);
	if (fd < 0)
		return;
	r = RUN(read((int)fd, buf, sizeof(buf)), "read(%ld)", fd);
	note(" hash %08lx", (unsigned long)(hash_mem(buf, r > 0 ? (size_t)r : 0, 0) >> 32));
	RUN(close((int)fd), "close(%ld)", fd);
}

/* ---- Others at the same open file ---- */

struct other {
	int fd;
	bool writes;
};

static void *by_thread(void *arg)
{
	struct other *o = arg;

	transfer(o->fd, o->writes);
	transfer(o->fd, o->writes);
	return NULL;
}

static struct other of_handler;

static void in_handler(int sig)
{
	(void)sig;
	transfer(of_handler.fd, of_handler.writes);
}

static void others(int fd, bool writes)
{
	struct other o = {fd, writes};
	struct sigaction act = {.sa_handler = in_handler}, before;
	sigset_t all, mask;
	pthread_t id;
	pid_t pid;
	int status, pair[2], i;

	switch (rnd(6)) {
	case 0:
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &mask);
		if (!pthread_create(&id, NULL, by_thread, &o))
			pthread_join(id, NULL);
		pthread_sigmask(SIG_SETMASK, &mask, NULL);
		break;
	case 1:
		of_handler = o;
		sigaction(SIGUSR1, &act, &before);
		RUN(raise(SIGUSR1), "raise");
		sigaction(SIGUSR1, &before, NULL);
		break;
	case 2: {
		/* Sent to ourselves: another number for the same open file. */
		union {
			char buf[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} c;
		char byte = 'x';
		struct iovec iov = {&byte, 1};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = &c,
				     .msg_controllen = sizeof(c)};
		struct cmsghdr *h;

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			return;
		memset(&c, 0, sizeof(c));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
		RUN(sendmsg(pair[0], &msg, 0), "sendmsg(with %d)", fd);
		RUN(recvmsg(pair[1], &msg, 0), "recvmsg");
		memcpy(&i, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
		transfer(i, writes);
		RUN(close(i), "close(%d)", i);
		close(pair[0]);
		close(pair[1]);
		break;
	}
	case 3:
		pid = vfork();
		if (!pid) {
			char byte = 'v';
			ssize_t r = writes ? write(fd, &byte, 1) : read(fd, &byte, 1);

			_exit(r == 1 ? (unsigned char)byte : 0);
		}
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		RUN(status, "vfork");
		break;
	default:
		RUN(0, "fork");
		pid = fork();
		if (!pid) {
			is.child = true;
			transfer(fd, writes);
			transfer(fd, writes);
			_exit(0);
		}
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
}

/* ---- What comes in between ---- */

static int second_fd; /* a file that is read or written in turn with the first */

static void between(int *fdp, const char *name, bool writes)
{
	off_t at = (off_t)rnd(6000);
	int fd = *fdp, other;
	struct stat st;
	struct area a;
	char *map;

	switch (rnd(26)) {
	case 0:
	case 1: RUN(lseek(fd, 0, SEEK_CUR), "lseek(%d, 0, CUR)", fd); break;
	case 2: RUN(lseek(fd, at, SEEK_SET), "lseek(%d, %lld)", fd, (long long)at); break;
	case 3: RUN(lseek(fd, ONE_OF(0, -10, -3000), SEEK_END), "lseek(%d, END)", fd); break;
	case 4:
	case 5:
		other = (int)RUN(dup(fd), "dup(%d)", fd);
		transfer(other, writes);
		transfer(fd, writes);
		RUN(close(other), "close(%d)", other);
		break;
	case 6: {
		/* Its number is another one from here on. */
		int new = (int)RUN(dup(fd), "dup(%d)", fd);

		if (new >= 0) {
			RUN(close(fd), "close(%d)", fd);
			*fdp = new;
		}
		break;
	}
	case 7:
	case 8:
	case 9: others(fd, writes); break;
	case 10:
		a = good_target(100);
		RUN(pread(fd, a.p, 100, at), "pread(%d, %lld)", fd, (long long)at);
		note_area(&a);
		break;
	case 11: RUN(pwrite(fd, text(), 50, at), "pwrite(%d, %lld)", fd, (long long)at); break;
	case 12: {
		struct iovec iov[2];

		a = good_target(300);
		iov[0] = (struct iovec){a.p, 100};
		iov[1] = (struct iovec){a.p + 100, 200};
		if (writes)
			RUN(writev(fd, iov, 2), "writev(%d)", fd);
		else
			RUN(readv(fd, iov, 2), "readv(%d)", fd);
		note_area(&a);
		break;
	}
	case 13:
		RUN(fstat(fd, &st), "fstat(%d)", fd);
		note(" size %lld", (long long)st.st_size);
		break;
	case 14:
		other = (int)RUN(open(name, O_WRONLY | ONE_OF(0, O_APPEND)), "open(%s) to write",
				 name);
		RUN(pwrite(other, text(), 700, at), "pwrite(%d, %lld)", other, (long long)at);
		write_some(other, pick_small());
		RUN(close(other), "close(%d)", other);
		break;
	case 15: RUN(truncate(name, at), "truncate(%s, %lld)", name, (long long)at); break;
	case 16: RUN(ftruncate(fd, at), "ftruncate(%d, %lld)", fd, (long long)at); break;
	case 17: look(name); break;
	case 18:
		other = fcntl(fd, F_GETFL);
		RUN(fcntl(fd, F_SETFL, other ^ ONE_OF(O_APPEND, O_NONBLOCK)), "F_SETFL(%d)", fd);
		break;
	case 19:
		other = (int)RUN(open("st9", O_RDWR | O_CREAT | O_TRUNC, 0644), "open(st9)");
		RUN(writes ? sendfile(fd, other, NULL, 100) : sendfile(other, fd, NULL, 100),
		    "sendfile(%d)", fd);
		RUN(copy_file_range(fd, NULL, other, NULL, 100, 0), "copy_file_range(%d)", fd);
		RUN(close(other), "close(%d)", other);
		break;
	case 20:
		map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			break;
		if (!fstat(fd, &st) && st.st_size)
			note("\nmmap hash %08lx", (unsigned long)(hash_mem(map, 4096, 0) >> 32));
		RUN(madvise(map, 4096,
			    ONE_OF(MADV_WILLNEED, MADV_SEQUENTIAL, MADV_DONTNEED, MADV_RANDOM)),
		    "madvise");
		munmap(map, 4096);
		break;
	case 21: RUN(chance(50) ? fsync(fd) : fdatasync(fd), "sync(%d)", fd); break;
	case 22:
		if (chance(50))
			RUN(unlink(name), "unlink(%s)", name);
		else
			RUN(rename(name, ANY(names)), "rename(%s)", name);
		break;
	case 23:
		RUN(posix_fadvise(fd, 0, 0, ONE_OF(0, 1, 2, 3, 4)), "posix_fadvise(%d)", fd);
		RUN(readahead(fd, 0, 4096), "readahead(%d)", fd);
		RUN(sync_file_range(fd, 0, 0, 2), "sync_file_range(%d)", fd);
		break;
	case 24:
		/* Closed, and the number is another file's. */
		RUN(close(fd), "close(%d)", fd);
		*fdp = (int)RUN(open(ANY(names), (writes ? O_WRONLY : O_RDONLY) | O_CREAT, 0644),
				"open anew");
		break;
	default:
		if (second_fd >= 0)
			transfer(second_fd, chance(50));
	}
}

/* ---- Runs ---- */

static void prepare(const char *name)
{
	size_t n = ONE_OF(0, 100, 3000, 8000, 30000, 70000);
	int fd = (int)RUN(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644), "open(%s) anew", name);

	if (fd < 0)
		return;
	while (n) {
		size_t part = n < 4000 ? n : 4000;

		if (write(fd, text(), part) < 0)
			break;
		n -= part;
	}
	RUN(close(fd), "close(%d)", fd);
}

static void run(bool writes)
{
	const char *name = ANY(names);
	unsigned n = 10 + rnd(40), often = ONE_OF(0, 5, 15, 30);
	int flags = writes ? O_WRONLY | O_CREAT | ONE_OF(0, O_TRUNC, O_TRUNC, O_APPEND, O_EXCL)
			   : ONE_OF(O_RDONLY, O_RDONLY, O_RDONLY | O_CLOEXEC, O_RDWR);
	int fd;

	make_room(5);
	if (chdir(is.dir))
		return;
	if (!writes || chance(50))
		prepare(name);
	second_fd =
		chance(40) ? (int)RUN(open(ANY(names), O_RDWR | O_CREAT, 0644), "open second") : -1;
	fd = (int)RUN(open(name, flags, 0644), "open(%s, %#o)", name, flags);
	for (unsigned i = 0; i < n && fd >= 0; i++) {
		if (chance(often))
			between(&fd, name, writes);
		else
			transfer(fd, writes);
	}
	if (fd >= 0 && chance(20)) {
		keep_fd(fd);
		note_fd(fd);
	} else if (fd >= 0) {
		RUN(close(fd), "close(%d)", fd);
	}
	if (second_fd >= 0)
		RUN(close(second_fd), "close(%d)", second_fd);
	look(name);
}

static void do_small_reads(void)
{
	run(false);
}

static void do_small_writes(void)
{
	run(true);
}

/* ---- Syncs ---- */

static void do_syncs(void)
{
	unsigned n = 3 + rnd(8);
	int fds[12];

	make_room(3);
	if (chdir(is.dir))
		return;
	for (unsigned i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "sy%u", i);
		fds[i] = (int)RUN(open(name, O_RDWR | O_CREAT, 0644), "open(%s)", name);
		write_some(fds[i], 1000);
	}
	for (unsigned i = 0; i < n + 6; i++) {
		unsigned which = i < n ? i : rnd(n);

		switch (rnd(8)) {
		case 0: RUN(fdatasync(fds[which]), "fdatasync(%d)", fds[which]); break;
		case 1: write_some(fds[rnd(n)], pick_small()); break;
		case 2: RUN(syncfs(fds[which]), "syncfs(%d)", fds[which]); break;
		default: RUN(fsync(fds[which]), "fsync(%d)", fds[which]);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		RUN(close(fds[i]), "close(%d)", fds[i]);
		if (chance(50))
			RUN(fsync(fds[i]), "fsync(%d), closed", fds[i]);
	}
}

const struct kind stream_kinds[] = {
	{"small reads", do_small_reads, 6, NOT_INSIDE | SLOW},
	{"small writes", do_small_writes, 6, NOT_INSIDE | SLOW},
	{"syncs", do_syncs, 1, NOT_INSIDE | SLOW},
	{NULL, NULL, 0, ANYWHERE},
};
