/*
 * column_priv.h - which member of a ledger row is which column.
 *
 * The one list from which rows are copied, written as a payload, read back, and
 * bound to the derived tables.  Columns that no member fills yet are not in it and
 * stay null.
 */
#ifndef GATEWAY_STORE_COLUMN_PRIV_H
#define GATEWAY_STORE_COLUMN_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/str.h"

enum column_kind {
    COLUMN_TEXT,  /* struct str; empty is null */
    COLUMN_INT64, /* int64_t; LEDGER_NULL is null */
    COLUMN_NUMBER, /* int64_t from 1; 0 is null, and absent */
    COLUMN_INT,   /* int or unsigned; LEDGER_NULL is null */
    COLUMN_BOOL,
};

struct column {
    struct str name;
    struct str member; /* "name": with its quotes and colon */
    enum column_kind kind;
    bool at_end; /* null while the request runs: what a reserve has there is the bound */
    size_t offset;
    const struct column
        *twin; /* of an attempt: the request's column that is mostly the same, or NULL */
};

enum { COLUMNS_MAX = 64 };

struct columns { /* the first is request_id */
    const char *table;
    const struct column *all;
    size_t n;
    size_t struct_bytes;
};

extern const struct columns request_columns; /* of struct ledger_request */
extern const struct columns attempt_columns; /* of struct ledger_attempt */

/* The member of the struct at `base`. */
#define COLUMN_AT(type, base, c) ((type *)((char *)(base) + (c)->offset))
#define COLUMN_OF(type, base, c) (*(const type *)((const char *)(base) + (c)->offset))

#endif
