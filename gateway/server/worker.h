/*
 * worker.h - one loop with its HTTP daemon, its listeners and its clients.
 *
 * All of it is used by the loop's thread alone, but what says otherwise.
 */
#ifndef GATEWAY_SERVER_WORKER_H
#define GATEWAY_SERVER_WORKER_H

#include <microhttpd.h>
#include <pthread.h>

#include "gateway/core/gateway.h"
#include "gateway/server/listener.h"

struct visit;

/* What all workers of a server share. */
struct house {
    struct gateway gateway;
    struct gate gate; /* counts connections */
    struct worker_slot *workers;
    unsigned n_workers;
    bool (*reload)(void *arg, struct err *err); /* blocks: for a job */
    void *reload_arg;
};

struct worker_slot {
    struct worker core; /* what exchanges see */
    struct house *house;
    struct config *config; /* the snapshot that new requests get; a reference */
    pthread_t thread;
    struct MHD_Daemon *daemon;
    struct pump pump;
    struct watch daemon_watch;
    bool dirty; /* the daemon has something to do */
    struct listener *listener, *control;
    struct visit *visits; /* every request that is not over */
    struct lingering *lingering; /* sockets that are only read until their peers are done */
    struct client *joining; /* while MHD_add_connection() is on the stack */
};

bool worker_open(struct worker_slot *w, struct house *house, unsigned index, struct err *err);
void worker_close(struct worker_slot *w);

/* Has the daemon looked at before the loop sleeps. */
static inline void worker_stir(struct worker_slot *w)
{
    w->dirty = true;
}

#endif
