/*
 * backup.h - a data directory, copied while it is in use, and put back.
 *
 * A backup holds penstock.db as it was at one moment and its ledger.head; with its
 * secrets also master.key, without which neither keys nor the ledger can be checked.
 */
#ifndef GATEWAY_STORE_BACKUP_H
#define GATEWAY_STORE_BACKUP_H

#include <stdbool.h>

#include "gateway/base/err.h"

/* `to` must not exist, or be an empty directory.  dry_run: only says whether it would go well. */
bool store_backup(const char *data_dir, const char *to, bool secrets, bool dry_run, struct err *err);

/*
 * Refused where data_dir has a database already, or where neither the backup nor
 * data_dir has a master.key; takes the lock.
 */
bool store_restore(const char *from, const char *data_dir, bool dry_run, struct err *err);

#endif
