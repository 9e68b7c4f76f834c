/*
 * Plain HTTP/1.1 over kept connections: what an upstream on this machine or in this
 * network speaks, at the price of one write and one read a call.  Everything that
 * needs TLS or a proxy goes through libcurl.
 *
 * A kept connection may have been closed by its peer a moment before it is used.  If
 * then not a byte of an answer comes, the question goes out once more on a new one:
 * the peer cannot have read it (RFC 9112, section 9.3.1).
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "config.h"
#include "gateway/base/fault.h"
#include "gateway/base/mem.h"
#include "gateway/net/h1_priv.h"
#include "gateway/net/intake.h"
#include "gateway/net/transport.h"

enum {
    SCRATCH_BYTES = 16 * 1024, /* what one read can bring */
    QUESTION_HEAD_BYTES = 96 * 1024,
};

struct h1_transport {
    struct transport transport;
    struct loop *loop;
    struct pool pool;
    struct names *names;
    struct asked *spare;
    unsigned in_air;
    char scratch[SCRATCH_BYTES]; /* read and used up before anything else is read */
};

/* One call in the air, or room for the next. */
struct asked {
    struct intake in;
    struct h1_transport *owner;
    struct asked *next; /* while it is spare */
    struct origin *origin;
    struct connection *connection; /* NULL while there is none yet */
    struct name_wait name;
    unsigned address;        /* the place of the one that is tried */
    struct timer connecting; /* when to give that up */
    struct timer again;      /* bytes are held that may be taken now */
    struct buf head;         /* of the question */
    size_t sent, to_send;    /* bytes of head and body */
    bool refused;            /* the peer takes no more of it */
    bool kept;               /* the connection was used before */
    bool answered;           /* a byte of the answer has come */
    bool on_stack;
};

static struct h1_transport *owner_of(struct transport *t)
{
    return (struct h1_transport *)((char *)t - offsetof(struct h1_transport, transport));
}

static struct asked *asked_of(struct intake *in)
{
    return (struct asked *)((char *)in - offsetof(struct asked, in));
}

static void open_connection(struct asked *a);
static void ready(struct watch *w, uint32_t events);
static void go_on(struct intake *in);

static void leave_connection(struct asked *a, bool keep)
{
    struct connection *c = a->connection;
    a->connection = NULL;
    if (!c)
        return;
    if (keep)
        pool_give(c);
    else
        connection_close(c);
}

/* The call is over; `why` says how, ERR_none: well. */
static void end(struct asked *a, const struct err *why, bool keep)
{
    struct h1_transport *t = a->owner;
    struct call *call = a->in.call;
    timer_clear(t->loop, &a->connecting);
    timer_clear(t->loop, &a->again);
    names_forget(t->names, &a->name);
    leave_connection(a, keep);
    a->on_stack = true; /* it may be cancelled by who gets the body */
    intake_end(&a->in, why);
    a->on_stack = false;
    buf_empty_out(&a->head);
    a->next = t->spare;
    t->spare = a;
    t->in_air--;
    call->on_end(call);
}

static void end_badly(struct asked *a, const struct err *why)
{
    if (!a->kept || a->answered || a->in.stopped) {
        end(a, why, false);
        return;
    }
    leave_connection(a, false);
    open_connection(a);
}

/* ---- asking ---- */

static void write_head(struct asked *a, struct str path)
{
    const struct call *c = a->in.call;
    size_t bytes = 0;
    for (unsigned i = 0; i < c->n_body; i++)
        bytes += c->body[i].n;
    buf_add(&a->head, STR("POST "));
    buf_add(&a->head, path);
    buf_add(&a->head, STR(" HTTP/1.1\r\nHost: "));
    buf_add(&a->head, str_of(a->origin->authority));
    buf_add(&a->head, STR("\r\nUser-Agent: " PACKAGE_NAME "/" PACKAGE_VERSION "\r\nAccept-Encoding: identity\r\n"));
    for (const char *const *line = c->header_lines; *line; line++) {
        buf_add(&a->head, str_of(*line));
        buf_add(&a->head, STR("\r\n"));
    }
    buf_add(&a->head, STR("Content-Length: "));
    buf_add_int(&a->head, (int64_t)bytes);
    buf_add(&a->head, STR("\r\n\r\n"));
    a->to_send = a->head.n + bytes;
}

