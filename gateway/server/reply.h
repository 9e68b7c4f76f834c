/* reply.h - an answer that is whole before it is sent: errors, pages, bodies. */
#ifndef GATEWAY_SERVER_REPLY_H
#define GATEWAY_SERVER_REPLY_H

#include <microhttpd.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct exchange;
struct visit;

struct reply {
    int status; /* 0: there is none yet */
    const char *content_type;
    struct buf body;
    bool should_retry, says_retry; /* x-should-retry, on errors */
    int64_t retry_after_ms;        /* 0: not known */
    const char *allow;             /* of a 405; NULL: none */
    bool preflight;                /* of CORS: what a browser may send */
};

void reply_init(struct reply *r);
void reply_done(struct reply *r);

void reply_error(struct reply *r, const struct err *err);
void reply_json(struct reply *r, int status, struct str body);

/* Sends v->reply; takes its body over. */
enum MHD_Result reply_queue(struct visit *v);

/* The headers that every answer has: its id, CORS, and of an exchange what report.h knows. */
void reply_add_common(struct visit *v, struct MHD_Response *response);

#endif
