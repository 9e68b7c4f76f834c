/*
 * Budgets and leases in the database.  What was spent is always the sum over the ledger's
 * requests, so the two cannot drift apart; a lease says in the same terms up to where
 * spending may have gone:
 *
 *     spent = sum over requests of the window + lost - forgiven
 *
 * A lease that is still there when the store is opened was not closed by its owner: what
 * lies between spent and leased is lost from then on.
 */
#include "gateway/base/clock.h"
#include "gateway/base/fault.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/store/purse_priv.h"
#include "gateway/store/store_priv.h"

static const char *const measure_words[] = {"usd", "tokens"};

/* The id that the first request of the window could have: ids sort by time (core/gateway.h). */
static void first_id(int64_t wall_ms, char id[15])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    enum { PREFIX = 4, TIME = 10 };
    id[0] = 'r', id[1] = 'e', id[2] = 'q', id[3] = '_';
    for (unsigned i = 0; i < TIME; i++, wall_ms >>= 5)
        id[PREFIX + TIME - 1 - i] = digits[wall_ms & 31];
    id[PREFIX + TIME] = '\0';
}

/* Two sums, of nano-USD and of tokens, added to *sum. */
static bool add_sums(sqlite3 *db, const char *sql, const struct purse_window *w, struct amount *sum,
                     struct err *err)
{
    const struct purse *p = w->purse;
    char id[15], day[CLOCK_TEXT_BYTES];
    first_id(w->from_ms, id);
    clock_text(w->from_ms, day);
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    if (!q)
        return false;
    sql_bind_text(q, 1, str_of(p->team));
    sql_bind_text(q, 2, str_of(p->key_id));
    sqlite3_bind_int64(q, 3, w->from_ms);
    sqlite3_bind_int64(q, 4, w->to_ms);
    sql_bind_text(q, 5, str_of(id));
    sql_bind_text(q, 6, (struct str){day, 10});
    bool more;
    if (!sql_step(q, &more, err))
        return false;
    for (unsigned m = 0; m < MEASURE_count; m++)
        sum->of[m] += sqlite3_column_int64(q, (int)m);
    return true;
}

#define OF_OWNER " (?1 IS NULL OR team = ?1) AND (?2 IS NULL OR key_id = ?2)"
#define IN_WINDOW " request_id >= ?5 AND started_ms >= ?3 AND started_ms < ?4"

static bool sum_spent(sqlite3 *db, const struct purse_window *w, struct amount *spent,
                      struct err *err)
{
    static const char kept[] =
        "SELECT sum(cost_nusd), sum(input_tokens + output_tokens) FROM requests WHERE" OF_OWNER
        " AND" IN_WINDOW;
    static const char pruned[] =
        "SELECT sum(cost_nusd), sum(input_tokens + output_tokens) FROM pruned WHERE" OF_OWNER
        " AND day >= ?6";
    *spent = (struct amount){0};
    return add_sums(db, kept, w, spent, err) &&
           (w->purse->per == PERIOD_hour ||
            add_sums(db, pruned, w, spent, err)); /* pruned days have no hours */
}

/* ---- leases */

struct lease_row {
    bool open, closed;
    int64_t leased, lost, forgiven;
};

static bool lease_read(sqlite3 *db, const struct purse_window *w, enum measure m,
                       struct lease_row *row, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  "SELECT leased, lost, forgiven, closed FROM leases"
                                  " WHERE budget = ? AND from_ms = ? AND measure = ?",
                                  err);
    bool more;
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, w->purse->id);
    sqlite3_bind_int64(q, 2, w->from_ms);
    sql_bind_text(q, 3, str_of(measure_words[m]));
    if (!sql_step(q, &more, err))
        return false;
    *row = (struct lease_row){0};
    if (more)
        *row = (struct lease_row){
            .open = sqlite3_column_type(q, 0) != SQLITE_NULL,
            .leased = sqlite3_column_int64(q, 0),
            .lost = sqlite3_column_int64(q, 1),
            .forgiven = sqlite3_column_int64(q, 2),
            .closed = sqlite3_column_int(q, 3) != 0,
        };
    return true;
}

