/*
 * visit.h - one HTTP request on a connection, and its answer.
 *
 * What is asked is found in the route table (route.h): an exchange, a page that is
 * ready at once, or an admin operation on the job pool.  The visit is libmicrohttpd's
 * until visit_completed(), and stays until its exchange or job is over too.
 */
#ifndef GATEWAY_SERVER_VISIT_H
#define GATEWAY_SERVER_VISIT_H

#include <microhttpd.h>

#include "gateway/core/exchange.h"
#include "gateway/server/outlet.h"
#include "gateway/server/reply.h"
#include "gateway/server/route.h"

struct client;
struct worker_slot;

struct visit {
    struct worker_slot *worker;
    struct client *client;             /* NULL once libmicrohttpd is done with the request */
    struct MHD_Connection *connection; /* the same */
    const struct route *route;
    struct str rest;    /* of the path: what stood for the route's "*" */
    struct str query;
    bool suspended;
    bool whole;         /* the body has come */
    bool unread;        /* the answer came first: what is left of the body is dropped */
    bool little;        /* what is left is known to be little */
    bool closes;        /* the connection ends with this answer */
    bool exchanging;    /* x is in use */
    bool over;          /* libmicrohttpd is done with it */
    struct exchange x;
    struct outlet outlet; /* of x */
    struct reply reply;   /* of everything else, and of x's failures */
    struct arena arena;   /* where x is not in use: what the head says */
    struct admin_job *job; /* while it runs */
    struct buf body;       /* of an admin operation */
    struct str origin;     /* for CORS; "" if none, or not allowed */
    struct visit *next, **link; /* in worker->visits */
};

/* The answer can begin, or has more: libmicrohttpd is to ask for it. */
void visit_wake(struct visit *v);

/* Nothing can be sent or taken in now. */
void visit_suspend(struct visit *v);

/* The peer has gone; true if that ended something. */
bool visit_leave(struct visit *v);

/* libmicrohttpd's call-backs */
enum MHD_Result visit_handle(void *worker, struct MHD_Connection *connection, const char *url, const char *method,
                             const char *version, const char *upload, size_t *upload_bytes, void **visit);
void visit_completed(void *worker, struct MHD_Connection *connection, void **visit,
                     enum MHD_RequestTerminationCode how);

#endif
