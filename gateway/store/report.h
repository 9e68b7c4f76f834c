/*
 * report.h - sums over the ledger's requests, in groups that partition them.
 *
 * Works on a connection of store_read_open().  Whatever the groups, the total is the
 * same: it is computed over the same rows, in the same read transaction.  What was
 * pruned counts by whole days, not in latencies, and without prompt and cache.
 */
#ifndef GATEWAY_STORE_REPORT_H
#define GATEWAY_STORE_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct sqlite3;

enum { REPORT_MAX_BY = 8 };

struct report_spec {
    struct str kind;        /* cost, usage, latency, cache, savings */
    struct str by;          /* "team,model,provider,key,day,prompt,tag.NAME"; empty: all in one */
    int64_t from_ms, to_ms; /* started at or after, before; wall clock */
};

/*
 * {"rows": [{the groups, the sums}], "total": {the sums}}; rows sorted by their groups,
 * a group that a request has no value for is null.  NULL: ERR_bad_request, ERR_store.
 */
json_t *report_make(struct sqlite3 *db, const struct report_spec *r, struct err *err);

#endif
