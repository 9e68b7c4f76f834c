/*
 * server.h - the gateway as a running process: loops, listeners, signals.
 */
#ifndef GATEWAY_SERVER_SERVER_H
#define GATEWAY_SERVER_SERVER_H

#include "gateway/core/config.h"
#include "gateway/store/store.h"

struct prompts;

struct server_options {
    const char *config_path; /* NULL: the embedded default; read again at a reload */
    struct config_override over;
    bool is_private; /* opens no port: only its owner asks, over the control socket */
};

/*
 * Serves until a signal ends it; c is taken over.  `ready` is called once the
 * port is open, with the address as "HOST:PORT" (of a private one it names nothing).  False: it could not start.
 * SIGTERM and SIGINT drain, a second one stops at once, SIGHUP reloads.
 */
bool server_run(struct store *store, struct prompts *prompts, struct config *c, const struct server_options *o,
                void (*ready)(const char *address, void *arg), void *arg, struct err *err);

#endif
