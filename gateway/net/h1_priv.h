/*
 * h1_priv.h - the two halves of the transport for plain HTTP/1.1: calls (h1.c) and
 * the connections that wait for the next one (h1_pool.c).
 */
#ifndef GATEWAY_NET_H1_PRIV_H
#define GATEWAY_NET_H1_PRIV_H

#include "gateway/loop/loop.h"
#include "gateway/net/h1_answer.h"
#include "gateway/net/names.h"

struct asked;
struct pool;

/* Who is asked: what a URL names between "http://" and the path. */
struct origin {
    struct origin *next;
    struct connection *freshest, *stalest; /* of those that wait */
    char host[HOST_BYTES], port[PORT_BYTES];
    char authority[HOST_BYTES + 2 + PORT_BYTES]; /* as the URL has it */
};

struct connection {
    struct watch watch;
    struct pool *pool;
    struct origin *origin;
    struct asked *asked; /* the call it is used for; NULL: it waits */
    struct h1_answer answer;
    struct buf held; /* bytes of the answer that are not taken yet */
    bool connecting;

    struct connection *fresher, *staler; /* while it waits */
    int64_t waits_since_ms;
};

struct pool {
    struct loop *loop;
    struct origin *origins;
    unsigned n_waiting;
    struct timer sweep;
};

void pool_init(struct pool *p, struct loop *l);
void pool_done(struct pool *p); /* closes those that wait */

/*
 * *path: what is to be asked there, borrowed.  False: ERR_upstream_down, the URL names
 * no host that can be asked.  An origin lives as long as the pool.
 */
struct origin *pool_origin(struct pool *p, struct str url, struct str *path, struct err *err);

struct connection *pool_take(struct origin *o); /* NULL: none waits */
void pool_give(struct connection *c); /* it waits from now on, or is closed if too many do */

struct connection *connection_new(struct pool *p, struct origin *o, int fd);
void connection_close(struct connection *c);

#endif
