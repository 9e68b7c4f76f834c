/*
 * row_priv.h - what a loop hands over to the writer: one row, copied into one
 * allocation.
 */
#ifndef GATEWAY_STORE_ROW_PRIV_H
#define GATEWAY_STORE_ROW_PRIV_H

#include "gateway/store/column_priv.h"
#include "gateway/store/ledger.h"

enum row_kind { ROW_reserve, ROW_attempt, ROW_settle };

struct row {
    struct row *next; /* in the queue */
    struct row *more; /* the next attempt of the same request, while a batch is written */
    enum row_kind kind;
    size_t bytes; /* of the allocation */
    struct ledger_durable durable;
    union {
        struct ledger_request request;
        struct ledger_attempt attempt;
    };
    char text[]; /* what their strings point to */
};

/*
 * A copy.  Texts are made fit to be kept: what is no UTF-8 becomes U+FFFD, NUL too,
 * and all but those that hold JSON are cut to ROW_TEXT_BYTES.
 */
enum { ROW_TEXT_BYTES = 1024 };
struct row *row_new(enum row_kind kind, const struct columns *cs, const void *from);

#endif
