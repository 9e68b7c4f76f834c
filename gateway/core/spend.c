#include "gateway/core/spend.h"

#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/money.h"
#include "gateway/core/notice.h"
#include "gateway/store/ledger.h"

/* Crosses to the writer thread and back. */
struct leasing {
    struct hold_wait wait;
    struct message message;
    struct exchange *x;
    struct loop *loop;
    bool ok;
};

bool spend_is_limited(const struct key *k, enum measure m)
{
    for (unsigned i = 0; i < k->n_purses; i++)
        if (purse_has_limit(k->purses[i], m))
            return true;
    return false;
}

/* What is booked so far, and the most that one more attempt can add. */
static struct amount needed(const struct exchange *x)
{
    int64_t bound_nusd = x->bound_nusd == LEDGER_NULL ? 0 : x->bound_nusd;
    int64_t cost_nusd = x->cost_nusd == LEDGER_NULL ? 0 : x->cost_nusd;
    return (struct amount){{
        [MEASURE_usd] = money_sum(cost_nusd, bound_nusd),
        [MEASURE_tokens] = money_sum(money_sum(x->usage.input, x->usage.output),
                                     money_sum(x->bound.input, x->bound.output)),
    }};
}

static struct amount missing(const struct exchange *x)
{
    struct amount more = needed(x);
    for (unsigned m = 0; m < MEASURE_count; m++) {
        more.of[m] -= x->budget.hold.held.of[m];
        more.of[m] = more.of[m] > 0 ? more.of[m] : 0;
    }
    return more;
}

static void add_amount(struct buf *out, enum measure m, int64_t n)
{
    char text[MONEY_TEXT_BYTES];
    money_text(n, text);
    if (m == MEASURE_usd)
        buf_addf(out, "$%s", text);
    else
        buf_addf(out, "%lld tokens", (long long)n);
}

static void add_owner(struct buf *out, const struct purse_state *s)
{
    if (s->team)
        buf_addf(out, "the budget of team '%.64s'", s->team);
    else
        buf_addf(out, "the budget of this key");
}

/* Callers read it: the budget, how it stands, and when it begins anew. */
static bool refuse(const struct hold_refusal *r, int64_t asked, int64_t wall_ms, struct err *err)
{
    static const char *const windows[] = {"an hour", "a day", "a month", "in total"};
    const struct purse_state *s = &r->state;
    struct buf text = BUF_INIT(512);
    char reset[CLOCK_TEXT_BYTES];
    add_owner(&text, s);
    buf_addf(&text, s->closed ? " is closed, for an upstream reported more than was possible: "
                              : " is used up: ");
    add_amount(&text, r->measure, s->spent.of[r->measure]);
    buf_addf(&text, " of ");
    add_amount(&text, r->measure, s->limit.of[r->measure]);
    buf_addf(&text, " %s spent, ", windows[s->per]);
    add_amount(&text, r->measure, s->reserved.of[r->measure]);
    buf_addf(&text, " reserved, up to ");
    add_amount(&text, r->measure, asked);
    buf_addf(&text, " asked; ");
    if (s->reset_ms == INT64_MAX) {
        buf_addf(&text, "it does not reset");
    } else {
        clock_text(s->reset_ms, reset);
        buf_addf(&text, "it resets at %s", reset);
    }
    err_say(err, ERR_quota, NULL, "%s", text.p);
    if (s->reset_ms != INT64_MAX)
        err->retry_after_ms = s->reset_ms > wall_ms ? s->reset_ms - wall_ms : 1;
    buf_done(&text);
    return false;
}

static void back_on_the_loop(struct message *m)
{
    exchange_resume(((struct leasing *)((char *)m - offsetof(struct leasing, message)))->x);
}

static void is_leased(struct hold_wait *w, bool ok)
{
    struct leasing *l = (struct leasing *)w;
    l->ok = ok;
    l->message.fn = back_on_the_loop;
    loop_post(l->loop, &l->message);
}

/* The lease cannot be called back; it is on disk in a moment. */
static void cancel_leasing(void *op)
{
    (void)op;
}

static bool begin(struct exchange *x)
{
    if (x->budget.hold.n == 0 && x->key->n_purses)
        hold_begin(&x->budget.hold, x->key->purses, x->key->n_purses, x->started_ms);
    return x->budget.hold.n > 0;
}