/* What is still to be sent. */
static unsigned rest_of_question(const struct asked *a, struct iovec *v)
{
    const struct call *c = a->in.call;
    size_t skip = a->sent;
    unsigned n = 0;
    for (unsigned i = 0; i <= c->n_body; i++) {
        struct str piece = i ? c->body[i - 1] : buf_str(&a->head);
        size_t skipped = skip < piece.n ? skip : piece.n;
        skip -= skipped;
        if (piece.n > skipped)
            v[n++] = (struct iovec){(void *)(piece.p + skipped), piece.n - skipped};
    }
    return n;
}

static bool watch_for(struct asked *a, uint32_t events, struct err *err)
{
    struct watch *w = &a->connection->watch;
    w->fn = ready;
    return (w->on && w->events == events) || watch_set(a->owner->loop, w, w->fd, events, err);
}

/* As much as goes now.  A peer that takes no more may have answered already: that is seen when reading. */
static bool send_question(struct asked *a, struct err *err)
{
    while (a->sent < a->to_send && !a->refused) {
        struct iovec v[CALL_BODY_PIECES + 1];
        struct msghdr m = {.msg_iov = v, .msg_iovlen = rest_of_question(a, v)};
        ssize_t n = FAULT("net.send") ? (errno = ECONNRESET, -1)
                                      : sendmsg(a->connection->watch.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return watch_for(a, EPOLLIN | EPOLLOUT, err);
        a->refused = n < 0;
        a->sent += n > 0 ? (size_t)n : 0;
        a->in.call->connected |= n > 0;
    }
    return watch_for(a, EPOLLIN, err);
}

static bool use(struct asked *a, struct connection *c, struct err *err)
{
    a->connection = c;
    c->asked = a;
    c->connecting = false;
    a->answered = a->refused = false;
    a->sent = 0;
    h1_answer_begin(&c->answer);
    return send_question(a, err);
}

/* ---- connecting ---- */

static bool connect_next(struct asked *a, const struct addresses *addresses, struct err *err)
{
    struct loop *l = a->owner->loop;
    int reason = 0;
    for (; a->address < addresses->n; a->address++) {
        const struct sockaddr *to = (const struct sockaddr *)&addresses->v[a->address].address;
        int fd = FAULT("net.socket") ? (errno = EMFILE, -1)
                                     : socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return err_set(err, ERR_upstream_down, "socket: %s", strerror(errno));
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        a->connection = connection_new(&a->owner->pool, a->origin, fd);
        a->connection->asked = a;
        a->connection->connecting = true;
        int64_t limit_ms = a->in.call->timeouts.connect;
        if (connect(fd, to, addresses->v[a->address].bytes) == 0 || errno == EINPROGRESS) {
            if (limit_ms)
                timer_set(l, &a->connecting, loop_now_ms(l) + limit_ms);
            return watch_for(a, EPOLLOUT, err);
        }
        reason = errno;
        leave_connection(a, false);
    }
    return err_set(err, ERR_upstream_down, "%s: %s", a->origin->authority,
                   reason ? strerror(reason) : "no such host");
}

static void name_found(struct name_wait *w)
{
    struct asked *a = (struct asked *)((char *)w - offsetof(struct asked, name));
    struct err err = {0};
    if (!connect_next(a, w->addresses, &err))
        end(a, &err, false);
}

/* To the address whose turn it is. */
static void try_address(struct asked *a)
{
    struct origin *o = a->origin;
    a->name.found = name_found;
    names_ask(a->owner->names, str_of(o->host), str_of(o->port), &a->name);
}

static void open_connection(struct asked *a)
{
    a->kept = false;
    a->address = 0;
    try_address(a);
}

static void connect_took_too_long(struct timer *timer)
{
    struct asked *a = (struct asked *)((char *)timer - offsetof(struct asked, connecting));
    struct err err = {0};
    err_set(&err, ERR_timeout, "not connected after %lld ms", (long long)a->in.call->timeouts.connect);
    end(a, &err, false);
}

static void connected(struct asked *a)
{
    struct err err = {0};
    int reason = 0;
    socklen_t bytes = sizeof reason;
    timer_clear(a->owner->loop, &a->connecting);
    getsockopt(a->connection->watch.fd, SOL_SOCKET, SO_ERROR, &reason, &bytes);
    if (reason) {
        leave_connection(a, false);
        a->address++;
        try_address(a);
    } else if (!use(a, a->connection, &err)) {
        end(a, &err, false);
    }
}

/* ---- reading ---- */

static void on_status(void *arg, int status)
{
    intake_status(&((struct asked *)arg)->in, status);
}

static bool on_header(void *arg, struct str line)
{
    return intake_header(&((struct asked *)arg)->in, line) == INTAKE_TAKEN;
}

static bool on_head_end(void *arg)
{
    return intake_head_end(&((struct asked *)arg)->in) == INTAKE_TAKEN;
}

static bool on_body(void *arg, struct str bytes)
{
    return intake_bytes(&((struct asked *)arg)->in, bytes) == INTAKE_TAKEN;
}

static const struct h1_events events_of_answer = {on_status, on_header, on_head_end, on_body};

enum after_bytes { READ_ON, READ_LATER, READ_ENDED };

/* Reads them as far as they are wanted now; READ_ENDED: a is over. */
static enum after_bytes take(struct asked *a, struct str bytes, size_t *used)
{
    struct connection *c = a->connection;
    struct err err = {0};
    a->answered = true;
    *used = h1_answer_read(&c->answer, bytes, &events_of_answer, a, &err);
    if (err.code != ERR_none || a->in.stopped) {
        end(a, &err, false);
        return READ_ENDED;
    }
    if (c->answer.state == H1_DONE) {
        end(a, &err, c->answer.persists && a->sent == a->to_send && *used == bytes.n);
        return READ_ENDED;
    }
    return *used < bytes.n ? READ_LATER : READ_ON;
}

static void closed(struct asked *a, int reason)
{
    struct err err = {0};
    if (reason)
        err_set(&err, ERR_upstream_cut, "%s", strerror(reason));
    else if (h1_answer_closed(&a->connection->answer, &err)) {
        end(a, &err, false);
        return;
    }
    end_badly(a, &err);
}

/* Not wanted now: the socket is left alone until they are. */
static void hold(struct asked *a, struct str rest)
{
    struct connection *c = a->connection;
    buf_add(&c->held, rest);
    watch_clear(a->owner->loop, &c->watch, true);
    if (!intake_waits(&a->in)) /* they were, and now are again */
        go_on(&a->in);
}

static void receive(struct asked *a)
{
    struct h1_transport *t = a->owner;
    enum after_bytes word = READ_ON;
    while (word == READ_ON) {
        size_t used = 0;
        ssize_t n = FAULT("net.recv") ? (errno = ECONNRESET, -1)
                                      : recv(a->connection->watch.fd, t->scratch, sizeof t->scratch, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            closed(a, n < 0 ? errno : 0);
            return;
        }
        a->on_stack = true;
        word = take(a, (struct str){t->scratch, (size_t)n}, &used);
        if (word == READ_ENDED)
            return;
        a->on_stack = false;
        if (word == READ_LATER)
            hold(a, (struct str){t->scratch + used, (size_t)n - used});
        else if ((size_t)n < sizeof t->scratch) /* epoll tells if there is more */
            return;
    }
}

/* What is held may be taken now. */
static void take_held(struct timer *timer)
{
    struct asked *a = (struct asked *)((char *)timer - offsetof(struct asked, again));
    struct connection *c = a->connection;
    struct buf held = c->held;
    struct err err = {0};
    size_t used = 0;
    c->held = (struct buf)BUF_INIT(SIZE_MAX);
    a->on_stack = true;
    enum after_bytes word = take(a, buf_str(&held), &used);
    if (word != READ_ENDED)
        a->on_stack = false;
    if (word == READ_LATER)
        hold(a, (struct str){held.p + used, held.n - used});
    else if (word == READ_ON && !watch_for(a, EPOLLIN, &err))
        end(a, &err, false);
    buf_done(&held);
}

static void ready(struct watch *w, uint32_t events)
{
    struct connection *c = (struct connection *)((char *)w - offsetof(struct connection, watch));
    struct asked *a = c->asked;
    struct err err = {0};
    if (c->connecting) {
        connected(a);
    } else if ((events & EPOLLOUT) && !send_question(a, &err)) {
        end(a, &err, false);
    } else if (events & ~(uint32_t)EPOLLOUT) {
        receive(a);
    }
}

/* ---- as a transport ---- */

static void stop(struct intake *in)
{
    struct err none = {0};
    end(asked_of(in), &none, false);
}

static void go_on(struct intake *in)
{
    struct asked *a = asked_of(in);
    if (a->connection && a->connection->held.n)
        timer_set(a->owner->loop, &a->again, loop_now_ms(a->owner->loop));
}

static struct asked *asked_new(struct h1_transport *t)
{
    struct asked *a = t->spare;
    if (a) {
        t->spare = a->next;
        return a;
    }
    a = NEW(struct asked);
    a->owner = t;
    intake_init(&a->in, t->loop, stop, go_on);
    a->in.undoes_coding = true;
    a->connecting.fn = connect_took_too_long;
    a->again.fn = take_held;
    a->head = (struct buf)BUF_INIT(QUESTION_HEAD_BYTES);
    return a;
}

static void start(struct transport *transport, struct call *call)
{
    struct h1_transport *t = owner_of(transport);
    struct asked *a = asked_new(t);
    struct err err = {0};
    struct str path;
    t->in_air++;
    call->transport_state = a;
    intake_begin(&a->in, call);
    a->origin = pool_origin(&t->pool, str_of(call->url), &path, &err);
    if (!a->origin) {
        end(a, &err, false);
        return;
    }
    write_head(a, path);
    struct connection *c = pool_take(a->origin);
    a->kept = c != NULL;
    if (!c)
        open_connection(a);
    else if (!use(a, c, &err))
        end_badly(a, &err);
}

static void cancel(struct transport *transport, struct call *call)
{
    (void)transport;
    struct asked *a = call->transport_state;
    struct err none = {0};
    intake_cancel(&a->in);
    if (!a->on_stack)
        end(a, &none, false);
}

static void set_pause(struct transport *transport, struct call *call, bool paused)
{
    (void)transport;
    struct asked *a = call->transport_state;
    intake_pause(&a->in, paused);
}

struct transport *h1_transport_new(struct loop *l, struct jobs *jobs)
{
    struct h1_transport *t = NEW(struct h1_transport);
    t->transport = (struct transport){.start = start, .cancel = cancel, .pause = set_pause};
    t->loop = l;
    t->names = names_new(l, jobs);
    pool_init(&t->pool, l);
    return &t->transport;
}

void h1_transport_free(struct transport *transport)
{
    if (!transport)
        return;
    struct h1_transport *t = owner_of(transport);
    assert(t->in_air == 0);
    while (t->spare) {
        struct asked *a = t->spare;
        t->spare = a->next;
        intake_done(&a->in);
        buf_done(&a->head);
        free(a);
    }
    pool_done(&t->pool);
    names_free(t->names);
    free(t);
}
