/*
 * route - which targets may be asked, and in which order.
 *
 * Reads:   asked, routed, prompt, key, config, request, arm
 * Writes:  model, offers, candidates, unfit, reason
 *
 * Hard constraints come first: what has no price, what the request needs and the target
 * lacks, its context, and the models that the key may not use.  What is left is ordered by
 * the model's strategy; targets that rest come last, and are asked only once they may be
 * again.  A target that is a model is ordered by its own strategy first, and then counts as
 * the first of its targets does.
 */
#include <inttypes.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/core/exchange.h"
#include "gateway/core/model_find.h"
#include "gateway/core/stage.h"

enum {
    NAME_SHOWN_BYTES = 64,
    REASON_BYTES = 96,
    MOST_TOKENS = 1000 * 1000 * 1000, /* more need not be told apart */
    USUAL_OUTPUT = 256, /* tokens of an answer that nobody has seen yet, at most */
    NOT_TOLD_OUTPUT = 32 * 1024,
};

static const char why_unpriced[] = "it has no price";
static const char why_context[] = "it is too long for its context";
static const char why_key[] = "this key may not use it";

/* One target of a model, ordered within. */
struct branch {
    struct candidate facts; /* of the first of it that does not rest; .target is its own place */
    bool rests;
    unsigned from, n; /* candidates, in x->candidates while the model is ordered */
};

static unsigned count_upstreams(const struct model *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->n_targets; i++)
        n += m->targets[i].of ? count_upstreams(m->targets[i].of) : 1;
    return n;
}

/* Adds up what answers of m's targets have on average, of those that have answered. */
static unsigned add_outputs(const struct model *m, int64_t now_us, int64_t *sum)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->n_targets; i++) {
        struct health_view v = {0};
        if (m->targets[i].of)
            n += add_outputs(m->targets[i].of, now_us, sum);
        else
            health_look(m->targets[i].health, now_us, &v);
        n += v.output_tokens > 0;
        *sum += v.output_tokens;
    }
    return n;
}

/* For targets that have not answered yet: hopefully short, so that they are tried and it is known.
 */
static int64_t usual_output(const struct model *m)
{
    int64_t sum = 0;
    unsigned n = add_outputs(m, clock_now_us(), &sum);
    return n && sum / n < USUAL_OUTPUT ? sum / n : USUAL_OUTPUT;
}

static void add_unfit(struct exchange *x, const struct target *t, struct str model, const char *why)
{
    x->unfit[x->n_unfit++] = (struct unfit){t, model, why};
}

/* NULL: it can serve this request. */
static const char *why_not(const struct exchange *x, const struct target *t,
                           const struct price *price)
{
    if (!price && !x->config->allow_unpriced)
        return why_unpriced;
    unsigned lacks = t->says_can || !price ? t->lacks : price->lacks;
    if (x->request.needs & lacks)
        return capability_why(x->request.needs & lacks);
    int64_t context = t->context || !price ? t->context : price->context;
    int64_t output = request_output_bound(&x->request, 0);
    if (context && (output > context || request_input_estimate(&x->request) > context - output))
        return why_context;
    return NULL;
}

/* What it is likely to cost there: the input is estimated, the output as usual for that target. */
static int64_t expect_nusd(const struct exchange *x, const struct price *price, int64_t output)
{
    if (!price)
        return INT64_MAX;
    int64_t most = request_output_bound(&x->request, NOT_TOLD_OUTPUT), usual;
    if (__builtin_mul_overflow(output, x->request.choices, &usual) || usual > MOST_TOKENS)
        usual = MOST_TOKENS;
    struct usage u = {.input = request_input_estimate(&x->request),
                      .output = usual < most ? usual : most};
    return price_cost_nusd(price, &u);
}

