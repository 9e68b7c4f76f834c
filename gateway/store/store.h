/*
 * store.h - the data directory and its one owner.
 *
 * Who opens the store holds flock(data_dir/lock), and with it the right to write
 * penstock.db.  All writes go through one writer thread: ledger rows in groups,
 * everything else as a task that runs inside a transaction of its own.
 */
#ifndef GATEWAY_STORE_STORE_H
#define GATEWAY_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/crypto.h"
#include "gateway/base/err.h"

struct sqlite3;
struct store;

struct store_options {
    bool strict;    /* every reserve row is on disk before its upstream is asked */
    bool no_ledger; /* for measuring only: rows are dropped */
    /*
     * Takes no lock, and changes and makes no file: what is there is only read, what is
     * not is made in memory.  A database that is to be migrated first is refused.
     */
    bool dry_run;
};

/*
 * Makes the directory (0700) and what is missing in it, takes the lock, migrates,
 * books orphans, starts the writer.  NULL: ERR_locked (detail names pid and path), or
 * ERR_store.
 */
struct store *store_open(const char *data_dir, const struct store_options *o, struct err *err);
void store_close(struct store *s); /* writes what is queued; NULL is fine */

/* Does a process hold the directory's lock? */
bool store_is_owned(const char *data_dir);

const char *store_dir(const struct store *s);
struct hash store_derive(const struct store *s, const char *label); /* from the master key */

/*
 * Runs fn on the writer thread in a transaction, and waits until it is on disk.
 * fn returns false to roll back.  Not for loops: it blocks.
 */
bool store_do(struct store *s, bool (*fn)(struct sqlite3 *db, void *arg, struct err *err), void *arg, struct err *err);

/*
 * The same without waiting, from any thread: done() is called on the writer thread, when
 * it is on disk, or cannot be.
 */
void store_post(struct store *s, bool (*fn)(struct sqlite3 *db, void *arg, struct err *err), void *arg,
                void (*done)(void *arg, bool ok));

/* Waits until every row that was handed over so far is committed. */
bool store_flush(struct store *s, struct err *err);

/* A connection that reads; for reports, also beside another owner.  Freed with store_read_close(). */
struct sqlite3 *store_read_open(const char *data_dir, struct err *err);
void store_read_close(struct sqlite3 *db);

#endif
