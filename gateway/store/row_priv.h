/*
 * row_priv.h - what a loop hands over to the writer: one row, copied into one
 * allocation.
 */
#ifndef GATEWAY_STORE_ROW_PRIV_H
#define GATEWAY_STORE_ROW_PRIV_H

#include "gateway/store/column_priv.h"
#include "gateway/store/ledger.h"

enum row_kind { ROW_reserve, ROW_attempt, ROW_settle, ROW_note };

/*
 * Something else than a row of the ledger that is to be committed with them, in the order
 * in which it was handed over: `write` runs on the writer thread, within its transaction,
 * perhaps again after a commit that failed.
 */
struct note {
    bool (*write)(struct sqlite3 *db, const void *data, struct err *err);
    const void *data; /* copied */
    size_t bytes;
    bool synced; /* the commit is on disk, also where others need not be */
};

struct row {
    struct row *next; /* in the queue */
    struct row *more; /* the next attempt of the same request, while a batch is written */
    enum row_kind kind;
    size_t bytes; /* of the allocation */
    struct ledger_durable durable;
    union {
        struct ledger_request request;
        struct ledger_attempt attempt;
        struct note note;
    };
    _Alignas(max_align_t) char text[]; /* what their strings, or a note's data, point to */
};

/*
 * A copy.  Texts are made fit to be kept: what is no UTF-8 becomes U+FFFD, NUL too,
 * and all but those that hold JSON are cut to ROW_TEXT_BYTES.
 */
enum { ROW_TEXT_BYTES = 1024 };
struct row *row_new(enum row_kind kind, const struct columns *cs, const void *from);
struct row *row_note(const struct note *n);

#endif
