/*
 * head_scan.h - the header lines of a request: what must not be, what we act on, what
 * may go upstream.
 */
#ifndef GATEWAY_SERVER_HEAD_SCAN_H
#define GATEWAY_SERVER_HEAD_SCAN_H

#include <microhttpd.h>

#include "gateway/core/exchange.h"

struct head_facts {
    struct str origin, requested_method; /* of CORS; "" if absent */
};

/*
 * Reads all header lines in one pass; what is kept is copied into the arena.  False:
 * ERR_bad_http (two lengths or hosts, a length beside a transfer coding, a name that
 * is no token), ERR_headers_too_large.
 */
bool head_scan(struct MHD_Connection *connection, struct str target, const struct config *config, struct arena *arena,
               struct head *head, struct head_facts *facts, struct err *err);

#endif
