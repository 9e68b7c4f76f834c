#include "gateway/net/names.h"

#include <assert.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>

#include "gateway/base/mem.h"

enum {
    KEPT_MS = 60 * 1000,       /* getaddrinfo() does not tell how long an answer holds */
    NOT_KEPT_MS = 1000,        /* nor does it that there is none */
};

struct name {
    struct job job;
    struct names *owner;
    struct name *next;
    char host[HOST_BYTES], port[PORT_BYTES];
    bool asking;
    int64_t until_ms;
    struct addresses addresses; /* as last found */
    struct addresses fresh;     /* the job's */
    struct name_wait *waiting;
};

struct names {
    struct loop *loop;
    struct jobs *jobs;
    struct name *all;
};

struct names *names_new(struct loop *l, struct jobs *jobs)
{
    struct names *n = NEW(struct names);
    *n = (struct names){.loop = l, .jobs = jobs};
    return n;
}

void names_free(struct names *n)
{
    while (n && n->all) {
        struct name *name = n->all;
        n->all = name->next;
        free(name);
    }
    free(n);
}

static void look_up(const struct name *name, int flags, struct addresses *found)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV}, *list = NULL;
    found->n = 0;
    if (getaddrinfo(name->host, name->port, &hints, &list) != 0)
        return;
    for (struct addrinfo *a = list; a && found->n < ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof found->v[0].address)
            continue;
        memcpy(&found->v[found->n].address, a->ai_addr, a->ai_addrlen);
        found->v[found->n++].bytes = a->ai_addrlen;
    }
    freeaddrinfo(list);
}

static void work(struct job *job)
{
    struct name *name = (struct name *)((char *)job - offsetof(struct name, job));
    look_up(name, AI_ADDRCONFIG, &name->fresh);
}

static void tell(struct name *name, struct name_wait *w)
{
    w->waiting = false;
    w->addresses = &name->addresses;
    w->found(w);
}

static void answered(struct job *job)
{
    struct name *name = (struct name *)((char *)job - offsetof(struct name, job));
    name->asking = false;
    name->addresses = name->fresh;
    name->until_ms = loop_now_ms(name->owner->loop) + (name->addresses.n ? KEPT_MS : NOT_KEPT_MS);
    struct name_wait *w;
    while ((w = name->waiting)) {
        name->waiting = w->next;
        tell(name, w);
    }
}

static struct name *name_of(struct names *n, struct str host, struct str port)
{
    for (struct name *name = n->all; name; name = name->next)
        if (str_eq(str_of(name->host), host) && str_eq(str_of(name->port), port))
            return name;
    struct name *name = NEW(struct name);
    *name = (struct name){.owner = n, .next = n->all};
    memcpy(name->host, host.p, host.n);
    memcpy(name->port, port.p, port.n);
    name->job = (struct job){.work = work, .done = answered, .loop = n->loop};
    look_up(name, AI_NUMERICHOST, &name->addresses); /* does not block */
    name->until_ms = name->addresses.n ? INT64_MAX : 0;
    n->all = name;
    return name;
}

void names_ask(struct names *n, struct str host, struct str port, struct name_wait *w)
{
    assert(host.n < HOST_BYTES && port.n < PORT_BYTES);
    struct name *name = name_of(n, host, port);
    if (loop_now_ms(n->loop) < name->until_ms) {
        tell(name, w);
        return;
    }
    w->waiting = true;
    w->next = name->waiting;
    name->waiting = w;
    if (!name->asking) {
        name->asking = true;
        jobs_add(n->jobs, &name->job);
    }
}

void names_forget(struct names *n, struct name_wait *w)
{
    if (!w->waiting)
        return;
    w->waiting = false;
    for (struct name *name = n->all; name; name = name->next)
        for (struct name_wait **link = &name->waiting; *link; link = &(*link)->next)
            if (*link == w) {
                *link = w->next;
                return;
            }
}
