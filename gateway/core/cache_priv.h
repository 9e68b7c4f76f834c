/*
 * cache_priv.h - the two halves of a cache: shards with their flights (cache.c), and
 * what one of them holds in memory (cache_tier.c).
 */
#ifndef GATEWAY_CORE_CACHE_PRIV_H
#define GATEWAY_CORE_CACHE_PRIV_H

#include <pthread.h>

#include "gateway/core/cache.h"
#include "gateway/store/cache_file.h"

enum { SHARDS = 16 };

/* Answers by key, the one used last first to stay; and which keys the file may have. */
struct tier {
    struct tier_item **buckets; /* a power of two of them */
    size_t n_buckets, n_items;
    struct tier_item *freshest, *stalest;
    int64_t bytes, max_bytes;

    uint64_t *in_file; /* open addressing; 0: free */
    size_t n_in_file, in_file_room;
};

void tier_init(struct tier *t, int64_t max_bytes);
void tier_done(struct tier *t);
struct kept *tier_find(struct tier *t, const struct hash *key, int64_t now_ms); /* a reference; NULL: none */
void tier_put(struct tier *t, const struct hash *key, struct kept *kept);       /* takes a reference of its own */
void tier_note_file(struct tier *t, const struct hash *key);
bool tier_may_be_in_file(const struct tier *t, const struct hash *key); /* false: it is not */

struct shard {
    pthread_mutex_t lock; /* guards all of it */
    struct tier tier;
    struct flight *flights;
};

struct flight {
    struct shard *shard;
    struct hash key;
    unsigned refs; /* the leader's, one a waiter, one of the message */
    struct flight *next, **link; /* link NULL: closed, nobody can join */
    struct waiter *waiters;
    bool ended;

    struct exchange *leader;
    struct loop *loop;
    void (*forsaken)(struct exchange *x);
    struct message message; /* to the leader; */
    bool told;              /* it is under way */
};

struct cache {
    struct jobs *jobs;
    struct cache_file *file; /* NULL: in memory alone */
    struct shard shards[SHARDS];

    pthread_mutex_t writes_lock; /* guards what follows */
    struct cache_write *writes, **writes_end; /* for the file */
    bool writing;                             /* the job is on its way */
    struct job job;
};

#endif
