/*
 * mockllm - a mock OpenAI upstream that is never the bottleneck.
 *
 *   mockllm [-p port] [-t threads] [-l latency_ms] [-b content_bytes]
 *           [-n chunks] [-i chunk_interval_ms]
 *
 * POST anything            -> canned chat completion, after latency_ms
 * POST with "stream":true  -> SSE: first chunk after latency_ms, then one every
 *                             chunk_interval_ms; each delta carries "@<ns>@", the
 *                             CLOCK_MONOTONIC time it was written, so that loadgen
 *                             can tell how late every single chunk arrives
 * GET anything             -> {"object":"list","data":[...]} (a model list)
 *
 * One epoll loop and one SO_REUSEPORT listener per thread; both delays are
 * constants, so the timers are two FIFO lists.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port = 9100, threads = 1, chunks = 50;
static int64_t latency_ns = 0, interval_ns = 20 * 1000000LL;
static char *reply, *models;
static size_t reply_len, models_len;

typedef struct conn {
    struct conn *prev, *next; /* position in a timer list, or NULL */
    struct timers *list;
    int64_t due;
    int fd, stream, sent; /* sent: SSE chunks so far */
    size_t in_len, in_cap, out_off, out_len, out_cap;
    char *in, *out;
} conn;

typedef struct timers {
    conn *head, *tail;
} timers;
typedef struct loop {
    int ep;
    timers latency, interval;
} loop;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void timer_add(timers *l, conn *c, int64_t due)
{
    c->due = due;
    c->list = l;
    c->next = NULL;
    c->prev = l->tail;
    if (l->tail)
        l->tail->next = c;
    else
        l->head = c;
    l->tail = c;
}

static void timer_del(conn *c)
{
    if (!c->list)
        return;
    if (c->prev)
        c->prev->next = c->next;
    else
        c->list->head = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        c->list->tail = c->prev;
    c->list = NULL;
}

static void conn_close(conn *c)
{
    timer_del(c);
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

/* Write what the socket takes, keep the rest for EPOLLOUT. Returns -1 when dead. */
static int conn_send(conn *c, const char *p, size_t n)
{
    if (c->out_len == c->out_off) {
        ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);
        if (w < 0) {
            if (errno != EAGAIN)
                return -1;
            w = 0;
        }
        p += w;
        n -= (size_t)w;
        c->out_off = c->out_len = 0;
    }
    if (!n)
        return 0;
    if (c->out_len + n > c->out_cap) {
        c->out_cap = (c->out_len + n) * 2;
        c->out = realloc(c->out, c->out_cap);
    }
    memcpy(c->out + c->out_len, p, n);
    c->out_len += n;
    return 0;
}

static int conn_flush(conn *c)
{
    while (c->out_off < c->out_len) {
        ssize_t w = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
        if (w < 0)
            return errno == EAGAIN ? 0 : -1;
        c->out_off += (size_t)w;
    }
    return 0;
}

static int handle_input(loop *l, conn *c);

/* One SSE event in one HTTP chunk. */
static int send_event(conn *c)
{
    char ev[512], buf[640];
    int n, last = c->sent == chunks;
    size_t off = 0;
    if (!c->sent)
        off = (size_t)sprintf(buf, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                   "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (last)
        n = sprintf(
            ev,
            "data: "
            "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
            "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
            "\"stop\"}],"
            "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n"
            "data: [DONE]\n\n",
            chunks, 200 + chunks);
    else
        n = sprintf(
            ev,
            "data: "
            "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
            "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@%lld@ "
            "tok\"},"
            "\"finish_reason\":null}]}\n\n",
            (long long)now_ns());
    off += (size_t)sprintf(buf + off, "%x\r\n%s\r\n%s", (unsigned)n, ev, last ? "0\r\n\r\n" : "");
    c->sent++;
    return conn_send(c, buf, off);
}

/* A timer fired. Returns -1 when the connection is dead. */
static int conn_due(loop *l, conn *c)
{
    if (!c->stream) {
        if (conn_send(c, reply, reply_len))
            return -1;
        return handle_input(l, c);
    }
    if (send_event(c))
        return -1;
    if (c->sent <= chunks) {
        timer_add(&l->interval, c, c->due + interval_ns);
        return 0;
    }
    c->stream = 0;
    return handle_input(l, c);
}

/* Take one whole request off the input buffer and answer it. */
static int handle_input(loop *l, conn *c)
{
    while (c->in_len && !c->list) {
        char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4), *cl;
        if (!end)
            return c->in_len > 65536 ? -1 : 0;
        size_t head = (size_t)(end + 4 - c->in), body = 0;
        *end = 0;
        if ((cl = strcasestr(c->in, "\r\ncontent-length:"))) {
            body = strtoul(cl + 17, NULL, 10);
        } else if (strcasestr(c->in, "\r\ntransfer-encoding: chunked")) {
            char *z = memmem(c->in + head, c->in_len - head, "0\r\n\r\n", 5);
            if (!z) {
                *end = '\r';
                return 0;
            }
            body = (size_t)(z + 5 - c->in) - head;
        }
        if (strcasestr(c->in, "\r\nexpect: 100") && c->in_len == head && body)
            if (conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25))
                return -1;
        *end = '\r';
        if (c->in_len < head + body)
            return 0;
        int get = !memcmp(c->in, "GET ", 4);
        const char *b = c->in + head;
        c->stream =
            memmem(b, body, "\"stream\":true", 13) || memmem(b, body, "\"stream\": true", 14);
        c->sent = 0;
        c->in_len -= head + body;
        memmove(c->in, c->in + head + body, c->in_len);
        if (get) {
            if (conn_send(c, models, models_len))
                return -1;
            continue;
        }
        if (latency_ns || c->stream) {
            int64_t due = now_ns() + latency_ns;
            if (latency_ns) {
                timer_add(&l->latency, c, due);
                return 0;
            }
            c->due = due;
            return conn_due(l, c);
        }
        if (conn_send(c, reply, reply_len))
            return -1;
    }
    return 0;
}

