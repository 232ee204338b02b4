/*
 * Scenes of identity: who a process is changes, and what it does right afterwards is judged by who it is now. Roots,
 * namespaces, fd tables and capabilities are part of who it is. For root alone.
 *
 * Before each change there was I/O of every kind, so that whatever could carry old rights over is there.
 */
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "life.h"

#define NOBODY 65534

/* A place that only root may look into, files of root's and of nobody's, and one for all. */
static void prepare(void)
{
	umask(022);
	must(!chmod(".", 0755));
	must(!mkdir("roots", 0700));
	make_file("roots/secret", "secret", 0600);
	make_file("secret", "secret", 0600);
	make_file("nobodys", "nobodys", 0600);
	must(!chown("nobodys", NOBODY, NOBODY));
	make_file("groups", "groups", 0640);
	must(!chown("groups", 0, 4));
	must(!mkdir("all", 0777) && !chmod("all", 0777));
	some_io("warm", true);
}

static int read_file(const char *name)
{
	char buf[64];
	int fd = open(name, O_RDONLY);
	int n;

	if (fd < 0)
		return -1;
	n = (int)read(fd, buf, sizeof(buf));
	must(!close(fd));
	return n;
}

/* What we may do now. */
static void judge(const char *who)
{
	struct stat st;
	int fd;

	say("%s: uid %d %d, gid %d %d", who, (int)getuid(), (int)geteuid(), (int)getgid(),
	    (int)getegid());
	told("   read secret", read_file("secret"));
	told("   read roots/secret", read_file("roots/secret"));
	told("   stat roots/secret", stat("roots/secret", &st));
	told("   read nobodys", read_file("nobodys"));
	told("   read groups", read_file("groups"));
	tried("   open secret to write", open("secret", O_WRONLY));
	told("   unlink secret", unlink("secret"));
	told("   rename secret", rename("secret", "all/secret"));
	told("   mkdir", mkdir("made", 0755));
	told("   mkdir in roots", mkdir("roots/made", 0755));
	told("   link", link("nobodys", "all/link"));
	told("   symlink", symlink("x", "sym"));
	told("   chmod", chmod("groups", 0640));
	fd = open("all/new", O_RDWR | O_CREAT | O_EXCL, 0666);
	must(fd >= 0 && write(fd, "new", 3) == 3 && !fsync(fd) && !fstat(fd, &st));
	say("   a new file is of %d:%d", (int)st.st_uid, (int)st.st_gid);
	must(!close(fd) && !unlink("all/new"));
	/* What root alone was able to do is put back, so that the next one finds it. */
	if (!access("all/secret", F_OK))
		rename("all/secret", "secret");
	if (!geteuid() && access("secret", F_OK))
		make_file("secret", "secret", 0600);
	rmdir("made");
	rmdir("roots/made");
	unlink("all/link");
	unlink("sym");
}

/* ---- Users and groups ---- */

static void by_setuid(void)
{
	must(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY));
	judge("setuid");
	told("back", setuid(0));
}

static void by_seteuid(void)
{
	must(!setegid(NOBODY) && !seteuid(NOBODY));
	judge("seteuid");
	must(!seteuid(0) && !setegid(0));
	judge("and back");
	for (int i = 0; i < 100; i++) {
		must(!seteuid(i % 2 ? 0 : NOBODY));
		must((read_file("secret") < 0) == !(i % 2));
	}
}

static void by_setreuid(void)
{
	must(!setregid(NOBODY, NOBODY) && !setreuid(NOBODY, NOBODY));
	judge("setreuid");
}

static void by_setresuid(void)
{
	must(!setresgid(NOBODY, NOBODY, 0) && !setresuid(NOBODY, NOBODY, 0));
	judge("setresuid");
	must(!setresuid(0, 0, 0));
	told("secret again", read_file("secret"));
}

static void by_setfsuid(void)
{
	setfsgid(NOBODY);
	setfsuid(NOBODY);
	judge("setfsuid");
	setfsuid(0);
	told("secret again", read_file("secret"));
}

static void by_setgroups(void)
{
	gid_t list[] = {4};

	must(!setgroups(1, list) && !setresuid(NOBODY, NOBODY, NOBODY));
	judge("setgroups");
}

static void by_syscall(void)
{
	must(!syscall(SYS_setgroups, 0, NULL) && !syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY));
	must(!syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY));
	judge("by syscall()");
}

