/*
 * budget - what the answer can cost at most, and a row that says so before anybody
 * is asked.
 *
 * Reads:   request, candidates, model, config
 * Writes:  bound, bound_nusd, bound_version
 * Waits:   in strict durability until the row is on disk
 *
 * The bound is that of the dearest candidate.  Where the caller names no maximum it
 * is made with the model's own, and where the catalogue knows none with
 * DEFAULT_OUTPUT.
 */
#include "gateway/base/mem.h"
#include "gateway/core/exchange.h"
#include "gateway/core/row.h"
#include "gateway/core/stage.h"

enum { DEFAULT_OUTPUT = 32 * 1024 };

/* Crosses to the writer thread and back. */
struct reserve {
    struct message message;
    struct exchange *x;
    struct loop *loop;
    bool ok;
};

static int64_t input_bound(const struct exchange *x, const struct price *p)
{
    return request_input_bound(&x->request) +
           request_media_bound(&x->request, p ? p->image_tokens : 0, p ? p->audio_tokens : 0);
}

static int64_t output_bound(const struct exchange *x, const struct price *p)
{
    return request_output_bound(&x->request,
                                p && p->default_max_output ? p->default_max_output : DEFAULT_OUTPUT);
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

static enum step reserve(struct exchange *x)
{
    struct ledger_request row;
    row_begin(x, &row);
    row_cost(&row.cost, &x->bound, x->bound_nusd, x->bound_nusd == LEDGER_NULL ? COST_unpriced : COST_bound,
             x->bound_version);
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

static enum step budget_run(struct exchange *x, struct err *err)
{
    if (x->budget.state == BUDGET_NEW) {
        find_bound(x);
        if (x->dry_run)
            return STEP_NEXT;
        return ledger_ready(x->worker->gateway->store, err) ? reserve(x) : STEP_FAIL;
    }
    if (x->budget.reserve->ok)
        return STEP_NEXT;
    err_set(err, ERR_store, "the reserve row is not on disk");
    return STEP_FAIL;
}

static void budget_undo(struct exchange *x)
{
    free(x->budget.reserve);
    x->budget.reserve = NULL;
}

const struct stage stage_budget = {
    .name = "budget",
    .help = "bounds what the answer can cost, and has that written down first",
    .run = budget_run,
    .undo = budget_undo,
};
