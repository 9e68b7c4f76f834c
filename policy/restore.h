/*
 * restore.h - puts values back where their names stand, in a text that comes in pieces.
 *
 * Held back is the longest end of the text that may become a name of the map, at most
 * PSEUDONYM_BYTES - 1; what comes out, put together, does not depend on how the text
 * was cut.  At the end a name that is not whole stays as it is: it says nothing.
 */
#ifndef POLICY_RESTORE_H
#define POLICY_RESTORE_H

#include "policy/pseudonym.h"

struct restorer {
    const struct pseudonyms *names;
    unsigned where; /* RESTORE_…: rules that do not name it keep theirs */
    bool escapes;   /* the text is JSON, and names stand within its strings */
    char held[PSEUDONYM_BYTES];
    unsigned n_held;
    unsigned url; /* how far into a URL we are: 0 none, 1 to 2 of "://", 3 within */
};

void restorer_init(struct restorer *r, const struct pseudonyms *names, unsigned where,
                   bool escapes);
void restorer_feed(struct restorer *r, struct str text, struct buf *out);
void restorer_end(struct restorer *r, struct buf *out);

#endif
