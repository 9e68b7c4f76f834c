/* export.h - the rows of a table as JSON lines or CSV, in the order of its key. */
#ifndef GATEWAY_STORE_EXPORT_H
#define GATEWAY_STORE_EXPORT_H

#include <stdbool.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct sqlite3;

enum export_format { EXPORT_JSONL, EXPORT_CSV };

/*
 * `table` is requests, attempts or ledger.  write() gets one line at a time, with its
 * end; a mac is in hex, a null is null in JSON and empty in CSV.
 */
bool export_run(struct sqlite3 *db, const char *table, enum export_format format,
                void (*write)(void *arg, struct str line), void *arg, struct err *err);

#endif
