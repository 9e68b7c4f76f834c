/*
 * arm - draws the arm of every rollout that this request is part of, once, by its unit.
 *
 * Reads:   unit, asked, prompt, key, config
 * Writes:  arm, drawn_version
 * Undo:    tells the rollouts what became of the request
 *
 * Which arm a request counts for is settled here, whatever serves it later.  Who may not
 * use a model is not drawn for it.
 */
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/core/arm.h"
#include "gateway/core/stage.h"
#include "gateway/store/ledger.h"

/*
 * Of a request that names neither version nor label.  Control is `production`: once that
 * names another version than the one that the canary was compared with, there is nothing
 * to compare any more.
 */
static void draw_prompt(struct exchange *x)
{
    struct rollouts *rs = x->worker->gateway->rollouts;
    struct draw *d = &x->arm.prompt;
    struct err unknown = {0};
    int64_t version;
    if (!x->prompt.set || x->prompt.pick.n)
        return;
    rollouts_draw(rs, false, x->prompt.name, x->unit, d);
    if (!d->rollout)
        return;
    const struct prompt_version *v =
        prompt_set_pick(x->prompt.set, x->prompt.name, STR(""), &unknown);
    if (!v || !str_int(str_of(rollouts_control(d)), &version) || version != v->version) {
        if (!x->dry_run)
            rollouts_stall(rs, d, "the label production has moved", x->started_ms);
        d->rollout = NULL;
    } else if (d->arm == ARM_canary && str_int(str_of(d->chosen), &version)) {
        x->drawn_version = version;
    }
}

static const struct prompt_version *version_of(const struct exchange *x)
{
    const struct prompt_entry *e =
        x->prompt.set ? prompt_set_find(x->prompt.set, x->prompt.name) : NULL;
    struct err unknown = {0};
    if (e && x->drawn_version)
        return prompt_version_find(e, x->drawn_version);
    return e ? prompt_set_pick(x->prompt.set, x->prompt.name, x->prompt.pick, &unknown) : NULL;
}

/* Of the model that is asked, or that the prompt's version names. */
static void draw_model(struct exchange *x)
{
    const struct prompt_version *v = version_of(x);
    struct str asked = v && v->prompt ? str_of(v->prompt->route) : x->asked;
    const struct model *m = config_model(x->config, asked);
    bool granted = v && v->prompt && v->prompt->is_public;
    if (m && (granted || key_may_use(x->key, asked) || key_may_use(x->key, str_of(m->name))))
        rollouts_draw(x->worker->gateway->rollouts, true, str_of(m->name), x->unit, &x->arm.model);
}

static enum step arm_run(struct exchange *x, struct err *err)
{
    (void)err;
    if (rollouts_are_none(x->worker->gateway->rollouts))
        return STEP_NEXT;
    draw_prompt(x);
    draw_model(x);
    return STEP_NEXT;
}

/* The arm's own target did not answer, though somebody did. */
static bool was_replaced(const struct exchange *x)
{
    const struct draw *d = &x->arm.model;
    return d->chosen && x->served && !target_is(x->served->target, d->chosen);
}

static bool is_error(const struct exchange *x, const struct draw *d)
{
    const char *word = exchange_finish_word(x);
    if (d == &x->arm.model && was_replaced(x))
        return true;
    if (d == &x->arm.prompt && (x->err.code == ERR_prompt_input || x->err.code == ERR_no_model))
        return true; /* the version takes other inputs, or names a model that is none */
    return strcmp(word, "failed") == 0 || strcmp(word, "cut") == 0 || exchange_status(x) >= 500;
}

static void measure(const struct exchange *x, const struct draw *d, struct outcome *o)
{
    *o = (struct outcome){0};
    o->known[GUARD_error] = true;
    o->value[GUARD_error] = is_error(x, d);
    o->known[GUARD_latency_us] = true;
    o->value[GUARD_latency_us] = (double)(clock_now_us() - x->started_us);
    o->known[GUARD_cost_nusd] = x->cost_nusd != LEDGER_NULL;
    o->value[GUARD_cost_nusd] = (double)x->cost_nusd;
    if (x->finish != FINISH_complete)
        return;
    o->known[GUARD_refusal] = true;
    o->value[GUARD_refusal] = x->arm.refused;
    o->known[GUARD_format] = x->arm.fit != SHAPE_unknown;
    o->value[GUARD_format] = x->arm.fit == SHAPE_misfits;
}

static bool client_left(const struct exchange *x)
{
    return x->left || x->finish == FINISH_client_gone;
}

/* Nobody asked a model, or it is we who stop: that says nothing of either arm. */
static bool tells_something(const struct exchange *x)
{
    bool from_cache = x->cache.state == CACHED_HANDING_OUT || x->cache.state == CACHED_JOINED;
    bool unasked = x->finish == FINISH_complete && x->attempts == 0;
    return !unasked && !from_cache && !client_left(x) && x->finish != FINISH_shutdown;
}

static void tell(struct exchange *x, const struct draw *d)
{
    struct outcome o;
    if (!d->rollout)
        return;
    measure(x, d, &o);
    rollouts_ended(x->worker->gateway->rollouts, d, tells_something(x) ? &o : NULL,
                   client_left(x), clock_wall_ms());
}

static void arm_undo(struct exchange *x)
{
    if (x->dry_run)
        return;
    tell(x, &x->arm.prompt);
    tell(x, &x->arm.model);
}

const char *arm_word(const struct exchange *x)
{
    const struct draw *d = x->arm.prompt.rollout ? &x->arm.prompt : &x->arm.model;
    return d->rollout ? arm_words[d->arm] : "";
}

const struct stage stage_arm = {
    .name = "arm",
    .help = "draws the arms of rollouts by the request's unit; its undo tells them what came of it",
    .run = arm_run,
    .undo = arm_undo,
};
