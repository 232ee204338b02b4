/*
 * Start-up.
 *
 * Entry points may be called long before this runs: by the constructors of other libraries, by a preloaded allocator,
 * by the dynamic loader's own business. They work at every stage:
 *
 *     1. before libc's function is known                             the raw system call
 *     2. before the constructor                                      asleep: libc's function
 *     3. after it, when there is nothing to do                       asleep: libc's function
 *     4. after it, in mode ring, or when statistics are wanted       awake
 *     5. where an engine is interested in such calls                 awake
 *
 * Nothing is set up here that a program may not need: no ring, no thread, no memory.
 */
#include <elf.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "config/text.h"
#include "shim/engine/engine.h"
#include "shim/live.h"
#include "shim/log.h"
#include "shim/lookup.h"
#include "shim/policy.h"
#include "shim/process.h"
#include "shim/stats.h"
#include "shim/thread.h"

unsigned awake;

static struct xu_config config;
static char name[256];

const struct xu_config *process_config(void)
{
	return &config;
}

const char *process_name(void)
{
	return name;
}

/* Copied, since programs overwrite their arguments to show what they are doing. */
static void learn_name(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN);
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct xu_text t;

	xu_text_init(&t, name, sizeof(name));
	xu_text_str(&t, slash ? slash + 1 : path ? path : "?");
}

static void report(const char *message)
{
	log_line(XU_LOG_WARN, message, NULL);
}

/* What is wrong in the environment is told when all of it has been read, for it says where to. */
static bool mistaken;

static void note_mistake(const char *message)
{
	(void)message;
	mistaken = true;
}

/* Does valgrind watch? It would take what the kernel writes through a ring for memory that nobody has written. */
static bool under_valgrind(char *const *env)
{
	static const char library[] = "/vgpreload_";

	for (; env && *env; env++) {
		if (strncmp(*env, "LD_PRELOAD=", 11))
			continue;
		for (const char *s = *env; *(s += xu_text_until(s, '/')); s++)
			if (!strncmp(s, library, sizeof(library) - 1))
				return true;
	}
	return false;
}

static void start_engines(void)
{
	if (config.mode == XU_MODE_AUTO)
		engines_start(&config);
	if (awake & AWAKE_HOOKS)
		thread_start();
}

/* musl gives constructors no arguments, so the environment is taken from where libc has put it. */
__attribute__((constructor)) static void start(void)
{
	char *const *env = environ;

	lookup_start();
	/* With the library in /etc/ld.so.preload, it is in setuid programs too: whoever starts one must not say where we write. */
	if (getauxval(AT_SECURE))
		return;
	learn_name();
	xu_config_defaults(&config);
	xu_config_environment(&config, env, note_mistake);
	log_start((enum xu_log)config.log, config.log_file);
	if (mistaken)
		xu_config_environment(&config, env, report);
	xu_config_files(&config, env, name, report);
	xu_config_profiles(&config, report);
	log_start((enum xu_log)config.log, config.log_file);
	if ((*config.only && !xu_pattern_list(config.only, name)) ||
	    xu_pattern_list(config.skip, name) || under_valgrind(env))
		config.mode = XU_MODE_OFF;
	policy_start(&config, report);
	stats_start(&config, report);
	if (config.mode == XU_MODE_RING)
		process_wake(AWAKE_RING);
	if (live_start(&config) || stats_wanted())
		process_wake(AWAKE_STATS);
	start_engines();
}

__attribute__((destructor)) static void end(void)
{
	engines_settle();
	engines_end();
	/* From here on nothing is put off: nobody would come to put it out. */
	process_sleep(AWAKE_LOOP_ORDER | AWAKE_STREAM);
	stats_write();
	live_stop();
}
