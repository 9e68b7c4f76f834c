/*
 * evals.h - runs of suites, and what came of each of their rows.
 *
 * A run is a row of `evals`; a row of it, with its whole result as JSON, one of `eval_rows`.
 * A run that was broken off has no end and can be gone on with: a row is written once.
 */
#ifndef GATEWAY_STORE_EVALS_H
#define GATEWAY_STORE_EVALS_H

#include <jansson.h>

#include "gateway/base/err.h"
#include "gateway/store/store.h"

/* Makes a run: {id, description, source, hash, rows, config}.  False: ERR_conflict, ERR_store. */
bool evals_create(struct store *s, const json_t *run, struct err *err);

/*
 * Writes rows of a run, all or none: [{row, state, score, latency_ms, cost_nusd, result}];
 * one that is there already is left alone.  `ends`: these were the last.
 */
bool evals_add(struct store *s, const char *id, const json_t *rows, bool ends, struct err *err);

/* All runs, the newest first, or only that of `id`, each with its sums.  NULL: ERR_store. */
json_t *evals_list(struct sqlite3 *db, const char *id, struct err *err);

/* The results of at most `n` rows behind `after` (-1: from the first), in order: [{row, state,
 * result}]. */
json_t *evals_rows(struct sqlite3 *db, const char *id, int64_t after, int64_t n, struct err *err);

/* The numbers of the rows that a run has.  NULL: ERR_store. */
json_t *evals_done(struct sqlite3 *db, const char *id, struct err *err);

#endif
