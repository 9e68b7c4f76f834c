/*
 * fetch.h - one HTTP exchange that blocks, for commands: the control socket, a probe.
 */
#ifndef GATEWAY_NET_FETCH_H
#define GATEWAY_NET_FETCH_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct fetch {
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
