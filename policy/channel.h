/*
 * channel.h - a text that comes in pieces, what is found in it treated.
 *
 *     channel_feed(&c, text, &out);      what is decided goes to out
 *     channel_end(&c, &out);             the rest
 *
 * What comes out, put together, does not depend on how the text was cut.  Held back is
 * only what may become a finding.  Bytes in which nothing was found leave as they came.
 *
 * A text may stand within JSON: as what is between the quotes of a string
 * (CHANNEL_STRING), or as a document whose strings are looked at decoded
 * (CHANNEL_DOCUMENT: the arguments of a tool call).  What is put in is then escaped.
 *
 * A channel belongs to one exchange; once t->blocked_by is set, nothing more comes out.
 */
#ifndef POLICY_CHANNEL_H
#define POLICY_CHANNEL_H

#include "policy/seeker.h"
#include "policy/treat.h"

enum channel_kind { CHANNEL_PLAIN, CHANNEL_STRING, CHANNEL_DOCUMENT };

enum { CHANNEL_ESCAPE_BYTES = 12 }; /* "\ud83d\ude00" */

/* Is what lies at these bytes of the source the prompt's author's, and none of ours?  May be NULL.
 */
struct channel_spare {
    bool (*is_spared)(void *arg, size_t from, size_t to);
    void *arg;
};

struct channel {
    struct treatment *t;
    enum direction direction;
    enum channel_kind kind;
    struct seeker seeker;
    const struct channel_spare *spare;
    struct buf
        text;       /* decoded: what was given out and is still looked back on, then what was not */
    size_t start;   /* text.p[start] is the first byte not given out */
    size_t dropped; /* bytes of the source that are gone from `source` or, plain, from `text` */
    bool begun;     /* something was dropped */
    /* of JSON: */
    struct buf source; /* what text.p[start…] was decoded from */
    struct buf widths; /* for each byte of text: how many of the source it stands for; WITHIN: in a
                          string */
    char escape[CHANNEL_ESCAPE_BYTES]; /* one that is not whole yet */
    unsigned escape_bytes;
    bool in_string;
};

void channel_init(struct channel *c, struct treatment *t, enum direction d, enum channel_kind kind);
void channel_done(struct channel *c);

void channel_feed(struct channel *c, struct str text, struct buf *out);
void channel_end(struct channel *c, struct buf *out);

bool channel_holds(const struct channel *c); /* is something not given out yet? */

/* All at once; a string is one that JSON allows.  False: nothing was found that changes it, and
 * nothing was appended. */
bool channel_treat(struct treatment *t, enum direction d, enum channel_kind kind,
                   const struct channel_spare *spare, struct str text, struct buf *out);

#endif
