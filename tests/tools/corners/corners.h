/* The corners of an event loop (main.c): what its cases share. */
#ifndef CORNERS_H
#define CORNERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A case: prints what it showed. */
struct corner {
	const char *name; /* NULL ends the list */
	void (*run)(void);
};

extern const struct corner receiving[], sending[];

extern int epfd, far, near; /* far: the other end, of a client */
extern uint32_t how;	    /* EPOLLET, EPOLLONESHOT, ... */
extern const char *self;    /* this program, for those that execute it once more */

/* Let what is on its way arrive. */
void settle_down(void);

/* An error, by its name. */
const char *word(int error);

/* Print a result, and what came. */
void show(const char *what, ssize_t n, const char *buf);

/* Send a text from the other end. */
void say(const char *text);

/* Read, and print what came. */
void get(int fd, size_t n);

/* What loops wait by, of a whole case. */
enum way { BY_EPOLL, BY_POLL, BY_PPOLL, BY_SELECT, BY_PSELECT };
extern enum way by;

/* epoll_wait, or for the loop's own connection what the case waits by. */
struct epoll_event;
int wait_on(int ep, struct epoll_event *ev, int nr, int ms);

/* One look at the loop EP; returns how many are ready. */
int look(int ep);

void watch(int op, int ep, int fd, uint32_t events);

/* Watch again what was watched for one event. */
void rearm(void);

/* A new connection, which its loop has read from a few times. MODE: how it is watched; FLAGS: of accept4. */
void meet(uint32_t mode, int flags);

/* Ten bytes come, and are seen to be there. */
void ten(void);

#endif
