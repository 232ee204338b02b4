/*
 * Scenes of threads: many at once, many in turn, and what is left of them.
 */
#include <dlfcn.h>
#include <link.h>
#include <semaphore.h>

#include "life.h"

/* ---- Many at once ---- */

static pthread_barrier_t all_there;
static int shared_file;

/* Does its I/O, meets all others so that all rings there will be are there, and does it again. */
static void *one_of_many(void *arg)
{
	int me = (int)(intptr_t)arg;
	char buf[64], back[64];
	struct stat st;
	int ends[2];

	for (int round = 0; round < 2; round++) {
		fill(buf, sizeof(buf), (unsigned)(me + round));
		must(pwrite(shared_file, buf, sizeof(buf), (off_t)me * 64) == sizeof(buf));
		must(pread(shared_file, back, sizeof(back), (off_t)me * 64) == sizeof(back));
		must(filled(back, sizeof(back), (unsigned)(me + round)));
		must(!fstat(shared_file, &st));
		must(!pipe(ends));
		must(write(ends[1], buf, 10) == 10 && read(ends[0], back, 20) == 10 &&
		     !memcmp(buf, back, 10));
		must(!close(ends[0]) && !close(ends[1]));
		pthread_barrier_wait(&all_there);
	}
	return NULL;
}

static void play_alive(int argc, char **argv)
{
	int count = argc > 0 ? atoi(argv[0]) : 1000;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	pthread_attr_t attr;
	char back[64];

	must(threads);
	shared_file = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(shared_file >= 0);
	must(!pthread_barrier_init(&all_there, NULL, (unsigned)count));
	must(!pthread_attr_init(&attr) && !pthread_attr_setstacksize(&attr, 64 * 1024));
	for (int i = 0; i < count; i++)
		must(!pthread_create(&threads[i], &attr, one_of_many, (void *)(intptr_t)i));
	for (int i = 0; i < count; i++)
		must(!pthread_join(threads[i], NULL));
	for (int i = 0; i < count; i++)
		must(pread(shared_file, back, 64, (off_t)i * 64) == 64 &&
		     filled(back, 64, (unsigned)(i + 1)));
	say("%d threads at the same time; next fd %d", count, dup(0));
	free(threads);
}

/* ---- Many in turn ---- */

static void *one_in_turn(void *arg)
{
	long me = (long)(intptr_t)arg;
	char buf[32], back[32];

	fill(buf, sizeof(buf), (unsigned)me);
	must(pwrite(shared_file, buf, sizeof(buf), me % 64 * 32) == sizeof(buf));
	must(pread(shared_file, back, sizeof(back), me % 64 * 32) == sizeof(back));
	must(filled(back, sizeof(back), (unsigned)me));
	return NULL;
}

/* What a process has: none of it may grow with the number of threads that were. */
struct holdings {
	long rss;
	long size;
	int fds;
	int maps;
};

static void take_stock(struct holdings *h)
{
	h->rss = status_number("VmRSS:");
	h->size = status_number("VmSize:");
	h->fds = dup(0);
	must(h->fds >= 0 && !close(h->fds));
	h->maps = lines_of("/proc/self/maps");
}

static void play_turn(int argc, char **argv)
{
	long count = argc > 0 ? atol(argv[0]) : 100000;
	struct holdings early = {0}, late = {0};

	shared_file = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(shared_file >= 0);
	for (long i = 0; i < count; i++) {
		if (i == 1000)
			take_stock(&early);
		must(!pthread_join(thread(one_in_turn, (void *)(intptr_t)i), NULL));
	}
	take_stock(&late);
	if (late.rss > early.rss + 1024 || late.size > early.size + 4096 || late.fds != early.fds ||
	    late.maps > early.maps + 8) {
		say("grew: %ld to %ld KiB resident, %ld to %ld KiB mapped, next fd %d to %d, %d to %d mappings",
		    early.rss, late.rss, early.size, late.size, early.fds, late.fds, early.maps,
		    late.maps);
		exit(1);
	}
	say("one thread after the other, and nothing grew");
}

/* Detached threads that end whenever they like, with others beginning. */
static sem_t ended;

static void *detached(void *arg)
{
	one_in_turn(arg);
	must(!sem_post(&ended));
	return NULL;
}

