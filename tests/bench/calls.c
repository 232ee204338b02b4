/*
 * The cost of a call under the shim, against libc's own function, in one process.
 *
 *     LD_PRELOAD=libxuring-shim.so calls [SECONDS [SUITE]]
 *
 * The name of a call is looked up twice: in libc alone, and as the program would find it, which is the shim's. Both
 * are called in the same way, through a pointer, in turns. Without the preload both are one and the same function:
 * that is the noise of the method, and it is measured as well ("the same twice").
 *
 *     calls solo [SECONDS]
 *
 * prints the median cost of a 64-byte pread in this process, for those who compare whole processes.
 */
#include "bench.h"

#include <dlfcn.h>
#include <fcntl.h>

typedef ssize_t pread_fn(int, void *, size_t, off_t);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef ssize_t read_fn(int, void *, size_t);

/* What one side of a figure calls, and with what. */
struct call {
	pread_fn *pread;
	pwrite_fn *pwrite;
	read_fn *read;
	int fd;
	ssize_t expected;
};

static char buf[64];

static void wrong(const char *what, ssize_t got)
{
	fprintf(stderr, "calls: %s returned %zd\n", what, got);
	exit(1);
}

static void do_pread(void *arg, unsigned count)
{
	const struct call *c = arg;

	for (unsigned i = 0; i < count; i++) {
		ssize_t got = c->pread(c->fd, buf, sizeof(buf), 0);

		if (got != c->expected)
			wrong("pread", got);
	}
}

static void do_pwrite(void *arg, unsigned count)
{
	const struct call *c = arg;

	for (unsigned i = 0; i < count; i++) {
		ssize_t got = c->pwrite(c->fd, buf, sizeof(buf), 0);

		if (got != c->expected)
			wrong("pwrite", got);
	}
}

static void do_read(void *arg, unsigned count)
{
	const struct call *c = arg;

	for (unsigned i = 0; i < count; i++) {
		ssize_t got = c->read(c->fd, buf, 1);

		if (got != c->expected)
			wrong("read", got);
	}
}

/* A file of some bytes, in the page cache, without a name. */
static int small_file(void)
{
	char name[] = "/tmp/xuring-bench-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) || write(fd, buf, sizeof(buf)) != sizeof(buf))
		die("a file in /tmp");
	return fd;
}

/* `libc` is libc's own handle, or NULL for what the program would find. */
static struct call look_up(void *libc, int fd, ssize_t expected)
{
	struct call c = {.fd = fd, .expected = expected};

	*(void **)&c.pread = dlsym(libc ? libc : RTLD_DEFAULT, "pread");
	*(void **)&c.pwrite = dlsym(libc ? libc : RTLD_DEFAULT, "pwrite");
	*(void **)&c.read = dlsym(libc ? libc : RTLD_DEFAULT, "read");
	if (!c.pread || !c.pwrite || !c.read) {
		fprintf(stderr, "calls: %s\n", dlerror());
		exit(1);
	}
	return c;
}

static void solo(double seconds)
{
	static double times[BENCH_PAIRS_MAX];
	struct call c = look_up(NULL, small_file(), sizeof(buf));
	struct figure f = {.base = {"", do_pread, &c}, .per_block = 500, .ops = 1, .alone = true};
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
	size_t n = 0;

	time_block(&f, &f.base);
	while (n < BENCH_PAIRS_MAX && (n < 5 || now_ns() < end))
		times[n++] = time_block(&f, &f.base);
	printf("%.2f\n", quantile(times, n, 0.5));
}

int main(int argc, char **argv)
{
	const char *suite = argc > 2 ? argv[2] : "pass";
	bool ring = !strcmp(suite, "ring");
	const char *name = ring ? "mode ring" : "shim";
	double seconds = bench_seconds(argc, argv);
	struct call bare, shim, bare_cheap, shim_cheap, bare_bad, shim_bad;
	int file, null;
	void *libc;

	stay_on_one_cpu();
	if (argc > 1 && !strcmp(argv[1], "solo")) {
		solo(bench_seconds(argc - 1, argv + 1));
		return 0;
	}
	libc = dlopen("libc.so.6", RTLD_LAZY);
	if (!libc) {
		fprintf(stderr, "calls: %s\n", dlerror());
		return 77;
	}
	file = small_file();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		die("/dev/null");
	bare = look_up(libc, file, sizeof(buf));
	shim = look_up(NULL, file, sizeof(buf));
	bare_cheap = look_up(libc, null, 0);
	shim_cheap = look_up(NULL, null, 0);
	bare_bad = look_up(libc, -1, -1);
	shim_bad = look_up(NULL, -1, -1);
	if (bare.pread == shim.pread || bare.read == shim.read) {
		fputs("calls: preload the shim\n", stderr);
		return 1;
	}
	measure(&(struct figure){.suite = suite,
				 .name = "pread 64 B, page cache",
				 .base = {"bare", do_pread, &bare},
				 .other = {name, do_pread, &shim},
				 .per_block = 500,
				 .ops = 1,
				 .alone = true},
		seconds);
	if (ring) {
		measure(&(struct figure){.suite = suite,
					 .name = "pwrite 64 B, file in /tmp",
					 .base = {"bare", do_pwrite, &bare},
					 .other = {name, do_pwrite, &shim},
					 .per_block = 50,
					 .ops = 1,
					 .alone = true},
			seconds);
		return 0;
	}
	measure(&(struct figure){.suite = suite,
				 .name = "read of /dev/null",
				 .base = {"bare", do_read, &bare_cheap},
				 .other = {name, do_read, &shim_cheap},
				 .per_block = 500,
				 .ops = 1,
				 .alone = true},
		seconds);
	measure(&(struct figure){.suite = suite,
				 .name = "read of fd -1 (EBADF)",
				 .base = {"bare", do_read, &bare_bad},
				 .other = {name, do_read, &shim_bad},
				 .per_block = 500,
				 .ops = 1,
				 .alone = true},
		seconds);
	measure(&(struct figure){.suite = suite,
				 .name = "the same twice (noise)",
				 .base = {"bare", do_pread, &bare},
				 .other = {"bare", do_pread, &bare},
				 .per_block = 500,
				 .ops = 1,
				 .alone = true},
		seconds);
	return 0;
}
