/*
 * A change is two tasks of the writer, as with keys: the change itself, and, once that
 * is on disk, bringing purses and keyring in line with it.
 */
#include "gateway/store/budgets.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "gateway/store/purse_priv.h"
#include "gateway/store/store_priv.h"

struct released {
    int64_t id; /* of the budget */
    struct amount by;
};

struct change {
    struct store *s;
    struct budget_owner owner;
    enum period per;
    struct amount limit;
    bool dry_run;
    int64_t changed; /* the id of the budget that was set */
    int64_t now_ms;
    struct released *released;
    size_t n_released;
};

static bool task_load(struct sqlite3 *db, void *arg, struct err *err)
{
    (void)db;
    const struct change *c = arg;
    return purses_load(c->s, c->changed, err) && keyring_load(c->s, err);
}

static bool run(struct change *c, bool (*fn)(struct sqlite3 *, void *, struct err *),
                struct err *err)
{
    return store_do(c->s, fn, c, err) && (c->dry_run || store_do(c->s, task_load, c, err));
}

static bool find_owner(sqlite3 *db, const struct budget_owner *o, struct err *err)
{
    bool is_team = *o->team != '\0', there;
    if (is_team == (*o->key_id != '\0'))
        return err_say(err, ERR_bad_request, "team",
                       "a budget is of a team or of a key: give one of them");
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db,
                                  is_team ? "SELECT 1 FROM teams WHERE name = ?"
                                          : "SELECT 1 FROM keys WHERE id = ? AND NOT admin",
                                  err);
    if (!q)
        return false;
    sql_bind_text(q, 1, str_of(is_team ? o->team : o->key_id));
    if (!sql_step(q, &there, err))
        return false;
    if (there)
        return true;
    return is_team ? err_say(err, ERR_not_found, "team",
                             "there is no team '%.64s'; see: penstock teams list", o->team)
                   : err_say(err, ERR_not_found, "key",
                             "there is no key '%.64s'; see: penstock keys list", o->key_id);
}

static void bind_owner(sqlite3_stmt *q, const struct budget_owner *o)
{
    sql_bind_text(q, 1, str_of(o->team));
    sql_bind_text(q, 2, str_of(o->key_id));
}

static void bind_limit(sqlite3_stmt *q, int at, int64_t limit)
{
    if (limit == BUDGET_NONE)
        sqlite3_bind_null(q, at);
    else
        sqlite3_bind_int64(q, at, limit);
}

static bool reopen(sqlite3 *db, int64_t budget, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "UPDATE leases SET closed = 0 WHERE budget = ?", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, budget);
    return sql_run(q, err);
}

static bool task_set(struct sqlite3 *db, void *arg, struct err *err)
{
    static const char sql[] =
        "INSERT INTO budgets(team, key_id, per, limit_nusd, limit_tokens, created_ms) "
        "VALUES(?1,?2,?3,?4,?5,?6)"
        " ON CONFLICT(coalesce(team, ''), coalesce(key_id, ''), per) DO UPDATE SET"
        " limit_nusd = coalesce(?4, limit_nusd), limit_tokens = coalesce(?5, limit_tokens) "
        "RETURNING id";
    struct change *c = arg;
    if (!find_owner(db, &c->owner, err))
        return false;
    if (c->dry_run)
        return true;
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    if (!q)
        return false;
    bind_owner(q, &c->owner);
    sql_bind_text(q, 3, str_of(period_name(c->per)));
    bind_limit(q, 4, c->limit.of[MEASURE_usd]);
    bind_limit(q, 5, c->limit.of[MEASURE_tokens]);
    sqlite3_bind_int64(q, 6, c->now_ms);
    bool more;
    if (!sql_step(q, &more, err))
        return false;
    c->changed = sqlite3_column_int64(q, 0);
    return sql_run(q, err) && reopen(db, c->changed, err);
}

bool budget_set(struct store *s, const struct budget_spec *b, bool dry_run, struct err *err)
{
    struct change c = {.s = s,
                       .owner = b->owner,
                       .per = b->per,
                       .limit = b->limit,
                       .dry_run = dry_run,
                       .now_ms = clock_wall_ms()};
    if (s->options.no_ledger)
        return err_say(err, ERR_bad_request, NULL,
                       "budgets need a ledger, and ledger.durability is none");
    return run(&c, task_set, err);
}

static bool run_on_owner(sqlite3 *db, const struct change *c, const char *sql, bool *there,
                         struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    if (!q)
        return false;
    bind_owner(q, &c->owner);
    sql_bind_text(q, 3, c->per == PERIOD_count ? STR("") : str_of(period_name(c->per)));
    return sql_step(q, there, err);
}

#define OF_OWNER " FROM budgets WHERE team IS ?1 AND key_id IS ?2 AND per = coalesce(?3, per)"

