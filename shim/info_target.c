/*
 * Can a program be served? What is certain before it runs stands in its file: whether the dynamic loader, which does the
 * preloading, has anything to do with it, for which machine and libc, and whether it gains privileges, so that the loader
 * takes no library from its user. A script is served if its interpreter is.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "core/syscall.h"
#include "shim/info.h"

#ifndef ST_NOSUID
#define ST_NOSUID 2
#endif

/* What we are ourselves: the head of this library. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static void end(struct target *t, int verdict, const char *why, const char *more)
{
	struct xu_text text = {t->why, sizeof(t->why), strlen(t->why)};

	t->verdict = verdict;
	xu_text_str(&text, why);
	xu_text_str(&text, more);
}

/* ---- Where it is ---- */

/* 0 if it can be executed, -ENOENT and the like, -EACCES. */
static int executable(const char *path)
{
	struct stat st;
	long ret = xu_sys(SYS_newfstatat, AT_FDCWD, path, &st, 0);

	if (ret < 0)
		return (int)ret;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return (int)xu_sys(SYS_faccessat, AT_FDCWD, path, X_OK);
}

/* Look it up in PATH as a shell does: the first that can be executed; t->path. 0 or -errno. */
static int look_up(struct target *t, const char *program)
{
	const char *dirs = NULL;
	int found = -ENOENT;
	struct xu_text text;

	xu_text_init(&text, t->path, sizeof(t->path));
	if (strchr(program, '/') || !*program) {
		xu_text_str(&text, program);
		return *program ? executable(t->path) : -ENOENT;
	}
	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, "PATH=", 5))
			dirs = *e + 5;
	for (bool more = dirs; more; dirs++) {
		size_t n = strcspn(dirs, ":");
		int ret;

		xu_text_init(&text, t->path, sizeof(t->path));
		xu_text_mem(&text, n ? dirs : ".", n ? n : 1);
		xu_text_str(&text, "/");
		xu_text_str(&text, program);
		ret = executable(t->path);
		if (!ret)
			return 0;
		if (ret == -EACCES)
			found = -EACCES;
		dirs += n;
		more = *dirs;
	}
	return found;
}

/* ---- Privileges ---- */

/* Will the loader think that the program has more privileges than its user? */
static bool gains_privileges(long fd, const char **how)
{
	char caps[64];
	struct stat st;
	struct statfs fs;

	if (xu_sys(SYS_fstat, fd, &st) < 0)
		return false;
	if (!xu_sys(SYS_fstatfs, fd, &fs) && fs.f_flags & ST_NOSUID)
		return false;
	if (xu_sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	*how = "it is setuid: the dynamic loader preloads nothing there";
	if (st.st_mode & S_ISUID && st.st_uid != (uid_t)xu_sys(SYS_getuid))
		return true;
	*how = "it is setgid: the dynamic loader preloads nothing there";
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
	    st.st_gid != (gid_t)xu_sys(SYS_getgid))
		return true;
	*how = "it has file capabilities: the dynamic loader preloads nothing there";
	return xu_sys(SYS_getuid) != 0 &&
	       xu_sys(SYS_fgetxattr, fd, "security.capability", caps, sizeof(caps)) > 0;
}

