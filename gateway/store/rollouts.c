/* What is changed: by tasks of the writer, and by notes among the rows of the ledger. */
#include "gateway/store/rollouts.h"

#include <stdio.h>

#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

static const char *const words[ROLLOUT_state_count] = {"running", "paused", "promoted",
                                                       "rolled_back"};

const char *rollout_state_word(enum rollout_state s)
{
    return words[s];
}

struct change {
    const struct rollout_row *row;
    bool dry_run;
    int64_t id;
};

static bool name_is_free(sqlite3 *db, struct str name, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db, "SELECT 1 FROM rollouts WHERE name = ? AND ended_ms IS NULL", err);
    bool there;
    if (!q)
        return false;
    sql_bind_text(q, 1, name);
    if (!sql_step(q, &there, err))
        return false;
    return !there || err_say(err, ERR_conflict, "name",
                             "a rollout of '%.*s' is under way; promote it or roll it back",
                             (int)(name.n < 64 ? name.n : 64), name.p);
}

static bool add_stage(sqlite3 *db, int64_t id, unsigned stage, unsigned share, int64_t wall_ms,
                      struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "INSERT INTO rollout_stages VALUES(?,?,?,?,0,0)", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, stage);
    sqlite3_bind_int64(q, 3, share);
    sqlite3_bind_int64(q, 4, wall_ms);
    return sql_run(q, err);
}

static bool task_insert(sqlite3 *db, void *arg, struct err *err)
{
    struct change *c = arg;
    const struct rollout_row *r = c->row;
    if (!name_is_free(db, r->name, err) || c->dry_run)
        return err->code == ERR_none;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db, "INSERT INTO rollouts VALUES(NULL,?,?,?,'running',NULL,?,?,?,NULL,NULL,NULL,NULL)",
        err);
    if (!q)
        return false;
    sql_bind_text(q, 1, r->name);
    sql_bind_text(q, 2, r->control);
    sql_bind_text(q, 3, r->canary);
    sqlite3_bind_int64(q, 4, r->stage);
    sqlite3_bind_int64(q, 5, r->share);
    sqlite3_bind_int64(q, 6, r->started_ms);
    if (!sql_run(q, err))
        return false;
    c->id = sqlite3_last_insert_rowid(db);
    return add_stage(db, c->id, r->stage, r->share, r->started_ms, err);
}

bool rollout_insert(struct store *s, const struct rollout_row *r, bool dry_run, int64_t *id,
                    struct err *err)
{
    struct change c = {r, dry_run, 0};
    if (!store_do(s, task_insert, &c, err))
        return false;
    *id = c.id;
    return true;
}

/* A verdict stands, whoever comes later. */
static bool update(sqlite3 *db, const struct rollout_latch *l, bool *changed, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "UPDATE rollouts SET state = ?, reason = ?, ended_ms = ?, guard = ?, log_e = ?"
                    " WHERE id = ? AND ended_ms IS NULL",
                    err);
    bool ends = l->state == ROLLOUT_promoted || l->state == ROLLOUT_rolled_back;
    if (!q)
        return false;
    sql_bind_text(q, 1, str_of(words[l->state]));
    sql_bind_text(q, 2, str_of(l->reason));
    if (ends)
        sqlite3_bind_int64(q, 3, l->wall_ms);
    sql_bind_text(q, 4, str_of(l->guard));
    if (l->guard)
        sqlite3_bind_double(q, 5, l->log_e);
    sqlite3_bind_int64(q, 6, l->rollout);
    if (!sql_run(q, err))
        return false;
    *changed = sqlite3_changes(db) > 0;
    return true;
}

static bool task_change(sqlite3 *db, void *arg, struct err *err)
{
    bool changed;
    if (!update(db, arg, &changed, err))
        return false;
    return changed || err_say(err, ERR_conflict, "name", "the rollout has ended");
}

