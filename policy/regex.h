/*
 * regex.h - what a regular expression says about itself, found by reading it.
 *
 * The expression is PCRE2's syntax and was compiled already (gateway/base/pattern.h).
 * What has no finite width, or a width that cannot be known (back references,
 * recursion), is refused.  All memory is the arena's.
 */
#ifndef POLICY_REGEX_H
#define POLICY_REGEX_H

#include "gateway/base/arena.h"
#include "gateway/base/err.h"

enum { REGEX_LITERALS = 8, REGEX_PROBES = 32, REGEX_ENDLESS = 1 << 30 };

struct regex_facts {
    unsigned min_bytes,
        max_bytes; /* of a match, with what it looks ahead at; REGEX_ENDLESS: no bound */
    struct str
        literals[REGEX_LITERALS]; /* one of these stands in every match; n 0: nothing is known */
    unsigned n_literals;
    struct str probes[REGEX_PROBES]; /* texts on which an expression that explodes does so */
    unsigned n_probes;
};

/* False: ERR_bad_pattern with the reason; an endless width is no error here. */
bool regex_read(struct str source, struct arena *a, struct regex_facts *facts, struct err *err);

#endif