/* ---- ELF ---- */

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {{EM_X86_64, "x86-64"},  {EM_386, "32-bit x86"}, {EM_AARCH64, "aarch64"},
		     {EM_ARM, "32-bit ARM"}, {EM_RISCV, "RISC-V"},   {EM_PPC64, "ppc64"},
		     {EM_S390, "s390"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another architecture";
}

/* "musl" or "glibc", by the name of the dynamic loader. */
static const char *libc_of(const char *loader)
{
	return strstr(loader, "ld-musl") ? "musl" : "glibc";
}

/* Has this segment of notes the one that Go's linker leaves? */
static bool note_of_go(long fd, const ElfW(Phdr) * p)
{
	char buf[512];
	long n = xu_sys(SYS_pread64, fd, buf, sizeof(buf), p->p_offset);

	/* Each has the sizes of name and description, the type, the name. */
	for (long i = 0; i + 16 <= n; i += 4)
		if (!memcmp(buf + i, "\4\0\0\0", 4) && !memcmp(buf + i + 12, "Go\0", 4))
			return true;
	return false;
}

static void judge_elf(struct target *t, long fd, const ElfW(Ehdr) * head)
{
	char loader[256] = "";
	const char *how;

	if (head->e_machine != __ehdr_start.e_machine ||
	    head->e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
	    head->e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA]) {
		end(t, TARGET_BARE, "it is built for ", machine_name(head->e_machine));
		return;
	}
	for (unsigned i = 0; i < head->e_phnum && i < 64; i++) {
		ElfW(Phdr) p;

		if (xu_sys(SYS_pread64, fd, &p, sizeof(p),
			   head->e_phoff + (size_t)i * head->e_phentsize) != sizeof(p))
			break;
		if (p.p_type == PT_INTERP)
			xu_sys(SYS_pread64, fd, loader,
			       p.p_filesz < sizeof(loader) - 1 ? p.p_filesz : sizeof(loader) - 1,
			       p.p_offset);
		else if (p.p_type == PT_NOTE)
			t->go |= note_of_go(fd, &p);
	}
	if (!*loader)
		end(t, TARGET_BARE, "it is statically linked: no library can be preloaded", "");
	else if (strcmp(libc_of(loader), libc_of(INFO_INTERPRETER)) != 0)
		end(t, TARGET_BARE,
		    "it uses another libc than this library is built for: ", libc_of(loader));
	else if (gains_privileges(fd, &how))
		end(t, TARGET_BARE, how, "");
}

/* ---- Scripts ---- */

/* The next word of a line; cut off with a NUL. NULL: there is none. */
static char *next_word(char **line)
{
	char *word = *line + strspn(*line, " \t");
	size_t len = strcspn(word, " \t");

	*line = word + len + (word[len] != '\0');
	word[len] = '\0';
	return len ? word : NULL;
}

/* Of "#!/usr/bin/env NAME" it is NAME that counts. Returns the interpreter, or NULL. */
static char *interpreter_of(char *line)
{
	char *word = next_word(&line);
	size_t len = word ? strlen(word) : 0;

	if (len < 4 || strcmp(word + len - 4, "/env") != 0)
		return word;
	do
		word = next_word(&line);
	while (word && (*word == '-' || strchr(word, '=')));
	return word;
}

static void judge(struct target *t, const char *program, int depth)
{
	union {
		ElfW(Ehdr) elf;
		char text[512];
	} head;
	long fd, n;
	char *next;

	switch (-look_up(t, program)) {
	case 0: break;
	case EACCES: end(t, TARGET_REFUSED, "permission denied", ""); return;
	case EISDIR: end(t, TARGET_REFUSED, "is a directory", ""); return;
	default: end(t, TARGET_MISSING, "not found", ""); return;
	}
	/* What we may not read we know nothing of, and hope for the best. */
	fd = xu_sys(SYS_openat, AT_FDCWD, t->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	memset(&head, 0, sizeof(head));
	n = xu_sys(SYS_pread64, fd, &head, sizeof(head) - 1, 0);
	if (n >= (long)sizeof(head.elf) && !memcmp(head.elf.e_ident, ELFMAG, SELFMAG)) {
		judge_elf(t, fd, &head.elf);
	} else if (n > 2 && head.text[0] == '#' && head.text[1] == '!' && depth < 4) {
		head.text[strcspn(head.text, "\r\n")] = '\0';
		next = interpreter_of(head.text + 2);
		if (next) {
			struct xu_text text = {t->why, sizeof(t->why), strlen(t->why)};

			xu_text_str(&text, "of its interpreter ");
			xu_text_str(&text, next);
			xu_text_str(&text, ": ");
			judge(t, next, depth + 1);
		}
	}
	xu_sys(SYS_close, fd);
}

void info_target(struct target *target, const char *program)
{
	memset(target, 0, sizeof(*target));
	judge(target, program, 0);
	if (target->verdict == TARGET_SERVED)
		target->why[0] = '\0';
}
