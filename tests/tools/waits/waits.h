/* What the cases of `waits` are made of. */
#ifndef WAITS_H
#define WAITS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

enum { NR = 3 };

/* ---- ways.c ---- */

struct way {
	const char *name;
	int (*wait)(int ep, struct epoll_event *ev, int nr, int ms);
	bool lists; /* no epoll instance */
};
extern const struct way ways[];
extern const size_t ways_nr;

/* The one that is tried now. */
extern size_t way;
int wait_on(int ep, struct epoll_event *ev, int nr, int ms);

/* The connections as a list. */
void fill(struct pollfd *p);

/* ---- connections.c ---- */

extern int epfd, near[NR];
extern uint32_t how; /* EPOLLET, EPOLLONESHOT */

/* Make them. */
void meet(void);

/* epoll_ctl on one of them. */
void watch(int op, int ep, int i, uint32_t events);

/* One of the other ends sends this. */
void say(int i, const char *text);

/* Everybody says something, is read and is answered: there is something left to do for the next wait. */
void turn(void);

/* A wait, and who was ready. */
void look(const char *what, int ep, int max, int ms);

/* What the others were answered, all told. */
void count(void);

#endif
