/* Where values come from and which one counts; files, sections and profiles, and each mistake in them. */
#define XU_SYSTEM_FILE "system.conf"
#include "config/file.c" // NOLINT(bugprone-suspicious-include)
#include "check.h"

static char told[4096]; /* every report, each on a line */
static struct xu_config config;

static void report(const char *message)
{
	CHECK(!strchr(message, '\n'));
	CHECK(strlen(told) + strlen(message) + 2 < sizeof(told));
	strcat(strcat(told, message), "\n");
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && !fclose(f));
}

/* Read everything for `program`, with these in the environment (NULL: not set). */
static void load(const char *program, const char *one, const char *two)
{
	char home[4200];
	char *env[] = {home, (char *)(uintptr_t)one, two ? (char *)(uintptr_t)two : NULL, NULL};

	if (!one)
		env[1] = NULL;
	snprintf(home, sizeof(home), "HOME=%s/home", scratch_path);
	told[0] = '\0';
	memset(&config, 0, sizeof(config));
	xu_config_defaults(&config);
	xu_config_environment(&config, env, report);
	xu_config_files(&config, env, program, report);
	xu_config_profiles(&config, report);
}

static void precedence(void)
{
	check_case = "precedence";
	put("system.conf", "");
	put("home/.config/xuring.conf", "");
	load("cat", NULL, NULL);
	CHECK_EQ(config.entries, 256);
	CHECK(xu_config_profile(&config, "safe"));
	load("cat", "XURING_PROFILE=redis", NULL);
	CHECK_EQ(config.entries, 256);
	put("system.conf", "ENTRIES = 7\n");
	load("cat", "XURING_PROFILE=redis", NULL);
	CHECK_EQ(config.entries, 7);
	CHECK_EQ(config.source[XU_OPTION_ENTRIES], XU_FROM_FILE);
	put("home/.config/xuring.conf", "ENTRIES = 8\n");
	load("cat", "XURING_PROFILE=redis", NULL);
	CHECK_EQ(config.entries, 8);
	load("cat", "XURING_PROFILE=redis", "XURING_ENTRIES=9");
	CHECK_EQ(config.entries, 9);
	put("other.conf", "ENTRIES = 10\n");
	load("cat", "XURING_CONFIG=other.conf", NULL);
	CHECK_EQ(config.entries, 10);
	load("cat", "XURING_CONFIG=", NULL);
	CHECK_EQ(config.entries, 256);
	CHECK_STR(told, "");
}

static void profiles(void)
{
	check_case = "profiles";
	put("system.conf", "");
	put("home/.config/xuring.conf", "");
	load("cat", "XURING_PROFILE=redis, bulk", NULL);
	CHECK_STR(told, "");
	CHECK(xu_config_profile(&config, "redis") && xu_config_profile(&config, "bulk"));
	CHECK(xu_config_profile(&config, "server"));
	CHECK(!xu_config_profile(&config, "remote") && !xu_config_profile(&config, "nobody"));
	load("cat", "XURING_PROFILE=redis,postgres", NULL);
	CHECK_EQ(config.entries, 32);
	load("cat", "XURING_PROFILE=remot,bulk", NULL);
	CHECK_STR(told, "PROFILE remot: no such profile; the nearest is remote; ignored\n");
	CHECK(xu_config_profile(&config, "bulk"));
	/* Each one alone is free of mistakes, and says what it is. */
	for (size_t i = 0; i < xu_nr_profile_rows; i++) {
		char text[64];

		if (xu_profile_rows[i].value)
			continue;
		check_case = xu_profile_rows[i].name;
		CHECK(*xu_profile_rows[i].purpose && *xu_profile_rows[i].relaxes);
		snprintf(text, sizeof(text), "XURING_PROFILE=%s", xu_profile_rows[i].name);
		load("cat", text, NULL);
		CHECK_STR(told, "");
		CHECK(xu_config_profile(&config, xu_profile_rows[i].name));
	}
}

static void sections(void)
{
	check_case = "sections";
	put("system.conf", "# a comment\n; another\n  ENTRIES=1 \r\n\n"
			   "[cat]\nENTRIES = 2\n"
			   "[ nginx* ,redis-server]\n  XURING_ENTRIES = 3\nLOG = error\n"
			   "[*sql]\nENTRIES=4\nMODEL=1\n"
			   "[*]\nSTATS =\tjson:/a b=c # d\nSKIP =\n");
	load("dog", NULL, NULL);
	CHECK_EQ(config.entries, 1);
	CHECK_STR(config.stats, "json:/a b=c # d");
	CHECK_EQ(config.log, XU_LOG_WARN);
	load("cat", NULL, NULL);
	CHECK_EQ(config.entries, 2);
	load("nginx-debug", NULL, NULL);
	CHECK_EQ(config.entries, 3);
	CHECK_EQ(config.log, XU_LOG_ERROR);
	load("redis-server", NULL, NULL);
	CHECK_EQ(config.entries, 3);
	/* A mistake concerns those who are meant alone. */
	CHECK_STR(told, "");
	load("mysql", NULL, NULL);
	CHECK_EQ(config.entries, 4);
	CHECK_STR(told, "system.conf:12: MODEL: no such option; the nearest is MODE; ignored\n");
	load(NULL, NULL, NULL);
	CHECK(strstr(told, "system.conf:12: MODEL"));
}

