/* Rollouts as JSON: all of them, one with its arms, one replayed.  All from the rows. */
#include <math.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "prompts/rollout_rows.h"
#include "prompts/rollouts_priv.h"

enum { NAME_SHOWN_BYTES = 64 };

static json_t *text_or_null(struct str s)
{
    return s.n ? json_stringn(s.p, s.n) : json_null();
}

static json_t *time_or_null(int64_t wall_ms)
{
    char text[CLOCK_TEXT_BYTES];
    if (!wall_ms)
        return json_null();
    clock_text(wall_ms, text);
    return json_string(text);
}

/* JSON has no infinity. */
static json_t *real_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *share_text(unsigned share)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(16);
    buf_addf(&text,
             share % 100 == 0  ? "%.0f%%"
             : share % 10 == 0 ? "%.1f%%"
                               : "%.2f%%",
             share / 100.0);
    return json_stringn(text.p, text.n);
}

static json_t *summary(const struct rollout_row *r)
{
    const char *state = r->undone_ms ? "undone" : rollout_state_word(r->state);
    return json_pack("{s:o, s:I, s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "name",
                     text_or_null(r->name), "rollout", (json_int_t)r->id, "state", state, "reason",
                     text_or_null(r->reason), "control", text_or_null(r->control), "canary",
                     text_or_null(r->canary), "stage", (int)r->stage, "share", share_text(r->share),
                     "started", time_or_null(r->started_ms), "ended", time_or_null(r->ended_ms));
}

static bool add_summary(void *list, const struct rollout_row *r, struct err *err)
{
    (void)err;
    json_array_append_new(list, summary(r));
    return true;
}

json_t *rollouts_list(struct rollouts *rs, struct err *err)
{
    json_t *list = json_array();
    if (store_flush(rs->store, err) && rollout_each(rs->store, add_summary, list, err))
        return list;
    json_decref(list);
    return NULL;
}

/* The newest row of a name. */
struct found {
    struct str name;
    json_t *summary; /* NULL: none */
    int64_t id;
    char guard[ROLLOUT_REASON_BYTES];
    double log_e;
};

static bool look_at(void *arg, const struct rollout_row *r, struct err *err)
{
    (void)err;
    struct found *f = arg;
    if (!str_eq(r->name, f->name))
        return true;
    json_decref(f->summary);
    f->summary = summary(r);
    f->id = r->id;
    f->log_e = r->log_e;
    memset(f->guard, 0, sizeof f->guard);
    if (r->guard.n && r->guard.n < sizeof f->guard)
        memcpy(f->guard, r->guard.p, r->guard.n);
    return true;
}

static bool find_row(struct rollouts *rs, struct str name, struct found *f,
                     struct rollout_evidence *ev, struct err *err)
{
    *f = (struct found){.name = name};
    if (!store_flush(rs->store, err) || !rollout_each(rs->store, look_at, f, err))
        return false;
    if (f->summary && rollout_rows_read(rs->store, f->id, ev, err))
        return true;
    if (!f->summary)
        err_say(err, ERR_not_found, "name", "there was never a rollout of '%.*s'",
                (int)(name.n < NAME_SHOWN_BYTES ? name.n : NAME_SHOWN_BYTES), name.p);
    json_decref(f->summary);
    return false;
}

static json_t *rate_object(const struct rate_sequence *s)
{
    struct interval i = rate_interval(s);
    return json_pack(
        "{s:I, s:I, s:o, s:f, s:f}", "units", (json_int_t)s->n, "count", (json_int_t)s->sum, "rate",
        s->n ? json_real(s->sum / (double)s->n) : json_null(), "low", i.low, "high", i.high);
}

static json_t *money_or_null(double nusd)
{
    char text[MONEY_TEXT_BYTES];
    if (!isfinite(nusd))
        return json_null();
    money_text((int64_t)llround(fmax(0, nusd)), text);
    return json_string(text);
}

static json_t *latency_or_null(double us)
{
    return real_or_null(fmax(0, us) / 1000);
}

static json_t *mean_object(enum guard g, const struct mean_sequence *s)
{
    json_t *(*shown)(double v) = g == GUARD_cost_nusd ? money_or_null : latency_or_null;
    double mean = s->n ? s->mean : NAN, margin = mean_margin(s);
    return json_pack("{s:I, s:o, s:o, s:o}", "units", (json_int_t)s->n, "mean", shown(mean), "low",
                     isfinite(margin) ? shown(mean - margin) : json_null(), "high",
                     shown(mean + margin));
}

