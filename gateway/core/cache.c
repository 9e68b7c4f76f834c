/*
 * A key is a SHA-256, so its bytes serve as hash values as they are: one for the shard,
 * eight for the bucket, eight others for the list of what is in the file.
 */
#include "gateway/core/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/core/cache_priv.h"

static struct shard *shard_of(struct cache *c, const struct hash *key)
{
    return &c->shards[key->bytes[0] % SHARDS];
}

static void note_key(void *cache, const struct hash *key)
{
    struct cache *c = cache;
    tier_note_file(&shard_of(c, key)->tier, key);
}

static void open_file(struct cache *c, const char *data_dir, int64_t max_bytes)
{
    struct err err = {0};
    c->file = cache_file_open(data_dir, max_bytes, &err);
    if (!c->file || !cache_file_keys(c->file, clock_wall_ms(), note_key, c, &err))
        LOG(warning, F("detail", (const char *)err.detail));
}

struct cache *cache_new(const char *data_dir, const struct cache_sizes *sizes, struct jobs *jobs)
{
    struct cache *c = NEW(struct cache);
    c->jobs = jobs;
    c->writes_end = &c->writes;
    pthread_mutex_init(&c->writes_lock, NULL);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&c->shards[i].lock, NULL);
        tier_init(&c->shards[i].tier, sizes->memory_bytes / SHARDS);
    }
    if (data_dir && sizes->disk_bytes)
        open_file(c, data_dir, sizes->disk_bytes);
    return c;
}

static void write_all(struct cache *c);

void cache_free(struct cache *c)
{
    if (!c)
        return;
    write_all(c); /* what no job has come to */
    pthread_mutex_destroy(&c->writes_lock);
    for (size_t i = 0; i < SHARDS; i++) {
        assert(!c->shards[i].flights);
        tier_done(&c->shards[i].tier);
        pthread_mutex_destroy(&c->shards[i].lock);
    }
    cache_file_close(c->file);
    free(c);
}

/* ---- flights; all with the shard's lock held but where it says so */

static void flight_unref(struct flight *f)
{
    if (--f->refs == 0)
        free(f);
}

static struct flight *find_flight(const struct shard *s, const struct hash *key)
{
    struct flight *f = s->flights;
    while (f && memcmp(&f->key, key, sizeof *key) != 0)
        f = f->next;
    return f;
}

static struct flight *flight_begin(struct shard *s, const struct hash *key)
{
    struct flight *f = NEW(struct flight);
    *f = (struct flight){.shard = s, .key = *key, .refs = 1, .next = s->flights, .link = &s->flights};
    if (f->next)
        f->next->link = &f->next;
    s->flights = f;
    return f;
}

/* Nobody can join it any more. */
static void close_flight(struct flight *f)
{
    if (!f->link)
        return;
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    f->link = NULL;
}

static void join(struct flight *f, struct waiter *w)
{
    f->refs++;
    w->flight = f;
    w->kept = NULL;
    w->next = f->waiters;
    w->link = &f->waiters;
    if (w->next)
        w->next->link = &w->next;
    f->waiters = w;
}

static void leave(struct waiter *w)
{
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->link = NULL;
}

enum cache_word cache_look(struct cache *c, const struct hash *key, int64_t now_ms, bool skip_file, struct waiter *w,
                           struct kept **kept, struct flight **flight)
{
    struct shard *s = shard_of(c, key);
    enum cache_word word = CACHE_LEAD;
    pthread_mutex_lock(&s->lock);
    struct flight *f = find_flight(s, key);
    if ((*kept = tier_find(&s->tier, key, now_ms))) {
        word = CACHE_HIT;
    } else if (f) {
        word = CACHE_WAIT;
        if (w)
            join(f, w);
    } else if (!skip_file && c->file && tier_may_be_in_file(&s->tier, key)) {
        word = CACHE_FILE;
    } else if (w) {
        *flight = flight_begin(s, key);
    }
    pthread_mutex_unlock(&s->lock);
    return word;
}

/* On the leader's loop. */
static void tell_leader(struct message *m)
{
    struct flight *f = (struct flight *)((char *)m - offsetof(struct flight, message));
    pthread_mutex_lock(&f->shard->lock);
    struct exchange *leader = f->ended ? NULL : f->leader;
    f->told = false;
    void (*forsaken)(struct exchange *x) = f->forsaken;
    pthread_mutex_t *lock = &f->shard->lock;
    flight_unref(f);
    pthread_mutex_unlock(lock);
    if (leader)
        forsaken(leader);
}

static void waiter_has_left(struct flight *f)
{
    if (f->waiters || !f->leader || f->ended || f->told)
        return;
    f->told = true;
    f->refs++;
    f->message.fn = tell_leader;
    loop_post(f->loop, &f->message);
}

bool waiter_leave(struct waiter *w)
{
    struct flight *f = w->flight;
    pthread_mutex_t *lock = &f->shard->lock; /* shards outlive flights */
    pthread_mutex_lock(lock);
    bool in_time = w->link != NULL;
    if (in_time) {
        leave(w);
        waiter_has_left(f);
        flight_unref(f);
    }
    pthread_mutex_unlock(lock);
    return in_time;
}