bool rollout_change(struct store *s, int64_t id, enum rollout_state to, struct str reason,
                    int64_t wall_ms, struct err *err)
{
    struct rollout_latch l = {.rollout = id, .state = to, .wall_ms = wall_ms};
    snprintf(l.reason, sizeof l.reason, STR_FMT, STR_ARG(reason));
    return store_do(s, task_change, &l, err);
}

struct stage_change {
    int64_t id;
    unsigned stage, share;
    int64_t wall_ms;
};

static bool task_stage(sqlite3 *db, void *arg, struct err *err)
{
    const struct stage_change *c = arg;
    struct rollout_latch l = {.rollout = c->id, .state = ROLLOUT_running};
    if (!task_change(db, &l, err) || !add_stage(db, c->id, c->stage, c->share, c->wall_ms, err))
        return false;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "UPDATE rollouts SET stage = ?, share = ? WHERE id = ?", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, c->stage);
    sqlite3_bind_int64(q, 2, c->share);
    sqlite3_bind_int64(q, 3, c->id);
    return sql_run(q, err);
}

bool rollout_begin_stage(struct store *s, int64_t id, unsigned stage, unsigned share,
                         int64_t wall_ms, struct err *err)
{
    struct stage_change c = {id, stage, share, wall_ms};
    return store_do(s, task_stage, &c, err);
}

static bool task_undo(sqlite3 *db, void *arg, struct err *err)
{
    const struct stage_change *c = arg;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db, "UPDATE rollouts SET undone_ms = ? WHERE id = ? AND state = 'promoted'", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, c->wall_ms);
    sqlite3_bind_int64(q, 2, c->id);
    return sql_run(q, err);
}

bool rollout_undo(struct store *s, int64_t id, int64_t wall_ms, struct err *err)
{
    struct stage_change c = {.id = id, .wall_ms = wall_ms};
    return store_do(s, task_undo, &c, err);
}

static bool count_request(sqlite3 *db, const struct rollout_outcome *o, struct err *err)
{
    bool canary = str_eq(str_of(o->arm), STR("canary"));
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    canary ? "UPDATE rollout_stages SET canary_requests = canary_requests + 1"
                             " WHERE rollout = ? AND stage = ?"
                           : "UPDATE rollout_stages SET control_requests = control_requests + 1"
                             " WHERE rollout = ? AND stage = ?",
                    err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, o->rollout);
    sqlite3_bind_int64(q, 2, o->stage);
    return sql_run(q, err);
}

static bool write_outcome(sqlite3 *db, const void *data, struct err *err)
{
    const struct rollout_outcome *o = data;
    char unit[17];
    snprintf(unit, sizeof unit, "%016llx", (unsigned long long)o->unit);
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db, "INSERT OR REPLACE INTO rollout_events VALUES(?,?,?,?,?,?,?)", err);
    if (!q || !count_request(db, o, err))
        return false;
    for (unsigned i = 0; o->seq && i < o->n; i++) {
        sqlite3_bind_int64(q, 1, o->rollout);
        sqlite3_bind_int64(q, 2, o->stage);
        sqlite3_bind_int64(q, 3, o->seq);
        sql_bind_text(q, 4, str_of(unit));
        sql_bind_text(q, 5, str_of(o->arm));
        sql_bind_text(q, 6, str_of(o->values[i].guard));
        sqlite3_bind_double(q, 7, o->values[i].value);
        if (!sql_run(q, err))
            return false;
    }
    return true;
}

void rollout_outcome(struct store *s, const struct rollout_outcome *o)
{
    writer_note(s, &(struct note){.write = write_outcome, .data = o, .bytes = sizeof *o});
}

static bool write_latch(sqlite3 *db, const void *data, struct err *err)
{
    bool changed;
    return update(db, data, &changed, err);
}

void rollout_latch(struct store *s, const struct rollout_latch *l)
{
    writer_note(
        s, &(struct note){.write = write_latch, .data = l, .bytes = sizeof *l, .synced = true});
}
