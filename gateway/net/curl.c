/*
 * The multi handle in its loop.  Its sockets are watched by the loop's own epoll
 * set; an idle upstream connection stays there, so that a request on it costs no
 * epoll_ctl.  Such a socket becomes readable when its peer closes it: an event that
 * libcurl is not waiting for takes it out of the set, and libcurl finds out by itself.
 *
 * libcurl may not be called from its own call-backs: what they bring about is noted
 * as a todo of the transfer and done by the pump.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fault.h"
#include "gateway/base/mem.h"
#include "gateway/net/curl_priv.h"
#include "gateway/net/transport.h"

enum { POOLED_CONNECTIONS = 4096 };

struct upstream_socket {
    struct watch watch;
    struct curl_transport *owner;
    bool wanted; /* libcurl waits for it */
};

struct curl_transport {
    struct transport transport;
    struct loop *loop;
    CURLM *multi;
    struct pump pump;
    int64_t due_ms; /* of libcurl's own timer; INT64_MAX: none */
    bool may_have_ended;

    struct upstream_socket **sockets; /* by descriptor */
    unsigned n_sockets;

    struct transfer *idle;
    struct transfer *todo, **todo_end;
};

static struct curl_transport *owner_of(struct transport *t)
{
    return (struct curl_transport *)((char *)t - offsetof(struct curl_transport, transport));
}

static struct curl_transport *owner_of_pump(struct pump *p)
{
    return (struct curl_transport *)((char *)p - offsetof(struct curl_transport, pump));
}

struct loop *curl_transport_loop(const struct transfer *tr)
{
    return tr->owner->loop;
}

void curl_transport_todo(struct transfer *tr)
{
    if (tr->in_todo)
        return;
    tr->in_todo = true;
    tr->next = NULL;
    *tr->owner->todo_end = tr;
    tr->owner->todo_end = &tr->next;
}

static void socket_ready(struct watch *w, uint32_t events)
{
    struct upstream_socket *s =
        (struct upstream_socket *)((char *)w - offsetof(struct upstream_socket, watch));
    struct curl_transport *t = s->owner;
    if (!s->wanted) {
        watch_clear(t->loop, w, true);
        return;
    }
    int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(t->multi, w->fd, what, &running);
    t->may_have_ended = true;
}

static struct upstream_socket *socket_of(struct curl_transport *t, curl_socket_t fd)
{
    if ((unsigned)fd >= t->n_sockets) {
        unsigned n = t->n_sockets ? t->n_sockets : 64;
        while (n <= (unsigned)fd)
            n *= 2;
        t->sockets = mem_realloc(t->sockets, n * sizeof *t->sockets);
        memset(t->sockets + t->n_sockets, 0, (n - t->n_sockets) * sizeof *t->sockets);
        t->n_sockets = n;
    }
    if (!t->sockets[fd]) {
        t->sockets[fd] = NEW(struct upstream_socket);
        *t->sockets[fd] = (struct upstream_socket){.watch.fn = socket_ready, .owner = t};
    }
    return t->sockets[fd];
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *transport, void *unused)
{
    (void)easy, (void)unused;
    struct curl_transport *t = transport;
    struct upstream_socket *s = socket_of(t, fd);
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    s->wanted = what != CURL_POLL_REMOVE && events;
    struct err err = {0};
    if (s->wanted && !watch_set(t->loop, &s->watch, fd, events, &err))
        return -1; /* libcurl ends its transfers */
    return 0;
}

int curl_transport_closed(void *transport, curl_socket_t fd)
{
    struct curl_transport *t = transport;
    if ((unsigned)fd < t->n_sockets && t->sockets[fd]) {
        watch_clear(t->loop, &t->sockets[fd]->watch, true);
        t->sockets[fd]->wanted = false;
    }
    return close(fd);
}

/* CURLMOPT_TIMERFUNCTION; a deadline is announced once, so it is rounded up */
static int on_timer(CURLM *multi, long timeout_ms, void *transport)
{
    (void)multi;
    struct curl_transport *t = transport;
    if (timeout_ms < 0)
        t->due_ms = INT64_MAX;
    else if (timeout_ms == 0)
        t->due_ms = 0;
    else
        t->due_ms = clock_now_ms() + timeout_ms + 1;
    return 0;
}

