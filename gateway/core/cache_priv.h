/*
 * cache_priv.h - the shards of a cache, with their flights.
 */
#ifndef GATEWAY_CORE_CACHE_PRIV_H
#define GATEWAY_CORE_CACHE_PRIV_H

#include <pthread.h>

#include "gateway/core/cache.h"
#include "gateway/core/cache_tier.h"
#include "gateway/store/cache_file.h"

enum { SHARDS = 16 };

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
