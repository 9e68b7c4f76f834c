/*
 * The descriptor stands in libmicrohttpd's epoll set for reading and writing, and in
 * the loop's own for the one thing that the other does not tell while a request is
 * suspended: that the peer has gone.  It is edge-triggered and stays for the life of
 * the connection, so a request costs no epoll_ctl.
 *
 * The timer is lazy: a phase only notes when it is due, and the timer is moved when
 * it would fire later than that; firing early it looks and sets itself anew.
 */
#include "gateway/server/client.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h> /* that of libc lacks tcpi_bytes_received */
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/server/raw.h"
#include "gateway/server/visit.h"
#include "gateway/server/worker.h"

enum { TARGET_KEPT_BYTES = 64 * 1024, LINGER_MS = 2000, LEAVING_MS = 50 };

static void client_free(struct client *c)
{
    if (c->lingers)
        shutdown(c->fd, SHUT_WR); /* its close will not say so */
    timer_clear(c->worker->core.loop, &c->timer);
    watch_clear(c->worker->core.loop, &c->watch, true);
    gate_leave(&c->worker->house->gate, &c->address);
    buf_done(&c->target);
    free(c);
}

struct client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static uint64_t received_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}

/* libmicrohttpd sees the end of the connection and closes it. */
static void hang_up(struct client *c)
{
    shutdown(c->fd, SHUT_RDWR);
    c->due_ms = INT64_MAX;
}

static void phase_is_over(struct timer *timer)
{
    struct client *c = (struct client *)((char *)timer - offsetof(struct client, timer));
    struct loop *l = c->worker->core.loop;
    if (loop_now_ms(l) < c->due_ms) {
        if (c->due_ms != INT64_MAX)
            timer_set(l, timer, c->due_ms);
        return;
    }
    if ((c->phase == PHASE_BODY && !c->has_left) || (c->phase == PHASE_HEAD && received_bytes(c->fd) > 0))
        raw_error(c->fd, ERR_slow_client); /* half a request is answered, a silent connection just ends */
    hang_up(c);
}

static int64_t patience_ms(const struct client *c, enum phase phase)
{
    const struct config *config = c->worker->config;
    switch (phase) {
    case PHASE_IDLE:
        return config->server.idle_timeout_ms;
    case PHASE_HEAD:
        return config->server.header_timeout_ms;
    case PHASE_BODY:
        return config->server.body_timeout_ms;
    case PHASE_ANSWER:
        break;
    }
    return 0;
}

void client_enter(struct client *c, enum phase phase)
{
    struct loop *l = c->worker->core.loop;
    int64_t ms = c->has_left && phase != PHASE_ANSWER ? LEAVING_MS : patience_ms(c, phase);
    c->phase = phase;
    c->due_ms = ms ? loop_now_ms(l) + ms : INT64_MAX;
    if (c->due_ms != INT64_MAX && (!c->timer.place || c->timer.due_ms > c->due_ms))
        timer_set(l, &c->timer, c->due_ms);
}

static void peer_has_gone(struct watch *watch, uint32_t events)
{
    (void)events;
    struct client *c = (struct client *)((char *)watch - offsetof(struct client, watch));
    c->has_left = true;
    if (c->visit && visit_leave(c->visit))
        hang_up(c); /* libmicrohttpd goes on waiting for the rest of a body that ends too early */
    if (!c->visit) { /* and for the rest of a head; a whole one may be unread still */
        c->due_ms = loop_now_ms(c->worker->core.loop) + LEAVING_MS;
        timer_set(c->worker->core.loop, &c->timer, c->due_ms);
    }
}

static void watch_leaving(struct client *c)
{
    uint32_t half_close = c->worker->config->server.tolerate_half_close ? 0 : EPOLLRDHUP;
    struct err err = {0};
    c->watch.fn = peer_has_gone;
    if (!watch_set(c->worker->core.loop, &c->watch, c->fd, half_close | EPOLLET, &err))
        LOG(warning, F("detail", err.detail)); /* it will be noticed at the next write */
}

void client_admit(struct worker_slot *w, int fd, const union address *a, socklen_t length, bool is_control)
{
    struct client *c = NEW(struct client);
    *c = (struct client){.worker = w, .fd = fd, .address = *a, .is_control = is_control};
    c->timer.fn = phase_is_over;
    c->target = (struct buf)BUF_INIT(TARGET_KEPT_BYTES);
    w->joining = c;
    enum MHD_Result added = MHD_add_connection(w->daemon, fd, &a->any, length);
    worker_stir(w);
    if (added != MHD_YES && w->joining) { /* it was closed before it began */
        LOG(warning, F("detail", "a connection could not be handed over"));
        client_free(c);
    }
    w->joining = NULL;
}

void client_notify(void *worker, struct MHD_Connection *connection, void **context,
                   enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    struct worker_slot *w = worker;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        assert(w->joining);
        struct client *c = w->joining;
        w->joining = NULL;
        *context = c;
        watch_leaving(c);
        client_enter(c, PHASE_HEAD);
    } else {
        client_free(*context);
        *context = NULL;
    }
}

void *client_target(void *worker, const char *target, struct MHD_Connection *connection)
{
    (void)worker;
    struct client *c = client_of(connection);
    buf_cut(&c->target, 0);
    buf_add(&c->target, str_of(target));
    client_enter(c, PHASE_HEAD);
    return NULL;
}

/* A socket that is only read until its peer is done. */
struct lingering {
    struct watch watch;
    struct timer timer;
    struct loop *loop;
    int fd;
    struct lingering *next, **link; /* in worker->lingering */
};

static void end_lingering(struct lingering *g)
{
    watch_clear(g->loop, &g->watch, true);
    timer_clear(g->loop, &g->timer);
    close(g->fd);
    *g->link = g->next;
    if (g->next)
        g->next->link = g->link;
    free(g);
}

void client_linger_no_more(struct worker_slot *w)
{
    for (struct lingering *g = w->lingering, *next; g; g = next) {
        next = g->next;
        end_lingering(g);
    }
}

static void lingered_enough(struct timer *timer)
{
    end_lingering((struct lingering *)((char *)timer - offsetof(struct lingering, timer)));
}

static void read_and_forget(struct watch *watch, uint32_t events)
{
    (void)events;
    struct lingering *g = (struct lingering *)((char *)watch - offsetof(struct lingering, watch));
    char bytes[16 * 1024];
    ssize_t n = recv(g->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        end_lingering(g);
}

void client_linger(struct client *c)
{
    struct err err = {0};
    c->lingers = true;
    struct lingering *g = NEW(struct lingering);
    *g = (struct lingering){.loop = c->worker->core.loop, .fd = dup(c->fd)};
    g->watch.fn = read_and_forget;
    g->timer.fn = lingered_enough;
    if (g->fd < 0 || !watch_set(g->loop, &g->watch, g->fd, EPOLLIN, &err)) {
        if (g->fd >= 0)
            close(g->fd);
        free(g);
        return;
    }
    timer_set(g->loop, &g->timer, loop_now_ms(g->loop) + LINGER_MS);
    g->next = c->worker->lingering;
    g->link = &c->worker->lingering;
    if (g->next)
        g->next->link = &g->next;
    c->worker->lingering = g;
}
