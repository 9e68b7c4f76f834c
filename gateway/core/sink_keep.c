/*
 * keep - collects the answer of a request that others may ask too; keeps it when it
 * is complete.  Only looks.
 *
 * Reads:   cache, config, served, finish, err
 * Writes:  cache.kept
 */
#include "gateway/base/clock.h"
#include "gateway/core/exchange.h"
#include "gateway/core/keep.h"
#include "gateway/core/sink.h"

static void keep_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    if (x->cache.collects && (f->kind == FRAME_EVENT || f->kind == FRAME_BODY)) {
        kept_add(x->cache.kept, f);
        x->cache.collects = buf_ok(&x->cache.kept->data);
    }
    sink_push(s->next, x, f);
}

static void finish_kept(struct exchange *x)
{
    struct kept *k = x->cache.kept;
    buf_add(&k->model, x->served->model);
    buf_add(&k->provider, str_of(x->served->target->provider->name));
    k->cost_nusd = x->cost_nusd;
    k->created_ms = clock_wall_ms();
    k->expires_ms = k->created_ms + x->cache.ttl_ms;
    cache_put(x->worker->gateway->cache, &x->cache.key, k, x->worker->loop);
}

/* That no upstream could answer is true for all who asked the same. */
static struct kept *failure_of(const struct exchange *x)
{
    if (x->finish != FINISH_failed || x->attempts == 0)
        return NULL;
    struct kept *k = kept_new(x->passed_body.n);
    k->failed = true;
    k->err = x->err;
    k->passed_status = x->passed_status;
    buf_add(&k->data, x->passed_body);
    return k;
}

static void end_flight(struct exchange *x, struct kept *kept)
{
    if (x->cache.flight)
        flight_end(x->cache.flight, kept);
    x->cache.flight = NULL;
}

void keep_end_flight(struct exchange *x)
{
    end_flight(x, NULL);
}

static void keep_end(struct sink *s, struct exchange *x, enum end how)
{
    if (x->cache.state == CACHED_ASKING && how == END_COMPLETE && x->cache.collects && x->served &&
        !x->policy.blocked_answer) {
        finish_kept(x);
        end_flight(x, x->cache.kept);
    } else if (x->cache.flight) {
        struct kept *failure = failure_of(x);
        end_flight(x, failure);
        kept_unref(failure);
    }
    x->cache.collects = false;
    sink_end(s->next, x, how);
}

const struct sink_class sink_keep = {
    .name = "keep",
    .help = "keeps a complete answer for equal requests, where the cache is on",
    .push = keep_push,
    .end = keep_end,
};

struct sink *keep_next(struct exchange *x)
{
    struct sink *s = x->sinks;
    while (s->class != &sink_keep)
        s = s->next;
    return s->next;
}
