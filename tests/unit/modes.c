/* Modes that ask for more than a flag: a polling thread on a CPU of choice, and polled reads from a disk. */
#include <sched.h>
#include <sys/wait.h>

#include "tests/unit/ring.h"

/* How many threads of ours are called `name`, and the CPUs that the last of them may run on. */
static int threads_named(const char *name, cpu_set_t *cpus)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int found = 0;

	if (!dir)
		skip("no /proc");
	while ((entry = readdir(dir))) {
		char path[300], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)) &&
		    !sched_getaffinity(atoi(entry->d_name), sizeof(*cpus), cpus))
			found++;
		fclose(file);
	}
	closedir(dir);
	return found;
}

/* Beside IORING_SETUP_SQ_AFF, the thread stays on its CPU. */
static void affinity(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
				    .sq_thread_idle = 50};
	struct xu_ring ring;
	cpu_set_t cpus;
	int ret, cpu = CPU_SETSIZE - 1;

	check_case = "SQ_AFF";
	CHECK_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	while (!CPU_ISSET(cpu, &cpus))
		cpu--;
	p.sq_thread_cpu = (unsigned)cpu;
	ret = xu_queue_init_params(8, &ring, &p);
	if (ret == -EPERM || (!ret && !kernel_is(5, 12)))
		return; /* not for this user, or a kernel thread that is not ours to see */
	CHECK_EQ(ret, 0);
	check_ring_works(&ring);
	CHECK_EQ(threads_named("iou-sqp", &cpus), 1);
	CHECK_EQ(CPU_COUNT(&cpus), 1);
	CHECK(CPU_ISSET(cpu, &cpus));
	xu_queue_exit(&ring);
	p.sq_thread_cpu = 100000;
	CHECK_EQ(xu_queue_init_params(8, &ring, &p), -EINVAL);
}

/* IORING_SETUP_ATTACH_WQ: two rings, one polling thread. */
static void shared(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 50};
	struct xu_ring first, second;
	cpu_set_t cpus;
	int ret;

	check_case = "ATTACH_WQ";
	ret = xu_queue_init_params(8, &first, &p);
	if (ret == -EPERM || (!ret && !kernel_is(5, 12)))
		return; /* as above */
	CHECK_EQ(ret, 0);
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ;
	p.wq_fd = (uint32_t)first.ring_fd;
	CHECK_EQ(xu_queue_init_params(8, &second, &p), 0);
	/* A thread has its name once it runs. */
	check_ring_works(&first);
	check_ring_works(&second);
	CHECK_EQ(threads_named("iou-sqp", &cpus), 1);
	/* It stays for the other. */
	xu_queue_exit(&first);
	check_ring_works(&second);
	xu_queue_exit(&second);
	p.wq_fd = 12345;
	ret = xu_queue_init_params(8, &second, &p);
	CHECK(ret == -EBADF || ret == -ENXIO);
}

/* A ring that polls the device: what can not be polled is refused, what can is waited for by asking. */
static void polled(unsigned flags)
{
	static _Alignas(4096) char buf[4096];
	struct io_uring_sqe *sqe;
	struct xu_ring ring;
	int fd, res;

	check_case = "IOPOLL";
	CHECK_EQ(xu_queue_init(8, &ring, IORING_SETUP_IOPOLL | flags), 0);
	CHECK(xu_cq_needs_enter(&ring));
	fd = open("f", O_RDWR | O_CREAT | O_DIRECT, 0600);
	if (fd < 0)
		fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK_GE(fd, 0);
	CHECK_EQ(pwrite(fd, buf, sizeof(buf), 0), sizeof(buf));
	sqe = sqe_of(&ring);
	xu_prep_read(sqe, fd, buf, sizeof(buf), 0);
	CHECK_EQ(xu_submit(&ring), 1);
	res = take(&ring, NULL);
	if (res != (int)sizeof(buf))
		CHECK_EQ(res, -EOPNOTSUPP);
	/* What has nothing to do with devices has no place here. */
	xu_prep_timeout(sqe_of(&ring), &(struct xu_timespec){0, 1}, 0, 0);
	CHECK_EQ(xu_submit(&ring), 1);
	CHECK_EQ(take(&ring, NULL), -EINVAL);
	close(fd);
	xu_queue_exit(&ring);
}

/* In a process of its own, whose threads are counted: those of a ring that is gone may take their time to go. */
static void alone(void (*test)(void))
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid) {
		test();
		exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		exit(WEXITSTATUS(status));
	CHECK(WIFEXITED(status));
}

int main(void)
{
	struct xu_ring ring;

	need_ring();
	alone(affinity);
	alone(shared);
	scratch();
	polled(0);
	/* Sleeping for a part of the time that the last ones took. */
	if (kernel_is(6, 13)) {
		polled(IORING_SETUP_HYBRID_IOPOLL);
		CHECK_EQ(xu_queue_init(8, &ring, IORING_SETUP_HYBRID_IOPOLL), -EINVAL);
	}
	return 0;
}