static void gather_upstream(struct exchange *x, const struct model *m, unsigned place,
                            int64_t usual, struct branch *b)
{
    const struct target *t = &m->targets[place];
    struct str model = target_model(x->config, m, t, model_name(x), &x->arena);
    const struct price *price = target_price(x->config, t, model);
    const char *why = why_not(x, t, price);
    if (why) {
        add_unfit(x, t, model, why);
        return;
    }
    struct health_view v;
    health_look(t->health, clock_now_us(), &v);
    bool streams = x->request.stream && endpoint_info(x->endpoint)->streams;
    unsigned n = x->n_candidates++;
    x->offers[n] = (struct offer){
        .target = t, .model = model, .price = price, .via = m, .rests_ms = v.rests_ms};
    x->candidates[n] = (struct candidate){
        .target = n,
        .weight = t->weight,
        .expected_nusd = expect_nusd(x, price, v.output_tokens ? v.output_tokens : usual),
        .first_us = v.first_us[streams] ? v.first_us[streams] : v.first_us[!streams],
        .error_ppm = v.error_ppm,
        .in_flight = v.in_flight,
    };
    *b = (struct branch){.facts = x->candidates[n], .rests = v.rests_ms > 0, .from = n, .n = 1};
}

static void order_model(struct exchange *x, const struct model *m, int64_t usual);

static void gather_model(struct exchange *x, const struct target *t, int64_t usual,
                         struct branch *b)
{
    unsigned from = x->n_candidates;
    if (!key_may_use(x->key, str_of(t->of->name))) {
        add_unfit(x, t, str_of(t->of->name), why_key);
        return;
    }
    order_model(x, t->of, usual);
    if (x->n_candidates == from)
        return;
    *b = (struct branch){.facts = x->candidates[from], .from = from, .n = x->n_candidates - from};
    b->rests = x->offers[b->facts.target].rests_ms > 0; /* so do the others: they come last */
}

/* Its score is kept for explain. */
static void put_branch(struct exchange *x, const struct branch *b, int64_t score,
                       const struct candidate *from, unsigned *at)
{
    for (unsigned i = 0; i < b->n; i++) {
        x->candidates[*at] = from[b->from + i];
        if (b->n == 1)
            x->candidates[*at].score = score;
        ++*at;
    }
}

/* Answers of all but the last branch that may be asked are judged. */
static void mark_judged(struct exchange *x, const struct model *m, unsigned from, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct offer *o = &x->offers[x->candidates[from + i].target];
        if (o->escalates)
            continue; /* by a cascade within */
        o->escalates = n - i;
        o->min_percent = m->min_percent;
    }
}

/* Appends the targets of m that may be asked, best first.  `usual`: see usual_output(). */
static void order_model(struct exchange *x, const struct model *m, int64_t usual)
{
    unsigned from = x->n_candidates, n = 0, n_live = 0, at = from;
    struct branch *branches = arena_alloc(&x->arena, m->n_targets * sizeof *branches);
    struct candidate *order = arena_alloc(&x->arena, m->n_targets * sizeof *order);
    for (unsigned i = 0; i < m->n_targets; i++) {
        struct branch *b = &branches[n];
        *b = (struct branch){.n = 0};
        if (m->targets[i].of)
            gather_model(x, &m->targets[i], usual, b);
        else
            gather_upstream(x, m, i, usual, b);
        b->facts.weight = m->targets[i].weight;
        b->facts.target = n;
        n += b->n > 0;
    }
    for (unsigned i = 0; i < n; i++)
        if (!branches[i].rests)
            order[n_live++] = branches[i].facts;
    if (n_live)
        m->strategy->order(order, n_live, worker_dice(x->worker));

    unsigned n_all = x->n_candidates - from;
    struct candidate *found = arena_alloc(&x->arena, (from + n_all) * sizeof *found);
    for (unsigned i = from; i < x->n_candidates; i++)
        found[i] = x->candidates[i];
    for (unsigned i = 0; i < n_live; i++) {
        const struct branch *b = &branches[order[i].target];
        put_branch(x, b, order[i].score, found, &at);
        if (m->strategy->judges && i + 1 < n_live)
            mark_judged(x, m, at - b->n, b->n);
    }
    for (unsigned i = 0; i < n; i++)
        if (branches[i].rests)
            put_branch(x, &branches[i], 0, found, &at);
}

