/*
 * cite_text.h - finds the marks [n] of an answer's text, and takes out those that resolve
 * to nothing, with the space before them.
 *
 * A text may come in pieces: what could be the beginning of a mark is held until the
 * next one.  However it is cut, the same text comes out, with the same citations.
 */
#ifndef GATEWAY_CORE_CITE_TEXT_H
#define GATEWAY_CORE_CITE_TEXT_H

#include <stdbool.h>

#include "gateway/base/str.h"

enum { MARK_DIGITS = 4 };

struct cite_text {
    struct buf held; /* what may be the beginning of a mark */
    unsigned *marks; /* those that resolve, in order; not yet told */
    unsigned n_marks, room;
    unsigned removed;
};

void cite_text_init(struct cite_text *c);
void cite_text_done(struct cite_text *c);

/* Appends to *out what is known now; `last`: nothing follows.  [1] to [n] resolve. */
void cite_text_add(struct cite_text *c, struct str text, bool last, unsigned n, struct buf *out);

#endif
