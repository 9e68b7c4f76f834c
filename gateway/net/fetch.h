/*
 * fetch.h - one HTTP exchange that blocks, for commands: the control socket, a probe.
 */
#ifndef GATEWAY_NET_FETCH_H
#define GATEWAY_NET_FETCH_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

/* A connection that is kept from one exchange to the next, of one thread. */
struct fetch_line;
struct fetch_line *fetch_line_new(void);
void fetch_line_free(struct fetch_line *l); /* NULL is fine */

struct fetch {
    struct fetch_line *line; /* NULL: a connection of its own */
    struct buf *head;        /* the lines of the answer's head are appended; may be NULL */
    const char *unix_socket; /* NULL: none, over TCP */
    const char *url;
    const char *method;
    struct str body;
    const char *const *header_lines; /* NULL-terminated; may be NULL */
    int64_t timeout_ms;
};

/* False: nobody answered (ERR_upstream_down).  The answer's body is appended to *body. */
bool fetch_run(const struct fetch *f, int *status, struct buf *body, struct err *err);

#endif
