#include "gateway/store/sql_priv.h"

#include "gateway/base/scope.h"

bool sql_fail(sqlite3 *db, struct err *err, const char *what)
{
    return err_set(err, ERR_store, "%.120s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
}

bool sql_exec(sqlite3 *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || sql_fail(db, err, sql);
}

sqlite3_stmt *sql_prepare(sqlite3 *db, const char *sql, struct err *err)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) != SQLITE_OK)
        sql_fail(db, err, sql);
    return q;
}

void sql_finish(sqlite3_stmt **q)
{
    sqlite3_finalize(*q);
    *q = NULL;
}

bool sql_run(sqlite3_stmt *q, struct err *err)
{
    int rc = sqlite3_step(q);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        sql_fail(sqlite3_db_handle(q), err, sqlite3_sql(q));
    sqlite3_reset(q);
    return rc == SQLITE_DONE || rc == SQLITE_ROW;
}

bool sql_step(sqlite3_stmt *q, bool *more, struct err *err)
{
    int rc = sqlite3_step(q);
    *more = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ||
           sql_fail(sqlite3_db_handle(q), err, sqlite3_sql(q));
}

bool sql_int(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *n, struct err *err)
{
    SCOPED(sql_finish) sqlite3_stmt *q = sql_prepare(db, sql, err);
    bool more;
    if (!q || !sql_step(q, &more, err))
        return false;
    bool given = more && sqlite3_column_type(q, 0) != SQLITE_NULL;
    *n = given ? sqlite3_column_int64(q, 0) : otherwise;
    return true;
}

void sql_bind_text(sqlite3_stmt *q, int at, struct str text)
{
    if (text.n)
        sqlite3_bind_text(q, at, text.p, (int)text.n, SQLITE_STATIC);
    else
        sqlite3_bind_null(q, at);
}

struct str sql_text(sqlite3_stmt *q, int column)
{
    const char *p = (const char *)sqlite3_column_text(q, column);
    return (struct str){p, p ? (size_t)sqlite3_column_bytes(q, column) : 0};
}