static json_t *arm_object(const struct rollout_evidence *ev, enum arm arm)
{
    const struct trial_arm *a = &ev->trial.arms[arm];
    json_t *o = json_pack("{s:I, s:I}", "units", (json_int_t)a->units, "requests",
                          (json_int_t)ev->requests[arm]);
    for (unsigned g = 0; g < GUARD_count; g++)
        json_object_set_new(o, guards[g].shown,
                            guards[g].kind == GUARD_RATE
                                ? rate_object(&a->rates[g])
                                : mean_object((enum guard)g, &a->means[g]));
    return o;
}

static json_t *guard_list(const struct trial *t)
{
    json_t *list = json_array();
    for (unsigned g = 0; g < GUARD_count; g++)
        if (guards[g].decides)
            json_array_append_new(
                list, json_pack("{s:s, s:I, s:f, s:o, s:f}", "guard", guards[g].name, "blocks",
                                (json_int_t)t->harm[g].blocks, "log_e", eprocess_log(&t->harm[g]),
                                "e", real_or_null(exp(eprocess_log(&t->harm[g]))), "roll_back_at",
                                exp(trial_log_threshold())));
    return list;
}

json_t *rollouts_status(struct rollouts *rs, struct str name, struct err *err)
{
    struct found f;
    struct rollout_evidence ev;
    if (!find_row(rs, name, &f, &ev, err))
        return NULL;
    json_t *arms = json_object();
    for (unsigned a = 0; a < ARM_count; a++)
        json_object_set_new(arms, arm_words[a], arm_object(&ev, (enum arm)a));
    json_object_set_new(f.summary, "guards", guard_list(&ev.trial));
    json_object_set_new(f.summary, "arms", arms);
    trial_done(&ev.trial);
    return f.summary;
}

/* What the server has in memory; false: it has ended, or this is no server's. */
static bool live_log_e(struct rollouts *rs, int64_t id, double log_e[GUARD_count])
{
    bool found = false;
    pthread_mutex_lock(&rs->lock);
    for (struct rollout *r = atomic_load(&rs->newest); r && !found; r = r->next) {
        struct face face = atomic_load(&r->face);
        found = r->id == id && face.state == ROLLOUT_running;
        for (unsigned g = 0; found && g < GUARD_count; g++)
            log_e[g] = eprocess_log(&r->trial.harm[g]);
    }
    pthread_mutex_unlock(&rs->lock);
    return found;
}

static bool is_equal(struct rollouts *rs, const struct found *f, const struct rollout_evidence *ev)
{
    double log_e[GUARD_count];
    const struct trial *t = &ev->trial;
    if (ev->gap || t->harmful != (f->guard[0] != '\0'))
        return false;
    if (t->harmful)
        return strcmp(guards[t->guilty].name, f->guard) == 0 &&
               eprocess_log(&t->harm[t->guilty]) == f->log_e;
    if (!live_log_e(rs, f->id, log_e))
        return true;
    for (unsigned g = 0; g < GUARD_count; g++)
        if (log_e[g] != eprocess_log(&t->harm[g]))
            return false;
    return true;
}

static void add_replay(const struct found *f, const struct rollout_evidence *ev, bool equal)
{
    const struct trial *t = &ev->trial;
    const char *guilty = t->harmful ? guards[t->guilty].name : NULL,
               *stood = f->guard[0] ? f->guard : NULL;
    json_t *log_e = json_object();
    for (unsigned g = 0; g < GUARD_count; g++)
        if (guards[g].decides)
            json_object_set_new(log_e, guards[g].name, json_real(eprocess_log(&t->harm[g])));
    json_object_set_new(f->summary, "outcomes", json_integer(ev->outcomes));
    json_object_set_new(f->summary, "log_e", log_e);
    json_object_set_new(
        f->summary, "replayed",
        json_pack("{s:s, s:s?, s:o}", "verdict", guilty ? "rolled_back" : "none", "guard", guilty,
                  "log_e", guilty ? json_real(eprocess_log(&t->harm[t->guilty])) : json_null()));
    json_object_set_new(f->summary, "stands",
                        json_pack("{s:s, s:s?, s:o}", "verdict", stood ? "rolled_back" : "none",
                                  "guard", stood, "log_e",
                                  stood ? json_real(f->log_e) : json_null()));
    json_object_set_new(f->summary, "equal", json_boolean(equal));
}

/* An outcome may come between the rows and the look at the memory: then once more. */
enum { REPLAY_TRIES = 10 };

json_t *rollouts_replay(struct rollouts *rs, struct str name, struct err *err)
{
    struct found f;
    struct rollout_evidence ev;
    bool equal = false;
    for (unsigned i = 0; i < REPLAY_TRIES && !equal; i++) {
        if (i) {
            trial_done(&ev.trial);
            json_decref(f.summary);
        }
        if (!find_row(rs, name, &f, &ev, err))
            return NULL;
        equal = is_equal(rs, &f, &ev);
    }
    add_replay(&f, &ev, equal);
    trial_done(&ev.trial);
    return f.summary;
}
