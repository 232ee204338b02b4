/*
 * Can this machine, this container and this program use it? Each finding is one line, good, limited or no, with what to
 * do about it; as JSON, the same findings in an array.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/syscall.h"
#include "shim/info.h"
#include "shim/policy.h"
#include "shim/symbols.h"
#include "xuring.h"

#if defined(__x86_64__)
#define MACHINE "x86-64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#else
#define MACHINE "RISC-V"
#endif

enum verdict { GOOD, LIMITED, NO };
static const char *const verdicts[] = {"good", "limited", "no"};

static struct xu_text *out;
static bool json;
static enum verdict worst;
static unsigned findings;

/* What it is about, how it is, in words, and what to do (NULL: nothing). */
static void find(const char *about, enum verdict verdict, const char *words, const char *remedy)
{
	if (verdict > worst)
		worst = verdict;
	if (json) {
		xu_text_str(out, findings++ ? ",\n {\"about\":" : "\n {\"about\":");
		xu_text_json(out, about);
		xu_text_str(out, ",\"verdict\":");
		xu_text_json(out, verdicts[verdict]);
		xu_text_str(out, ",\"finding\":");
		xu_text_json(out, words);
		xu_text_str(out, ",\"remedy\":");
		xu_text_json(out, remedy ? remedy : "");
		xu_text_str(out, "}");
		return;
	}
	xu_text_pad(out, verdicts[verdict], 9);
	xu_text_pad(out, about, 10);
	xu_text_str(out, words);
	xu_text_str(out, "\n");
	if (remedy) {
		xu_text_pad(out, "", 19);
		xu_text_str(out, "-> ");
		xu_text_str(out, remedy);
		xu_text_str(out, "\n");
	}
}

/* A small number from a file of the kernel's. -1: there is no such file. */
static int number_in(const char *path)
{
	long fd = xu_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	char c = '0';
	long n;

	if (fd < 0)
		return -1;
	n = xu_sys(SYS_read, fd, &c, 1);
	xu_sys(SYS_close, fd);
	return n == 1 ? c - '0' : -1;
}

/* The kernel's version as major * 1000 + minor. */
static unsigned kernel_version(char *release)
{
	struct utsname uts;
	unsigned part[2] = {0, 0};
	const char *s = uts.release;

	if (xu_sys(SYS_uname, &uts) < 0)
		uts.release[0] = '\0';
	for (int i = 0; i < 2; i++, s += *s == '.')
		for (; *s >= '0' && *s <= '9'; s++)
			part[i] = part[i] * 10 + (unsigned)(*s - '0');
	strcpy(release, uts.release);
	return part[0] * 1000 + part[1];
}

/* ---- The ring ---- */

/* What may stand behind a refusal. */
static const char *remedy_of(int error)
{
	int disabled = number_in("/proc/sys/kernel/io_uring_disabled");

	if (error == EPERM && disabled == 2)
		return "as root: sysctl kernel.io_uring_disabled=0";
	if (error == EPERM && disabled == 1)
		return "as root: sysctl kernel.io_uring_disabled=0, or join the group that "
		       "kernel.io_uring_group names";
	if (policy_seccomp_mode() == 2)
		return "let the sandbox allow io_uring_setup, io_uring_enter and io_uring_register "
		       "(container: scripts/examples/seccomp.json)";
	if (error == EPERM || error == EACCES)
		return "ask who set up this machine: a security module may refuse it";
	if (error == ENOSYS)
		return "a kernel from 5.1 on that is built with CONFIG_IO_URING";
	if (error == ENOMEM)
		return "more memory that may be locked: ulimit -l unlimited, or more memory";
	return NULL;
}

static const char *error_name(int error)
{
	switch (error) {
	case EPERM: return "EPERM (not permitted)";
	case EACCES: return "EACCES (access denied)";
	case ENOSYS: return "ENOSYS (there is no such call)";
	case ENOMEM: return "ENOMEM (no memory, or none that may be locked)";
	case EINVAL: return "EINVAL (not understood)";
	case EMFILE: return "EMFILE (too many open files)";
	default: return "an error";
	}
}

