/*
 * entry_priv.h - one row of the ledger, before it is written and after it is read.
 *
 * The derived tables are a pure function of entries.  A payload is a JSON object of
 * columns.  In that of a reserve, settle, orphan or attempt an absent number is 0, an
 * absent bool false, an absent text null.  A settle or orphan holds the attempts that
 * are booked with it under "calls"; there a column that the request has too, and
 * `model` of its `model_served`, is absent if it is the same.
 */
#ifndef GATEWAY_STORE_ENTRY_PRIV_H
#define GATEWAY_STORE_ENTRY_PRIV_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/ledger.h"

enum { LEDGER_SCHEMA = 1 };

enum entry_kind {
    ENTRY_reserve,
    ENTRY_attempt,
    ENTRY_settle,
    ENTRY_orphan,
    ENTRY_adjust,
    ENTRY_checkpoint,
    ENTRY_count
};

struct str entry_kind_word(enum entry_kind kind);
bool entry_kind_find(struct str word, enum entry_kind *kind);

struct entry {
    enum entry_kind kind;
    struct str request_id;                        /* empty: adjust and checkpoint */
    const struct ledger_request *request;         /* reserve, settle, orphan; else NULL */
    const struct ledger_attempt *const *attempts; /* attempt: one; settle, orphan: any number */
    size_t n_attempts;
    struct str document; /* adjust, checkpoint: the payload as it is */
};

/* Appends the payload. */
void payload_write(struct buf *out, const struct entry *e);

/* An entry that was read, and what it borrows from. */
struct payload {
    json_t *root;
    struct ledger_request request;
    struct ledger_attempt *attempts;
    const struct ledger_attempt **pointers;
    struct entry entry;
};

/* `request_id` is borrowed.  False: it is no payload of that kind (ERR_ledger_broken). */
bool payload_read(struct payload *p, enum entry_kind kind, struct str request_id, struct str text,
                  struct err *err);
void payload_done(struct payload *p);

#endif
