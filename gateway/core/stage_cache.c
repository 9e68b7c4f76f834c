/*
 * cache - answers equal requests from what was answered before, or is being answered.
 *
 * Reads:   head, body, key, config
 * Writes:  cache, model; is_awaited of one that leads a flight
 * Waits:   for the file; for the flight of an equal request; while the client reads
 *          slowly what is handed out
 *
 * Who finds nothing leads a flight, and sink `keep` collects what comes.
 */
#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/base/conf.h"
#include "gateway/core/cache_key.h"
#include "gateway/core/exchange.h"
#include "gateway/core/keep.h"
#include "gateway/core/model_find.h"
#include "gateway/core/rag.h"
#include "gateway/core/stage.h"

enum cache_wish { WISH_use, WISH_bypass, WISH_refresh, WISH_only, WISH_none };

static bool read_wish(const struct exchange *x, enum cache_wish *wish, struct err *err)
{
    static const char *const words[] = {"use", "bypass", "refresh", "only"};
    *wish = WISH_none;
    if (x->head.cache.n == 0)
        return true;
    for (unsigned i = 0; i < WISH_none; i++)
        if (str_eq(x->head.cache, str_of(words[i]))) {
            *wish = (enum cache_wish)i;
            return true;
        }
    return err_say(err, ERR_bad_request, "x-penstock-cache", "x-penstock-cache is use, bypass, refresh or only");
}

static bool read_ttl(struct exchange *x, struct err *err)
{
    x->cache.ttl_ms = x->model->cache.ttl_ms;
    if (x->head.cache_ttl.n == 0 ||
        (conf_parse_duration(x->head.cache_ttl, &x->cache.ttl_ms) && x->cache.ttl_ms > 0))
        return true;
    return err_say(err, ERR_bad_request, "x-penstock-cache-ttl", "x-penstock-cache-ttl is a duration, as 30s, 10m or 1h");
}

static void unref(void *kept)
{
    kept_unref(kept);
}

/* Until the exchange is over: stage record reads it when all other stages are undone. */
static void hold(struct exchange *x, struct kept *kept)
{
    x->cache.kept = kept;
    arena_defer(&x->arena, unref, kept);
}

/* ---- handing out */

static void resume_if_done(struct exchange *x);

static void pause_handing_out(void *op, bool paused)
{
    struct exchange *x = op;
    x->cache.paused = paused;
    if (!paused)
        resume_if_done(x);
}

static void cancel_handing_out(void *op)
{
    exchange_resume(op);
}

/* As much as the client takes now; true: that was all. */
static bool hand_out_some(struct exchange *x)
{
    struct frame f;
    struct answer read;
    struct err err = {0};
    while (!x->cache.paused && x->finish == FINISH_none) {
        if (!kept_next(x->cache.kept, &x->cache.handed_out, &f))
            return true;
        if (!answer_scan(x->endpoint, f.data, &read, &err)) {
            exchange_fail(x, &err);
            return false;
        }
        f.read = &read;
        exchange_frame_at(x, keep_next(x), &f);
    }
    return false;
}

static void resume_if_done(struct exchange *x)
{
    if (hand_out_some(x))
        exchange_resume(x);
}

static enum step hand_out(struct exchange *x, struct kept *kept, const char *word, struct err *err)
{
    bool as_stream = x->request.stream && endpoint_info(x->endpoint)->streams;
    x->cache.word = word;
    x->cache.saved_nusd = kept->cost_nusd > 0 ? kept->cost_nusd : 0;
    struct kept *formed = kept_in_form(kept, x->endpoint, as_stream);
    kept_unref(kept);
    if (!formed) {
        err_set(err, ERR_bad_answer, "an answer that has no other form");
        return STEP_FAIL;
    }
    hold(x, formed);
    x->asked_usage = as_stream && !x->request.wants_usage && x->endpoint != ENDPOINT_responses;
    x->first_frame_us = clock_now_us();
    x->cache.state = CACHED_HANDING_OUT;
    if (hand_out_some(x))
        return STEP_ANSWER;
    x->wait = (struct wait){.cancel = cancel_handing_out, .pause = pause_handing_out, .op = x};
    return STEP_WAIT;
}

/* ---- waiting for others */

static void flight_has_ended(struct waiter *w)
{
    exchange_resume(w->x);
}

static void cancel_join(void *op)
{
    struct exchange *x = op;
    if (waiter_leave(&x->cache.waiter))
        exchange_resume(x);
}

static void file_was_read(struct job *job)
{
    exchange_resume((struct exchange *)((char *)job - offsetof(struct exchange, cache.read.job)));
}

/* The job cannot be called back; it ends in a moment. */
static void cancel_read(void *op)
{
    (void)op;
}

static bool is_awaited(struct exchange *x)
{
    return x->cache.flight && !flight_is_forsaken(x->cache.flight);
}

