/*
 * Two measures are not simply averages.  Who has been waiting for longer than the average
 * takes is evidence too, so that an upstream that has fallen silent is noticed before it
 * answers.  And while nobody is being answered, what is known fades: sooner or later the
 * upstream looks worth another try, of one request.
 */
#include "gateway/router/health.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "gateway/base/mem.h"
#include "gateway/router/latency.h"

enum {
    PPM = 1000 * 1000,
    ERROR_PULL = 8,           /* an attempt counts for an eighth of error_ppm */
    ERROR_HALF_US = 30 * PPM, /* errors are forgotten by half in this time */
    TOKENS_PULL = 16,         /* an answer counts for a sixteenth, the first ones evenly */
    TOKENS_SCALE = 256,       /* of output_tokens, as it is kept */
};

struct health {
    _Atomic unsigned refs;
    pthread_mutex_t lock;
    struct breaker breaker;
    unsigned in_flight;
    struct latency first[2];
    unsigned waiting[2];         /* for their first token */
    int64_t waiting_since_us[2]; /* the sum of when they began */
    int64_t error_ppm, error_at_us;
    int64_t answers, output_tokens; /* times TOKENS_SCALE */
};

struct health *health_new(unsigned trip_after, int64_t rest_ms)
{
    struct health *h = NEW(struct health);
    h->refs = 1;
    pthread_mutex_init(&h->lock, NULL);
    breaker_init(&h->breaker, trip_after, rest_ms);
    return h;
}

struct health *health_ref(struct health *h)
{
    atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    return h;
}

void health_unref(struct health *h)
{
    if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h);
}

bool health_has_breaker(const struct health *h, unsigned trip_after, int64_t rest_ms)
{
    return h->breaker.trip_after == trip_after && h->breaker.rest_ms == rest_ms;
}

static int64_t look_first_us(const struct health *h, unsigned kind, int64_t now_us)
{
    const struct latency *l = &h->first[kind];
    if (h->in_flight == 0)
        return latency_faded_us(l, now_us);
    int64_t age_us = h->waiting[kind] ? now_us - h->waiting_since_us[kind] / h->waiting[kind] : 0;
    return l->us && age_us > l->us ? age_us : l->us;
}

void health_look(struct health *h, int64_t now_us, struct health_view *v)
{
    pthread_mutex_lock(&h->lock);
    *v = (struct health_view){
        .rests_ms = breaker_rests_ms(&h->breaker, now_us / 1000),
        .open = h->breaker.open,
        .failures = h->breaker.failures,
        .trips = h->breaker.trips,
        .in_flight = h->in_flight,
        .first_us = {look_first_us(h, 0, now_us), look_first_us(h, 1, now_us)},
        .error_ppm = (uint32_t)latency_halve(h->error_ppm, now_us - h->error_at_us, ERROR_HALF_US),
        .output_tokens = (h->output_tokens + TOKENS_SCALE / 2) / TOKENS_SCALE,
    };
    pthread_mutex_unlock(&h->lock);
}

static void wait_begins(struct health *h, unsigned kind, int64_t begun_us)
{
    h->waiting[kind]++;
    h->waiting_since_us[kind] += begun_us;
}

static void wait_ends(struct health *h, unsigned kind, int64_t begun_us)
{
    assert(h->waiting[kind] > 0);
    h->waiting[kind]--;
    h->waiting_since_us[kind] -= begun_us;
}

uint64_t health_begin(struct health *h, bool is_stream, int64_t now_us)
{
    pthread_mutex_lock(&h->lock);
    uint64_t ticket = breaker_allows(&h->breaker, now_us / 1000);
    if (ticket) {
        h->in_flight++;
        wait_begins(h, is_stream, now_us);
    }
    pthread_mutex_unlock(&h->lock);
    return ticket;
}

void health_first(struct health *h, bool is_stream, int64_t begun_us, int64_t now_us)
{
    pthread_mutex_lock(&h->lock);
    wait_ends(h, is_stream, begun_us);
    latency_add(&h->first[is_stream], now_us - begun_us, now_us);
    pthread_mutex_unlock(&h->lock);
}

static void count_error(struct health *h, bool failed, int64_t now_us)
{
    int64_t was = latency_halve(h->error_ppm, now_us - h->error_at_us, ERROR_HALF_US);
    h->error_ppm = was + ((failed ? PPM : 0) - was) / ERROR_PULL;
    h->error_at_us = now_us;
}

static void count_tokens(struct health *h, int64_t tokens)
{
    h->answers += h->answers < TOKENS_PULL;
    h->output_tokens += (tokens * TOKENS_SCALE - h->output_tokens) / h->answers;
}

bool health_end(struct health *h, uint64_t ticket, const struct health_report *r, int64_t now_us)
{
    pthread_mutex_lock(&h->lock);
    uint64_t trips = h->breaker.trips;
    h->in_flight--;
    if (!r->had_first)
        wait_ends(h, r->is_stream, r->begun_us);
    if (r->verdict != VERDICT_none)
        count_error(h, r->verdict == VERDICT_failure, now_us);
    if (r->output_tokens >= 0)
        count_tokens(h, r->output_tokens < INT32_MAX ? r->output_tokens : INT32_MAX);
    breaker_report(&h->breaker, ticket, r->verdict, now_us / 1000);
    bool opened = h->breaker.trips > trips;
    pthread_mutex_unlock(&h->lock);
    return opened;
}
