/* What the scenes of `streams` share. */
#ifndef STREAMS_H
#define STREAMS_H

/* ---- common.c ---- */

/* A number below n, by chance, and what it is made from. */
unsigned below(unsigned n);
extern unsigned long long dice;

unsigned checksum(const unsigned char *p, long n);

/* Print what a call said: an error, or a number and what was read. */
void show(const char *what, int which, long res, const void *data);

/* A file of numbers, one after another. */
void make_file(const char *name, long size);

/* A file that is read, or written to, in small pieces, as a habit. */
int habit(const char *name, int flags);
int written(const char *name, int flags);

void tell_size(const char *when, const char *name);

/* ---- random.c ---- */

void by_chance(unsigned seed, int steps);

/* ---- reads.c ---- */

void scene_exec(void);
void scene_spawn(void);
void scene_vfork(void);
void scene_stdio(void);
void scene_errors(void);
void scene_threads(void);
void scene_handler(void);
void scene_news(void);
void scene_message(void);
void scene_direct(void);
void scene_direct_at(void);

/* ---- writes.c ---- */

void scene_watched(void);
void scene_full(void);
void scene_writers(void);
void scene_write_handler(void);
void scene_mixed(void);

/* ---- ends.c ---- */

void scene_exits(void);
void scene_killed(void);
void scene_fatal(void);
void scene_fatal_actions(void);

#endif
