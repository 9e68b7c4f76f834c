#include "gateway/core/cache_tier.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"

enum { FIRST_BUCKETS = 64, FIRST_IN_FILE = 64 };

struct tier_item {
    struct hash key;
    struct kept *kept;
    int64_t bytes;
    struct tier_item *next; /* in its bucket */
    struct tier_item *fresher, *staler;
};

/* Eight bytes of the key from `at` on. */
static uint64_t word_of(const struct hash *key, size_t at)
{
    uint64_t word;
    memcpy(&word, key->bytes + at, sizeof word);
    return word;
}

void tier_init(struct tier *t, int64_t max_bytes)
{
    *t = (struct tier){.max_bytes = max_bytes, .n_buckets = FIRST_BUCKETS, .in_file_room = FIRST_IN_FILE};
    t->buckets = mem_zalloc(FIRST_BUCKETS * sizeof(struct tier_item *));
    t->in_file = mem_zalloc(FIRST_IN_FILE * sizeof *t->in_file);
}

static struct tier_item **bucket_of(struct tier *t, const struct hash *key)
{
    return &t->buckets[word_of(key, 8) & (t->n_buckets - 1)];
}

static void unlink_item(struct tier *t, struct tier_item *i)
{
    if (i->fresher)
        i->fresher->staler = i->staler;
    else
        t->freshest = i->staler;
    if (i->staler)
        i->staler->fresher = i->fresher;
    else
        t->stalest = i->fresher;
}

static void put_first(struct tier *t, struct tier_item *i)
{
    i->fresher = NULL;
    i->staler = t->freshest;
    if (t->freshest)
        t->freshest->fresher = i;
    else
        t->stalest = i;
    t->freshest = i;
}

static void drop(struct tier *t, struct tier_item *i)
{
    struct tier_item **link = bucket_of(t, &i->key);
    while (*link != i)
        link = &(*link)->next;
    *link = i->next;
    unlink_item(t, i);
    t->bytes -= i->bytes;
    t->n_items--;
    kept_unref(i->kept);
    free(i);
}

void tier_done(struct tier *t)
{
    struct tier_item *i = t->freshest;
    while (i) {
        struct tier_item *staler = i->staler;
        kept_unref(i->kept);
        free(i);
        i = staler;
    }
    free(t->buckets);
    free(t->in_file);
}

static struct tier_item *find(struct tier *t, const struct hash *key)
{
    struct tier_item *i = *bucket_of(t, key);
    while (i && memcmp(&i->key, key, sizeof *key) != 0)
        i = i->next;
    return i;
}

struct kept *tier_find(struct tier *t, const struct hash *key, int64_t now_ms)
{
    struct tier_item *i = find(t, key);
    if (!i)
        return NULL;
    if (now_ms >= i->kept->expires_ms) {
        drop(t, i);
        return NULL;
    }
    unlink_item(t, i);
    put_first(t, i);
    return kept_ref(i->kept);
}

static void grow(struct tier *t)
{
    struct tier_item **old = t->buckets;
    size_t n = t->n_buckets;
    t->n_buckets *= 2;
    t->buckets = mem_zalloc(t->n_buckets * sizeof(struct tier_item *));
    for (size_t k = 0; k < n; k++)
        while (old[k]) {
            struct tier_item *i = old[k], **bucket = bucket_of(t, &i->key);
            old[k] = i->next;
            i->next = *bucket;
            *bucket = i;
        }
    free(old);
}

void tier_put(struct tier *t, const struct hash *key, struct kept *kept)
{
    struct tier_item *old = find(t, key);
    int64_t bytes = (int64_t)sizeof(struct tier_item) + kept_bytes(kept);
    if (old)
        drop(t, old);
    if (bytes > t->max_bytes)
        return;
    struct tier_item *stale = t->stalest;
    while (stale && t->bytes + bytes > t->max_bytes) {
        struct tier_item *fresher = stale->fresher;
        drop(t, stale);
        stale = fresher;
    }
    if (t->n_items >= t->n_buckets)
        grow(t);
    struct tier_item *i = NEW(struct tier_item), **bucket = bucket_of(t, key);
    *i = (struct tier_item){.key = *key, .kept = kept_ref(kept), .bytes = bytes, .next = *bucket};
    *bucket = i;
    put_first(t, i);
    t->bytes += bytes;
    t->n_items++;
}

static size_t place_in_file(const uint64_t *words, size_t room, uint64_t word)
{
    size_t at = word & (room - 1);
    while (words[at] && words[at] != word)
        at = (at + 1) & (room - 1);
    return at;
}

void tier_note_file(struct tier *t, const struct hash *key)
{
    uint64_t word = word_of(key, 16) | 1;
    if (2 * (t->n_in_file + 1) > t->in_file_room) {
        size_t room = 2 * t->in_file_room;
        uint64_t *words = mem_zalloc(room * sizeof *words);
        for (size_t i = 0; i < t->in_file_room; i++)
            if (t->in_file[i])
                words[place_in_file(words, room, t->in_file[i])] = t->in_file[i];
        free(t->in_file);
        t->in_file = words;
        t->in_file_room = room;
    }
    size_t at = place_in_file(t->in_file, t->in_file_room, word);
    t->n_in_file += t->in_file[at] == 0;
    t->in_file[at] = word;
}

bool tier_may_be_in_file(const struct tier *t, const struct hash *key)
{
    return t->in_file[place_in_file(t->in_file, t->in_file_room, word_of(key, 16) | 1)] != 0;
}