static void release(struct curl_transport *t, struct transfer *tr, CURLcode result)
{
    if (tr->on_wire)
        curl_multi_remove_handle(t->multi, tr->easy);
    tr->on_wire = false;
    struct call *c = tr->in.call;
    transfer_finish(tr, result);
    if (tr->in_todo) { /* it leaves that list first */
        for (struct transfer **link = &t->todo; *link; link = &(*link)->next)
            if (*link == tr) {
                *link = tr->next;
                if (t->todo_end == &tr->next)
                    t->todo_end = link;
                break;
            }
        tr->in_todo = false;
    }
    tr->next = t->idle;
    t->idle = tr;
    c->on_end(c);
}

static void do_todo(struct curl_transport *t, struct transfer *tr)
{
    if (tr->todo_end) {
        release(t, tr, CURLE_ABORTED_BY_CALLBACK);
        return;
    }
    if (tr->todo_start) {
        tr->todo_start = false;
        tr->on_wire = !FAULT("net.add") && curl_multi_add_handle(t->multi, tr->easy) == CURLM_OK;
        if (!tr->on_wire) {
            err_set(&tr->in.err, ERR_internal, "libcurl takes no more transfers");
            release(t, tr, CURLE_OUT_OF_MEMORY);
            return;
        }
    }
    if (tr->todo_pause) {
        tr->todo_pause = false;
        curl_easy_pause(tr->easy, intake_waits(&tr->in) ? CURLPAUSE_RECV : CURLPAUSE_CONT);
        t->may_have_ended = true;
    }
}

static bool do_todos(struct curl_transport *t)
{
    bool any = false;
    while (t->todo) {
        struct transfer *tr = t->todo;
        t->todo = tr->next;
        if (!t->todo)
            t->todo_end = &t->todo;
        tr->in_todo = false;
        do_todo(t, tr);
        any = true;
    }
    return any;
}

static bool end_what_has_ended(struct curl_transport *t)
{
    bool any = false;
    int left;
    CURLMsg *m;
    t->may_have_ended = false;
    while ((m = curl_multi_info_read(t->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode result = m->data.result;
        struct transfer *tr;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &tr);
        release(t, tr, result);
        any = true;
    }
    return any;
}

static bool pump_run(struct pump *p)
{
    struct curl_transport *t = owner_of_pump(p);
    bool moved = do_todos(t);
    if (t->due_ms <= loop_now_ms(t->loop)) {
        int running;
        t->due_ms = INT64_MAX;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        t->may_have_ended = true;
        moved = true;
    }
    if (t->may_have_ended)
        moved |= end_what_has_ended(t);
    return moved;
}

static int64_t pump_due_ms(struct pump *p, int64_t now_ms)
{
    (void)now_ms;
    return owner_of_pump(p)->due_ms;
}

static void start(struct transport *transport, struct call *c)
{
    struct curl_transport *t = owner_of(transport);
    struct transfer *tr = t->idle;
    if (tr)
        t->idle = tr->next;
    else
        tr = transfer_new(t);
    c->transport_state = tr;
    transfer_prepare(tr, c);
    tr->todo_start = true;
    curl_transport_todo(tr);
}

static void cancel(struct transport *transport, struct call *c)
{
    (void)transport;
    struct transfer *tr = c->transport_state;
    intake_cancel(&tr->in);
    tr->todo_end = true;
    curl_transport_todo(tr);
}

static void set_pause(struct transport *transport, struct call *c, bool paused)
{
    (void)transport;
    struct transfer *tr = c->transport_state;
    transfer_pause(tr, paused);
}

struct transport *curl_transport_new(struct loop *l, struct err *err)
{
    struct curl_transport *t = NEW(struct curl_transport);
    t->transport = (struct transport){.start = start, .cancel = cancel, .pause = set_pause};
    t->loop = l;
    t->due_ms = INT64_MAX;
    t->todo_end = &t->todo;
    t->multi = FAULT("net.multi") ? NULL : curl_multi_init();
    if (!t->multi) {
        err_set(err, ERR_internal, "libcurl cannot start");
        free(t);
        return NULL;
    }
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)POOLED_CONNECTIONS);
    t->pump = (struct pump){.run = pump_run, .due_ms = pump_due_ms};
    loop_add_pump(l, &t->pump);
    return &t->transport;
}

void curl_transport_free(struct transport *transport)
{
    if (!transport)
        return;
    struct curl_transport *t = owner_of(transport);
    assert(!t->todo);
    loop_remove_pump(t->loop, &t->pump);
    while (t->idle) {
        struct transfer *tr = t->idle;
        t->idle = tr->next;
        transfer_free(tr);
    }
    curl_multi_cleanup(t->multi);
    for (unsigned i = 0; i < t->n_sockets; i++)
        free(t->sockets[i]);
    free(t->sockets);
    free(t);
}
