#include "prompts/rollout_rows.h"

#include <stdlib.h>

#include "gateway/base/mem.h"
#include "prompts/bucket.h"

struct reading {
    struct rollout_evidence *ev;
    struct rollout_stage *stages;
    size_t n_stages;
    struct outcome outcome; /* what has been read of it */
    int64_t seq;            /* 0: nothing */
    unsigned stage;
    uint64_t unit;
    enum arm arm;
};

static bool take_stage(void *arg, const struct rollout_stage *st, struct err *err)
{
    (void)err;
    struct reading *r = arg;
    r->stages = mem_realloc(r->stages, (r->n_stages + 1) * sizeof *r->stages);
    r->stages[r->n_stages++] = *st;
    for (unsigned a = 0; a < ARM_count; a++)
        r->ev->requests[a] += st->requests[a];
    return true;
}

static bool is_drawn_so(const struct reading *r)
{
    for (size_t i = 0; i < r->n_stages; i++)
        if (r->stages[i].stage == r->stage)
            return bucket_is_canary(r->unit, r->stages[i].share) == (r->arm == ARM_canary);
    return false;
}

static void feed(struct reading *r)
{
    struct rollout_evidence *ev = r->ev;
    if (!r->seq)
        return;
    if (ev->trial.stage != r->stage)
        trial_begin_stage(&ev->trial, r->stage);
    ev->gap |= r->seq != ev->trial.seq + 1 || !is_drawn_so(r);
    trial_add(&ev->trial, r->unit, r->arm, &r->outcome);
    ev->outcomes++;
}

static bool take_event(void *arg, const struct rollout_event *e, struct err *err)
{
    (void)err;
    struct reading *r = arg;
    if (e->stage != r->stage || e->seq != r->seq) {
        feed(r);
        r->outcome = (struct outcome){0};
        r->stage = e->stage;
        r->seq = e->seq;
        r->unit = e->unit;
        r->arm = str_eq(e->arm, str_of(arm_words[ARM_canary])) ? ARM_canary : ARM_control;
    }
    for (unsigned g = 0; g < GUARD_count; g++)
        if (str_eq(e->guard, str_of(guards[g].name))) {
            r->outcome.known[g] = true;
            r->outcome.value[g] = e->value;
        }
    return true;
}

bool rollout_rows_read(struct store *s, int64_t id, struct rollout_evidence *ev, struct err *err)
{
    *ev = (struct rollout_evidence){0};
    struct reading r = {.ev = ev};
    bool ok = rollout_stage_each(s, id, take_stage, &r, err) &&
              rollout_event_each(s, id, take_event, &r, err);
    if (ok)
        feed(&r);
    free(r.stages);
    return ok;
}
