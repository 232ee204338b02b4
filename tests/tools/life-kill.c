/*
 * SIGKILL at any moment: what a write has answered for is in the file.
 *
 * A child writes record after record, in every way there is, and reports the number of each write that has returned through
 * a pipe. It is killed at some moment; then every reported record has to be in its file, whole, and nothing may be in a
 * file that was not written.
 */
#include <sys/prctl.h>

#include "life.h"

#define RECORD 100

/* How record i is written: by i % WAYS. Each way has a file of its own, in which its records follow each other. */
enum { WRITE, PWRITE, WRITEV, PWRITEV, APPEND, SYSCALL, WAYS };

static void name_of(int way, char name[16])
{
	snprintf(name, 16, "way-%d", way);
}

static int open_way(int way)
{
	char name[16];
	int fd;

	name_of(way, name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | (way == APPEND ? O_APPEND : 0), 0644);
	must(fd >= 0);
	return fd;
}

static ssize_t put(int way, int fd, const char *record, off_t at)
{
	struct iovec iov[2] = {{(char *)record, 30}, {(char *)record + 30, RECORD - 30}};

	switch (way) {
	case PWRITE: return pwrite(fd, record, RECORD, at);
	case WRITEV: return writev(fd, iov, 2);
	case PWRITEV: return pwritev(fd, iov, 2, at);
	case SYSCALL: return syscall(SYS_write, fd, record, RECORD);
	default: return write(fd, record, RECORD);
	}
}

/* The child: writes and reports until it is killed. */
static _Noreturn void write_on(int report)
{
	int fds[WAYS];
	char record[RECORD];

	must(!prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	for (int way = 0; way < WAYS; way++)
		fds[way] = open_way(way);
	for (uint32_t i = 0; i < 1000000; i++) {
		int way = (int)(i % WAYS);

		fill(record, RECORD, i);
		must(put(way, fds[way], record, (off_t)(i / WAYS) * RECORD) == RECORD);
		must(write(report, &i, sizeof(i)) == sizeof(i));
		must(i % 97 ? 1 : !fdatasync(fds[way]));
	}
	_exit(0);
}

/* Is record i where it should be? */
static bool is_there(const int *fds, uint32_t i)
{
	char record[RECORD];

	return pread(fds[i % WAYS], record, RECORD, (off_t)(i / WAYS) * RECORD) == RECORD &&
	       filled(record, RECORD, i);
}

static void check(uint32_t reported)
{
	char name[16];
	struct stat st;
	int fds[WAYS];

	for (int way = 0; way < WAYS; way++) {
		name_of(way, name);
		fds[way] = open(name, O_RDONLY);
		if (fds[way] < 0 && !reported)
			continue;
		must(fds[way] >= 0);
		/* The one after the last report may be there too, in part. */
		must(!fstat(fds[way], &st));
		must(st.st_size <= (off_t)(reported / WAYS + 2) * RECORD);
	}
	for (uint32_t i = 0; i < reported; i++)
		must(is_there(fds, i));
	for (int way = 0; way < WAYS; way++)
		if (fds[way] >= 0)
			must(!close(fds[way]));
}

/* rounds N SEED: half of the children are forked, half are executed anew. */
static void play_rounds(int argc, char **argv)
{
	int rounds = argc > 0 ? atoi(argv[0]) : 100;
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	uint32_t last, most = 0;
	char self[4096], number[16];
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	must(n > 0);
	self[n] = '\0';
	some_io("warm", true);
	for (int r = 0; r < rounds; r++) {
		uint32_t count = 0;
		int report[2];
		pid_t pid;

		for (int way = 0; way < WAYS; way++) {
			name_of(way, number);
			unlink(number);
		}
		must(!pipe(report));
		pid = fork();
		must(pid >= 0);
		if (!pid) {
			close(report[0]);
			if (r % 2)
				write_on(report[1]);
			snprintf(number, sizeof(number), "%d", report[1]);
			execl(self, "life-kill", "writer", number, (char *)NULL);
			_exit(99);
		}
		must(!close(report[1]));
		/* Not before the first, in most rounds: then it is well under way. */
		if (r % 8) {
			must(read_all(report[0], &last, sizeof(last)) && last == 0);
			count = 1;
		}
		seed = seed * 1103515245 + 12345;
		nanosleep(&(struct timespec){0, (long)(seed >> 8) % 6000 * 1000}, NULL);
		must(!kill(pid, SIGKILL));
		/* The pipe keeps what was reported, until all ends of it are closed. */
		while (read_all(report[0], &last, sizeof(last)))
			must(last == count++);
		must(!close(report[0]));
		must(WTERMSIG(wait_for(pid)) == SIGKILL);
		check(count);
		most = count > most ? count : most;
	}
	for (int way = 0; way < WAYS; way++) {
		name_of(way, number);
		must(!unlink(number));
	}
	must(most > 20);
	say("%d writers were killed: all that they had written is there", rounds);
}

static void play_writer(int argc, char **argv)
{
	must(argc == 1);
	write_on(atoi(argv[0]));
}

const struct scene scenes[] = {
	{"rounds", play_rounds},
	{"writer", play_writer},
	{NULL, NULL},
};
