/* Messages: see log.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "config/text.h"
#include "core/syscall.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/signals.h"

static enum xu_log log_level = XU_LOG_WARN;
static const char *log_file = "";

void log_start(enum xu_log level, const char *file)
{
	log_level = level;
	log_file = file;
}

bool log_wanted(enum xu_log level)
{
	return level <= log_level;
}

bool log_write(const char *path, int fd, const char *text, size_t len)
{
	uint64_t before, pending;
	bool ok = true;

	if (path) {
		fd = (int)xu_sys(SYS_openat, AT_FDCWD, path,
				 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (fd < 0)
			return false;
	}
	before = signals_mute(&pending);
	while (len && ok) {
		long n = xu_sys(SYS_write, fd, text, len);

		if (n == -EINTR)
			continue;
		ok = n > 0;
		if (ok) {
			text += n;
			len -= (size_t)n;
		}
	}
	signals_unmute(before, pending);
	if (path)
		xu_sys(SYS_close, fd);
	return ok;
}

void log_line(enum xu_log level, ...)
{
	char buf[1024];
	struct xu_text t;
	const char *s;
	va_list ap;

	if (!log_wanted(level))
		return;
	xu_text_init(&t, buf, sizeof(buf) - 1);
	xu_text_str(&t, "xuring: ");
	xu_text_str(&t, process_name());
	xu_text_str(&t, "[");
	xu_text_num(&t, (unsigned long long)xu_sys(SYS_getpid), 0);
	xu_text_str(&t, "]: ");
	va_start(ap, level);
	while ((s = va_arg(ap, const char *)))
		xu_text_str(&t, s);
	va_end(ap);
	buf[t.len++] = '\n';
	log_write(*log_file ? log_file : NULL, 2, buf, t.len);
}
