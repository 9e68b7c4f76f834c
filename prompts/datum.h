/*
 * datum.h - what a template computes with: JSON values, and where each came from.
 *
 * A datum is immutable and lives in the arena it was made in; strings that needed no
 * decoding borrow from the JSON text.
 */
#ifndef PROMPTS_DATUM_H
#define PROMPTS_DATUM_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/arena.h"
#include "gateway/base/str.h"

enum datum_kind {
    DATUM_UNDEFINED, /* nothing was given */
    DATUM_NULL,
    DATUM_BOOL,
    DATUM_NUMBER,
    DATUM_STRING,
    DATUM_LIST,
    DATUM_MAP,
};

struct input;

struct datum {
    enum datum_kind kind;
    bool truth;               /* of a bool */
    bool author;              /* the author of the prompt wrote it, not a caller */
    const struct input *from; /* the input whose value it is, or is a part of; NULL: none */
    struct str text;          /* of a string its characters; of a number its spelling */
    struct str raw; /* as it stood in JSON, a string without its quotes; p NULL: it did not */
    double number;
    size_t n; /* of a list or map */
    const struct datum *items;
    const struct str *names; /* of a map's items */
};

/*
 * Of a JSON text that was scanned before (json_scan()): it is valid, and not too deep.
 * `author` and `from` go into it and all below.
 */
struct datum datum_parse(struct str json, bool author, const struct input *from, struct arena *a);

struct datum datum_int(int64_t n, struct arena *a);

/* The item of this name, the last if there are several; NULL: none, or no map. */
const struct datum *datum_member(const struct datum *d, struct str name);

bool datum_truth(const struct datum *d); /* as `if` has it */
/* Lists and maps are equal if they are spelled alike. */
bool datum_equal(const struct datum *a, const struct datum *b);

/* Appends what `{{ d }}` prints: no quotes, no escapes; a list or map as compact JSON. */
void datum_print(const struct datum *d, struct buf *out);
void datum_json(const struct datum *d, struct buf *out); /* as compact JSON */

#endif