/* What a file says for a program, and what is told of it. */
static void mistakes(void)
{
	static char huge[FILE_MAX + 2], wide[2000];
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"ENTRIES\n", "f:1: a line without =: write KEY = value, [program] or # comment\n"},
		{"\nmode = ring\n", "f:2: mode: no such option; the nearest is MODE; ignored\n"},
		{"MODE=fast", "f:1: MODE=fast: not one of auto|ring|off; ignored\n"},
		{"ENTRIES = 0\n", "f:1: ENTRIES=0: not a number from 1 to 4096; ignored\n"},
		{"= 5\n", "f:1: : no such option; the nearest is LOG; ignored\n"},
		{"[cat\nMODE=ring\n", "f:1: a section without its end: write [name], [name*, other] "
				      "or [*]\n"},
		{"[ ]\n", "f:1: a section without a name: write [name], [name*, other] or [*]\n"},
		{"CONFIG=/x\n",
		 "f:1: CONFIG: only the environment can say which file is read; ignored\n"},
		{"LOGG=\nLOG=x\nLOG=y\n", "f:1: LOGG: no such option; the nearest is LOG; ignored (2 more "
					  "mistakes; xuring check lists them)\n"},
		{"a\1b\n", "f:1: not a line of text: ignored\n"},
		{wide, "f:1: a line that is too long: ignored\n"},
		{huge, "f: longer than 64 KiB; the file is ignored\n"},
		{"", ""},
		{"\xef\xbb\xbf\n",
		 "f:1: a line without =: write KEY = value, [program] or # comment\n"},
	};

	memset(huge, '\n', sizeof(huge) - 1);
	memset(wide, 'x', sizeof(wide) - 2);
	wide[sizeof(wide) - 2] = '\n';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_case = cases[i].message;
		put("f", cases[i].text);
		load("cat", "XURING_CONFIG=f", NULL);
		CHECK_STR(told, cases[i].message);
		CHECK_EQ(config.mode, XU_MODE_AUTO);
		CHECK_EQ(config.entries, 256);
	}
}

static void hostile(void)
{
	static const char *const named[][2] = {
		{"XURING_CONFIG=gone", "gone: no such file; no configuration file is read\n"},
		{"XURING_CONFIG=f/f", "f/f: no such file; no configuration file is read\n"},
		{"XURING_CONFIG=fifo", "fifo: not a regular file; the file is ignored\n"},
		{"XURING_CONFIG=.", ".: not a regular file; the file is ignored\n"},
		{"XURING_CONFIG=/dev/null", "/dev/null: not a regular file; the file is ignored\n"},
		{"XURING_CONFIG=/dev/zero", "/dev/zero: not a regular file; the file is ignored\n"},
		{"XURING_CONFIG=circle", "circle: can not be opened; no configuration file is "
					 "read\n"},
	};

	CHECK(!mkfifo("fifo", 0600) && !symlink("circle", "circle"));
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		check_case = named[i][0];
		load("cat", named[i][0], NULL);
		CHECK_STR(told, named[i][1]);
	}
	/* Those that nobody has named are passed over where they can not be read. */
	check_case = "not named";
	CHECK(!remove("system.conf"));
	load("cat", NULL, NULL);
	CHECK_STR(told, "");
	CHECK(!symlink("circle", "system.conf"));
	load("cat", NULL, NULL);
	CHECK_STR(told, "");
	CHECK(!remove("system.conf"));
	put("home/.config/xuring.conf", "ENTRIES=5\n");
	load("cat", NULL, NULL);
	CHECK_EQ(config.entries, 5);
	if (!chown("home/.config/xuring.conf", 65534, 65534)) {
		load("cat", NULL, NULL);
		CHECK_EQ(config.entries, 256);
		CHECK(strstr(told, "belongs to another user"));
	}
}

static void patterns(void)
{
	check_case = "patterns";
	CHECK(xu_pattern_list("a, b ,c", "b"));
	CHECK(xu_pattern_list(" *x? ", "axxy"));
	CHECK(!xu_pattern_list(" , ", ""));
	CHECK(!xu_pattern_list("a b", "a"));
}

int main(void)
{
	scratch();
	CHECK(!mkdir("home", 0700) && !mkdir("home/.config", 0700));
	precedence();
	profiles();
	sections();
	mistakes();
	hostile();
	patterns();
	return 0;
}