/* `set` is a column; LEDGER_NULL is null. */
static bool lease_set(sqlite3 *db, const struct purse_window *w, enum measure m, const char *set,
                      int64_t value, struct err *err)
{
    SCOPED(buf_done) struct buf sql = BUF_INIT(512);
    buf_addf(&sql,
             "INSERT INTO leases(budget, from_ms, measure, %s) VALUES(?1,?2,?3,?4)"
             " ON CONFLICT DO UPDATE SET %s = ?4",
             set, set);
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql.p, err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, w->purse->id);
    sqlite3_bind_int64(q, 2, w->from_ms);
    sql_bind_text(q, 3, str_of(measure_words[m]));
    if (value != LEDGER_NULL)
        sqlite3_bind_int64(q, 4, value);
    return sql_run(q, err);
}

/* A budget that was deleted meanwhile has no leases. */
static bool is_there(sqlite3 *db, int64_t budget, bool *there, struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, "SELECT 1 FROM budgets WHERE id = ?", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, budget);
    return sql_step(q, there, err);
}

bool lease_write(sqlite3 *db, const struct purse_window *w, enum measure m, int64_t leased,
                 struct err *err)
{
    bool there;
    if (FAULT("lease.write"))
        return err_set(err, ERR_store, "a fault for a test");
    return is_there(db, w->purse->id, &there, err) &&
           (!there || lease_set(db, w, m, "leased", leased, err));
}

bool lease_mark_closed(sqlite3 *db, const struct purse_window *w, enum measure m, struct err *err)
{
    bool there;
    return is_there(db, w->purse->id, &there, err) &&
           (!there || lease_set(db, w, m, "closed", 1, err));
}

/* A lease of a window that is over is nobody's any more. */
static bool drop_old_leases(sqlite3 *db, const struct purse *p, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "DELETE FROM leases WHERE budget = ? AND from_ms < ?", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, p->id);
    sqlite3_bind_int64(q, 2, p->current->from_ms);
    return sql_run(q, err);
}

bool leases_close(sqlite3 *db, struct err *err)
{
    return sql_exec(db, "PRAGMA synchronous = FULL", err) &&
           sql_exec(db, "UPDATE leases SET leased = NULL WHERE leased IS NOT NULL", err);
}

static void log_lost(const struct purse *p, enum measure m, int64_t lost)
{
    LOG(orphan, F("team", str_of(p->team)), F("key", str_of(p->key_id)),
        F("per", period_name(p->per)), F("measure", measure_words[m]), F("lost", lost),
        F("detail",
          "leased and not settled when the last run ended; see: penstock budgets release"));
}

enum opening {
    OPENED,     /* by its owner: an open lease is of the run before */
    OPENED_DRY, /* the same, but nothing is written */
    RUNNING,    /* the budget is new: there is no lease */
};

static bool load_line(sqlite3 *db, struct purse_window *w, enum measure m, int64_t spent,
                      enum opening opening, struct err *err)
{
    struct lease_row row;
    struct purse_line *l = &w->lines[m];
    if (!lease_read(db, w, m, &row, err))
        return false;
    spent += row.lost - row.forgiven;
    int64_t lost = opening != RUNNING && row.open && row.leased > spent ? row.leased - spent : 0;
    row.lost += lost;
    spent += lost;
    if (opening == OPENED && lost)
        log_lost(w->purse, m, lost);
    if (opening == OPENED && row.open &&
        (!lease_set(db, w, m, "lost", row.lost, err) ||
         !lease_set(db, w, m, "leased", LEDGER_NULL, err)))
        return false;
    w->lost[m] = row.lost;
    l->spent = l->leased = spent;
    l->closed = row.closed;
    return true;
}

static bool load_window(sqlite3 *db, struct purse *p, enum opening opening, struct err *err)
{
    struct purse_window *w = purse_open(p, clock_wall_ms());
    struct amount spent;
    if (!sum_spent(db, w, &spent, err) || (opening == OPENED && !drop_old_leases(db, p, err)))
        return false;
    for (unsigned m = 0; m < MEASURE_count; m++)
        if (!load_line(db, w, m, spent.of[m], opening, err))
            return false;
    return true;
}

/* The bound of an orphan was booked for want of knowledge: it goes with what was lost. */
static bool sum_orphans(sqlite3 *db, const struct purse_window *w, struct amount *sum,
                        struct err *err)
{
    static const char orphans[] =
        "SELECT sum(a.cost_nusd), sum(a.input_tokens + a.output_tokens) FROM attempts a JOIN "
        "requests r"
        " USING(request_id) WHERE (?1 IS NULL OR r.team = ?1) AND (?2 IS NULL OR r.key_id = ?2) AND"
        " r.request_id >= ?5 AND r.started_ms >= ?3 AND r.started_ms < ?4 AND a.finish = 'orphan'";
    *sum = (struct amount){0};
    return add_sums(db, orphans, w, sum, err);
}

