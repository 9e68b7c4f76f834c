/*
 * prune.h - lets go of old rows, without a hole: a signed checkpoint first, that
 * holds the chain's state and the sums of what goes, so that what stays verifies
 * and the totals of reports do not change.
 */
#ifndef GATEWAY_STORE_PRUNE_H
#define GATEWAY_STORE_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/store/store.h"

struct prune {
    int64_t last_seq; /* up to which rows went; 0: none did */
    int64_t rows, requests;
};

/*
 * Rows of the ledger that were written before `before_ms` (wall clock), but for those
 * of requests that have later rows too, and all after these.
 */
bool ledger_prune(struct store *s, int64_t before_ms, bool dry_run, struct prune *p,
                  struct err *err);

#endif
