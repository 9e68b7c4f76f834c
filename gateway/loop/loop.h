/*
 * loop.h - one epoll set, its deadlines and its mailbox; one thread runs it.
 *
 * Everything here is called on the loop's own thread but loop_post() and
 * loop_stop().  Times are milliseconds (or _us) on the monotonic clock; a timer
 * fires at its time or later, never before.
 *
 * What is driven by events of its own (libmicrohttpd, libcurl) registers a pump: after every
 * batch of events the pumps are called in turn until none moved anything, and only
 * then does the loop sleep, no longer than any of them allows.
 */
#ifndef GATEWAY_LOOP_LOOP_H
#define GATEWAY_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"

struct loop;

struct loop *loop_new(unsigned index, struct err *err); /* NULL: no descriptors left */
void loop_free(struct loop *l);                         /* NULL is fine; nothing may be registered any more */
unsigned loop_index(const struct loop *l);

void loop_run(struct loop *l);  /* until loop_stop(); may be run again */
void loop_stop(struct loop *l); /* from any thread; from a signal handler too */

/* The time when the current batch of events was taken. */
int64_t loop_now_ms(const struct loop *l);

/*
 * Has fn(arg) called on l's thread, from any thread; in the order of posting.  The
 * message is the caller's and stays where it is until fn is called, which may free it.
 */
struct message {
    struct message *next;
    void (*fn)(struct message *m);
};
void loop_post(struct loop *l, struct message *m);

struct timer {
    void (*fn)(struct timer *t);
    int64_t due_ms;
    unsigned place; /* loop.c's own: 0 while not set */
};
void timer_set(struct loop *l, struct timer *t, int64_t due_ms); /* sets or moves it; t->fn is set by the caller */
void timer_clear(struct loop *l, struct timer *t);               /* of one that is not set: nothing */

/* `events` as of epoll; fn hears what came of them.  An fd has at most one watch a loop. */
struct watch {
    void (*fn)(struct watch *w, uint32_t events);
    int fd;
    uint32_t events;     /* loop.c's own from here on */
    uint32_t generation;
    bool on;
};
bool watch_set(struct loop *l, struct watch *w, int fd, uint32_t events, struct err *err); /* adds or changes */
void watch_clear(struct loop *l, struct watch *w, bool fd_is_open); /* of one that is off: nothing */

struct pump {
    bool (*run)(struct pump *p);                       /* did it move anything? */
    int64_t (*due_ms)(struct pump *p, int64_t now_ms); /* when it is to run again without an event; INT64_MAX: never */
    struct pump *next;
};
void loop_add_pump(struct loop *l, struct pump *p);
void loop_remove_pump(struct loop *l, struct pump *p);

#endif
