#include "gateway/server/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/crypto.h"
#include "gateway/base/mem.h"
#include "gateway/server/client.h"
#include "gateway/server/raw.h"
#include "gateway/server/worker.h"

enum { BACKLOG = 4096, ACCEPT_BATCH = 64 };

struct listener {
    struct watch watch;
    struct worker_slot *worker;
    int fd;
    char *path; /* of the control socket; NULL: it is none */
};

void gate_init(struct gate *g)
{
    crypto_random(&g->salt, sizeof g->salt);
}

static atomic_uint *count_of(struct gate *g, const union address *a)
{
    uint64_t h = g->salt;
    struct str bytes = {0};
    if (a->any.sa_family == AF_INET)
        bytes = (struct str){(const char *)&a->v4.sin_addr, sizeof a->v4.sin_addr};
    else if (a->any.sa_family == AF_INET6)
        bytes = (struct str){(const char *)&a->v6.sin6_addr, sizeof a->v6.sin6_addr};
    else
        return NULL;
    for (size_t i = 0; i < bytes.n; i++)
        h = (h ^ (unsigned char)bytes.p[i]) * 0x9E3779B97F4A7C15ULL;
    return &g->by_address[(h >> 32) % GATE_SLOTS];
}

enum gate_answer gate_enter(struct gate *g, const union address *a, unsigned max, unsigned max_of_address)
{
    atomic_uint *of_address = count_of(g, a);
    if (atomic_fetch_add(&g->open, 1) >= max) {
        atomic_fetch_sub(&g->open, 1);
        return GATE_FULL;
    }
    if (of_address && atomic_fetch_add(of_address, 1) >= max_of_address) {
        atomic_fetch_sub(of_address, 1);
        atomic_fetch_sub(&g->open, 1);
        return GATE_TOO_MANY_OF_ADDRESS;
    }
    return GATE_IN;
}

void gate_leave(struct gate *g, const union address *a)
{
    atomic_uint *of_address = count_of(g, a);
    if (of_address)
        atomic_fetch_sub(of_address, 1);
    atomic_fetch_sub(&g->open, 1);
}

/* A whole answer, written raw: there is no room for a connection. */
static void refuse(int fd, enum err_code code)
{
    raw_error(fd, code);
    shutdown(fd, SHUT_WR);
    char unread[4096]; /* what is left unread would turn the close into a reset */
    while (recv(fd, unread, sizeof unread, MSG_DONTWAIT) > 0)
        ;
    close(fd);
}

static bool is_our_user(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

static void admit(struct listener *l, int fd, const union address *a, socklen_t length)
{
    struct worker_slot *w = l->worker;
    struct metric_shard *m = w->core.metrics;
    if (l->path && !is_our_user(fd)) {
        close(fd);
        return;
    }
    enum gate_answer answer = gate_enter(&w->house->gate, a, w->config->server.connections,
                                         w->config->server.connections_per_address);
    if (answer != GATE_IN) {
        metric_add(m, METRIC_connections_refused_total, 1);
        refuse(fd, answer == GATE_FULL ? ERR_busy : ERR_too_many_connections);
        return;
    }
    metric_add(m, METRIC_connections_total, 1);
    client_admit(w, fd, a, length, l->path != NULL);
}

static void accept_some(struct watch *watch, uint32_t events)
{
    (void)events;
    struct listener *l = (struct listener *)((char *)watch - offsetof(struct listener, watch));
    for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
        union address a = {0};
        socklen_t length = sizeof a;
        int fd = accept4(l->fd, &a.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return; /* none left, or no descriptors: then the peers wait in the backlog */
        if (!l->path) {
            int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        }
        admit(l, fd, &a, length);
    }
}

static bool resolve(const char *host, unsigned port, union address *a, socklen_t *length, struct err *err)
{
    char service[16];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0)
        return err_set(err, ERR_bad_config, "listen: %s: %s", host, gai_strerror(rc));
    memcpy(a, found->ai_addr, found->ai_addrlen);
    *length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static int open_socket(const union address *a, socklen_t length, bool shared)
{
    int one = 1, fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (a->any.sa_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, &a->any, length) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static struct listener *listen_on(struct worker_slot *w, int fd, const char *path, struct err *err)
{
    struct listener *l = NEW(struct listener);
    *l = (struct listener){.watch.fn = accept_some, .worker = w, .fd = fd};
    if (path) {
        l->path = mem_zalloc(strlen(path) + 1);
        memcpy(l->path, path, strlen(path));
    }
    if (listen(fd, BACKLOG) == 0 && watch_set(w->core.loop, &l->watch, fd, EPOLLIN, err))
        return l;
    err_set(err, ERR_internal, "listen: %s", strerror(errno));
    listener_close(l);
    return NULL;
}

struct listener *listener_open(struct worker_slot *w, const char *host, unsigned *port, struct err *err)
{
    union address a = {0};
    socklen_t length = 0;
    if (!resolve(host, *port, &a, &length, err))
        return NULL;
    bool is_first = loop_index(w->core.loop) == 0;
    if (is_first) {
        int probe = open_socket(&a, length, false);
        if (probe < 0) {
            err_set(err, ERR_bad_config, "listen on %s:%u: %s", host, *port, strerror(errno));
            return NULL;
        }
        getsockname(probe, &a.any, &length);
        *port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
        close(probe);
    }
    int fd = open_socket(&a, length, true);
    if (fd < 0) {
        err_set(err, ERR_bad_config, "listen on %s:%u: %s", host, *port, strerror(errno));
        return NULL;
    }
    return listen_on(w, fd, NULL, err);
}

struct listener *listener_open_control(struct worker_slot *w, const char *path, struct err *err)
{
    union address a = {.local.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.local.sun_path) {
        err_set(err, ERR_bad_config, "the path of data_dir is too long for a socket: %s", path);
        return NULL;
    }
    memcpy(a.local.sun_path, path, strlen(path) + 1);
    unlink(path); /* a left-over: we hold the lock of the directory */
    mode_t before = umask(0177);
    int fd = open_socket(&a, sizeof a.local, false);
    umask(before);
    if (fd < 0) {
        err_set(err, ERR_internal, "open %s: %s", path, strerror(errno));
        return NULL;
    }
    return listen_on(w, fd, path, err);
}

unsigned listener_port(const struct listener *l)
{
    union address a = {0};
    socklen_t length = sizeof a;
    getsockname(l->fd, &a.any, &length);
    return ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    watch_clear(l->worker->core.loop, &l->watch, true);
    close(l->fd);
    if (l->path)
        unlink(l->path);
    free(l->path);
    free(l);
}
