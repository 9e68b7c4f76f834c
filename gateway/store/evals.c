#include "gateway/store/evals.h"

#include "gateway/base/clock.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "gateway/store/sql_priv.h"

static void bind_member(sqlite3_stmt *q, int at, const json_t *o, const char *member)
{
    const json_t *v = json_object_get(o, member);
    if (json_is_string(v))
        sqlite3_bind_text(q, at, json_string_value(v), -1, SQLITE_STATIC);
    else if (json_is_integer(v))
        sqlite3_bind_int64(q, at, json_integer_value(v));
    else if (json_is_number(v))
        sqlite3_bind_double(q, at, json_number_value(v));
    else
        sqlite3_bind_null(q, at);
}

static bool task_create(sqlite3 *db, void *arg, struct err *err)
{
    const json_t *run = arg;
    static const char *const members[] = {"id", "description", "source", "hash", "rows"};
    SCOPED(scope_free)
    char *config = json_dumps(json_object_get(run, "config"), JSON_COMPACT | JSON_ENCODE_ANY);
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "INSERT INTO evals(id, description, source, hash, rows, config, created_ms)"
                    " VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                    err);
    if (!q)
        return false;
    for (int i = 0; i < 5; i++)
        bind_member(q, i + 1, run, members[i]);
    sql_bind_text(q, 6, str_of(config));
    sqlite3_bind_int64(q, 7, clock_wall_ms());
    if (!sql_run(q, err))
        return false;
    return sqlite3_changes(db) == 1 ||
           err_say(err, ERR_conflict, "id", "there is a run of that id");
}

bool evals_create(struct store *s, const json_t *run, struct err *err)
{
    return store_do(s, task_create, (void *)run, err);
}

struct adding {
    const char *id;
    const json_t *rows;
    bool ends;
};

static bool add_one(sqlite3_stmt *q, const struct adding *a, const json_t *row, struct err *err)
{
    static const char *const members[] = {"row", "state", "score", "latency_ms", "cost_nusd"};
    SCOPED(scope_free)
    char *result = json_dumps(json_object_get(row, "result"), JSON_COMPACT | JSON_ENCODE_ANY);
    sql_bind_text(q, 1, str_of(a->id));
    for (int i = 0; i < 5; i++)
        bind_member(q, i + 2, row, members[i]);
    sql_bind_text(q, 7, str_of(result));
    return sql_run(q, err);
}

static bool end_run(sqlite3 *db, const char *id, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "UPDATE evals SET ended_ms = ? WHERE id = ?", err);
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, clock_wall_ms());
    sql_bind_text(q, 2, str_of(id));
    return sql_run(q, err);
}

static bool task_add(sqlite3 *db, void *arg, struct err *err)
{
    const struct adding *a = arg;
    SCOPED(sql_finish)
    sqlite3_stmt *q =
        sql_prepare(db,
                    "INSERT INTO eval_rows(eval, row, state, score, latency_ms, cost_nusd, result)"
                    " VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                    err);
    if (!q)
        return false;
    for (size_t i = 0; i < json_array_size(a->rows); i++)
        if (!add_one(q, a, json_array_get(a->rows, i), err))
            return false;
    return !a->ends || end_run(db, a->id, err);
}

bool evals_add(struct store *s, const char *id, const json_t *rows, bool ends, struct err *err)
{
    struct adding a = {id, rows, ends};
    return store_do(s, task_add, &a, err);
}

/* ---- reading */

static json_t *text_or_null(sqlite3_stmt *q, int at)
{
    struct str s = sql_text(q, at);
    return sqlite3_column_type(q, at) == SQLITE_NULL ? json_null() : json_stringn(s.p, s.n);
}

static json_t *time_or_null(sqlite3_stmt *q, int at)
{
    char text[CLOCK_TEXT_BYTES];
    if (sqlite3_column_type(q, at) == SQLITE_NULL)
        return json_null();
    clock_text(sqlite3_column_int64(q, at), text);
    return json_string(text);
}

static json_t *run_object(sqlite3_stmt *q)
{
    char money[MONEY_TEXT_BYTES];
    struct str config = sql_text(q, 5);
    json_t *doc = json_loadb(config.p, config.n, JSON_DECODE_ANY, NULL);
    money_text(sqlite3_column_int64(q, 12), money);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:s}", "evalId",
        text_or_null(q, 0), "description", text_or_null(q, 1), "source", text_or_null(q, 2), "hash",
        text_or_null(q, 3), "rows", sqlite3_column_int64(q, 4), "config", doc ? doc : json_null(),
        "created", time_or_null(q, 6), "ended", time_or_null(q, 7), "done",
        sqlite3_column_int64(q, 8), "passed", sqlite3_column_int64(q, 9), "failed",
        sqlite3_column_int64(q, 10), "errors", sqlite3_column_int64(q, 11), "cost_usd", money);
}

json_t *evals_list(struct sqlite3 *db, const char *id, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db,
        "SELECT id, description, source, hash, rows, config, created_ms, ended_ms, count(row),"
        " coalesce(sum(state = 'pass'), 0), coalesce(sum(state = 'fail'), 0),"
        " coalesce(sum(state = 'error'), 0), coalesce(sum(cost_nusd), 0)"
        " FROM evals LEFT JOIN eval_rows ON eval = id WHERE ?1 IS NULL OR id = ?1"
        " GROUP BY id ORDER BY created_ms DESC, id DESC",
        err);
    if (!q)
        return NULL;
    if (id)
        sql_bind_text(q, 1, str_of(id));
    json_t *list = json_array();
    bool more, ok;
    while ((ok = sql_step(q, &more, err)) && more)
        json_array_append_new(list, run_object(q));
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

json_t *evals_rows(struct sqlite3 *db, const char *id, int64_t after, int64_t n, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(
        db,
        "SELECT row, state, result FROM eval_rows WHERE eval = ? AND row > ? ORDER BY row LIMIT ?",
        err);
    if (!q)
        return NULL;
    sql_bind_text(q, 1, str_of(id));
    sqlite3_bind_int64(q, 2, after);
    sqlite3_bind_int64(q, 3, n);
    json_t *list = json_array();
    bool more, ok;
    while ((ok = sql_step(q, &more, err)) && more) {
        struct str result = sql_text(q, 2);
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "row", sqlite3_column_int64(q, 0),
                                              "state", text_or_null(q, 1), "result",
                                              json_loadb(result.p, result.n, 0, NULL)));
    }
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

json_t *evals_done(struct sqlite3 *db, const char *id, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "SELECT row FROM eval_rows WHERE eval = ? ORDER BY row", err);
    if (!q)
        return NULL;
    sql_bind_text(q, 1, str_of(id));
    json_t *list = json_array();
    bool more, ok;
    while ((ok = sql_step(q, &more, err)) && more)
        json_array_append_new(list, json_integer(sqlite3_column_int64(q, 0)));
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}
