/*
 * pattern.h - regular expressions that people write; the only user of PCRE2.
 *
 * Perl's syntax, on UTF-8; bytes of a text that are not UTF-8 match nothing.  A
 * pattern and the work of one search are bounded, so that neither a rule nor a
 * text can hold a loop: a search that would go on is given up with PATTERN_LIMIT,
 * which is neither yes nor no.  Offsets are in bytes.  A pattern does not change
 * once made and may be used by any number of threads.
 */
#ifndef GATEWAY_BASE_PATTERN_H
#define GATEWAY_BASE_PATTERN_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum {
    PATTERN_MAX_BYTES = 4096,    /* of its source */
    PATTERN_MAX_NESTING = 32,    /* parentheses in parentheses */
    PATTERN_MAX_STEPS = 10000,   /* of one search, as PCRE2 counts them; it tries each start anew */
    PATTERN_MAX_HEAP_KIB = 1024, /* of one search */
};

enum pattern_answer {
    PATTERN_NO,
    PATTERN_YES,
    PATTERN_MORE,  /* it depends on what follows; match->from is where a match may begin */
    PATTERN_LIMIT, /* given up */
};

struct pattern_match {
    size_t from, to; /* text.p[from..to-1]; may be empty */
};

struct pattern;

/*
 * The caller owns the pattern.  NULL and ERR_bad_pattern if it cannot be used; `say`
 * then names the reason and the offset in the source.
 */
struct pattern *pattern_new(struct str source, struct err *err);
void pattern_free(struct pattern *p); /* NULL is fine */

/* What a text is a part of. */
struct pattern_text {
    struct str text;
    bool begun;   /* something stood before it: '^' does not match at its beginning */
    bool goes_on; /* something may follow: answers that this could change are PATTERN_MORE */
};

/*
 * Looks for the first match that begins at or after `from`, at most text.n; what
 * lies before is seen by look-behinds and \b.  *match is set on PATTERN_YES and
 * PATTERN_MORE.
 */
enum pattern_answer pattern_find(const struct pattern *p, const struct pattern_text *t, size_t from,
                                 struct pattern_match *match);

#endif
