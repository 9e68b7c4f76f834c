/*
 * run.h - all rows of a suite, several at a time.
 */
#ifndef EVAL_RUN_H
#define EVAL_RUN_H

#include <stdatomic.h>

#include "eval/row.h"

struct run {
    const struct suite *suite;
    const struct client *clients; /* one a thread */
    unsigned n_clients;
    const bool *done;  /* rows that need not be run; NULL: none */
    size_t first, end; /* rows first..end-1 */
    /*
     * Takes a row over, result->doc with it; in the order in which they were done, one at
     * a time.  False: the run ends.
     */
    bool (*take)(void *arg, size_t row, struct row_result *result);
    void *arg;
    atomic_bool
        *stop; /* set by whoever: no row is begun any more, and what is under way is dropped */
};

/* Blocks.  False: it was stopped. */
bool run_rows(const struct run *r);

#endif
