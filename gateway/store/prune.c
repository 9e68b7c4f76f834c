#include "gateway/store/prune.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

enum { DOCUMENT_MAX_BYTES = 48 * 1024 * 1024 };

struct pruning {
    struct store *s;
    int64_t before_ms;
    bool dry_run;
    struct prune *out;
};

/* The first number a query with one parameter gives. */
static bool ask(sqlite3 *db, const char *sql, int64_t parameter, int64_t *n, struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    bool more;
    if (!q)
        return false;
    if (sqlite3_bind_parameter_count(q))
        sqlite3_bind_int64(q, 1, parameter);
    if (!sql_step(q, &more, err))
        return false;
    *n = more ? sqlite3_column_int64(q, 0) : 0;
    return true;
}

/* Up to which seq rows may go: no request may lose some of its rows and keep others. */
static bool find_last(sqlite3 *db, int64_t before_ms, int64_t *last, struct err *err)
{
    static const char spans[] =
        "DROP TABLE IF EXISTS temp.span;"
        "CREATE TEMP TABLE span AS SELECT l.request_id AS id, min(l.seq) AS a,"
        " CASE WHEN r.finish IS NULL THEN 9223372036854775807 ELSE max(l.seq) END AS b"
        " FROM ledger l LEFT JOIN requests r USING(request_id) WHERE l.request_id IS NOT NULL"
        " GROUP BY l.request_id HAVING a < b";
    if (!ask(db,
             "SELECT coalesce((SELECT min(seq) FROM ledger WHERE time >= ?) - 1,"
             " (SELECT max(seq) FROM ledger), 0)",
             before_ms, last, err) ||
        !sql_exec(db, spans, err))
        return false;
    for (int64_t cut = 1; cut != 0;) {
        if (!ask(db, "SELECT coalesce(min(a), 0) FROM span WHERE a <= ?1 AND b > ?1", *last, &cut,
                 err))
            return false;
        if (cut)
            *last = cut - 1;
    }
    return sql_exec(db, "DROP TABLE temp.span", err);
}

static bool count(sqlite3 *db, struct prune *p, struct err *err)
{
    return ask(db, "SELECT count(*) FROM ledger WHERE seq <= ?", p->last_seq, &p->rows, err) &&
           ask(db, "SELECT count(DISTINCT request_id) FROM ledger WHERE seq <= ?", p->last_seq,
               &p->requests, err);
}

static bool add_sums(sqlite3 *db, int64_t last, struct buf *out, struct err *err)
{
    static const char sums[] =
        "SELECT json_group_array(json_array(day, team, key_id, model_asked, provider, tags, n, a,"
        " t1, t2, t3, t4, t5, t6, c)) FROM (SELECT day, team, key_id, model_asked, provider, tags,"
        " sum(requests) n, sum(attempts) a, sum(input_tokens) t1, sum(cached_tokens) t2,"
        " sum(cache_write_tokens) t3, sum(output_tokens) t4, sum(reasoning_tokens) t5,"
        " sum(audio_tokens) t6, sum(cost_nusd) c FROM (SELECT * FROM pruned UNION ALL"
        " SELECT date(started_ms / 1000, 'unixepoch'), coalesce(team, ''), coalesce(key_id, ''),"
        " coalesce(model_asked, ''), coalesce(provider, ''), coalesce(tags, ''), 1,"
        " coalesce(attempts, 0), coalesce(input_tokens, 0), coalesce(cached_tokens, 0),"
        " coalesce(cache_write_tokens, 0), coalesce(output_tokens, 0),"
        " coalesce(reasoning_tokens, 0), coalesce(audio_tokens, 0), coalesce(cost_nusd, 0)"
        " FROM requests WHERE request_id IN (SELECT request_id FROM ledger WHERE seq <= ?))"
        " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6)";
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sums, err);
    bool more;
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, last);
    if (!sql_step(q, &more, err))
        return false;
    buf_add(out, sql_text(q, 0));
    return true;
}

/* Rows that an earlier start found missing are told of by rows that may go now. */
static bool count_lost(sqlite3 *db, int64_t last, int64_t *lost, struct err *err)
{
    return ask(db,
               "SELECT coalesce((SELECT json_extract(payload, '$.lost') FROM ledger WHERE"
               " kind = 'checkpoint' AND json_extract(payload, '$.last_seq') ="
               " (SELECT min(seq) - 1 FROM ledger)), 0) +"
               " coalesce((SELECT sum(json_extract(payload, '$.head_seq') -"
               " json_extract(payload, '$.lost_after')) FROM ledger WHERE kind = 'adjust' AND"
               " seq <= ?), 0)",
               last, lost, err);
}

static bool add_state(sqlite3 *db, int64_t last, struct buf *out, struct err *err)
{
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "SELECT lower(hex(mac)) FROM ledger WHERE seq = ?", err);
    bool more;
    int64_t lost;
    if (!q || !count_lost(db, last, &lost, err))
        return false;
    sqlite3_bind_int64(q, 1, last);
    if (!sql_step(q, &more, err))
        return false;
    buf_addf(out, "{\"last_seq\":%" PRId64 ",\"last_mac\":\"" STR_FMT "\",\"lost\":%" PRId64, last,
             STR_ARG(sql_text(q, 0)), lost);
    return true;
}

static bool append_checkpoint(struct pruning *p, sqlite3 *db, struct err *err)
{
    int64_t last = p->out->last_seq;
    SCOPED(buf_done) struct buf document = BUF_INIT(DOCUMENT_MAX_BYTES);
    if (!add_state(db, last, &document, err))
        return false;
    buf_add(&document, STR(",\"sums\":"));
    if (!add_sums(db, last, &document, err))
        return false;
    buf_add(&document, STR("}"));
    if (!buf_ok(&document))
        return err_set(err, ERR_store,
                       "the sums of what would be pruned are too long;"
                       " prune in smaller steps");
    struct entry e = {.kind = ENTRY_checkpoint, .document = buf_str(&document)};
    return book_append(&p->s->book, &e, clock_wall_ms(), err);
}

static bool drop_rows(sqlite3 *db, int64_t last, struct err *err)
{
    static const char *const steps[] = {
        "DELETE FROM requests WHERE request_id IN (SELECT request_id FROM ledger WHERE seq <= ?)",
        "DELETE FROM attempts WHERE request_id IN (SELECT request_id FROM ledger WHERE seq <= ?)",
        "DELETE FROM ledger WHERE seq <= ?",
    };
    int64_t none;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (!ask(db, steps[i], last, &none, err))
            return false;
    return true;
}

static bool task_prune(struct sqlite3 *db, void *arg, struct err *err)
{
    struct pruning *p = arg;
    if (!find_last(db, p->before_ms, &p->out->last_seq, err) || !count(db, p->out, err))
        return false;
    if (p->out->rows == 0)
        p->out->last_seq = 0;
    if (p->out->rows == 0 || p->dry_run)
        return true;
    return append_checkpoint(p, db, err) && drop_rows(db, p->out->last_seq, err);
}

bool ledger_prune(struct store *s, int64_t before_ms, bool dry_run, struct prune *p,
                  struct err *err)
{
    *p = (struct prune){0};
    struct pruning pruning = {s, before_ms, dry_run, p};
    return store_flush(s, err) && store_do(s, task_prune, &pruning, err);
}
