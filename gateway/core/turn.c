/*
 * A failure counts against an upstream only where it is its own: not when the client left,
 * not when the request was wrong, and not when it turned down a key of which there are more.
 */
#include "gateway/core/turn.h"

#include "gateway/base/clock.h"

enum {
    KEY_BUSY_MS = 10 * 1000,       /* after a 429 that does not say for how long */
    KEY_BUSY_MAX_MS = 3600 * 1000, /* after one that does */
    KEY_REFUSED_MS = 60 * 1000,    /* after a 401, 402, 403 */
    REASON_BYTES = 95,
};

static const struct offer *offer_at(const struct exchange *x, unsigned candidate)
{
    return &x->offers[x->candidates[candidate].target];
}

/* Bodies and streams are measured apart. */
static bool is_stream(const struct exchange *x)
{
    return x->request.stream && endpoint_info(x->endpoint)->streams;
}

bool turn_begin(struct exchange *x)
{
    const struct offer *o = offer_at(x, x->call.candidate);
    int64_t now_us = clock_now_us();
    uint64_t ticket = health_begin(o->target->health, is_stream(x), now_us);
    if (!ticket)
        return false;
    x->call.offer = o;
    x->call.ticket = ticket;
    x->call.begun_us = now_us;
    return true;
}

void turn_first(struct exchange *x)
{
    if (x->call.had_first)
        return;
    x->call.had_first = true;
    health_first(x->call.offer->target->health, is_stream(x), x->call.begun_us, clock_now_us());
}

bool turn_was_bad_request(const struct exchange *x)
{
    return x->call.err.code == ERR_upstream_error && x->call.status >= 400 &&
           x->call.status < 500 && x->call.status != 404 && x->call.status != 408;
}

static bool turned_key_down(const struct exchange *x)
{
    enum err_code code = x->call.err.code;
    return (code == ERR_upstream_busy || code == ERR_upstream_refused) &&
           x->call.offer->target->provider->n_api_keys > 1;
}

bool turn_has_another_key(const struct exchange *x)
{
    return turned_key_down(x) &&
           rotation_has_one(x->call.offer->target->provider->rotation, clock_now_ms());
}

static void rest_key(struct exchange *x)
{
    const struct provider *p = x->call.offer->target->provider;
    int64_t told_ms =
        x->call.retry_after_ms < KEY_BUSY_MAX_MS ? x->call.retry_after_ms : KEY_BUSY_MAX_MS;
    int64_t ms = x->call.err.code == ERR_upstream_refused ? KEY_REFUSED_MS
                 : told_ms > 0                            ? told_ms
                                                          : KEY_BUSY_MS;
    rotation_rest(p->rotation, x->call.key, clock_now_ms() + ms);
    metric_add(x->worker->metrics, METRIC_keys_rested_total, 1);
    LOG(key_rests, F("provider", p->name), F("key", x->call.key), F("status", x->call.status),
        F("rests_ms", ms));
}

static enum verdict verdict_of(const struct exchange *x, bool whole)
{
    if (whole)
        return VERDICT_success;
    if (x->finish != FINISH_none || !err_info(x->call.err.code)->next || turn_has_another_key(x))
        return VERDICT_none;
    return turn_was_bad_request(x) ? VERDICT_success : VERDICT_failure;
}

void turn_end(struct exchange *x, bool whole)
{
    if (!whole && x->finish == FINISH_none && turned_key_down(x))
        rest_key(x);
    int64_t tokens = x->metered.counted ? x->metered.count.output
                                        : answer_output_estimate(x->metered.text_bytes);
    const struct health_report report = {
        .verdict = verdict_of(x, whole),
        .is_stream = is_stream(x),
        .had_first = x->call.had_first,
        .begun_us = x->call.begun_us,
        .output_tokens = whole ? tokens : -1,
    };
    const struct target *t = x->call.offer->target;
    if (!health_end(t->health, x->call.ticket, &report, clock_now_us()))
        return;
    metric_add(x->worker->metrics, METRIC_breakers_opened_total, 1);
    LOG(breaker, F("provider", t->provider->name), F("model", x->call.offer->model),
        F("rests_ms", x->call.offer->via->breaker.rest_ms),
        F("why", err_info(x->call.err.code)->name));
}

static int64_t rests_ms(const struct exchange *x, unsigned candidate)
{
    struct health_view v;
    health_look(offer_at(x, candidate)->target->health, clock_now_us(), &v);
    return v.rests_ms;
}

bool turn_can_follow(const struct exchange *x, unsigned by)
{
    for (unsigned i = x->call.candidate + by; i < x->n_candidates; i++)
        if (!rests_ms(x, i))
            return true;
    return false;
}

int64_t turn_rests_ms(const struct exchange *x)
{
    int64_t least_ms = INT64_MAX;
    for (unsigned i = 0; i < x->n_candidates; i++) {
        int64_t ms = rests_ms(x, i);
        least_ms = ms < least_ms ? ms : least_ms;
    }
    return least_ms > 0 ? least_ms : 1;
}

void turn_note(struct exchange *x, const char *what, const char *why)
{
    struct buf reason = BUF_INIT(REASON_BYTES);
    buf_addf(&reason, "%s %s%s", x->reason, what, why);
    if (buf_ok(&reason))
        x->reason = arena_strdup(&x->arena, buf_str(&reason));
    buf_done(&reason);
}
