/* registry_priv.h - a move of a label as part of a larger transaction. */
#ifndef GATEWAY_STORE_REGISTRY_PRIV_H
#define GATEWAY_STORE_REGISTRY_PRIV_H

#include "gateway/store/registry.h"
#include "gateway/store/sql_priv.h"

/* On the writer thread, in the transaction that is open. */
bool registry_move_within(sqlite3 *db, const struct label_move *m, bool dry_run, struct err *err);

#endif
