/*
 * csv.h - RFC 4180, record by record, with the place of each field.
 *
 * Quotes are doubled; a field may hold line ends; a byte order mark is skipped, as are
 * empty lines.  Fields live in the arena that is given.
 */
#ifndef EVAL_CSV_H
#define EVAL_CSV_H

#include "gateway/base/arena.h"
#include "gateway/base/conf.h"

enum { CSV_FIELDS_MAX = 256 };

struct csv_field {
    struct str text;
    struct conf_place at;
};

struct csv {
    struct str rest;
    unsigned line, column;
};

struct csv_row {
    struct csv_field fields[CSV_FIELDS_MAX];
    size_t n;
};

void csv_init(struct csv *c, struct str text);

/* False at the end, or with *problem set (a sentence) and its place. */
bool csv_next(struct csv *c, struct csv_row *row, struct arena *a, const char **problem,
              struct conf_place *at);

#endif