/* There is a ring; does it work? Else the call that does not, and -errno. */
static const char *use_ring(struct xu_ring *ring, struct xu_probe *probe, int *ret)
{
	struct io_uring_sqe *sqe = xu_get_sqe(ring);

	*ret = xu_probe_ring(ring, probe);
	if (*ret)
		return "io_uring_register";
	if (sqe)
		xu_prep_nop(sqe);
	*ret = xu_submit(ring);
	return *ret < 0 ? "io_uring_enter" : NULL;
}

void info_ring(struct ring_answer *answer)
{
	const char *call = "io_uring_setup";
	unsigned ops = 0, all = 0;
	struct xu_probe probe;
	struct xu_ring ring;
	struct xu_text t;
	char features[160];
	int ret;

	xu_text_init(&t, answer->what, sizeof(answer->what));
	answer->had = false;
	if (!policy_may_ask()) {
		xu_text_str(&t, "none: a sandbox kills whoever asks for one");
		answer->remedy = remedy_of(0);
		return;
	}
	ret = xu_queue_init_best(64, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0);
	if (!ret) {
		call = use_ring(&ring, &probe, &ret);
		if (call)
			xu_queue_exit(&ring);
	}
	if (call) {
		xu_text_str(&t, "none: ");
		xu_text_str(&t, call);
		xu_text_str(&t, " says ");
		xu_text_str(&t, error_name(-ret));
		answer->remedy = remedy_of(-ret);
		return;
	}
	xu_text_str(&t, "can be had, ");
	xu_text_str(&t, xu_ring_visibility(&ring));
	xu_text_str(&t, " (");
	xu_text_str(&t, xu_ring_describe(&ring, features, sizeof(features)));
	xu_text_str(&t, "), ");
	for (; xu_op_name(all); all++)
		ops += xu_opcode_supported(&probe, all);
	xu_text_num(&t, ops, 0);
	xu_text_str(&t, " of ");
	xu_text_num(&t, all, 0);
	xu_text_str(&t, " ops");
	answer->had = true;
	answer->remedy = NULL;
	xu_queue_exit(&ring);
}

static void check_ring(void)
{
	struct ring_answer answer;

	info_ring(&answer);
	find("ring", answer.had ? GOOD : NO, answer.what, answer.remedy);
}

/* ---- Machine and container ---- */

static void check_kernel(void)
{
	char release[80];
	unsigned version = kernel_version(release);

	if (version < 5001)
		find("kernel", NO, release, "a kernel from 5.1 on, better 6.1");
	else if (version < 6001)
		find("kernel", LIMITED, release, "6.1 and newer have cheaper and more hidden rings");
	else
		find("kernel", GOOD, release, NULL);
}

static void check_sysctl(void)
{
	switch (number_in("/proc/sys/kernel/io_uring_disabled")) {
	case 1:
		find("sysctl", LIMITED,
		     "kernel.io_uring_disabled is 1: only root and one group may", remedy_of(EPERM));
		break;
	case 2:
		find("sysctl", NO, "kernel.io_uring_disabled is 2: nobody may", remedy_of(EPERM));
		break;
	case 0: find("sysctl", GOOD, "kernel.io_uring_disabled is 0: everybody may", NULL); break;
	default: find("sysctl", GOOD, "no kernel.io_uring_disabled (older than 6.6)", NULL);
	}
}

/* The name of what contains us, as far as it leaves traces; NULL if there are none. */
static const char *container(void)
{
	static const char *const traces[][2] = {{"/.dockerenv", "docker"},
						{"/run/.containerenv", "podman"},
						{"/run/systemd/container", "systemd-nspawn or lxc"}};

	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++)
		if (!xu_sys(SYS_faccessat, AT_FDCWD, traces[i][0], F_OK))
			return traces[i][1];
	return NULL;
}

