/*
 * The library as a program. It is the one that knows the tables and what it was built for, so the command xuring
 * (scripts/xuring) and the manual ask it:
 *
 *     libxuring-shim.so                              version, what this kernel has, which symbol takes which op
 *     libxuring-shim.so version
 *     libxuring-shim.so options [--rows]             the options; as rows with tabs between for scripts
 *     libxuring-shim.so profiles [--rows]            the profiles
 *     libxuring-shim.so engines                      the names of the engines that are built in
 *     libxuring-shim.so check [--json] [PROG]        can this machine, this container and this program use it?
 *     libxuring-shim.so judge [-p NAMES] [-o KEY=VALUE]... -- PROG      the questions of `xuring run`
 *
 * The entry point and the interpreter make it executable. What else the library is does not run then: no constructor, no
 * symbol is interposed. Nothing but system calls and string functions is used.
 */
#include "core/syscall.h"
#include "shim/info.h"
#include "shim/log.h"

#include <fcntl.h>

extern const char interpreter[];
const char interpreter[] __attribute__((section(".interp"), used)) = INFO_INTERPRETER;

static struct xu_text out;

void info_say(const char *message)
{
	char buf[1024];
	struct xu_text t;

	xu_text_init(&t, buf, sizeof(buf));
	xu_text_str(&t, "xuring: ");
	xu_text_str(&t, message);
	xu_text_str(&t, "\n");
	log_write(NULL, 2, t.buf, t.len);
}

/* Our arguments, from where the kernel shows them: libc has given them to nobody. The first one is the command. */
static char **arguments(void)
{
	static char text[64 * 1024];
	static char *argv[1024];
	long fd = xu_sys(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
	size_t len = 0, argc = 0;
	long n;

	while (fd >= 0 && len < sizeof(text) - 1 &&
	       (n = xu_sys(SYS_read, fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		xu_sys(SYS_close, fd);
	for (char *s = text; s < text + len && argc < 1023; s += strlen(s) + 1)
		argv[argc++] = s;
	return argv + (argc > 0);
}

static int run_version(struct xu_text *t, char **args)
{
	(void)args;
	xu_text_str(t, "xuring " XU_VERSION "\n");
	return 0;
}

static int run_kernel(struct xu_text *t, char **args)
{
	(void)args;
	return info_kernel(t) ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(struct xu_text *out, char **args); /* returns the exit status */
} commands[] = {{"kernel", run_kernel},	     {"version", run_version},	{"options", info_options},
		{"profiles", info_profiles}, {"engines", info_engines}, {"check", info_check},
		{"judge", info_judge}};

__attribute__((noreturn, used, noinline)) static void answer(void)
{
	static char buf[64 * 1024];
	char **args = arguments();
	const char *name = *args ? *args++ : "kernel";
	int status = 2;
	size_t i = 0;

	xu_text_init(&out, buf, sizeof(buf));
	while (i < sizeof(commands) / sizeof(commands[0]) && strcmp(commands[i].name, name) != 0)
		i++;
	if (i < sizeof(commands) / sizeof(commands[0]))
		status = commands[i].run(&out, args);
	else
		info_say("no such command; there are kernel, version, options, profiles, engines, check and judge");
	if (out.len && !log_write(NULL, 1, out.buf, out.len) && !status)
		status = 1;
	xu_sys(SYS_exit_group, status);
	__builtin_unreachable();
}

/* Where the kernel, or the dynamic loader, starts the program. */
#if defined(__x86_64__)
/* The stack is aligned as for a call that has already pushed its return address. */
#define STARTS_PROGRAM __attribute__((visibility("hidden"), noreturn, force_align_arg_pointer))
#else
#define STARTS_PROGRAM __attribute__((visibility("hidden"), noreturn))
#endif

STARTS_PROGRAM void xu_start(void);
void xu_start(void)
{
	answer();
}
