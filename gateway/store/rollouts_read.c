/* Rollouts read back: at the start, for `--status` and for `--replay`. */
#include <stdlib.h>

#include "gateway/base/scope.h"
#include "gateway/store/rollouts.h"
#include "gateway/store/store_priv.h"

struct reading {
    const char *sql;
    int64_t id; /* 0: none is bound */
    bool (*row)(sqlite3_stmt *q, const struct reading *r, struct err *err);
    union { /* which of them, `row` knows */
        bool (*rollout)(void *arg, const struct rollout_row *r, struct err *err);
        bool (*event)(void *arg, const struct rollout_event *e, struct err *err);
        bool (*stage)(void *arg, const struct rollout_stage *st, struct err *err);
    } each;
    void *arg;
};

static bool read_rows(sqlite3 *db, const struct reading *r, struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, r->sql, err);
    if (!q)
        return false;
    if (r->id)
        sqlite3_bind_int64(q, 1, r->id);
    bool more, ok;
    while ((ok = sql_step(q, &more, err)) && more)
        if (!r->row(q, r, err))
            return false;
    return ok;
}

/* Not in the writer's thread: who gets a row may have it write. */
static bool read_all(struct store *s, const struct reading *r, struct err *err)
{
    if (s->options.dry_run) /* what it has may be in memory alone, and nobody writes it */
        return read_rows(s->db, r, err);
    sqlite3 *db = store_read_open(store_dir(s), err);
    bool ok = db && read_rows(db, r, err);
    store_read_close(db);
    return ok;
}

static enum rollout_state state_of(struct str word)
{
    for (int s = 0; s < ROLLOUT_state_count; s++)
        if (str_eq(word, str_of(rollout_state_word((enum rollout_state)s))))
            return (enum rollout_state)s;
    return ROLLOUT_paused;
}

static bool one_rollout(sqlite3_stmt *q, const struct reading *r, struct err *err)
{
    struct rollout_row row = {
        .id = sqlite3_column_int64(q, 0),
        .name = sql_text(q, 1),
        .control = sql_text(q, 2),
        .canary = sql_text(q, 3),
        .state = state_of(sql_text(q, 4)),
        .reason = sql_text(q, 5),
        .stage = (unsigned)sqlite3_column_int64(q, 6),
        .share = (unsigned)sqlite3_column_int64(q, 7),
        .started_ms = sqlite3_column_int64(q, 8),
        .ended_ms = sqlite3_column_int64(q, 9),
        .guard = sql_text(q, 10),
        .log_e = sqlite3_column_double(q, 11),
        .undone_ms = sqlite3_column_int64(q, 12),
    };
    return r->each.rollout(r->arg, &row, err);
}

bool rollout_each(struct store *s,
                  bool (*each)(void *arg, const struct rollout_row *r, struct err *err), void *arg,
                  struct err *err)
{
    const struct reading r = {"SELECT id, name, control, canary, state, reason, stage, share, "
                        "started_ms, ended_ms, guard, log_e,"
                        " undone_ms FROM rollouts ORDER BY id",
                        0,
                        one_rollout,
                        {.rollout = each},
                        arg};
    return read_all(s, &r, err);
}

static bool one_event(sqlite3_stmt *q, const struct reading *r, struct err *err)
{
    struct str unit = sql_text(q, 2);
    struct rollout_event e = {
        .stage = (unsigned)sqlite3_column_int64(q, 0),
        .seq = sqlite3_column_int64(q, 1),
        .arm = sql_text(q, 3),
        .guard = sql_text(q, 4),
        .value = sqlite3_column_double(q, 5),
    };
    for (size_t i = 0; i < unit.n; i++)
        e.unit =
            e.unit << 4 | (uint64_t)(unit.p[i] <= '9' ? unit.p[i] - '0' : unit.p[i] - 'a' + 10);
    return r->each.event(r->arg, &e, err);
}

bool rollout_event_each(struct store *s, int64_t id,
                        bool (*each)(void *arg, const struct rollout_event *e, struct err *err),
                        void *arg, struct err *err)
{
    const struct reading r = {
        "SELECT stage, seq, unit_hash, arm, guard, value FROM rollout_events WHERE rollout = ?"
        " ORDER BY stage, seq, guard",
        id,
        one_event,
        {.event = each},
        arg};
    return read_all(s, &r, err);
}

static bool one_stage(sqlite3_stmt *q, const struct reading *r, struct err *err)
{
    struct rollout_stage st = {
        .stage = (unsigned)sqlite3_column_int64(q, 0),
        .share = (unsigned)sqlite3_column_int64(q, 1),
        .requests = {sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3)},
    };
    return r->each.stage(r->arg, &st, err);
}

bool rollout_stage_each(struct store *s, int64_t id,
                        bool (*each)(void *arg, const struct rollout_stage *st, struct err *err),
                        void *arg, struct err *err)
{
    const struct reading r = {"SELECT stage, share, control_requests, canary_requests FROM rollout_stages"
                        " WHERE rollout = ? ORDER BY stage",
                        id,
                        one_stage,
                        {.stage = each},
                        arg};
    return read_all(s, &r, err);
}