static bool all_are(const struct exchange *x, const char *why)
{
    for (unsigned i = 0; i < x->n_unfit; i++)
        if (x->unfit[i].why != why)
            return false;
    return true;
}

static bool refuse(const struct exchange *x, struct err *err)
{
    const struct unfit *last = &x->unfit[x->n_unfit - 1];
    if (all_are(x, why_unpriced))
        return err_say(err, ERR_unpriced, "model",
                       "the model has no price, and unpriced models are refused; add '%s/%.*s' to "
                       "the file that "
                       "prices.file names, or set prices.unpriced: allow",
                       last->target->provider->name, (int)last->model.n, last->model.p);
    if (all_are(x, why_context))
        return err_say(err, ERR_too_long, "messages",
                       "the request needs about %" PRId64 " tokens and %" PRId64
                       " for the answer, more than any target of the model takes",
                       request_input_estimate(&x->request), request_output_bound(&x->request, 0));
    struct buf why = BUF_INIT(1024);
    for (unsigned i = 0; i < x->n_unfit; i++) {
        int shown =
            x->unfit[i].model.n < NAME_SHOWN_BYTES ? (int)x->unfit[i].model.n : NAME_SHOWN_BYTES;
        buf_addf(&why, "%s%.*s: %s", i ? "; " : "", shown, x->unfit[i].model.p, x->unfit[i].why);
    }
    bool needs_tools = x->request.needs & CAN_tools,
         needs_schema = x->request.needs & CAN_json_schema;
    err_say(err, ERR_unfit,
            needs_tools    ? "tools"
            : needs_schema ? "response_format"
                           : "messages",
            "no target of the model can serve this request; %s", why.p);
    buf_done(&why);
    return false;
}

/* "cheapest unfit:1 resting:1" */
static const char *make_reason(struct exchange *x)
{
    unsigned resting = 0;
    for (unsigned i = 0; i < x->n_candidates; i++)
        resting += x->offers[i].rests_ms > 0;
    struct buf reason = BUF_INIT(REASON_BYTES);
    buf_addf(&reason, "%s", x->n_candidates + x->n_unfit > 1 ? x->model->strategy->name : "only");
    if (x->n_unfit)
        buf_addf(&reason, " unfit:%u", x->n_unfit);
    if (resting)
        buf_addf(&reason, " resting:%u", resting);
    const char *kept = arena_strdup(&x->arena, buf_str(&reason));
    buf_done(&reason);
    return kept;
}

/* The arm's target is asked first; the others stay behind it as the strategy has them. */
static void prefer_arm(struct exchange *x)
{
    const struct draw *d = &x->arm.model;
    unsigned i = 0;
    while (i < x->n_candidates && !target_is(x->offers[x->candidates[i].target].target, d->chosen))
        i++;
    if (i < x->n_candidates) {
        struct candidate first = x->candidates[i];
        memmove(&x->candidates[1], &x->candidates[0], i * sizeof first);
        x->candidates[0] = first;
    } else if (d->rollout && !x->dry_run) {
        rollouts_stall(x->worker->gateway->rollouts, d, "an arm's target cannot be asked", x->started_ms);
    }
}

static enum step route_run(struct exchange *x, struct err *err)
{
    if (!model_find(x, err))
        return STEP_FAIL;
    unsigned n = count_upstreams(x->model);
    x->offers = arena_alloc(&x->arena, n * sizeof *x->offers);
    x->candidates = arena_alloc(&x->arena, n * sizeof *x->candidates);
    x->unfit = arena_alloc(&x->arena, n * sizeof *x->unfit);
    order_model(x, x->model, usual_output(x->model));
    if (x->n_candidates == 0) {
        refuse(x, err);
        return STEP_FAIL;
    }
    if (x->arm.model.chosen)
        prefer_arm(x);
    x->reason = make_reason(x);
    return STEP_NEXT;
}

const struct stage stage_route = {
    .name = "route",
    .help = "finds the model among those that the key may use, and orders its targets",
    .run = route_run,
};
