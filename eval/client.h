/*
 * client.h - how a suite asks the gateway: one question at a time, blocking.
 *
 * Whoever runs a suite brings the function; it is called by several threads at once.
 */
#ifndef EVAL_CLIENT_H
#define EVAL_CLIENT_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum { COST_UNKNOWN = -1, REPLY_MAX_BYTES = 32 * 1024 * 1024 };

struct question {
    const char *path; /* "/v1/chat/completions" */
    struct str body;
};

struct reply { /* reply_init(), reply_done() */
    int status;
    struct buf body;
    int64_t latency_ms;
    int64_t cost_nusd; /* COST_UNKNOWN: unpriced, or not said */
    bool cached;       /* the gateway had it */
};

struct client {
    /* False: nobody answered at all. */
    bool (*ask)(void *arg, const struct question *q, struct reply *r, struct err *err);
    void *arg;
};

static inline void reply_init(struct reply *r)
{
    *r = (struct reply){.body = BUF_INIT(REPLY_MAX_BYTES), .cost_nusd = COST_UNKNOWN};
}

static inline void reply_done(struct reply *r)
{
    buf_done(&r->body);
}

#endif
