/*
 * cache_tier.h - what one shard of a cache holds in memory.
 *
 * Not thread-safe: the shard's lock is held.
 */
#ifndef GATEWAY_CORE_CACHE_TIER_H
#define GATEWAY_CORE_CACHE_TIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/crypto.h"
#include "gateway/core/kept.h"

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

#endif
