#include "prompts/rollouts.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "prompts/bucket.h"
#include "prompts/rollout_rows.h"
#include "prompts/rollouts_priv.h"

#define OF_MODEL "model:"

enum { NAME_BYTES = 1024, NAME_SHOWN_BYTES = 64 };

static char *copy(struct str s)
{
    char *p = mem_zalloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

static struct rollout *rollout_new(const struct rollout_row *row)
{
    struct rollout *r = NEW(struct rollout);
    SCOPED(buf_done) struct buf salt = BUF_INIT(NAME_BYTES);
    buf_addf(&salt, STR_FMT "/%lld", STR_ARG(row->name), (long long)row->id);
    r->id = row->id;
    r->name = copy(row->name);
    r->control = copy(row->control);
    r->canary = copy(row->canary);
    r->ended_ms = row->ended_ms;
    r->salt = buf_take(&salt);
    atomic_init(&r->face, ((struct face){.state = row->state,
                                         .undone = row->undone_ms != 0,
                                         .share = (uint16_t)row->share,
                                         .stage = row->stage}));
    return r;
}

static void rollout_free(struct rollout *r)
{
    trial_done(&r->trial);
    free(r->name);
    free(r->control);
    free(r->canary);
    free(r->salt);
    free(r);
}

static bool is_under_way(const struct face *f)
{
    return f->state == ROLLOUT_running || f->state == ROLLOUT_paused;
}

static void set_state(struct rollout *r, enum rollout_state state)
{
    struct face f = atomic_load(&r->face);
    f.state = (uint8_t)state;
    atomic_store(&r->face, f);
}

/* In force at once; its row comes after those of the outcomes. */
static void latch(struct rollouts *rs, struct rollout *r, enum rollout_state state,
                  const char *reason, int64_t wall_ms)
{
    struct rollout_latch l = {.rollout = r->id, .state = state, .wall_ms = wall_ms};
    set_state(r, state);
    snprintf(l.reason, sizeof l.reason, "%s", reason);
    if (state == ROLLOUT_rolled_back) {
        l.guard = guards[r->trial.guilty].name;
        l.log_e = eprocess_log(&r->trial.harm[r->trial.guilty]);
    }
    rollout_latch(rs->store, &l);
    LOG(rollout, F("name", (const char *)r->name), F("rollout", r->id),
        F("state", rollout_state_word(state)), F("reason", reason), F("log_e", l.log_e));
}

static void look(struct rollouts *rs, struct rollout *r, int64_t wall_ms)
{
    if (r->trial.harmful)
        latch(rs, r, ROLLOUT_rolled_back, guards[r->trial.guilty].name, wall_ms);
    else if (r->trial.seq >= TRIAL_UNITS_MAX && atomic_load(&r->face).state == ROLLOUT_running)
        latch(rs, r, ROLLOUT_paused, "enough units, and no verdict", wall_ms);
}

struct loading {
    struct rollouts *rs;
    int64_t wall_ms;
};

static bool load_one(void *arg, const struct rollout_row *row, struct err *err)
{
    struct loading *l = arg;
    struct rollouts *rs = l->rs;
    struct rollout *r = rollout_new(row);
    struct face f = atomic_load(&r->face);
    r->next = atomic_load(&rs->newest);
    atomic_store(&rs->newest, r);
    if (!is_under_way(&f))
        return true;
    struct rollout_evidence ev;
    if (!rollout_rows_read(rs->store, row->id, &ev, err))
        return false;
    r->trial = ev.trial;
    if (r->trial.stage != row->stage)
        trial_begin_stage(&r->trial, row->stage);
    look(rs, r, l->wall_ms);
    f = atomic_load(&r->face);
    if (ev.gap && f.state == ROLLOUT_running)
        latch(rs, r, ROLLOUT_paused, "rows of its outcomes are missing", l->wall_ms);
    return true;
}

struct rollouts *rollouts_open(struct store *s, int64_t wall_ms, struct err *err)
{
    struct rollouts *rs = NEW(struct rollouts);
    struct loading l = {rs, wall_ms};
    rs->store = s;
    pthread_mutex_init(&rs->lock, NULL);
    if (rollout_each(s, load_one, &l, err))
        return rs;
    rollouts_free(rs);
    return NULL;
}

void rollouts_free(struct rollouts *rs)
{
    if (!rs)
        return;
    for (struct rollout *r = atomic_load(&rs->newest), *next; r; r = next) {
        next = r->next;
        rollout_free(r);
    }
    pthread_mutex_destroy(&rs->lock);
    free(rs);
}

static bool is_of(const struct rollout *r, bool of_model, struct str name)
{
    struct str whole = str_of(r->name), prefix = STR(OF_MODEL);
    if (str_starts(whole, prefix) != of_model)
        return false;
    return str_eq(of_model ? (struct str){whole.p + prefix.n, whole.n - prefix.n} : whole, name);
}

bool rollouts_are_none(const struct rollouts *rs)
{
    return !rs || !atomic_load_explicit(&rs->newest, memory_order_acquire);
}

void rollouts_draw(const struct rollouts *rs, bool of_model, struct str name, struct str unit,
                   struct draw *d)
{
    *d = (struct draw){0};
    for (struct rollout *r = rs ? atomic_load(&rs->newest) : NULL; r; r = r->next) {
        struct face f = atomic_load(&r->face);
        if (!is_of(r, of_model, name))
            continue;
        if (f.state == ROLLOUT_running) {
            d->rollout = r;
            d->stage = f.stage;
            d->unit = bucket_of(str_of(r->salt), unit);
            d->arm = bucket_is_canary(d->unit, f.share) ? ARM_canary : ARM_control;
            d->chosen = d->arm == ARM_canary ? r->canary : r->control;
            return;
        }
        if (of_model && f.state == ROLLOUT_paused)
            d->chosen = r->control;
        if (of_model && f.state == ROLLOUT_promoted && !f.undone)
            d->chosen = r->canary;
        if (d->chosen)
            return;
    }
}

const char *rollouts_control(const struct draw *d)
{
    return d->rollout ? d->rollout->control : NULL;
}

static void hand_over(struct rollouts *rs, const struct draw *d, const struct outcome *o,
                      bool is_outcome)
{
    struct rollout *r = d->rollout;
    struct rollout_outcome row = {
        .rollout = r->id, .stage = d->stage, .arm = arm_words[d->arm], .unit = d->unit};
    _Static_assert((int)GUARD_count <= (int)ROLLOUT_VALUES_MAX,
                   "an outcome has a value for each guard");
    for (unsigned g = 0; is_outcome && g < GUARD_count; g++)
        if (o->known[g]) {
            row.seq = r->trial.seq;
            row.values[row.n].guard = guards[g].name;
            row.values[row.n++].value = o->value[g];
        }
    rollout_outcome(rs->store, &row);
}

void rollouts_ended(struct rollouts *rs, const struct draw *d, const struct outcome *o, bool left,
                    int64_t wall_ms)
{
    struct rollout *r = d->rollout;
    pthread_mutex_lock(&rs->lock);
    struct face f = atomic_load(&r->face);
    bool open = f.state == ROLLOUT_running && f.stage == d->stage && !r->changing;
    bool is_outcome = open && o && trial_add(&r->trial, d->unit, d->arm, o);
    hand_over(rs, d, o, is_outcome);
    if (is_outcome)
        look(rs, r, wall_ms);
    if (open && left && trial_left(&r->trial, d->unit, d->arm))
        latch(rs, r, ROLLOUT_paused, "callers of an arm left, one after the other", wall_ms);
    pthread_mutex_unlock(&rs->lock);
}

void rollouts_stall(struct rollouts *rs, const struct draw *d, const char *reason, int64_t wall_ms)
{
    struct rollout *r = d->rollout;
    pthread_mutex_lock(&rs->lock);
    struct face f = atomic_load(&r->face);
    if (f.state == ROLLOUT_running && f.stage == d->stage && !r->changing)
        latch(rs, r, ROLLOUT_paused, reason, wall_ms);
    pthread_mutex_unlock(&rs->lock);
}

/*
 * The newest of that name that is under way, or, if `promoted`, that was promoted and
 * stands: a model's, for what was promoted of a prompt is its label's matter.
 */
static struct rollout *find(struct rollouts *rs, struct str name, bool promoted)
{
    promoted &= str_starts(name, STR(OF_MODEL));
    for (struct rollout *r = atomic_load(&rs->newest); r; r = r->next) {
        struct face f = atomic_load(&r->face);
        bool wanted = is_under_way(&f) || (promoted && f.state == ROLLOUT_promoted && !f.undone);
        if (wanted && str_eq(str_of(r->name), name))
            return r;
    }
    return NULL;
}

/* From now on nothing is fed and no other command decides, until end_change(). */
static bool begin_change(struct rollouts *rs, struct rollout *r, struct err *err)
{
    pthread_mutex_lock(&rs->lock);
    struct face f = atomic_load(&r->face);
    bool ended = !is_under_way(&f) && f.state != ROLLOUT_promoted;
    bool ok = !r->changing && !ended;
    r->changing |= ok;
    pthread_mutex_unlock(&rs->lock);
    return ok || err_say(err, ERR_conflict, "name",
                         ended ? "the rollout has ended" : "the rollout is being changed");
}

static void end_change(struct rollouts *rs, struct rollout *r)
{
    pthread_mutex_lock(&rs->lock);
    r->changing = false;
    pthread_mutex_unlock(&rs->lock);
}

static void log_change(const struct rollout *r, const char *state)
{
    LOG(rollout, F("name", (const char *)r->name), F("rollout", r->id), F("state", state),
        F("reason", "by hand"));
}

static bool next_stage(struct rollouts *rs, struct rollout *r, unsigned share, bool dry_run,
                       int64_t wall_ms, struct err *err)
{
    struct face f = atomic_load(&r->face);
    if (f.state == ROLLOUT_running && f.share == share)
        return err_say(err, ERR_conflict, "share", "the rollout has this share already");
    if (dry_run)
        return true;
    if (!begin_change(rs, r, err))
        return false;
    bool ok = rollout_begin_stage(rs->store, r->id, f.stage + 1, share, wall_ms, err);
    pthread_mutex_lock(&rs->lock);
    if (ok) {
        trial_begin_stage(&r->trial, f.stage + 1);
        f = (struct face){.state = ROLLOUT_running, .share = (uint16_t)share, .stage = f.stage + 1};
        atomic_store(&r->face, f);
    }
    r->changing = false;
    pthread_mutex_unlock(&rs->lock);
    if (ok)
        log_change(r, "running");
    return ok;
}

static bool begin_new(struct rollouts *rs, const struct rollout_spec *spec, bool dry_run,
                      int64_t wall_ms, struct err *err)
{
    struct rollout_row row = {
        .name = spec->name,
        .control = spec->control,
        .canary = spec->canary,
        .state = ROLLOUT_running,
        .stage = 1,
        .share = spec->share,
        .started_ms = wall_ms,
    };
    if (!rollout_insert(rs->store, &row, dry_run, &row.id, err))
        return false;
    if (dry_run)
        return true;
    struct rollout *r = rollout_new(&row);
    trial_begin_stage(&r->trial, 1);
    pthread_mutex_lock(&rs->lock);
    r->next = atomic_load(&rs->newest);
    atomic_store(&rs->newest, r);
    pthread_mutex_unlock(&rs->lock);
    log_change(r, "running");
    return true;
}

bool rollouts_start(struct rollouts *rs, const struct rollout_spec *spec, bool dry_run,
                    int64_t wall_ms, struct err *err)
{
    struct rollout *r = find(rs, spec->name, false);
    if (spec->name.n > NAME_BYTES / 2)
        return err_say(err, ERR_bad_request, "name", "the name is too long");
    if (r && str_eq(str_of(r->canary), spec->canary))
        return next_stage(rs, r, spec->share, dry_run, wall_ms, err);
    if (str_eq(spec->canary, spec->control))
        return err_say(err, ERR_bad_request, "canary", "that is what everybody gets already");
    return begin_new(rs, spec, dry_run, wall_ms, err); /* the store refuses a second one */
}

static bool decide(struct rollouts *rs, struct rollout *r, enum rollout_state to, int64_t wall_ms,
                   struct err *err)
{
    struct face f = atomic_load(&r->face);
    bool ok = f.state == ROLLOUT_promoted
                  ? rollout_undo(rs->store, r->id, wall_ms, err)
                  : rollout_change(rs->store, r->id, to, STR("by hand"), wall_ms, err);
    if (!ok)
        return false;
    if (f.state == ROLLOUT_promoted)
        f.undone = true;
    else
        f.state = (uint8_t)to;
    r->ended_ms = to == ROLLOUT_paused ? 0 : wall_ms;
    atomic_store(&r->face, f);
    log_change(r, f.undone ? "undone" : rollout_state_word(to));
    return true;
}

bool rollouts_decide(struct rollouts *rs, struct str name, enum rollout_verb verb, bool dry_run,
                     int64_t wall_ms, struct err *err)
{
    static const enum rollout_state states[] = {ROLLOUT_promoted, ROLLOUT_paused,
                                                ROLLOUT_rolled_back};
    struct rollout *r = find(rs, name, verb == ROLLOUT_ROLL_BACK);
    int shown = name.n < NAME_SHOWN_BYTES ? (int)name.n : NAME_SHOWN_BYTES;
    if (!r)
        return err_say(err, ERR_not_found, "name", "no rollout of '%.*s' is under way", shown,
                       name.p);
    struct face f = atomic_load(&r->face);
    if (verb == ROLLOUT_PAUSE && f.state == ROLLOUT_paused)
        return err_say(err, ERR_conflict, "name", "the rollout is paused already");
    if (dry_run)
        return true;
    if (!begin_change(rs, r, err))
        return false;
    bool ok = decide(rs, r, states[verb], wall_ms, err);
    end_change(rs, r);
    return ok;
}

bool rollouts_are_under_way(struct rollouts *rs, struct str name)
{
    return find(rs, name, false) != NULL;
}

/* Digits, at most two of them after a point. */
bool share_parse(struct str text, unsigned *share)
{
    unsigned n = 0, decimals = 0;
    bool point = false, digit = false;
    if (str_ends(text, STR("%")))
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '.' && !point && digit) {
            point = true;
            continue;
        }
        if (text.p[i] < '0' || text.p[i] > '9' || n > SHARE_ALL || (point && decimals == 2))
            return false;
        digit = true;
        decimals += point;
        n = n * 10 + (unsigned)(text.p[i] - '0');
    }
    for (; decimals < 2; decimals++)
        n *= 10;
    *share = n;
    return digit && n > 0 && n <= SHARE_ALL;
}