static int conn_read(loop *l, conn *c, int eof)
{
    for (;;) {
        if (c->in_cap - c->in_len < 4096) {
            c->in_cap = c->in_cap ? c->in_cap * 2 : 8192;
            c->in = realloc(c->in, c->in_cap + 1);
        }
        size_t room = c->in_cap - c->in_len;
        ssize_t n = recv(c->fd, c->in + c->in_len, room, 0);
        if (n == 0)
            return -1;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        c->in_len += (size_t)n;
        if (handle_input(l, c))
            return -1;
        if ((size_t)n < room && !eof)
            return 0; /* drained: save the EAGAIN call */
    }
}

static void run_timers(loop *l, timers *t)
{
    int64_t now = now_ns();
    while (t->head && t->head->due <= now) {
        conn *c = t->head;
        timer_del(c);
        if (conn_due(l, c))
            conn_close(c);
    }
}

static void *worker(void *arg)
{
    (void)arg;
    loop l = {.ep = epoll_create1(0)};
    int one = 1, ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(ls, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(ls, (struct sockaddr *)&a, sizeof a) || listen(ls, 4096)) {
        perror("listen");
        exit(1);
    }
    prctl(PR_SET_TIMERSLACK, 1000UL);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, evs[256];
    epoll_ctl(l.ep, EPOLL_CTL_ADD, ls, &ev);
    for (;;) {
        int64_t due = INT64_MAX;
        if (l.latency.head)
            due = l.latency.head->due;
        if (l.interval.head && l.interval.head->due < due)
            due = l.interval.head->due;
        struct timespec ts, *tp = NULL;
        if (due != INT64_MAX) {
            int64_t d = due - now_ns();
            if (d < 0)
                d = 0;
            ts = (struct timespec){d / 1000000000LL, d % 1000000000LL};
            tp = &ts;
        }
        int n = epoll_pwait2(l.ep, evs, 256, tp, NULL);
        for (int i = 0; i < n; i++) {
            conn *c = evs[i].data.ptr;
            if (!c) {
                int fd;
                while ((fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    c = calloc(1, sizeof *c);
                    c->fd = fd;
                    ev = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP,
                                              .data.ptr = c};
                    epoll_ctl(l.ep, EPOLL_CTL_ADD, fd, &ev);
                }
                continue;
            }
            uint32_t e = evs[i].events;
            if ((e & (EPOLLERR | EPOLLHUP)) || ((e & EPOLLOUT) && conn_flush(c)) ||
                ((e & (EPOLLIN | EPOLLRDHUP)) && conn_read(&l, c, e & EPOLLRDHUP)))
                conn_close(c);
        }
        run_timers(&l, &l.latency);
        run_timers(&l, &l.interval);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int o;
    size_t content = 600; /* makes a body of about 1 KB */
    while ((o = getopt(argc, argv, "p:t:l:b:n:i:")) != -1)
        switch (o) {
        case 'p':
            port = atoi(optarg);
            break;
        case 't':
            threads = atoi(optarg);
            break;
        case 'l':
            latency_ns = (int64_t)(atof(optarg) * 1e6);
            break;
        case 'b':
            content = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            chunks = atoi(optarg);
            break;
        case 'i':
            interval_ns = (int64_t)(atof(optarg) * 1e6);
            break;
        default:
            fprintf(stderr, "usage: see the head of mockllm.c\n");
            return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    char *text = malloc(content + 1), *body = malloc(content + 1024);
    static const char lorem[] = "The quick brown fox jumps over the lazy dog. ";
    for (size_t i = 0; i < content; i++)
        text[i] = lorem[i % (sizeof lorem - 1)];
    text[content] = 0;
    int n =
        sprintf(body,
                "{\"id\":\"chatcmpl-mock0000000000000000000001\",\"object\":\"chat.completion\","
                "\"created\":1700000000,\"model\":\"mock-model\",\"choices\":[{\"index\":0,"
                "\"message\":{\"role\":\"assistant\","
                "\"content\":\"%s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}"
                "],\"usage\":{\"prompt_tokens\":200,"
                "\"completion_tokens\":120,\"total_tokens\":320,\"prompt_tokens_details\":{"
                "\"cached_tokens\":0},"
                "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"system_fingerprint\":"
                "\"fp_mock\"}",
                text);
    reply = malloc((size_t)n + 256);
    reply_len = (size_t)sprintf(
        reply, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        n, body);
    static const char list[] = "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":"
                               "\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}";
    models = malloc(512);
    models_len = (size_t)sprintf(
        models,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        sizeof list - 1, list);
    /* Threads share the port by SO_REUSEPORT, so a second mock would silently take half the load:
     * refuse. */
    int one = 1, probe = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(probe, (struct sockaddr *)&a, sizeof a) || listen(probe, 1)) {
        perror("listen");
        return 1;
    }
    close(probe);
    for (int i = 1; i < threads; i++) {
        pthread_t t;
        pthread_create(&t, NULL, worker, NULL);
    }
    worker(NULL);
}
