/*
 * verify.h - is the ledger whole, and do the tables say what it says?
 *
 * Works on any data directory that holds penstock.db, ledger.head and master.key: a
 * copy of a stopped server's, or, beside its owner, the one in use (have the owner
 * flush first).  It changes nothing and blocks for as long as it takes.
 */
#ifndef GATEWAY_STORE_VERIFY_H
#define GATEWAY_STORE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/store/store.h"

struct verify {
    int64_t first, last; /* seq that stand in the table; 0: none */
    int64_t rows;
    int64_t lost;    /* rows that a restart found missing behind the tail, and noted */
    int64_t bad_seq; /* the first that is bad; 0: none, or it has no number */
};

/* False: ERR_ledger_broken, whose `say` names the first bad seq; or ERR_store. */
bool ledger_verify(const char *data_dir, struct verify *v, struct err *err);

/* In the owner: checks the chain, then makes the derived tables anew from it. */
bool ledger_rebuild(struct store *s, bool dry_run, struct verify *v, struct err *err);

#endif
