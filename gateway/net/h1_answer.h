/*
 * h1_answer.h - reads an answer of HTTP/1.1 (RFC 9112), however its bytes are cut.
 *
 * Strict where two readers could disagree about where the answer ends: a status line
 * of another form, a length that is no number or is given twice differently, a
 * transfer coding other than chunked, a chunk size that is none are errors.  Lenient
 * where they cannot: a line may end in a bare LF.  Pure; of one connection.
 */
#ifndef GATEWAY_NET_H1_ANSWER_H
#define GATEWAY_NET_H1_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum { H1_LINE_BYTES = 16 * 1024 }; /* a longer line is an error */

/* What is found, in its order.  False: stop; of body(): these bytes are not taken now. */
struct h1_events {
    void (*status)(void *arg, int status); /* also of a 1xx, whose header lines are then to be forgotten */
    bool (*header)(void *arg, struct str line);
    bool (*head_end)(void *arg); /* not of a 1xx */
    bool (*body)(void *arg, struct str bytes);
};

struct h1_answer {
    enum {
        H1_STATUS,
        H1_HEADER,
        H1_BODY,       /* `left` bytes of it */
        H1_BODY_TO_END, /* until the connection closes */
        H1_CHUNK_SIZE,
        H1_CHUNK, /* `left` bytes of it */
        H1_CHUNK_END,
        H1_TRAILER,
        H1_DONE
    } state;
    int status;
    int64_t left;
    int64_t length; /* as Content-Length says; -1: it does not */
    bool chunked;
    bool persists; /* the connection may be used again, once DONE */
    struct buf line; /* one that has not ended */
};

void h1_answer_init(struct h1_answer *a);
void h1_answer_done(struct h1_answer *a);
void h1_answer_begin(struct h1_answer *a); /* of the next answer on the connection */

/*
 * How many bytes were read: fewer than there are if an event said stop, the answer is
 * DONE, or *err is set (ERR_bad_answer).
 */
size_t h1_answer_read(struct h1_answer *a, struct str bytes, const struct h1_events *events, void *arg,
                      struct err *err);

/* The connection has closed.  False: before the end, ERR_upstream_cut. */
bool h1_answer_closed(struct h1_answer *a, struct err *err);

#endif