static void play_detached(int argc, char **argv)
{
	long count = argc > 0 ? atol(argv[0]) : 3000;
	struct holdings early = {0}, late = {0};

	shared_file = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(shared_file >= 0 && !sem_init(&ended, 0, 0));
	for (long i = 0; i < count; i += 4) {
		if (i == 1000)
			take_stock(&early);
		/* Four that do not meet in the file. */
		for (long k = 0; k < 4; k++)
			must(!pthread_detach(thread(detached, (void *)(intptr_t)(i * 16 + k))));
		for (int k = 0; k < 4; k++)
			must(!sem_wait(&ended));
	}
	take_stock(&late);
	must(late.fds == early.fds && late.maps <= early.maps + 40 && late.rss <= early.rss + 2048);
	say("%ld detached threads", count);
}

/* ---- On small stacks ---- */

static void *on_small_stack(void *arg)
{
	some_io("small-stack-file", true);
	return arg;
}

static void play_small_stack(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t t;

	(void)argc;
	(void)argv;
	must(!pthread_attr_init(&attr) && !pthread_attr_setstacksize(&attr, 16384));
	for (int i = 0; i < 20; i++) {
		must(!pthread_create(&t, &attr, on_small_stack, NULL));
		must(!pthread_join(t, NULL));
	}
	say("20 threads with the smallest stack");
}

/* ---- The main thread ends, others go on ---- */

static void *volatile nowhere = (void *)16;

static void *goes_on(void *arg)
{
	char buf[16];
	struct iovec iov[2] = {{buf, 2}, {buf + 2, 2}};
	struct stat st;
	int fd;

	while (task_state(getpid()) != 'Z')
		sleep_ms(1);
	some_io("late-file", true);
	make_file("late", "abcdefgh", 0640);
	fd = open("late", O_RDONLY);
	must(fd >= 0);
	must(readv(fd, iov, 2) == 4 && !memcmp(buf, "abcd", 4));
	must(preadv(fd, iov, 2, 2) == 4 && !memcmp(buf, "cdef", 4));
	must(!lstat("late", &st) && !fstatat(AT_FDCWD, "late", &st, 0));
	say("size %d, mode %o", (int)st.st_size, (unsigned)st.st_mode);
	told("stat into nowhere", stat("late", nowhere));
	told("stat of nowhere", stat(nowhere, &st));
	told("readv from nowhere", readv(fd, nowhere, 2));
	for (int i = 0; i < 20; i++)
		must(!pthread_join(thread(on_small_stack, NULL), NULL));
	return arg;
}

static void play_main_ends(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	some_io("main-file", true);
	thread(goes_on, NULL);
	pthread_exit(NULL);
}

/* ---- A library whose constructor waits for a thread that does I/O ---- */

static void play_dlopen(int argc, char **argv)
{
	void *library;

	must(argc == 1);
	library = dlopen(argv[0], RTLD_NOW);
	say("dlopen: %s", library ? "ok" : dlerror());
	some_io("dlopen-file", true);
	/* What a program has not asked for, it must not be told. */
	say("dlerror: %s", library && dlerror() ? "something" : "nothing");
}

/* ---- Children, while another thread is inside the dynamic loader with its locks ---- */

/* What nobody has called before, so that each is met first here. */
static void first_calls(void)
{
	char buf[8];
	struct iovec iov = {buf, 4};
	int socks[2];

	must(umask(022) != 077);
	must(!chdir("."));
	must(!mkdir("first", 0755) && !rename("first", "second") && !rmdir("second"));
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	must(send(socks[0], "1234", 4, 0) == 4 && readv(socks[1], &iov, 1) == 4);
	must(!access(".", R_OK));
	must(!close(socks[0]) && !close(socks[1]));
}

static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info;
	(void)size;
	/* Long enough for a fork to come in between. */
	for (int i = 0; i < 200; i++)
		__asm__ volatile("" ::: "memory");
	return *(volatile bool *)arg;
}

static void *in_loader(void *arg)
{
	while (!*(volatile bool *)arg)
		dl_iterate_phdr(look_at, arg);
	return NULL;
}

static void play_loader_fork(int argc, char **argv)
{
	volatile bool stop = false;
	pthread_t t;

	(void)argc;
	(void)argv;
	t = thread(in_loader, (void *)&stop);
	for (int i = 0; i < 300; i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (!pid) {
			/* All that a child calls first. */
			alarm(20);
			first_calls();
			_exit(0);
		}
		must(wait_for(pid) == 0);
	}
	stop = true;
	must(!pthread_join(t, NULL));
	some_io("then", true);
	say("300 children");
}

const struct scene scenes[] = {
	{"alive", play_alive},
	{"turn", play_turn},
	{"detached", play_detached},
	{"small-stack", play_small_stack},
	{"main-ends", play_main_ends},
	{"dlopen", play_dlopen},
	{"loader-fork", play_loader_fork},
	{NULL, NULL},
};
