/*
 * budget - what the answer can cost at most; reserves that in the budgets of the key and
 * its team, and writes a row that says so before anybody is asked.
 *
 * Reads:   request, candidates, model, config, key
 * Writes:  bound, bound_nusd, bound_version, budget; candidates: those without a price go
 * Waits:   until a budget that is nearly empty has a longer lease; in strict durability
 *          until the row is on disk
 * Undoes:  nothing of the reservation: stage record settles it, after the row that says to what
 *
 * The bound is that of the dearest candidate.  Where the caller names no maximum it
 * is made with the model's own, and where the catalogue knows none with
 * DEFAULT_OUTPUT; a key with a budget sends that as the maximum, so that it holds.
 */
#include "gateway/base/mem.h"
#include "gateway/core/attempt.h"
#include "gateway/core/exchange.h"
#include "gateway/core/row.h"
#include "gateway/core/spend.h"
#include "gateway/core/stage.h"

/* Crosses to the writer thread and back. */
struct reserve {
    struct message message;
    struct exchange *x;
    struct loop *loop;
    bool ok;
};

enum { DEFAULT_CONTEXT = 1024 * 1024 }; /* tokens, where the catalogue knows no better */

/* A conversation that the upstream keeps is read again, as far as the model's context goes. */
static int64_t kept_bound(const struct exchange *x, const struct price *p)
{
    bool goes_on = x->request.previous_response_id.kind == VALUE_STRING ||
                   x->request.conversation.kind == VALUE_STRING;
    if (!goes_on || x->endpoint != ENDPOINT_responses)
        return 0;
    return p && p->context ? p->context : DEFAULT_CONTEXT;
}

static int64_t input_bound(const struct exchange *x, const struct price *p)
{
    return request_input_bound(&x->request) + kept_bound(x, p) +
           request_media_bound(&x->request, p ? p->image_tokens : 0, p ? p->audio_tokens : 0);
}

static int64_t output_bound(const struct exchange *x, const struct price *p)
{
    return request_output_bound(&x->request, offer_max_output(p));
}

static void find_bound(struct exchange *x)
{
    x->bound_nusd = LEDGER_NULL;
    for (unsigned i = 0; i < x->n_candidates; i++) {
        const struct price *p = x->offers[x->candidates[i].target].price;
        int64_t input = input_bound(x, p), output = output_bound(x, p);
        int64_t nusd = p ? price_bound_nusd(p, input, output) : LEDGER_NULL;
        if (nusd >= x->bound_nusd) {
            x->bound_nusd = nusd;
            x->bound.input = input;
            x->bound.output = output;
            x->bound_version = p ? p->version : NULL;
        }
    }
}

static struct reserve *reserve_of(struct message *m)
{
    return (struct reserve *)m;
}

static void back_on_the_loop(struct message *m)
{
    struct exchange *x = reserve_of(m)->x;
    exchange_resume(x); /* x->budget.reserve is freed by run, or by undo */
}

static void on_disk(void *arg, bool ok)
{
    struct reserve *r = arg;
    r->ok = ok;
    r->message.fn = back_on_the_loop;
    loop_post(r->loop, &r->message);
}

/* The row cannot be called back; it is on disk in a moment. */
static void cancel_reserve(void *op)
{
    (void)op;
}

static enum step write_reserve(struct exchange *x)
{
    struct ledger_request row;
    row_reserve(x, &row);
    x->budget.state = BUDGET_RESERVED;
    if (x->config->durability != DURABILITY_strict) {
        ledger_reserve(x->worker->gateway->store, &row, NULL);
        return STEP_NEXT;
    }
    struct reserve *r = x->budget.reserve = NEW(struct reserve);
    *r = (struct reserve){.x = x, .loop = x->worker->loop};
    x->wait = (struct wait){.cancel = cancel_reserve, .op = x};
    ledger_reserve(x->worker->gateway->store, &row, &(struct ledger_durable){on_disk, r});
    return STEP_WAIT;
}

/* What costs nobody knows how much cannot be held to a budget. */
static bool drop_unpriced(struct exchange *x, struct err *err)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->n_candidates; i++)
        if (x->offers[x->candidates[i].target].price)
            x->candidates[n++] = x->candidates[i];
    x->n_candidates = n;
    return n > 0 || err_say(err, ERR_unpriced, "model",
                            "the model has no price, and this key has a budget; add one to the "
                            "file that prices.file "
                            "names");
}

static enum step begin(struct exchange *x, struct err *err)
{
    x->budget.is_limited =
        spend_is_limited(x->key, MEASURE_usd) || spend_is_limited(x->key, MEASURE_tokens);
    if (spend_is_limited(x->key, MEASURE_usd) && !drop_unpriced(x, err))
        return STEP_FAIL;
    find_bound(x);
    if (x->dry_run)
        return spend_would_reserve(x, err) ? STEP_NEXT : STEP_FAIL;
    return ledger_ready(x->worker->gateway->store, err) ? STEP_NEXT : STEP_FAIL;
}

static enum step budget_run(struct exchange *x, struct err *err)
{
    enum step step = STEP_NEXT;
    if (x->budget.state == BUDGET_RESERVED) {
        if (!x->budget.reserve->ok)
            err_set(err, ERR_store, "the reserve row is not on disk");
        return x->budget.reserve->ok ? STEP_NEXT : STEP_FAIL;
    }
    if (x->budget.state == BUDGET_NEW)
        step = begin(x, err);
    if (step != STEP_NEXT || x->dry_run)
        return step;
    x->budget.state = BUDGET_LEASING;
    step = spend_reserve(x, err);
    return step == STEP_NEXT ? write_reserve(x) : step;
}

static void budget_undo(struct exchange *x)
{
    free(x->budget.reserve);
    x->budget.reserve = NULL;
}

const struct stage stage_budget = {
    .name = "budget",
    .help = "reserves what the answer can cost in every budget, and has that written down first",
    .run = budget_run,
    .undo = budget_undo,
};