bool lease_release(sqlite3 *db, struct purse *p, int64_t wall_ms, struct amount *by, bool dry_run,
                   struct err *err)
{
    const struct purse_window *w = purse_window_of(p, wall_ms);
    struct amount orphans;
    if (!sum_orphans(db, w, &orphans, err))
        return false;
    for (unsigned m = 0; m < MEASURE_count; m++) {
        struct lease_row row;
        if (!lease_read(db, w, m, &row, err))
            return false;
        by->of[m] = w->lost[m] + orphans.of[m] - row.forgiven;
        if (dry_run)
            continue;
        if (!lease_set(db, w, m, "lost", 0, err) ||
            !lease_set(db, w, m, "forgiven", orphans.of[m], err) ||
            !lease_set(db, w, m, "closed", 0, err) ||
            (row.open && !lease_set(db, w, m, "leased", row.leased - by->of[m], err)))
            return false;
    }
    return true;
}

/* ---- budgets */

static struct purse *find(const struct store *s, int64_t id)
{
    for (size_t i = 0; i < s->n_purses; i++)
        if (s->purses[i]->id == id)
            return s->purses[i];
    return NULL;
}

static int64_t limit_of(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL ? BUDGET_NONE
                                                         : sqlite3_column_int64(q, column);
}

static struct purse *load_purse(struct store *s, sqlite3_stmt *q, int64_t changed, struct err *err)
{
    struct amount limit = {{limit_of(q, 4), limit_of(q, 5)}};
    struct purse *p = find(s, sqlite3_column_int64(q, 0));
    enum period per;
    if (p) {
        purse_ref(p);
        if (p->id == changed)
            purse_set_limits(p, &limit);
        return p;
    }
    if (!period_find(sql_text(q, 3), &per)) {
        err_set(err, ERR_store, "a budget has no period");
        return NULL;
    }
    p = purse_new(s, sqlite3_column_int64(q, 0), sql_text(q, 1), sql_text(q, 2), per);
    enum opening opening = s->running ? RUNNING : s->options.dry_run ? OPENED_DRY : OPENED;
    if (!load_window(s->db, p, opening, err)) {
        purse_unref(p);
        return NULL;
    }
    bool closed[] = {p->current->lines[0].closed, p->current->lines[1].closed};
    purse_set_limits(p, &limit);
    for (unsigned m = 0; m < MEASURE_count; m++)
        p->current->lines[m].closed = closed[m];
    return p;
}

static void swap(struct store *s, struct purse **purses, size_t n)
{
    pthread_mutex_lock(&s->keys_lock);
    struct purse **old = s->purses;
    size_t n_old = s->n_purses;
    s->purses = purses;
    s->n_purses = n;
    pthread_mutex_unlock(&s->keys_lock);
    for (size_t i = 0; i < n_old; i++)
        purse_unref(old[i]);
    free(old);
}

bool purses_load(struct store *s, int64_t changed, struct err *err)
{
    int64_t n_rows;
    if (!sql_int(s->db, "SELECT count(*) FROM budgets", 0, &n_rows, err))
        return false;
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(s->db,
                                  "SELECT id, team, key_id, per, limit_nusd, limit_tokens FROM "
                                  "budgets ORDER BY key_id IS NULL,"
                                  " team, key_id, CASE per WHEN 'hour' THEN 0 WHEN 'day' THEN 1 "
                                  "WHEN 'month' THEN 2 ELSE 3 END",
                                  err);
    struct purse **purses = mem_zalloc((size_t)n_rows * sizeof *purses);
    size_t n = 0;
    bool more = q != NULL, ok = more;
    while (ok && (ok = sql_step(q, &more, err)) && more && n < (size_t)n_rows) {
        purses[n] = load_purse(s, q, changed, err);
        ok = purses[n] != NULL;
        n += ok;
    }
    if (ok) {
        swap(s, purses, n);
        return true;
    }
    while (n > 0)
        purse_unref(purses[--n]);
    free(purses);
    return false;
}