static void check_sandbox(void)
{
	const char *in = container();
	char buf[160];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	xu_text_str(&t, in ? "container: " : "no container");
	xu_text_str(&t, in ? in : "");
	switch (policy_seccomp_mode()) {
	case 0:
		xu_text_str(&t, ", no seccomp filter");
		find("sandbox", GOOD, buf, NULL);
		break;
	case -1:
		xu_text_str(&t, "; /proc is not there to tell of filters");
		find("sandbox", LIMITED, buf, "mount /proc");
		break;
	default:
		xu_text_str(&t, ", a seccomp filter: see below whether it lets io_uring through");
		find("sandbox", LIMITED, buf, NULL);
	}
}

/*
 * Before 5.12, and again from 6.14 on, what a ring needs counts as locked memory, of users without CAP_IPC_LOCK. In
 * between it counts as memory of the control group alone.
 */
static void check_memlock(void)
{
	struct rlimit limit = {0, 0};
	char release[80], buf[160];
	struct xu_text t;
	unsigned version = kernel_version(release);
	bool little, counts = (version < 5012 || version >= 6014) && xu_sys(SYS_geteuid) != 0;

	xu_sys(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, &limit);
	little = limit.rlim_cur < 512 * 1024;
	xu_text_init(&t, buf, sizeof(buf));
	if (limit.rlim_cur == RLIM_INFINITY) {
		xu_text_str(&t, "unlimited");
	} else {
		xu_text_num(&t, limit.rlim_cur / 1024, 0);
		xu_text_str(&t, " KiB may be locked");
	}
	if (little && counts)
		find("memlock", LIMITED, buf, "a ring of each thread takes 8 KiB: ulimit -l 8192");
	else
		find("memlock", GOOD, buf, NULL);
}

static void mistake(const char *message)
{
	find("config", LIMITED, message, "correct the line");
}

static void told_already(const char *message)
{
	(void)message;
}

/* What is set for a program, and by what: "PROFILE=redis (file)". */
static void check_options(const char *program)
{
	static const char *const sources[] = {"default", "profile", "file", "environment"};
	static struct xu_config config;
	const char *slash = program ? strrchr(program, '/') : NULL;
	char buf[1024];
	struct xu_text t;
	char word[32];

	xu_config_defaults(&config);
	xu_config_environment(&config, environ, mistake);
	xu_config_files(&config, environ, NULL, mistake);
	if (!program)
		return;
	memset(&config, 0, sizeof(config));
	xu_config_defaults(&config);
	xu_config_environment(&config, environ, told_already);
	xu_config_files(&config, environ, slash ? slash + 1 : program, told_already);
	xu_config_profiles(&config, mistake);
	xu_text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < XU_NR_OPTIONS; i++) {
		const struct xu_option *o = &xu_options[i];
		const char *member = (const char *)&config + o->offset;

		if (!config.source[i])
			continue;
		xu_text_str(&t, t.len ? ", " : "");
		xu_text_str(&t, o->name);
		xu_text_str(&t, "=");
		switch (o->kind) {
		case XU_CHOICE:
			xu_text_str(&t, xu_config_word(o->name, *(const unsigned *)(const void *)member,
						       word, sizeof(word)));
			break;
		case XU_NUMBER:
			xu_text_num(&t, *(const unsigned long *)(const void *)member, 0);
			break;
		case XU_TEXT: xu_text_str(&t, member); break;
		}
		xu_text_str(&t, " (");
		xu_text_str(&t, sources[config.source[i]]);
		xu_text_str(&t, ")");
	}
	if (config.mode == XU_MODE_OFF)
		find("options", NO, buf, "MODE=off passes everything on: set it to auto");
	else
		find("options", GOOD, t.len ? buf : "none set: all defaults", NULL);
}

static void check_program(const char *program)
{
	static struct target target;

	info_target(&target, program);
	if (target.verdict == TARGET_BARE)
		find("program", NO, target.why, "it runs as always, bare");
	else if (target.verdict != TARGET_SERVED)
		find("program", NO, target.why, "name a program as a shell would find it");
	else if (target.go)
		find("program", LIMITED, "written in Go: it makes its system calls without libc",
		     "only what it calls by libc is seen");
	else
		find("program", GOOD, "dynamically linked, for this machine and libc",
		     worst < NO ? "would it pay? xuring advise PROG ARGUMENTS" : NULL);
}

