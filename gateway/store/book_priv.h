/*
 * book_priv.h - the ledger's chain: appends entries and derives the tables, within
 * the caller's transaction.
 *
 * mac = HMAC-SHA256(derived from the master key, previous mac || canonical bytes of
 * the row); the first row's previous mac is 32 zero bytes.  Belongs to one thread.
 */
#ifndef GATEWAY_STORE_BOOK_PRIV_H
#define GATEWAY_STORE_BOOK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "gateway/store/derive_priv.h"
#include "gateway/store/entry_priv.h"

struct link { /* where the chain stands */
    int64_t seq;
    struct hash mac;
};

struct book {
    sqlite3 *db;
    struct hmac *key;
    struct link last; /* the caller puts it back when it rolls back */
    struct derive derive;
    sqlite3_stmt *insert;
    struct buf payload;
};

bool book_init(struct book *b, sqlite3 *db, const struct hash *key, struct err *err);
void book_done(struct book *b); /* zeroed is fine */

bool book_append(struct book *b, const struct entry *e, int64_t wall_ms, struct err *err);

/* A row as it stands in the table. */
struct ledger_row {
    int64_t seq, time, schema;
    struct str kind, request_id, payload;
};
struct hash book_mac(const struct hmac *key, const struct hash *previous,
                     const struct ledger_row *r);

/* data_dir/ledger.head: a fixed-size text "seq mac", written after each commit. */
bool head_write(int fd, const struct link *l);
bool head_read(int fd, struct link *l); /* false: there is none */

#endif