bool flight_is_forsaken(struct flight *f)
{
    pthread_mutex_lock(&f->shard->lock);
    bool forsaken = !f->waiters;
    if (forsaken)
        close_flight(f);
    pthread_mutex_unlock(&f->shard->lock);
    return forsaken;
}

void flight_lead(struct flight *f, struct loop *l, void (*forsaken)(struct exchange *x), struct exchange *leader)
{
    pthread_mutex_lock(&f->shard->lock);
    f->loop = l;
    f->forsaken = forsaken;
    f->leader = leader;
    pthread_mutex_unlock(&f->shard->lock);
}

static void tell_waiter(struct message *m)
{
    struct waiter *w = (struct waiter *)((char *)m - offsetof(struct waiter, message));
    pthread_mutex_t *lock = &w->flight->shard->lock;
    pthread_mutex_lock(lock);
    flight_unref(w->flight); /* not before: until it is told it may want to leave */
    pthread_mutex_unlock(lock);
    w->told(w);
}

void flight_end(struct flight *f, struct kept *kept)
{
    pthread_mutex_t *lock = &f->shard->lock;
    pthread_mutex_lock(lock);
    close_flight(f);
    f->ended = true;
    while (f->waiters) {
        struct waiter *w = f->waiters;
        leave(w);
        w->kept = kept ? kept_ref(kept) : NULL;
        w->message.fn = tell_waiter;
        loop_post(w->loop, &w->message);
    }
    flight_unref(f);
    pthread_mutex_unlock(lock);
}

/* ---- the file */

struct cache_write {
    struct cache_write *next;
    struct hash key;
    struct kept *kept;
};

static struct cache_write *take_writes(struct cache *c)
{
    pthread_mutex_lock(&c->writes_lock);
    struct cache_write *w = c->writes;
    c->writes = NULL;
    c->writes_end = &c->writes;
    pthread_mutex_unlock(&c->writes_lock);
    return w;
}

static void write_file(struct cache *c, struct cache_write *w)
{
    struct buf value = BUF_INIT(SIZE_MAX);
    struct err err = {0};
    kept_write(w->kept, &value);
    if (!cache_file_put(c->file, &w->key, buf_str(&value), w->kept->expires_ms, clock_wall_ms(), &err))
        LOG(warning, F("detail", (const char *)err.detail));
    buf_done(&value);
    kept_unref(w->kept);
    free(w);
}

static void write_all(struct cache *c)
{
    struct cache_write *w;
    while ((w = take_writes(c)))
        while (w) {
            struct cache_write *next = w->next;
            write_file(c, w);
            w = next;
        }
}

static void work(struct job *job)
{
    write_all((struct cache *)((char *)job - offsetof(struct cache, job)));
}

static void worked(struct job *job)
{
    struct cache *c = (struct cache *)((char *)job - offsetof(struct cache, job));
    pthread_mutex_lock(&c->writes_lock);
    c->writing = c->writes != NULL;
    if (c->writing)
        jobs_add(c->jobs, &c->job);
    pthread_mutex_unlock(&c->writes_lock);
}

static void queue_write(struct cache *c, const struct hash *key, struct kept *kept, struct loop *l)
{
    struct cache_write *w = NEW(struct cache_write);
    *w = (struct cache_write){.key = *key, .kept = kept_ref(kept)};
    pthread_mutex_lock(&c->writes_lock);
    *c->writes_end = w;
    c->writes_end = &w->next;
    if (!c->writing) {
        c->writing = true;
        c->job = (struct job){.work = work, .done = worked, .loop = l};
        jobs_add(c->jobs, &c->job);
    }
    pthread_mutex_unlock(&c->writes_lock);
}

void cache_put(struct cache *c, const struct hash *key, struct kept *kept, struct loop *l)
{
    struct shard *s = shard_of(c, key);
    pthread_mutex_lock(&s->lock);
    tier_put(&s->tier, key, kept);
    if (c->file)
        tier_note_file(&s->tier, key);
    pthread_mutex_unlock(&s->lock);
    if (c->file)
        queue_write(c, key, kept, l);
}

static void read_file(struct job *job)
{
    struct cache_read *r = (struct cache_read *)((char *)job - offsetof(struct cache_read, job));
    struct buf value = BUF_INIT(SIZE_MAX);
    struct err err = {0};
    if (cache_file_get(r->cache->file, &r->key, r->now_ms, &value, &err))
        r->kept = kept_read(buf_str(&value));
    if (err.code != ERR_none)
        LOG(warning, F("detail", (const char *)err.detail));
    buf_done(&value);
    if (!r->kept)
        return;
    struct shard *s = shard_of(r->cache, &r->key);
    pthread_mutex_lock(&s->lock);
    tier_put(&s->tier, &r->key, r->kept);
    pthread_mutex_unlock(&s->lock);
}

void cache_read(struct cache *c, struct cache_read *r)
{
    r->cache = c;
    r->kept = NULL;
    r->job.work = read_file;
    jobs_add(c->jobs, &r->job);
}