static void by_syscall_fsuid(void)
{
	syscall(SYS_setfsuid, NOBODY);
	judge("setfsuid by syscall()");
}

/* ---- In threads ---- */

static pthread_barrier_t meet;

static void *other_thread(void *arg)
{
	some_io("all/other", true);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	judge(arg);
	return NULL;
}

/* libc changes all threads. */
static void by_setuid_threads(void)
{
	pthread_t t;

	must(!pthread_barrier_init(&meet, NULL, 2));
	t = thread(other_thread, "the other thread, after setuid");
	pthread_barrier_wait(&meet);
	must(!setgid(NOBODY) && !setuid(NOBODY));
	pthread_barrier_wait(&meet);
	must(!pthread_join(t, NULL));
	judge("the thread itself");
}

/* The kernel changes the one that asks. */
static void by_syscall_threads(void)
{
	pthread_t t;

	must(!pthread_barrier_init(&meet, NULL, 2));
	t = thread(other_thread, "the other thread, after a raw setresuid");
	pthread_barrier_wait(&meet);
	must(!syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY));
	pthread_barrier_wait(&meet);
	must(!pthread_join(t, NULL));
	judge("the thread itself");
}

/* ---- Capabilities ---- */

/* Takes these two away from what is in effect: the rights to pass over modes. */
static void drop_override(bool by_name)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	must(!syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_CHOWN);
	if (by_name) {
		extern int capset(cap_user_header_t head, const struct __user_cap_data_struct *data);

		must(!capset(&head, data));
	} else {
		must(!syscall(SYS_capset, &head, data));
	}
}

static void judge_capable(const char *who)
{
	say("%s", who);
	told("   read nobodys", read_file("nobodys"));
	told("   chown", chown("groups", NOBODY, NOBODY));
	told("   creat in another's", mkdir("roots/cap", 0755));
	told("   rmdir", rmdir("roots/cap"));
	must(!chown("groups", 0, 4) || errno == EPERM);
}

static void by_capset(void)
{
	judge_capable("all capabilities");
	drop_override(true);
	judge_capable("without some, by capset");
}

static void by_capset_syscall(void)
{
	drop_override(false);
	judge_capable("without some, by syscall()");
}

