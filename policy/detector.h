/*
 * detector.h - the kinds of sensitive text that are known without a rule of one's own.
 *
 * A detector is a row of detector_list.h: where it may begin, a scan that looks at one
 * place of a text, a second look (check.h), and words of which one must stand before
 * it, where its shape alone says too little.  A scan is a pure function; one pass over
 * the text, shared by all detectors of a set, asks it where a byte of its anchor stands
 * (scanner.h).  Regular expressions are for the rules of operators, not for these.
 *
 * The tables do not change and are shared by all threads.  Lengths are in bytes.
 */
#ifndef POLICY_DETECTOR_H
#define POLICY_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/str.h"
#include "policy/check.h"

enum {
    DETECTOR_MAX = 128,           /* rows */
    DETECTOR_LONGEST = 16 * 1024, /* no match is longer */
    DETECTOR_BACK_BYTES = 66,     /* how far before its anchor a match may begin */
    DETECTOR_CUE_BYTES = 48,      /* how far before a match its cue may begin */
    DETECTOR_BEFORE_BYTES =
        64, /* what a scan may look at before its match; a cue and a word's edge fit */
};

struct match {
    size_t from, len;
};

enum scan_answer {
    SCAN_NO,   /* nothing here, whatever follows */
    SCAN_YES,  /* *m is a match, whatever follows */
    SCAN_MORE, /* it depends on what follows; m->from is where a match would begin */
};

struct detector;

/* What a scan sees. */
struct view {
    const struct detector *d;
    struct str text;
    size_t floor; /* a match may begin here or later; what lies before was matched already */
    size_t at;    /* the anchor; at == text.n: the byte to come, should it be one */
    bool final;   /* no text follows */
};

/*
 * Looks for a match with its anchor at v->at.  It sets m->from unless it says SCAN_NO.
 * It says SCAN_MORE as soon as it needs a byte that is not there, and so says the same
 * however the text was cut.
 */
typedef enum scan_answer scan_fn(const struct view *v, struct match *m);

enum anchor { ANCHOR_ANYWHERE, ANCHOR_WORD /* at the start of a word */ };

struct detector {
    const char *id;   /* "pii.email", "secret.jwt"; several rows may share one */
    const char *code; /* two letters, for pseudonyms */
    enum anchor where;
    const char *anchor; /* the bytes at which scan is asked, "a-z" as in a regular expression; NULL:
                           by its shape */
    const char *next;   /* those that may follow it, up to three sets with '|' between; "": any */
    bool looks_back;    /* a match may begin before its anchor */
    scan_fn *scan;
    const char *shape;      /* see scan_shape.c; NULL: the scan knows */
    check_fn *valid;        /* NULL: none */
    const char *cue;        /* "a|b": one of these words must stand before; NULL: none need */
    const char *example;    /* must be found, all of it; checked by the tests */
    const char *look_alike; /* must not be found; checked by the tests */
};

extern const struct detector detectors[]; /* ends with a row whose id is NULL */
extern const unsigned n_detectors;

bool detector_known(struct str id);

/* One bit for each row. */
struct detector_bits {
    uint64_t word[DETECTOR_MAX / 64];
};

enum { DETECTOR_HEAD_BYTES = 4 };

/* The detectors that are asked, ready for the shared pass. */
struct detector_set {
    uint8_t flag[256]; /* by byte: 1: it is an anchor anywhere; 2: at the start of a word */
    struct detector_bits head[DETECTOR_HEAD_BYTES]
                             [256]; /* by byte: whose k-th byte it may be, the anchor's k is 0 */
    struct detector_bits looks_back;
    struct detector_bits no_cue; /* found without its cue too */
};

void detector_set_add(struct detector_set *set, unsigned row, bool no_cue);

#endif
