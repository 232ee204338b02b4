/* What the table of symbols tells the loop engine of calls that are no engine's to answer (symbols.def). */
#ifndef SHIM_ENGINE_LOOP_HOOKS_H
#define SHIM_ENGINE_LOOP_HOOKS_H

struct msghdr;
struct mmsghdr;

/* Around the making of an epoll instance. */
void loop_epoll_begins(void);
void loop_epoll_begun(int epfd);

/* A call looks at, or changes, what this fd leads to. */
void loop_before_fd(int fd);

/* It writes to it. */
void loop_before_write(int fd);

/* It lets others have it. */
void loop_before_share(int fd);

/* It closes it. */
void loop_before_gone(int fd);
void loop_before_close_range(unsigned first, unsigned last, int flags);

void loop_before_fcntl(int fd, int op);
void loop_after_fcntl(int fd, int op, long arg, int result);
void loop_after_ioctl(int fd, unsigned long op, long arg, int result);
void loop_after_getsockopt(int fd, int level, int name, void *value, int result);

/* No thread of ours makes a system call from here on: the sandbox might kill the process for it. */
void loop_before_sandbox(void);

/* A handler may be about to leave, for good, what it came into. */
void loop_before_jump(void);

/* It looks at many, or has an effect that others see. */
void loop_before_all(void);

/* Messages that were sent: the fds that they passed on are not ours alone any more. */
void loop_after_message(const struct msghdr *msg, long res);
void loop_after_messages(const struct mmsghdr *msgs, long nr);

/* syscall() with a number that no row has. */
void loop_before_number(long nr, long a, long b);
void loop_after_number(long nr, long b, long res);

#endif