/* With them kept by prctl, and then lost with the user. */
static void by_keepcaps(void)
{
	must(!prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
	must(!prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0));
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	say("no_new_privs %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	judge("no_new_privs");
	must(!setuid(NOBODY));
	judge("and setuid");
}

/* ---- Roots ---- */

static void make_jail(void)
{
	must(!mkdir("jail", 0755));
	make_file("jail/inside", "inside", 0644);
	make_file("which", "outside", 0644);
	make_file("jail/which", "the jail's", 0644);
}

static void in_jail(const char *what)
{
	struct stat st;

	say("%s: /which is %s", what, content("/which"));
	told("   read /inside", read_file("/inside"));
	told("   stat /etc/passwd", stat("/etc/passwd", &st));
	told("   stat /../etc", stat("/../etc", &st));
	some_io("/new", true);
	tried("   make /kept", open("/kept", O_RDWR | O_CREAT, 0644));
	must(!mkdir("/d", 0755) && !rename("/d", "/e") && !rmdir("/e"));
}

static void by_chroot(void)
{
	make_jail();
	must(!chroot("jail") && !chdir("/"));
	in_jail("chroot");
}

static void by_chroot_syscall(void)
{
	make_jail();
	must(!syscall(SYS_chroot, "jail") && !chdir("/"));
	in_jail("chroot by syscall()");
}

static void *jailed_thread(void *arg)
{
	some_io("warm-thread", true);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	in_jail("another thread, after chroot");
	return arg;
}

static void by_chroot_threads(void)
{
	pthread_t t;

	make_jail();
	must(!pthread_barrier_init(&meet, NULL, 2));
	t = thread(jailed_thread, NULL);
	pthread_barrier_wait(&meet);
	must(!chroot("jail") && !chdir("/"));
	pthread_barrier_wait(&meet);
	must(!pthread_join(t, NULL));
}

/* A working directory and root of the thread's own. */
static void *parts_with_directory(void *arg)
{
	some_io("warm-thread", true);
	must(!unshare(CLONE_FS));
	must(!chdir("jail"));
	say("the thread: which is %s", content("which"));
	some_io("in-jail", true);
	tried("   make kept", open("kept", O_RDWR | O_CREAT, 0644));
	must(!chroot("."));
	in_jail("the thread, after chroot");
	return arg;
}

static void by_unshare_directory(void)
{
	make_jail();
	must(!pthread_join(thread(parts_with_directory, NULL), NULL));
	say("main: which is %s", content("which"));
	some_io("main-file", true);
}

/* ---- Namespaces ---- */

/* New things are opened with O_CREAT, which is what goes to a worker thread. */
static void by_mount_namespace(void)
{
	struct stat st;

	must(!mkdir("mnt", 0755));
	make_file("mnt/under", "under", 0644);
	some_io("mnt/warm", true);
	must(!unshare(CLONE_NEWNS));
	must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	must(!mount("none", "mnt", "tmpfs", 0, NULL));
	told("stat of what is under", stat("mnt/under", &st));
	told("read of what is under", read_file("mnt/under"));
	make_file("mnt/over", "over", 0644);
	some_io("mnt/over-too", true);
	must(!mkdir("mnt/d", 0755) && !rename("mnt/d", "mnt/e"));
	must(!umount("mnt"));
	say("under: %s", content("mnt/under"));
	told("stat of what was over", stat("mnt/over", &st));
	told("stat of what was over", stat("mnt/e", &st));
}

static void write_map(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	must(fd >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(!close(fd));
}

static void new_user(bool by_name)
{
	char line[64];

	errno = 1234;
	must(!(by_name ? unshare(CLONE_NEWUSER) : syscall(SYS_unshare, CLONE_NEWUSER)));
	say("errno untouched: %s", errno == 1234 ? "yes" : "no");
	say("who: %d %d", (int)getuid(), (int)getgid());
	write_map("/proc/self/setgroups", "deny");
	snprintf(line, sizeof(line), "0 %d 1", NOBODY);
	write_map("/proc/self/uid_map", "0 0 1");
	write_map("/proc/self/gid_map", "0 0 1");
	say("who: %d %d", (int)getuid(), (int)getgid());
	judge("root of a user namespace");
	told("chown to another", chown("groups", 7, 7));
}

static void by_user_namespace(void)
{
	new_user(true);
}

static void by_user_namespace_syscall(void)
{
	new_user(false);
}

/* From an identity change straight on: what the change left behind must not be in the way. */
static void by_user_namespace_after_setuid(void)
{
	must(!setresuid(NOBODY, NOBODY, NOBODY));
	must(!unshare(CLONE_NEWUSER));
	say("nobody became %d", (int)getuid());
	judge("nobody in a user namespace");
}

/* Into the namespaces of a child. */
static void by_setns(void)
{
	static const char *const kinds[] = {"user", "mnt", "net", "uts"};
	int ready[2], go_on[2];
	struct stat st;
	char path[64], c;
	pid_t pid;

	must(!mkdir("mnt", 0755) && !pipe(ready) && !pipe(go_on));
	pid = fork();
	if (!pid) {
		must(!unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS));
		write_map("/proc/self/setgroups", "deny");
		write_map("/proc/self/uid_map", "0 0 1");
		write_map("/proc/self/gid_map", "0 0 1");
		must(!mount("none", "mnt", "tmpfs", 0, NULL));
		make_file("mnt/over", "over", 0644);
		must(write(ready[1], "r", 1) == 1);
		(void)!read(go_on[0], &c, 1);
		_exit(0);
	}
	must(read(ready[0], &c, 1) == 1);
	some_io("mnt/warm", true);
	for (int i = 0; i < 4; i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		must(fd >= 0);
		some_io("between", true);
		told(kinds[i], i % 2 ? setns(fd, 0) : syscall(SYS_setns, fd, 0));
		must(!close(fd));
		if (i == 1) {
			char cwd[4096];

			/* The working directory goes to the root of the new namespace. */
			snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
			must(readlink(path, cwd, sizeof(cwd)) > 0 && !chdir(path));
		}
	}
	say("over: %s", content("mnt/over"));
	told("stat", stat("mnt/warm", &st));
	some_io("mnt/more", true);
	must(write(go_on[1], "g", 1) == 1);
	must(wait_for(pid) == 0);
}

/* An fd table of the thread's own: what is opened there is there alone. */
static int seen_by_main;

static void *parts_with_fds(void *arg)
{
	const char *how = arg;
	int fd;

	some_io("warm-thread", true);
	if (!strcmp(how, "unshare"))
		must(!unshare(CLONE_FILES));
	else if (!strcmp(how, "syscall"))
		must(!syscall(SYS_unshare, CLONE_FILES));
	else
		must(!syscall(SYS_close_range, 900, 1000, 2 /* CLOSE_RANGE_UNSHARE */));
	/* With O_CREAT and O_TRUNC, and so again by a worker. */
	for (int i = 0; i < 3; i++) {
		fd = open("of-thread", O_RDWR | O_CREAT | O_TRUNC, 0644);
		must(write(fd, "mine", 4) == 4 && !fsync(fd));
		say("%s: the thread has %d", how, fd);
	}
	seen_by_main = fd;
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	must(!close(fd));
	return NULL;
}

static void by_fd_table(void)
{
	static const char *const hows[] = {"unshare", "syscall", "close_range"};

	for (int i = 0; i < 3; i++) {
		pthread_t t;

		must(!pthread_barrier_init(&meet, NULL, 2));
		t = thread(parts_with_fds, (void *)hows[i]);
		pthread_barrier_wait(&meet);
		told("in main that is", fcntl(seen_by_main, F_GETFD));
		told("main opens", open("of-main", O_RDWR | O_CREAT | O_TRUNC, 0644));
		some_io("main-file", true);
		pthread_barrier_wait(&meet);
		must(!pthread_join(t, NULL));
		told("main opens", open("of-main", O_RDWR | O_CREAT | O_TRUNC, 0644));
	}
}

/* A network of its own: nobody has its ports. */
static void by_network(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);
	int outside = socket(AF_INET, SOCK_STREAM, 0);
	int inside;

	must(outside >= 0 && !bind(outside, (struct sockaddr *)&addr, sizeof(addr)) &&
	     !listen(outside, 3));
	must(!getsockname(outside, (struct sockaddr *)&addr, &len));
	inside = socket(AF_INET, SOCK_STREAM, 0);
	told("the port, before", bind(inside, (struct sockaddr *)&addr, sizeof(addr)));
	must(!unshare(CLONE_NEWNET));
	inside = socket(AF_INET, SOCK_STREAM, 0);
	told("the port, in a new network", bind(inside, (struct sockaddr *)&addr, sizeof(addr)));
	told("connect there", connect(inside, (struct sockaddr *)&addr, sizeof(addr)));
}

