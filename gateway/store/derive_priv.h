/*
 * derive_priv.h - the tables `requests`, `attempts` and `pruned`, from entries of
 * the ledger and nothing else; within the caller's transaction.
 */
#ifndef GATEWAY_STORE_DERIVE_PRIV_H
#define GATEWAY_STORE_DERIVE_PRIV_H

#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/store/entry_priv.h"
#include "gateway/store/sql_priv.h"

struct columns;

struct derive_pair { /* into one table */
    const struct columns *columns;
    sqlite3_stmt *insert, *replace;
};

struct derive {
    sqlite3 *db;
    struct derive_pair requests, attempts;
};

bool derive_init(struct derive *d, sqlite3 *db, struct err *err);
void derive_done(struct derive *d); /* zeroed is fine */

bool derive_entry(struct derive *d, const struct entry *e, struct err *err);

/* The derived tables, each with the columns that order it; for comparing them. */
struct derived_table {
    const char *name, *order;
};
extern const struct derived_table derived_tables[]; /* ends with a NULL name */

#endif
