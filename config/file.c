/*
 * Configuration files: KEY = value, in sections by the names of programs.
 *
 *     # lines before any section are for every program
 *     PROFILE = safe
 *
 *     [redis-server, nginx*]
 *     PROFILE = server
 *
 * This is read at the start of programs that know nothing of it, with whatever paths their environment names. So nothing
 * here may wait, allocate, or need more than a small stack: files that are not regular are not read, nor what is beyond
 * 64 KiB, and a file is opened such that a FIFO or a device does not wait. A file of a home directory that belongs to
 * neither root nor the user is not read either: HOME may be somebody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "config/config.h"
#include "core/syscall.h"

#ifndef XU_SYSTEM_FILE
#define XU_SYSTEM_FILE "/etc/xuring.conf"
#endif
#define USER_FILE "/.config/xuring.conf"
#define FILE_MAX (64 * 1024)

/* A file being read. */
struct file {
	const char *path;
	const char *program; /* NULL: every section is looked at */
	struct xu_config *config;
	xu_config_report *report;
	unsigned line, mistakes;
	bool applies; /* the section that we are in */
	int fd;
	size_t total, at, have;
	char chunk[1024];
	char text[XU_TEXT_MAX + 128]; /* of the line */
	char first[512];	      /* the first mistake */
};

/* ---- Mistakes ---- */

/* "PATH:LINE: what: remedy". Only the first is kept where the program is not the one to be told of all. */
static void mistake(struct file *f, const char *what, const char *remedy)
{
	struct xu_text t;

	if (f->mistakes++ && f->program)
		return;
	xu_text_init(&t, f->first, sizeof(f->first));
	xu_text_mem(&t, f->path, strnlen(f->path, 200));
	xu_text_str(&t, ":");
	if (f->line) {
		xu_text_num(&t, f->line, 0);
		xu_text_str(&t, ":");
	}
	xu_text_str(&t, " ");
	xu_text_str(&t, what);
	xu_text_str(&t, remedy);
	if (!f->program)
		f->report(f->first);
}

static void report_mistakes(struct file *f)
{
	struct xu_text t = {f->first, sizeof(f->first), strlen(f->first)};

	if (!f->mistakes || !f->program)
		return;
	if (f->mistakes > 1) {
		xu_text_str(&t, " (");
		xu_text_num(&t, f->mistakes - 1, 0);
		xu_text_str(&t, f->mistakes > 2 ? " more mistakes" : " more mistake");
		xu_text_str(&t, "; xuring check lists them)");
	}
	f->report(f->first);
}

/* ---- Lines ---- */

/* The next byte, or -1. */
static int next_byte(struct file *f)
{
	if (f->at == f->have) {
		long n = f->total < FILE_MAX ? xu_sys(SYS_read, f->fd, f->chunk, sizeof(f->chunk))
					     : 0;

		if (n <= 0)
			return -1;
		f->total += (size_t)n;
		f->have = (size_t)n;
		f->at = 0;
	}
	return (unsigned char)f->chunk[f->at++];
}

enum line { LINE_NONE, LINE_TEXT, LINE_BINARY, LINE_LONG };

/* The next line into f->text, without its end. */
static enum line next_line(struct file *f)
{
	enum line kind = LINE_TEXT;
	size_t len = 0;
	int c = next_byte(f);

