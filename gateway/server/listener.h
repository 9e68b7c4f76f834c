/*
 * listener.h - we accept, libmicrohttpd parses: the sockets, and who gets in.
 *
 * Connections are counted for the whole process and by address; who is over a
 * limit reads a JSON error and is closed.  The gate is shared by all loops; a
 * listener belongs to one.
 */
#ifndef GATEWAY_SERVER_LISTENER_H
#define GATEWAY_SERVER_LISTENER_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "gateway/base/err.h"
#include "gateway/loop/loop.h"

struct gate;
struct worker_slot;

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

enum { GATE_SLOTS = 4096 };

struct gate {
    atomic_uint open; /* connections */
    atomic_uint by_address[GATE_SLOTS]; /* by a hash of the address: neighbours may share a count */
    uint64_t salt;                      /* so that nobody can choose his neighbours */
};
void gate_init(struct gate *g);

enum gate_answer { GATE_IN, GATE_FULL, GATE_TOO_MANY_OF_ADDRESS };
enum gate_answer gate_enter(struct gate *g, const union address *a, unsigned max, unsigned max_of_address);
void gate_leave(struct gate *g, const union address *a);

/*
 * Opens a socket of this loop.  Of a port that several loops share, the first one
 * probes it with a plain bind, since SO_REUSEPORT would hide that it is taken.  With
 * port 0 the first one finds a port, and *port is set for the others.
 */
struct listener;
struct listener *listener_open(struct worker_slot *w, const char *host, unsigned *port, struct err *err);
struct listener *listener_open_control(struct worker_slot *w, const char *path, struct err *err);
unsigned listener_port(const struct listener *l);
void listener_close(struct listener *l); /* NULL is fine */

#endif
