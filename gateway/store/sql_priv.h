/*
 * sql_priv.h - sqlite with our errors: each failure is an ERR_store whose detail
 * holds sqlite's own message.
 */
#ifndef GATEWAY_STORE_SQL_PRIV_H
#define GATEWAY_STORE_SQL_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum { SQL_FILE_MODE = 0600, SQL_BUSY_MS = 250 };

bool sql_fail(sqlite3 *db, struct err *err, const char *what); /* false */
bool sql_exec(sqlite3 *db, const char *sql, struct err *err);

sqlite3_stmt *sql_prepare(sqlite3 *db, const char *sql, struct err *err);
void sql_finish(sqlite3_stmt **q); /* for SCOPED() */

/* Runs a statement that gives no rows, and makes it ready to be bound again. */
bool sql_run(sqlite3_stmt *q, struct err *err);

/* *more: there is a row. */
bool sql_step(sqlite3_stmt *q, bool *more, struct err *err);

/* The first column of the first row; `otherwise` if there is none or it is null. */
bool sql_int(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *n, struct err *err);

/* What is bound must outlive the statement's run; columns hold until the next step. */
void sql_bind_text(sqlite3_stmt *q, int at, struct str text); /* empty: null */
struct str sql_text(sqlite3_stmt *q, int column);             /* null: empty */

#endif
