/*
 * cache.h - answers of equal requests: a hot tier in memory over a file, and flights.
 *
 * A flight is one question in the air that others have asked as well.  Who began it
 * leads; the others wait and get what it ends in.  A leader whose client has gone goes
 * on for as long as anybody waits.
 *
 * Thread-safe: shards, each with a mutex that is held for a few steps and never across
 * I/O.  The file is read and written by jobs.
 */
#ifndef GATEWAY_CORE_CACHE_H
#define GATEWAY_CORE_CACHE_H

#include "gateway/base/crypto.h"
#include "gateway/core/kept.h"
#include "gateway/loop/jobs.h"
#include "gateway/loop/loop.h"

struct cache;
struct flight;
struct exchange;

struct cache_sizes {
    int64_t memory_bytes, disk_bytes;
};

/* Without a data_dir, or where the file cannot be used (that is logged), in memory alone. */
struct cache *cache_new(const char *data_dir, const struct cache_sizes *sizes, struct jobs *jobs);
void cache_free(struct cache *c); /* once the jobs are; NULL is fine */

/* Somebody who waits; in the exchange, which stays until told() was called or waiter_leave() was true. */
struct waiter {
    struct message message; /* told() is posted with it; set by cache.c */
    void (*told)(struct waiter *w);
    struct loop *loop;
    struct exchange *x;
    struct kept *kept; /* what the flight ended in, a reference; NULL: in nothing that others may have */
    struct flight *flight;
    struct waiter *next, **link;
};

enum cache_word {
    CACHE_HIT,  /* *kept is a reference */
    CACHE_FILE, /* it may be in the file: see cache_read() */
    CACHE_WAIT, /* w waits for a flight */
    CACHE_LEAD, /* *flight is led by who asks */
};

/* `skip_file`: the file has been asked.  w may be NULL: then it only looks, and CACHE_WAIT and CACHE_LEAD are the same. */
enum cache_word cache_look(struct cache *c, const struct hash *key, int64_t now_ms, bool skip_file, struct waiter *w,
                           struct kept **kept, struct flight **flight);

/* False: it is too late, told() will be called. */
bool waiter_leave(struct waiter *w);

/* The leader's: has nobody else an interest?  Then nobody can get one any more. */
bool flight_is_forsaken(struct flight *f);

/*
 * How the leader hears that the last of its waiters has left.  It is told each time; if
 * its own client is still there, that means nothing.
 */
void flight_lead(struct flight *f, struct loop *l, void (*forsaken)(struct exchange *x), struct exchange *leader);
void flight_end(struct flight *f, struct kept *kept); /* kept: NULL, or what all waiters get; borrowed */

/* Keeps it in memory and in the file; l: where the job that writes it is answered. */
void cache_put(struct cache *c, const struct hash *key, struct kept *kept, struct loop *l);

/* Reads the file in a job: r->done() is called on r->loop, r->kept is a reference or NULL. */
struct cache_read {
    struct job job;
    struct cache *cache;
    struct hash key;
    int64_t now_ms;
    struct kept *kept;
};
void cache_read(struct cache *c, struct cache_read *r);

#endif