static enum step ask_for_more(struct exchange *x, struct err *err)
{
    struct amount more = missing(x);
    struct hold_refusal why;
    struct leasing *l = x->budget.leasing = NEW(struct leasing);
    *l = (struct leasing){.wait.fn = is_leased, .x = x, .loop = x->worker->loop};
    /* set first: the lease may be there before hold_grow() returns, though not yet on this loop */
    x->wait = (struct wait){.cancel = cancel_leasing, .op = x};
    enum hold_answer answer = hold_grow(&x->budget.hold, &more, &l->wait, &why);
    if (answer == HOLD_WAIT)
        return STEP_WAIT;
    x->wait = (struct wait){0};
    free(l);
    x->budget.leasing = NULL;
    if (answer == HOLD_YES)
        return STEP_NEXT;
    metric_add(x->worker->metrics, METRIC_over_budget_total, 1);
    refuse(&why, needed(x).of[why.measure], x->started_ms, err);
    return STEP_FAIL;
}

enum step spend_reserve(struct exchange *x, struct err *err)
{
    bool ok = !x->budget.leasing || x->budget.leasing->ok;
    free(x->budget.leasing);
    x->budget.leasing = NULL;
    if (!ok) {
        err_set(err, ERR_store, "a lease of a budget is not on disk");
        return STEP_FAIL;
    }
    return begin(x) ? ask_for_more(x, err) : STEP_NEXT;
}

enum hold_answer spend_reserve_now(struct exchange *x)
{
    struct amount more = missing(x);
    struct hold_refusal why;
    return x->budget.hold.n ? hold_grow(&x->budget.hold, &more, NULL, &why) : HOLD_YES;
}

bool spend_would_reserve(struct exchange *x, struct err *err)
{
    struct amount more = needed(x);
    for (unsigned i = 0; i < x->key->n_purses; i++) {
        struct hold_refusal r;
        purse_look(x->key->purses[i], x->started_ms, &r.state);
        for (r.measure = 0; r.measure < MEASURE_count; r.measure++)
            if (purse_left(&r.state, r.measure) < more.of[r.measure])
                return refuse(&r, more.of[r.measure], x->started_ms, err);
    }
    return true;
}

static bool had(const struct key *k, const struct purse *p)
{
    for (unsigned i = 0; i < k->n_purses; i++)
        if (k->purses[i] == p)
            return true;
    return false;
}

/* A budget that was set while x ran counts it too, though it reserved nothing there. */
static void spend_unheld(struct exchange *x, const struct amount *used)
{
    struct keyring *now = keyring_current(x->worker->gateway->store);
    const struct key *k = keyring_find_id(now, str_of(x->key->id));
    for (unsigned i = 0; k && i < k->n_purses; i++) {
        struct hold h;
        if (had(x->key, k->purses[i]))
            continue;
        hold_begin(&h, &k->purses[i], 1, x->started_ms);
        hold_settle(&h, used, x->over_bound, notice_of_budget, x);
    }
    keyring_unref(now);
}

void spend_settle(struct exchange *x)
{
    struct amount used = {{
        [MEASURE_usd] = x->cost_nusd == LEDGER_NULL ? 0 : x->cost_nusd,
        [MEASURE_tokens] = money_sum(x->usage.input, x->usage.output),
    }};
    free(x->budget.leasing);
    x->budget.leasing = NULL;
    if (x->budget.hold.n)
        hold_settle(&x->budget.hold, &used, x->over_bound, notice_of_budget, x);
    if (!x->dry_run && x->attempts && !keyring_is_current(x->worker->gateway->store, x->keyring))
        spend_unheld(x, &used);
}

/* As it will stand when what x holds is settled. */
static void look_ahead(const struct exchange *x, struct purse *p, struct purse_state *s)
{
    purse_look(p, x->started_ms, s);
    if (x->budget.hold.n == 0)
        return;
    for (unsigned m = 0; m < MEASURE_count; m++)
        s->reserved.of[m] -= x->budget.hold.held.of[m];
    s->spent.of[MEASURE_usd] += x->cost_nusd == LEDGER_NULL ? 0 : x->cost_nusd;
    s->spent.of[MEASURE_tokens] += x->usage.input + x->usage.output;
}

int64_t spend_left_nusd(const struct exchange *x)
{
    int64_t least = LEDGER_NULL;
    for (unsigned i = 0; i < x->key->n_purses; i++) {
        struct purse_state s;
        look_ahead(x, x->key->purses[i], &s);
        int64_t left = purse_left(&s, MEASURE_usd);
        if (left != INT64_MAX && (least == LEDGER_NULL || left < least))
            least = left;
    }
    return least;
}

int spend_warning(const struct exchange *x, struct purse_state *nearest)
{
    int highest = 0;
    for (unsigned i = 0; i < x->key->n_purses; i++) {
        struct purse_state s;
        look_ahead(x, x->key->purses[i], &s);
        int percent = purse_threshold(&s);
        if (percent > highest) {
            highest = percent;
            *nearest = s;
        }
    }
    return highest;
}