/* ---- All of them ---- */

static const struct {
	const char *name;
	void (*change)(void);
} changes[] = {
	{"setuid", by_setuid},
	{"seteuid", by_seteuid},
	{"setreuid", by_setreuid},
	{"setresuid", by_setresuid},
	{"setfsuid", by_setfsuid},
	{"setgroups", by_setgroups},
	{"syscall", by_syscall},
	{"syscall-fsuid", by_syscall_fsuid},
	{"setuid-threads", by_setuid_threads},
	{"syscall-threads", by_syscall_threads},
	{"capset", by_capset},
	{"capset-syscall", by_capset_syscall},
	{"keepcaps", by_keepcaps},
	{"chroot", by_chroot},
	{"chroot-syscall", by_chroot_syscall},
	{"chroot-threads", by_chroot_threads},
	{"unshare-directory", by_unshare_directory},
	{"mount-namespace", by_mount_namespace},
	{"user-namespace", by_user_namespace},
	{"user-namespace-syscall", by_user_namespace_syscall},
	{"user-namespace-after-setuid", by_user_namespace_after_setuid},
	{"setns", by_setns},
	{"fd-table", by_fd_table},
	{"network", by_network},
};

/* change NAME...: each in a child and a directory of its own. */
static void play_change(int argc, char **argv)
{
	for (int k = 0; k < argc; k++) {
		bool known = false;

		for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
			pid_t pid;

			if (strcmp(changes[i].name, argv[k]) != 0)
				continue;
			known = true;
			must(!mkdir(argv[k], 0755) && !chmod(argv[k], 0755));
			pid = fork();
			must(pid >= 0);
			if (!pid) {
				must(!chdir(argv[k]));
				prepare();
				changes[i].change();
				_exit(0);
			}
			say_status(argv[k], wait_for(pid));
		}
		must(known);
	}
}

const struct scene scenes[] = {
	{"change", play_change},
	{NULL, NULL},
};
