/*
 * limit - may the key ask for so much, so soon?
 *
 * Reads:   key, config, request
 * Writes:  limit
 * Undoes:  one that runs; the tokens that were not used
 *
 * Tokens are taken by estimate, before anything is known of a price or a model, and at
 * the end corrected to what was used.
 */
#include "gateway/base/clock.h"
#include "gateway/core/exchange.h"
#include "gateway/core/stage.h"

enum {
    OUTPUT_GUESS = 1024,        /* tokens, where the caller names no maximum */
    CONCURRENT_RETRY_MS = 1000, /* when another may have ended */
};

static int64_t estimate(const struct request *r)
{
    int64_t output = request_output_bound(r, OUTPUT_GUESS), all;
    return __builtin_add_overflow(request_input_estimate(r), output, &all) ? INT64_MAX : all;
}

static bool refuse(struct exchange *x, int64_t wait_us, const char *what, int64_t limit, struct err *err)
{
    int64_t wait_ms = (wait_us + 999) / 1000;
    if (!x->dry_run)
        metric_add(x->worker->metrics, METRIC_rate_limited_total, 1);
    err_say(err, ERR_rate_limited, NULL, "this key may have %lld %s; try again in %lld ms", (long long)limit, what,
            (long long)wait_ms);
    err->retry_after_ms = wait_ms;
    return false;
}

static bool enter(struct exchange *x, struct err *err)
{
    struct pace *p = x->key->pace;
    int64_t running = atomic_fetch_add_explicit(&p->concurrent, 1, memory_order_relaxed),
            most = x->limit.limits.concurrent;
    x->limit.counted = true;
    if (most == LIMIT_NONE || running < most)
        return true;
    return refuse(x, (int64_t)CONCURRENT_RETRY_MS * 1000, "requests at once", most, err);
}

static bool take(struct exchange *x, struct err *err)
{
    struct pace *p = x->key->pace;
    const struct gcra_rate *requests = &x->limit.limits.requests, *tokens = &x->limit.limits.tokens;
    int64_t now_us = clock_now_us(), wait_us;
    if (requests->per_minute > 0 && !gcra_take(&p->requests_us, requests, 1, now_us, &wait_us))
        return refuse(x, wait_us, "requests a minute", requests->per_minute, err);
    if (tokens->per_minute <= 0)
        return true;
    int64_t n = estimate(&x->request);
    n = n < tokens->burst ? n : tokens->burst;
    if (gcra_take(&p->tokens_us, tokens, n, now_us, &wait_us)) {
        x->limit.tokens = n;
        return true;
    }
    if (requests->per_minute > 0)
        gcra_correct(&p->requests_us, requests, -1);
    return refuse(x, wait_us, "tokens a minute", tokens->per_minute, err);
}

/* Of a dry run: nothing is taken. */
static bool would_take(struct exchange *x, struct err *err)
{
    const struct pace *p = x->key->pace;
    const struct limits *l = &x->limit.limits;
    int64_t now_us = clock_now_us(), wait_us;
    if (l->concurrent != LIMIT_NONE && atomic_load(&p->concurrent) >= l->concurrent)
        return refuse(x, (int64_t)CONCURRENT_RETRY_MS * 1000, "requests at once", l->concurrent,
                      err);
    if (l->requests.per_minute > 0 &&
        !gcra_would_take(&p->requests_us, &l->requests, 1, now_us, &wait_us))
        return refuse(x, wait_us, "requests a minute", l->requests.per_minute, err);
    if (l->tokens.per_minute > 0 &&
        !gcra_would_take(&p->tokens_us, &l->tokens, estimate(&x->request), now_us, &wait_us))
        return refuse(x, wait_us, "tokens a minute", l->tokens.per_minute, err);
    return true;
}

static enum step limit_run(struct exchange *x, struct err *err)
{
    x->limit.limits = x->key->limits;
    limits_inherit(&x->limit.limits, &x->config->limits);
    if (!x->key->pace)
        return STEP_NEXT;
    bool ok = x->dry_run ? would_take(x, err) : enter(x, err) && take(x, err);
    return ok ? STEP_NEXT : STEP_FAIL;
}

static void limit_undo(struct exchange *x)
{
    int64_t used = x->usage.input + x->usage.output;
    if (x->limit.tokens)
        gcra_correct(&x->key->pace->tokens_us, &x->limit.limits.tokens, used - x->limit.tokens);
    if (x->limit.counted)
        atomic_fetch_sub_explicit(&x->key->pace->concurrent, 1, memory_order_relaxed);
}

const struct stage stage_limit = {
    .name = "limit",
    .help = "requests and tokens a minute, and requests at once, of the key",
    .run = limit_run,
    .undo = limit_undo,
};