static void forsaken(struct exchange *x)
{
    if (x->left)
        exchange_abort(x, FINISH_client_gone);
}

static enum step lead(struct exchange *x)
{
    x->cache.word = "miss";
    x->cache.state = CACHED_ASKING;
    hold(x, kept_new((size_t)x->config->cache.answer_bytes));
    x->cache.collects = true;
    x->is_awaited = is_awaited;
    if (x->cache.flight)
        flight_lead(x->cache.flight, x->worker->loop, forsaken, x);
    return STEP_NEXT;
}

/* Of a dry run: what would be. */
static enum step only_say(struct exchange *x, struct kept *kept)
{
    x->cache.word = "hit";
    kept_unref(kept);
    return STEP_NEXT;
}

static enum step look(struct exchange *x, bool skip_file, struct err *err)
{
    struct cache *c = x->worker->gateway->cache;
    struct waiter *w = &x->cache.waiter;
    struct kept *kept = NULL;
    *w = (struct waiter){.told = flight_has_ended, .loop = x->worker->loop, .x = x};
    bool may_lead = !x->cache.only && !x->dry_run;
    switch (cache_look(c, &x->cache.key, clock_wall_ms(), skip_file, may_lead ? w : NULL, &kept, &x->cache.flight)) {
    case CACHE_HIT:
        return x->dry_run ? only_say(x, kept) : hand_out(x, kept, "hit", err);
    case CACHE_FILE:
        if (x->dry_run)
            return only_say(x, NULL);
        x->cache.state = CACHED_READING;
        x->cache.read = (struct cache_read){.job = {.done = file_was_read, .loop = x->worker->loop},
                                            .key = x->cache.key,
                                            .now_ms = clock_wall_ms()};
        x->wait = (struct wait){.cancel = cancel_read, .op = x};
        cache_read(c, &x->cache.read);
        return STEP_WAIT;
    case CACHE_WAIT:
        if (!may_lead)
            break;
        x->cache.state = CACHED_JOINED;
        x->wait = (struct wait){.cancel = cancel_join, .op = x};
        return STEP_WAIT;
    case CACHE_LEAD:
        break;
    }
    x->cache.word = "miss";
    if (x->dry_run && !x->cache.only)
        return STEP_NEXT;
    if (!x->cache.only)
        return lead(x);
    err_set(err, ERR_cache_miss, "x-penstock-cache: only");
    return STEP_FAIL;
}

static enum step begin(struct exchange *x, struct err *err)
{
    enum cache_wish wish;
    if (!read_wish(x, &wish, err) || !model_find(x, err))
        return STEP_FAIL;
    bool on = x->worker->gateway->cache && (wish == WISH_none ? x->model->cache.exact : wish != WISH_bypass);
    bool paid = x->rag.collection && rag_asks_model(x->rag.index); /* a hit would not be free of cost */
    if (!on || paid) {
        x->cache.word = on || wish == WISH_bypass ? "bypass" : NULL;
        return STEP_NEXT;
    }
    if (!read_ttl(x, err))
        return STEP_FAIL;
    x->cache.key = cache_key(x);
    x->cache.only = wish == WISH_only;
    return wish == WISH_refresh && !x->dry_run ? lead(x) : look(x, false, err);
}

/* What the flight ended in. */
static enum step joined(struct exchange *x, struct err *err)
{
    struct kept *kept = x->cache.waiter.kept;
    x->cache.waiter.kept = NULL;
    if (!kept)
        return look(x, true, err);
    if (!kept->failed)
        return hand_out(x, kept, "joined", err);
    x->cache.word = "joined";
    *err = kept->err;
    x->passed_status = kept->passed_status;
    if (kept->data.n)
        x->passed_body = (struct str){arena_strdup(&x->arena, buf_str(&kept->data)), kept->data.n};
    kept_unref(kept);
    return STEP_FAIL;
}

static enum step file_read(struct exchange *x, struct err *err)
{
    struct kept *kept = x->cache.read.kept;
    x->cache.read.kept = NULL;
    return kept ? hand_out(x, kept, "hit", err) : look(x, true, err);
}

static enum step cache_run(struct exchange *x, struct err *err)
{
    switch (x->cache.state) {
    case CACHED_READING:
        return file_read(x, err);
    case CACHED_JOINED:
        return joined(x, err);
    case CACHED_HANDING_OUT:
        return STEP_ANSWER;
    case CACHED_NEW:
    case CACHED_ASKING:
        break;
    }
    return begin(x, err);
}

static void cache_undo(struct exchange *x)
{
    keep_end_flight(x);
    kept_unref(x->cache.read.kept);
    kept_unref(x->cache.waiter.kept);
}

const struct stage stage_cache = {
    .name = "cache",
    .help = "answers from what equal requests were answered, or joins one that is in the air",
    .run = cache_run,
    .undo = cache_undo,
};
