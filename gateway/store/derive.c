#include "gateway/store/derive_priv.h"

#include "gateway/base/scope.h"
#include "gateway/store/column_priv.h"

enum { SQL_MAX_BYTES = 4096 };

const struct derived_table derived_tables[] = {
    {"requests", "request_id"},
    {"attempts", "request_id, attempt"},
    {"pruned", "day, team, key_id, model_asked, provider, tags"},
    {NULL, NULL},
};

static sqlite3_stmt *prepare_replace(sqlite3 *db, const struct columns *cs, struct err *err)
{
    SCOPED(buf_done) struct buf sql = BUF_INIT(SQL_MAX_BYTES);
    buf_addf(&sql, "REPLACE INTO %s(", cs->table);
    for (size_t i = 0; i < cs->n; i++)
        buf_addf(&sql, "%s" STR_FMT, i ? "," : "", STR_ARG(cs->all[i].name));
    buf_add(&sql, STR(") VALUES("));
    for (size_t i = 0; i < cs->n; i++)
        buf_add(&sql, i ? STR(",?") : STR("?"));
    buf_add(&sql, STR(")"));
    return sql_prepare(db, sql.p, err);
}

bool derive_init(struct derive *d, sqlite3 *db, struct err *err)
{
    *d = (struct derive){.db = db};
    d->request = prepare_replace(db, &request_columns, err);
    d->attempt = d->request ? prepare_replace(db, &attempt_columns, err) : NULL;
    if (d->attempt)
        return true;
    derive_done(d);
    return false;
}

void derive_done(struct derive *d)
{
    sql_finish(&d->request);
    sql_finish(&d->attempt);
}

static void bind_int(sqlite3_stmt *q, int at, int64_t n)
{
    if (n == LEDGER_NULL)
        sqlite3_bind_null(q, at);
    else
        sqlite3_bind_int64(q, at, n);
}

static void bind_column(sqlite3_stmt *q, int at, const struct column *c, const void *base)
{
    switch (c->kind) {
    case COLUMN_TEXT:
        sql_bind_text(q, at, COLUMN_OF(struct str, base, c));
        break;
    case COLUMN_INT64:
        bind_int(q, at, COLUMN_OF(int64_t, base, c));
        break;
    case COLUMN_INT:
        bind_int(q, at, COLUMN_OF(int, base, c));
        break;
    case COLUMN_BOOL:
        sqlite3_bind_int(q, at, COLUMN_OF(bool, base, c));
        break;
    }
}

static bool replace(sqlite3_stmt *q, const struct columns *cs, const void *base, bool running,
                    struct err *err)
{
    for (size_t i = 0; i < cs->n; i++) {
        if (running && cs->all[i].at_end)
            sqlite3_bind_null(q, (int)i + 1);
        else
            bind_column(q, (int)i + 1, &cs->all[i], base);
    }
    return sql_run(q, err);
}

#define SUM(n) "json_extract(value, '$[" #n "]')"

/* The sums of a checkpoint hold all that was ever pruned, so they replace what is there. */
static bool replace_pruned(struct derive *d, struct str document, struct err *err)
{
    static const char sql[] =
        "INSERT INTO pruned SELECT " SUM(0) "," SUM(1) "," SUM(2) "," SUM(3) "," SUM(4) "," SUM(5) "," SUM(6) "," SUM(
            7) "," SUM(8) "," SUM(9) "," SUM(10) "," SUM(11) "," SUM(12) "," SUM(13) "," SUM(14) " "
                                                                                                 "F"
                                                                                                 "R"
                                                                                                 "O"
                                                                                                 "M"
                                                                                                 " "
                                                                                                 "j"
                                                                                                 "s"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 "_"
                                                                                                 "e"
                                                                                                 "a"
                                                                                                 "c"
                                                                                                 "h"
                                                                                                 "("
                                                                                                 "?"
                                                                                                 ","
                                                                                                 " "
                                                                                                 "'"
                                                                                                 "$"
                                                                                                 "."
                                                                                                 "s"
                                                                                                 "u"
                                                                                                 "m"
                                                                                                 "s"
                                                                                                 "'"
                                                                                                 ")";
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(d->db, sql, err);
    if (!q || !sql_exec(d->db, "DELETE FROM pruned", err))
        return false;
    sql_bind_text(q, 1, document);
    return sql_run(q, err);
}

bool derive_entry(struct derive *d, const struct entry *e, struct err *err)
{
    if (e->kind == ENTRY_checkpoint)
        return replace_pruned(d, e->document, err);
    if (e->request &&
        !replace(d->request, &request_columns, e->request, e->kind == ENTRY_reserve, err))
        return false;
    for (size_t i = 0; i < e->n_attempts; i++)
        if (!replace(d->attempt, &attempt_columns, e->attempts[i], false, err))
            return false;
    return true;
}
