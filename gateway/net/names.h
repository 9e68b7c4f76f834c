/*
 * names.h - the addresses of hosts, looked up off the loop and kept for a minute.
 *
 * Of one loop, used by its thread alone.
 */
#ifndef GATEWAY_NET_NAMES_H
#define GATEWAY_NET_NAMES_H

#include <sys/socket.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/loop/jobs.h"

enum {
    ADDRESSES_MAX = 8,
    HOST_BYTES = 256, /* of a host's name, with a '\0' */
    PORT_BYTES = 6,
};

struct addresses { /* in the order in which they are to be tried */
    unsigned n; /* 0: there is no such host */
    struct {
        struct sockaddr_storage address;
        socklen_t bytes;
    } v[ADDRESSES_MAX];
};

struct name_wait { /* the caller's, until found() or names_forget() */
    void (*found)(struct name_wait *w);
    const struct addresses *addresses; /* borrowed until found() returns */
    struct name_wait *next;
    bool waiting;
};

struct names;
struct names *names_new(struct loop *l, struct jobs *jobs);
void names_free(struct names *n); /* once the jobs are; NULL is fine */

/*
 * host: a name or a number, IPv6 without brackets; port: decimal; both shorter than
 * HOST_BYTES and PORT_BYTES.  found() is called once, perhaps before this returns.
 */
void names_ask(struct names *n, struct str host, struct str port, struct name_wait *w);
void names_forget(struct names *n, struct name_wait *w); /* of one that does not wait: nothing */

#endif
