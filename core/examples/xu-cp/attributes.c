/* Modes, owners, times, extended attributes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/examples/xu-cp/xu-cp.h"

/*
 * Extended attributes: access control lists belong to the mode, all others are kept with -a. What the other file system
 * does not know is lost without a word, as with cp -a.
 */
static void keep_xattrs(struct end from, struct end to, bool lists)
{
	static char names[65536], value[65536];
	ssize_t all, n;

	all = from.fd >= 0 ? flistxattr(from.fd, names, sizeof(names))
			   : llistxattr(from.path, names, sizeof(names));
	for (const char *name = names; name < names + all; name += strlen(name) + 1) {
		if ((strncmp(name, "system.posix_acl_", 17) == 0) != lists)
			continue;
		n = from.fd >= 0 ? fgetxattr(from.fd, name, value, sizeof(value))
				 : lgetxattr(from.path, name, value, sizeof(value));
		if (n < 0)
			continue;
		if (to.fd >= 0)
			fsetxattr(to.fd, name, value, (size_t)n, 0);
		else
			lsetxattr(to.path, name, value, (size_t)n, 0);
	}
}

static int change_owner(struct end to, uid_t uid, gid_t gid)
{
	return to.fd >= 0 ? fchown(to.fd, uid, gid) : lchown(to.path, uid, gid);
}

/* False where the copy has another owner, as those of other users' files have. */
static bool keep_owner(struct end to, const struct stat *st)
{
	if (change_owner(to, st->st_uid, st->st_gid) == 0)
		return true;
	if (errno != EPERM && errno != EINVAL)
		complain(errno, "failed to preserve ownership for '%s'", to.path);
	/* The group alone may be ours to give. */
	if (change_owner(to, (uid_t)-1, st->st_gid) < 0)
		errno = 0;
	return false;
}

void keep_attributes(struct end from, struct end to, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	mode_t mode = st->st_mode & 07777;

	if (options.keep_xattrs)
		keep_xattrs(from, to, false);
	/* Who runs it as the owner must be the owner that was meant. */
	if (options.keep_owner && !keep_owner(to, st))
		mode &= ~(mode_t)07000;
	if (options.keep_mode && !S_ISLNK(st->st_mode)) {
		if ((to.fd >= 0 ? fchmod(to.fd, mode) : chmod(to.path, mode)) < 0)
			complain(errno, "preserving permissions for '%s'", to.path);
		keep_xattrs(from, to, true);
	}
	if (options.keep_times &&
	    (to.fd >= 0 ? futimens(to.fd, times)
			: utimensat(AT_FDCWD, to.path, times, AT_SYMLINK_NOFOLLOW)) < 0)
		complain(errno, "preserving times for '%s'", to.path);
}
