/*
 * route - which targets may be asked, and in which order.
 *
 * Reads:   asked, routed, prompt, key, config, arm
 * Writes:  model, candidates, reason
 */
#include <string.h>

#include "gateway/core/exchange.h"
#include "gateway/core/model_find.h"
#include "gateway/core/stage.h"

/* Those that can be accounted for. */
static bool gather(struct exchange *x, struct err *err)
{
    const struct model *m = x->model;
    struct str model = STR("");
    x->offers = arena_alloc(&x->arena, m->n_targets * sizeof *x->offers);
    x->candidates = arena_alloc(&x->arena, m->n_targets * sizeof *x->candidates);
    for (unsigned i = 0; i < m->n_targets; i++) {
        const struct target *t = &m->targets[i];
        model = target_model(x->config, m, t, model_name(x), &x->arena);
        const struct price *price = target_price(x->config, t, model);
        if (!price && !x->config->allow_unpriced)
            continue;
        unsigned n = x->n_candidates++;
        x->offers[n] = (struct offer){t, model, price};
        x->candidates[n] = (struct candidate){.target = n, .weight = t->weight};
    }
    if (x->n_candidates > 0)
        return true;
    return err_say(err, ERR_unpriced, "model",
                   "the model has no price, and unpriced models are refused; add '%s/%.*s' to the file that "
                   "prices.file names, or set prices.unpriced: allow",
                   m->targets[m->n_targets - 1].provider->name, (int)model.n, model.p);
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
    if (!model_find(x, err) || !gather(x, err))
        return STEP_FAIL;
    x->model->strategy->order(x->candidates, x->n_candidates, worker_dice(x->worker));
    if (x->arm.model.chosen)
        prefer_arm(x);
    x->reason = x->model->n_targets > 1 ? x->model->strategy->name : "only";
    return STEP_NEXT;
}

const struct stage stage_route = {
    .name = "route",
    .help = "finds the model among those that the key may use, and orders its targets",
    .run = route_run,
};
