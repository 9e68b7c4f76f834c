/*
 * client.h - one connection: its descriptor, its deadlines, and its leaving.
 *
 * libmicrohttpd owns the descriptor.  A client lives from client_admit() until
 * libmicrohttpd says that the connection is closed.
 */
#ifndef GATEWAY_SERVER_CLIENT_H
#define GATEWAY_SERVER_CLIENT_H

#include <microhttpd.h>

#include "gateway/base/str.h"
#include "gateway/loop/loop.h"
#include "gateway/server/listener.h"

struct visit;

enum phase {
    PHASE_IDLE,   /* between requests */
    PHASE_HEAD,   /* a request begins to arrive */
    PHASE_BODY,   /* its body does */
    PHASE_ANSWER, /* the time is ours */
};

struct client {
    struct worker_slot *worker;
    int fd;
    union address address;
    bool is_control;
    struct watch watch; /* for its leaving */
    struct timer timer;
    enum phase phase;
    int64_t due_ms;       /* of the phase; INT64_MAX: none */
    bool has_left;        /* nothing more will come from it */
    bool lingers;         /* client_linger() holds the socket too */
    struct visit *visit;  /* the request that is not over; NULL: none */
    struct buf target;    /* of the request: as it stood in the request line */
};

/* Hands the socket to libmicrohttpd; it is closed when that fails. */
void client_admit(struct worker_slot *w, int fd, const union address *a, socklen_t length, bool is_control);

void client_enter(struct client *c, enum phase phase);

/* Keeps the socket open for a moment after libmicrohttpd has closed it, and reads what is still coming, so that the answer is not lost in a reset. */
void client_linger(struct client *c);

void client_linger_no_more(struct worker_slot *w); /* all of them */

/* libmicrohttpd's call-backs */
void *client_target(void *worker, const char *target, struct MHD_Connection *connection);
void client_notify(void *worker, struct MHD_Connection *connection, void **context,
                   enum MHD_ConnectionNotificationCode code);
struct client *client_of(struct MHD_Connection *connection);

#endif
