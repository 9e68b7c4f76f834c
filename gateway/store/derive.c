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

static sqlite3_stmt *prepare(sqlite3 *db, const char *verb, const struct columns *cs,
                             struct err *err)
{
    SCOPED(buf_done) struct buf sql = BUF_INIT(SQL_MAX_BYTES);
    buf_addf(&sql, "%s INTO %s(", verb, cs->table);
    for (size_t i = 0; i < cs->n; i++)
        buf_addf(&sql, "%s" STR_FMT, i ? "," : "", STR_ARG(cs->all[i].name));
    buf_add(&sql, STR(") VALUES("));
    for (size_t i = 0; i < cs->n; i++)
        buf_add(&sql, i ? STR(",?") : STR("?"));
    buf_add(&sql, STR(")"));
    return sql_prepare(db, sql.p, err);
}

static bool pair_init(struct derive_pair *p, sqlite3 *db, const struct columns *cs, struct err *err)
{
    p->columns = cs;
    p->insert = prepare(db, "INSERT", cs, err);
    p->replace = p->insert ? prepare(db, "REPLACE", cs, err) : NULL;
    return p->replace != NULL;
}

bool derive_init(struct derive *d, sqlite3 *db, struct err *err)
{
    *d = (struct derive){.db = db};
    if (pair_init(&d->requests, db, &request_columns, err) &&
        pair_init(&d->attempts, db, &attempt_columns, err))
        return true;
    derive_done(d);
    return false;
}

void derive_done(struct derive *d)
{
    sql_finish(&d->requests.insert);
    sql_finish(&d->requests.replace);
    sql_finish(&d->attempts.insert);
    sql_finish(&d->attempts.replace);
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
    case COLUMN_NUMBER:
        bind_int(q, at, COLUMN_OF(int64_t, base, c) ? COLUMN_OF(int64_t, base, c) : LEDGER_NULL);
        break;
    case COLUMN_INT:
        bind_int(q, at, COLUMN_OF(int, base, c));
        break;
    case COLUMN_BOOL:
        sqlite3_bind_int(q, at, COLUMN_OF(bool, base, c));
        break;
    }
}

static void bind_row(sqlite3_stmt *q, const struct columns *cs, const void *base, bool running)
{
    for (size_t i = 0; i < cs->n; i++) {
        if (running && cs->all[i].at_end)
            sqlite3_bind_null(q, (int)i + 1);
        else
            bind_column(q, (int)i + 1, &cs->all[i], base);
    }
}

/* REPLACE makes sqlite copy pages for every row, so it is kept for rows that are there. */
static bool put(struct derive_pair *p, const void *base, bool running, struct err *err)
{
    bind_row(p->insert, p->columns, base, running);
    int rc = sqlite3_step(p->insert);
    if (rc != SQLITE_DONE && rc != SQLITE_CONSTRAINT)
        sql_fail(sqlite3_db_handle(p->insert), err, p->columns->table);
    sqlite3_reset(p->insert);
    if (rc != SQLITE_CONSTRAINT)
        return rc == SQLITE_DONE;
    bind_row(p->replace, p->columns, base, running);
    return sql_run(p->replace, err);
}

/* The sums of a checkpoint hold all that was ever pruned, so they replace what is there. */
static bool replace_pruned(struct derive *d, struct str document, struct err *err)
{
    /* clang-format off */
    static const char sql[] =
        "INSERT INTO pruned SELECT"
        " json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),"
        " json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),"
        " json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),"
        " json_extract(value, '$[9]'), json_extract(value, '$[10]'), json_extract(value, '$[11]'),"
        " json_extract(value, '$[12]'), json_extract(value, '$[13]'), json_extract(value, '$[14]')"
        " FROM json_each(?, '$.sums')";
    /* clang-format on */
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
    if (e->request && !put(&d->requests, e->request, e->kind == ENTRY_reserve, err))
        return false;
    for (size_t i = 0; i < e->n_attempts; i++)
        if (!put(&d->attempts, e->attempts[i], false, err))
            return false;
    return true;
}