	if (c < 0)
		return LINE_NONE;
	f->line++;
	for (; c >= 0 && c != '\n'; c = next_byte(f)) {
		if ((c < ' ' && c != '\t' && c != '\r') || c == 127)
			kind = LINE_BINARY;
		else if (len < sizeof(f->text) - 1)
			f->text[len++] = (char)c;
		else if (kind == LINE_TEXT)
			kind = LINE_LONG;
	}
	f->text[len] = '\0';
	return kind;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut the blanks off both ends. */
static char *trim(char *s)
{
	size_t len;

	while (is_blank(*s))
		s++;
	len = strlen(s);
	while (len && is_blank(s[len - 1]))
		s[--len] = '\0';
	return s;
}

/* "[pattern, ...]": are we meant? What follows a head that is not understood is for nobody. */
static void section(struct file *f, char *s)
{
	size_t len = strlen(s);

	f->applies = false;
	if (s[len - 1] != ']') {
		mistake(f, "a section without its end", ": write [name], [name*, other] or [*]");
		return;
	}
	s[len - 1] = '\0';
	if (!*trim(s + 1))
		mistake(f, "a section without a name", ": write [name], [name*, other] or [*]");
	f->applies = !f->program || xu_pattern_list(s + 1, f->program);
}

static void setting(struct file *f, char *key)
{
	char *value = strchr(key, '=');
	char buf[320];
	struct xu_text why;

	if (!value) {
		mistake(f, "a line without =", ": write KEY = value, [program] or # comment");
		return;
	}
	*value++ = '\0';
	key = trim(key);
	if (!strncmp(key, "XURING_", 7))
		key += 7;
	xu_text_init(&why, buf, sizeof(buf));
	if (!strcmp(key, "CONFIG"))
		mistake(f, "CONFIG: only the environment can say which file is read", "; ignored");
	else if (!xu_config_set(f->config, XU_FROM_FILE, key, strlen(key), trim(value), &why))
		mistake(f, buf, "; ignored");
}

static void read_lines(struct file *f)
{
	enum line kind;

	f->applies = true;
	while ((kind = next_line(f)) != LINE_NONE) {
		char *s = trim(f->text);

		if (kind == LINE_BINARY)
			mistake(f, "not a line of text", ": ignored");
		else if (*s == '\0' || *s == '#' || *s == ';')
			continue;
		else if (kind == LINE_LONG)
			mistake(f, "a line that is too long", ": ignored");
		else if (*s == '[')
			section(f, s);
		else if (f->applies)
			setting(f, s);
	}
}

/* ---- Files ---- */

/* Why the open file is not to be read; NULL if it is. */
static const char *unfit(const struct file *f, bool named)
{
	struct stat st;

	if (xu_sys(SYS_fstat, f->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_size > FILE_MAX)
		return "longer than 64 KiB";
	if (!named && st.st_uid && st.st_uid != getauxval(AT_EUID))
		return "belongs to another user";
	return NULL;
}

/* A file that the user names must be there; the others may be missing, or not for us to read. */
static void read_file(struct xu_config *config, const char *path, bool named, const char *program,
		      xu_config_report *report)
{
	struct file f = {.path = path, .program = program, .config = config, .report = report};
	const char *why;

	f.fd = (int)xu_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			   0);
	if (f.fd < 0) {
		why = f.fd == -ENOENT || f.fd == -ENOTDIR ? "no such file" : "can not be opened";
		if (named)
			mistake(&f, why, "; no configuration file is read");
	} else {
		why = unfit(&f, named);
		if (why)
			mistake(&f, why, "; the file is ignored");
		else
			read_lines(&f);
		xu_sys(SYS_close, f.fd);
	}
	report_mistakes(&f);
}

static const char *value_of(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env && *env; env++)
		if (!strncmp(*env, name, len) && (*env)[len] == '=')
			return *env + len + 1;
	return "";
}

void xu_config_files(struct xu_config *config, char *const *env, const char *program,
		     xu_config_report *report)
{
	const char *home = value_of(env, "HOME");
	char path[1024];
	struct xu_text t;

	if (config->source[XU_OPTION_CONFIG] == XU_FROM_ENVIRONMENT) {
		/* Set to nothing: no file is read. */
		if (*config->config_file)
			read_file(config, config->config_file, true, program, report);
		return;
	}
	read_file(config, XU_SYSTEM_FILE, false, program, report);
	xu_text_init(&t, path, sizeof(path));
	xu_text_str(&t, home);
	xu_text_str(&t, USER_FILE);
	if (*home == '/' && t.len < sizeof(path) - 1)
		read_file(config, path, false, program, report);
}