static bool task_delete(struct sqlite3 *db, void *arg, struct err *err)
{
    const struct change *c = arg;
    bool there, more;
    if (!find_owner(db, &c->owner, err) || !run_on_owner(db, c, "SELECT 1" OF_OWNER, &there, err))
        return false;
    if (!there)
        return err_say(err, ERR_not_found, "per",
                       "there is no such budget; see: penstock budgets list");
    return c->dry_run || run_on_owner(db, c, "DELETE" OF_OWNER, &more, err);
}

bool budget_delete(struct store *s, const struct budget_owner *o, enum period per, bool dry_run,
                   struct err *err)
{
    struct change c = {.s = s, .owner = *o, .per = per, .dry_run = dry_run};
    return run(&c, task_delete, err);
}

static bool is_of(const struct purse *p, const struct budget_owner *o)
{
    return p->team ? str_eq(str_of(p->team), str_of(o->team))
                   : str_eq(str_of(p->key_id), str_of(o->key_id));
}

static bool task_release(struct sqlite3 *db, void *arg, struct err *err)
{
    struct change *c = arg;
    if (!find_owner(db, &c->owner, err))
        return false;
    c->released = mem_zalloc(c->s->n_purses * sizeof *c->released);
    for (size_t i = 0; i < c->s->n_purses; i++) {
        struct purse *p = c->s->purses[i];
        if (!is_of(p, &c->owner))
            continue;
        struct released *r = &c->released[c->n_released++];
        r->id = p->id;
        if (!lease_release(db, p, c->now_ms, &r->by, c->dry_run, err))
            return false;
    }
    return c->n_released > 0 ||
           err_say(err, ERR_not_found, NULL, "it has no budget; see: penstock budgets list");
}

static bool task_forgive(struct sqlite3 *db, void *arg, struct err *err)
{
    (void)db, (void)err;
    const struct change *c = arg;
    for (size_t i = 0; i < c->s->n_purses; i++)
        for (size_t k = 0; k < c->n_released; k++)
            if (c->s->purses[i]->id == c->released[k].id)
                purse_forgive(c->s->purses[i], c->now_ms, &c->released[k].by);
    return true;
}

bool budget_release(struct store *s, const struct budget_owner *o, bool dry_run, struct amount *by,
                    struct err *err)
{
    struct change c = {.s = s, .owner = *o, .dry_run = dry_run, .now_ms = clock_wall_ms()};
    bool ok = store_do(s, task_release, &c, err) && (dry_run || store_do(s, task_forgive, &c, err));
    *by = (struct amount){0};
    for (size_t i = 0; ok && i < c.n_released; i++)
        for (unsigned m = 0; m < MEASURE_count; m++)
            by->of[m] += c.released[i].by.of[m];
    free(c.released);
    return ok;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *money(int64_t nusd)
{
    char text[MONEY_TEXT_BYTES];
    money_text(nusd, text);
    return nusd == BUDGET_NONE ? json_null() : json_string(text);
}

static json_t *time_or_null(int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    if (ms == INT64_MAX)
        return json_null();
    clock_text(ms, text);
    return json_string(text);
}

json_t *budget_object(const struct purse_state *s)
{
    int64_t tokens = s->limit.of[MEASURE_tokens];
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:I, s:b}", "team",
        text_or_null(s->team), "key", text_or_null(s->key_id), "per", period_name(s->per),
        "limit_usd", money(s->limit.of[MEASURE_usd]), "spent_usd", money(s->spent.of[MEASURE_usd]),
        "reserved_usd", money(s->reserved.of[MEASURE_usd]), "limit_tokens",
        tokens == BUDGET_NONE ? json_null() : json_integer(tokens), "spent_tokens",
        (json_int_t)s->spent.of[MEASURE_tokens], "reserved_tokens",
        (json_int_t)s->reserved.of[MEASURE_tokens], "resets", time_or_null(s->reset_ms), "lost_usd",
        money(s->lost.of[MEASURE_usd]), "lost_tokens", (json_int_t)s->lost.of[MEASURE_tokens],
        "closed", (int)s->closed);
}

struct listing {
    struct store *s;
    json_t *out;
};

static bool task_list(struct sqlite3 *db, void *arg, struct err *err)
{
    (void)db, (void)err;
    struct listing *l = arg;
    for (size_t i = 0; i < l->s->n_purses; i++) {
        struct purse_state state;
        purse_look(l->s->purses[i], clock_wall_ms(), &state);
        json_array_append_new(l->out, budget_object(&state));
    }
    return true;
}

json_t *budget_list(struct store *s, struct err *err)
{
    struct listing l = {s, json_array()};
    if (store_do(s, task_list, &l, err))
        return l.out;
    json_decref(l.out);
    return NULL;
}

bool budget_any(struct sqlite3 *db, bool *any, struct err *err)
{
    int64_t n;
    if (!sql_int(db, "SELECT count(*) FROM budgets", 0, &n, err))
        return false;
    *any = n > 0;
    return true;
}
