/*
 * A waiting connection stays in the epoll set: what it has to say can only be that
 * its peer has closed it, or nonsense, and either way it is closed.  The one used
 * last is used next, so that those too many get old.
 */
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/h1_priv.h"

enum {
    WAITING_MAX = 4096,
    WAITS_MS = 60 * 1000, /* most servers close after this or later */
    SWEEP_MS = 5 * 1000,
};

static void drop(struct connection *c)
{
    struct origin *o = c->origin;
    if (c->fresher)
        c->fresher->staler = c->staler;
    else
        o->freshest = c->staler;
    if (c->staler)
        c->staler->fresher = c->fresher;
    else
        o->stalest = c->fresher;
    c->fresher = c->staler = NULL;
    c->pool->n_waiting--;
}

/* Closes those of o that have waited since before then. */
static void close_old(struct origin *o, int64_t since_ms)
{
    struct connection *c = o->stalest;
    while (c && c->waits_since_ms <= since_ms) {
        struct connection *fresher = c->fresher;
        drop(c);
        connection_close(c);
        c = fresher;
    }
}

static void sweep(struct timer *timer)
{
    struct pool *p = (struct pool *)((char *)timer - offsetof(struct pool, sweep));
    int64_t now_ms = loop_now_ms(p->loop);
    for (struct origin *o = p->origins; o; o = o->next)
        close_old(o, now_ms - WAITS_MS);
    if (p->n_waiting)
        timer_set(p->loop, &p->sweep, now_ms + SWEEP_MS);
}

void pool_init(struct pool *p, struct loop *l)
{
    *p = (struct pool){.loop = l, .sweep.fn = sweep};
}

void pool_done(struct pool *p)
{
    timer_clear(p->loop, &p->sweep);
    while (p->origins) {
        struct origin *o = p->origins;
        p->origins = o->next;
        close_old(o, INT64_MAX);
        free(o);
    }
}

/* host[:port], [address of IPv6][:port] */
static bool cut_authority(struct str authority, struct str *host, struct str *port)
{
    const char *end = authority.p + authority.n, *p = authority.p;
    bool in_brackets = authority.n && *p == '[';
    const char *host_end = memchr(p, in_brackets ? ']' : ':', authority.n);
    if (in_brackets && !host_end)
        return false;
    *host = (struct str){p + in_brackets, (size_t)((host_end ? host_end : end) - p) - in_brackets};
    p = host_end ? host_end + in_brackets : end;
    *port = p < end ? (struct str){p + 1, (size_t)(end - p) - 1} : STR("80");
    return host->n > 0 && host->n < HOST_BYTES && port->n > 0 && port->n < PORT_BYTES && (p == end || *p == ':');
}

struct origin *pool_origin(struct pool *p, struct str url, struct str *path, struct err *err)
{
    static const struct str scheme = STR("http://");
    struct str host, port, authority = url;
    if (str_starts(url, scheme))
        authority = (struct str){url.p + scheme.n, url.n - scheme.n};
    const char *slash = memchr(authority.p, '/', authority.n);
    *path = slash ? (struct str){slash, (size_t)(authority.p + authority.n - slash)} : STR("/");
    if (slash)
        authority.n = (size_t)(slash - authority.p);
    for (struct origin *o = p->origins; o; o = o->next)
        if (str_eq(str_of(o->authority), authority))
            return o;
    if (!cut_authority(authority, &host, &port)) {
        err_set(err, ERR_upstream_down, "'" STR_FMT "' names no host", STR_ARG(authority));
        return NULL;
    }
    struct origin *o = NEW(struct origin);
    memcpy(o->host, host.p, host.n);
    memcpy(o->port, port.p, port.n);
    memcpy(o->authority, authority.p, authority.n);
    o->next = p->origins;
    p->origins = o;
    return o;
}

static void waiting_ready(struct watch *w, uint32_t events)
{
    (void)events;
    struct connection *c = (struct connection *)((char *)w - offsetof(struct connection, watch));
    drop(c);
    connection_close(c);
}

struct connection *pool_take(struct origin *o)
{
    struct connection *c = o->freshest;
    if (c)
        drop(c);
    return c;
}

void pool_give(struct connection *c)
{
    struct pool *p = c->pool;
    struct origin *o = c->origin;
    struct err err = {0};
    if (p->n_waiting >= WAITING_MAX || !(c->watch.on || watch_set(p->loop, &c->watch, c->watch.fd, EPOLLIN, &err))) {
        connection_close(c);
        return;
    }
    c->asked = NULL;
    c->watch.fn = waiting_ready;
    c->waits_since_ms = loop_now_ms(p->loop);
    c->staler = o->freshest;
    if (o->freshest)
        o->freshest->fresher = c;
    else
        o->stalest = c;
    o->freshest = c;
    if (p->n_waiting++ == 0)
        timer_set(p->loop, &p->sweep, c->waits_since_ms + SWEEP_MS);
}

struct connection *connection_new(struct pool *p, struct origin *o, int fd)
{
    struct connection *c = NEW(struct connection);
    *c = (struct connection){.pool = p, .origin = o, .held = BUF_INIT(SIZE_MAX)};
    c->watch.fd = fd;
    h1_answer_init(&c->answer);
    return c;
}

void connection_close(struct connection *c)
{
    watch_clear(c->pool->loop, &c->watch, true);
    close(c->watch.fd);
    h1_answer_done(&c->answer);
    buf_done(&c->held);
    free(c);
}