int info_check(struct xu_text *to, char **args)
{
	const char *program = NULL;

	out = to;
	for (; *args; args++) {
		if (!strcmp(*args, "--json")) {
			json = true;
		} else if (!program && **args != '-') {
			program = *args;
		} else {
			info_say("check takes --json and one program, no arguments of it");
			return 2;
		}
	}
	if (json)
		xu_text_str(out, "{\"findings\":[");
	find("library", GOOD, "xuring " XU_VERSION ", " MACHINE, NULL);
	check_kernel();
	check_sysctl();
	check_sandbox();
	check_memlock();
	check_ring();
	check_options(program);
	if (program)
		check_program(program);
	if (json) {
		xu_text_str(out, "\n],\"verdict\":");
		xu_text_json(out, verdicts[worst]);
		xu_text_str(out, "}\n");
	}
	return worst == NO;
}

/* ---- The questions of `xuring run` ---- */

/* "KEY=VALUE" of a command line. False: told. */
static bool judge_option(const char *s)
{
	static struct xu_config config;
	size_t len = strcspn(s, "=");
	char buf[320] = "-o ";
	struct xu_text t = {buf, sizeof(buf), 3};

	if (s[len] != '=') {
		xu_text_mem(&t, s, strnlen(s, 100));
		xu_text_str(&t, ": write KEY=VALUE; xuring options lists the keys");
	} else if (xu_config_set(&config, XU_FROM_FILE, s, len, s + len + 1, &t)) {
		return true;
	}
	info_say(buf);
	return false;
}

static bool wrong_profile;

/* Where a program runs on without a wrong profile, it is "ignored"; here nothing runs. */
static void report_profile(const char *message)
{
	static const char ignored[] = "; ignored";
	char buf[320];
	struct xu_text t;

	wrong_profile = true;
	xu_text_init(&t, buf, sizeof(buf));
	xu_text_mem(&t, message, strlen(message) - (sizeof(ignored) - 1));
	info_say(buf);
}

static bool judge_profiles(const char *list)
{
	static struct xu_config config;
	char buf[320] = "-p ";
	struct xu_text t = {buf, sizeof(buf), 3};

	if (!xu_config_set(&config, XU_FROM_FILE, "PROFILE", 7, list, &t)) {
		info_say(buf);
		return false;
	}
	xu_config_profiles(&config, report_profile);
	return !wrong_profile;
}

/* "PROG: why" */
static void say_of(const char *program, const char *words, const char *more)
{
	char buf[1024];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	xu_text_mem(&t, program, strnlen(program, 300));
	xu_text_str(&t, words);
	xu_text_str(&t, more);
	info_say(buf);
}

/*
 * 0: run it with the library. 1: run it bare, it was told why. 2: something in the command line is wrong. 126, 127: the
 * program can not be run, as a shell has it. Everything is told in a line.
 */
int info_judge(struct xu_text *to, char **args)
{
	static struct target target;
	struct ring_answer ring;
	bool good = true;

	(void)to;
	for (; args[0] && args[1] && args[0][0] == '-' && args[0][1] != '-'; args += 2)
		good &= args[0][1] == 'p' ? judge_profiles(args[1]) : judge_option(args[1]);
	if (!good)
		return 2;
	if (!args[0] || !args[1])
		return 2;
	info_target(&target, args[1]);
	switch (target.verdict) {
	case TARGET_SERVED: break;
	case TARGET_MISSING: say_of(args[1], ": ", target.why); return 127;
	case TARGET_REFUSED: say_of(args[1], ": ", target.why); return 126;
	case TARGET_BARE: say_of(args[1], " runs bare: ", target.why); return 1;
	}
	info_ring(&ring);
	if (ring.had)
		return 0;
	say_of(args[1], " runs bare: there is no ring to be had. ", ring.what + strlen("none: "));
	if (ring.remedy)
		say_of("what helps", ": ", ring.remedy);
	return 1;
}
