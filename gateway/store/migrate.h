/*
 * migrate.h - brings a database to the newest schema, one numbered step at a time.
 *
 * The number of the last step taken is the database's user_version.  A step never
 * changes once it was released; what is new is a new step.
 */
#ifndef GATEWAY_STORE_MIGRATE_H
#define GATEWAY_STORE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/err.h"

struct sqlite3;

extern const char *const migrations[]; /* migrations[0] makes version 1; NULL: nothing is to be done */
extern const size_t n_migrations;

/* Each step in a transaction of its own; a database newer than the steps is refused. */
bool migrate_run(struct sqlite3 *db, const char *const *steps, size_t n, struct err *err);

#endif
