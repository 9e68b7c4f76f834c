/*
 * loadgen - HTTP load for gateways: closed loop, open loop, SSE streams, start-up time.
 *
 *   loadgen -u http://127.0.0.1:PORT/PATH [-H 'Name: value']... [-f body_file]
 *           [-c conns] [-d seconds] [-w warmup_seconds] [-r rate] [-B base_us] [-S] [-P pid]
 *           [-O pid] [-U start_ns]
 *
 *   (default)  closed loop: every connection sends its next request at once
 *   -r rate    open loop: Poisson arrivals at this mean rate over -c connections. A request
 *              that finds every connection busy waits, and its wait counts (no
 *              coordinated omission)
 *   -B us      take this much off every latency: what the upstream itself takes (mockllm -l),
 *              so that the buckets are fine enough for what the gateway adds
 *   -S         SSE streams: every connection reads one stream after another. Starts are
 *              spread over the first second. Reports time to first token, how late each
 *              token arrives (mockllm puts its write time in the token) and tokens/s
 *   -P pid     also report the CPU time and memory of this process and its descendants
 *   -O pid     another process of this benchmark (the mock): noise_pct, the CPU use of
 *              everything else on the machine, in percent of one core, leaves it out
 *   -U ns      send one request every 0.5 ms until one succeeds, print the time since
 *              CLOCK_REALTIME ns ("date +%s%N"), stop
 *
 * Prints one line of key=value. Latencies are in microseconds.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
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

/* ---- log-linear histogram of nanoseconds, 0.8 % wide buckets ---- */
typedef struct {
    uint64_t n, max;
    double sum;
    uint32_t b[64 * 128];
} hist;
static void hist_add(hist *h, int64_t v)
{
    uint64_t u = v < 0 ? 0 : (uint64_t)v;
    int e = u < 128 ? 0 : 63 - __builtin_clzll(u) - 6;
    h->b[e ? e * 128 + (int)(u >> e) : (int)u]++;
    h->n++;
    h->sum += (double)u;
    if (u > h->max)
        h->max = u;
}
static double hist_us(const hist *h, double p)
{
    uint64_t want = (uint64_t)ceil(p * (double)h->n), seen = 0;
    for (int i = 0; i < 64 * 128; i++)
        if ((seen += h->b[i]) >= want && want) {
            int e = i / 128;
            return e ? (double)(((uint64_t)(i % 128) << e) + (1ULL << (e - 1))) / 1e3
                     : (double)i / 1e3;
        }
    return 0;
}

/* ---- connections ---- */
enum { IDLE, HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, UNTIL_CLOSE };
typedef struct {
    int fd, state, connecting, close_after, mark_on;
    int64_t start, first, last, left, mark;
    uint32_t tokens;
    size_t head_len, line_len;
    char head[8192], line[64];
} conn;

static struct sockaddr_in addr;
static char *req;
static size_t req_len;
static int ep, streaming;
static conn *conns;
static int nconn = 16;
static conn **idle;
static int nidle;
static int64_t *wait_q; /* intended start times of requests that found no idle connection */
static size_t wait_head, wait_tail, wait_cap = 1 << 20;
static int64_t t_measure, t_end, base_ns;
static hist lat, ttft, lag, gap, rate, late;
static uint64_t done, errors, tokens, last_err;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void conn_open(conn *c)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&addr, sizeof addr) && errno != EINPROGRESS)
        last_err = (uint64_t)errno;
    c->connecting = 1;
    c->state = IDLE;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
}

static void conn_send(conn *c, int64_t start)
{
    c->start = start;
    c->first = c->last = 0;
    c->tokens = 0;
    c->mark_on = 0;
    c->state = HEAD;
    c->head_len = 0;
    c->close_after = 0;
    ssize_t w = send(c->fd, req, req_len, MSG_NOSIGNAL);
    if (w != (ssize_t)req_len)
        last_err = w < 0 ? (uint64_t)errno : 9999; /* reset: the read side will see it */
}

static void next_request(conn *c);

static void conn_failed(conn *c)
{
    if ((c->state != IDLE || c->connecting) && now_ns() >= t_measure)
        errors++;
    close(c->fd);
    for (int i = 0; i < nidle; i++)
        if (idle[i] == c) {
            idle[i] = idle[--nidle];
            break;
        }
    conn_open(c);
}

static void finished(conn *c)
{
    int64_t now = now_ns();
    if (now >= t_measure && now < t_end) {
        done++;
        hist_add(&lat, now - c->start - base_ns);
        if (streaming && c->tokens > 1)
            hist_add(&rate, (int64_t)((c->tokens - 1) * 1e12 / (double)(c->last - c->first)));
    }
    c->state = IDLE;
    if (c->close_after) {
        close(c->fd);
        conn_open(c);
        return;
    }
    next_request(c);
}

/* Body bytes: count tokens by their "@<ns>@" marks. */
static void body_bytes(conn *c, const char *p, size_t n)
{
    if (!streaming)
        return;
    int64_t now = now_ns();
    const char *e = p + n;
    while (p < e) {
        if (!c->mark_on) {
            if (!(p = memchr(p, '@', (size_t)(e - p))))
                return;
            c->mark_on = 1;
            c->mark = 0;
            p++;
            continue;
        }
        if (isdigit((unsigned char)*p)) {
            c->mark = c->mark * 10 + (*p++ - '0');
            continue;
        }
        c->mark_on = 0;
        if (*p++ != '@')
            continue;
        if (now >= t_measure && now < t_end) {
            tokens++;
            hist_add(&lag, now - c->mark);
            if (!c->tokens)
                hist_add(&ttft, now - c->start);
            else
                hist_add(&gap, now - c->last);
        }
        if (!c->tokens++)
            c->first = now;
        c->last = now;
    }
}

static int parse_head(conn *c)
{
    int code = atoi(c->head + 9);
    if (code != 200) {
        last_err = (uint64_t)code;
        if (now_ns() >= t_measure)
            errors++;
        c->start = INT64_MAX;
    }
    c->close_after = strcasestr(c->head, "\r\nconnection: close") != NULL;
    char *cl = strcasestr(c->head, "\r\ncontent-length:");
    if (cl) {
        c->left = strtoll(cl + 17, NULL, 10);
        c->state = BODY;
    } else if (strcasestr(c->head, "\r\ntransfer-encoding: chunked")) {
        c->state = CHUNK_SIZE;
        c->line_len = 0;
    } else {
        c->state = UNTIL_CLOSE;
        c->close_after = 1;
    }
    return code;
}

/* Returns 1 when the response is complete. */
static int feed(conn *c, const char *p, size_t n)
{
    const char *e = p + n;
    while (p < e)
        switch (c->state) {
        case HEAD: {
            size_t room = sizeof c->head - 1 - c->head_len,
                   take = (size_t)(e - p) < room ? (size_t)(e - p) : room;
            size_t from = c->head_len > 3 ? c->head_len - 3 : 0;
            memcpy(c->head + c->head_len, p, take);
            char *end = memmem(c->head + from, c->head_len + take - from, "\r\n\r\n", 4);
            if (!end) {
                c->head_len += take;
                p += take;
                if (take == room && p < e)
                    return -1;
                break;
            }
            p += (size_t)(end + 4 - c->head) - c->head_len;
            end[2] = 0;
            parse_head(c);
            if (c->state == BODY && !c->left)
                return 1;
            break;
        }
        case BODY: {
            size_t take = (int64_t)(e - p) < c->left ? (size_t)(e - p) : (size_t)c->left;
            body_bytes(c, p, take);
            p += take;
            if (!(c->left -= (int64_t)take))
                return 1;
            break;
        }
        case CHUNK_SIZE:
            if (*p == '\n') {
                c->line[c->line_len] = 0;
                c->left = strtoll(c->line, NULL, 16);
                c->line_len = 0;
                c->state = c->left ? CHUNK_DATA : TRAILER;
            } else if (c->line_len < sizeof c->line - 1)
                c->line[c->line_len++] = *p;
            p++;
            break;
        case CHUNK_DATA: {
            size_t take = (int64_t)(e - p) < c->left ? (size_t)(e - p) : (size_t)c->left;
            body_bytes(c, p, take);
            p += take;
            if (!(c->left -= (int64_t)take))
                c->state = CHUNK_END;
            break;
        }
        case CHUNK_END:
            if (*p++ == '\n')
                c->state = CHUNK_SIZE;
            break;
        case TRAILER:
            if (*p++ == '\n') {
                if (!c->line_len)
                    return 1;
                c->line_len = 0;
            } else if (p[-1] != '\r')
                c->line_len++;
            break;
        case UNTIL_CLOSE:
            body_bytes(c, p, (size_t)(e - p));
            return 0;
        default:
            return -1; /* bytes nobody asked for */
        }
    return 0;
}

static void next_request(conn *c)
{
    int64_t now = now_ns();
    if (now >= t_end)
        return;
    if (!wait_q)
        conn_send(c, now);
    else if (wait_head != wait_tail)
        conn_send(c, wait_q[wait_head++ % wait_cap]);
    else
        idle[nidle++] = c;
}

/* Returns 0 on a healthy connection, -1 when it must be reopened. */
static int on_event(conn *c, uint32_t e)
{
    static char buf[262144];
    if (c->connecting) {
        int err = 0;
        socklen_t sl = sizeof err;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &sl);
        if (err) {
            last_err = (uint64_t)err;
            return -1;
        }
        if (!(e & EPOLLOUT))
            return 0;
        c->connecting = 0;
        next_request(c);
        return 0;
    }
    if (!(e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return 0;
    for (;;) {
        int fd = c->fd;
        ssize_t n = recv(fd, buf, sizeof buf, 0);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        if (n == 0) {
            if (c->state == UNTIL_CLOSE) {
                finished(c);
                return 0;
            }
            return -1;
        }
        int r = feed(c, buf, (size_t)n);
        if (r < 0)
            return -1;
        if (r) {
            if (c->start == INT64_MAX) {
                c->state = IDLE;
                if (c->close_after)
                    return -1;
                next_request(c);
            } else
                finished(c);
            if (c->fd != fd || c->connecting)
                return 0;
        }
        if ((size_t)n < sizeof buf && !(e & EPOLLRDHUP))
            return 0;
    }
}

/* ---- the gateway's own use of CPU and memory ---- */
typedef struct {
    double cpu_s;
    long rss_kb, pss_kb, hwm_kb;
    int procs;
} usage;
static void add_usage(int pid, usage *u)
{
    char path[64], line[512];
    FILE *f;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!(f = fopen(path, "r")))
        return;
    char *s = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    unsigned long ut = 0, st = 0;
    if (s)
        sscanf(s + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
    fclose(f);
    u->cpu_s += (double)(ut + st) / (double)sysconf(_SC_CLK_TCK);
    u->procs++;
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, k ? "/proc/%d/smaps_rollup" : "/proc/%d/status", pid);
        if (!(f = fopen(path, "r")))
            continue;
        long v;
        while (fgets(line, sizeof line, f)) {
            if (sscanf(line, "VmRSS: %ld", &v) == 1)
                u->rss_kb += v;
            if (sscanf(line, "VmHWM: %ld", &v) == 1)
                u->hwm_kb += v;
            if (sscanf(line, "Pss: %ld", &v) == 1)
                u->pss_kb += v;
        }
        fclose(f);
    }
    DIR *d = opendir("/proc"); /* descendants: every process whose parent is this one */
    struct dirent *t;
    while (d && (t = readdir(d))) {
        if (!isdigit((unsigned char)t->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/stat", t->d_name);
        int ppid = 0;
        if ((f = fopen(path, "r"))) {
            if (fgets(line, sizeof line, f) && (s = strrchr(line, ')')))
                sscanf(s + 2, "%*c %d", &ppid);
            fclose(f);
        }
        if (ppid == pid)
            add_usage(atoi(t->d_name), u);
    }
    if (d)
        closedir(d);
}

/* CPU seconds the whole machine was busy, niced work (run.sh's spinners) left out; what is left
 * after our own processes is noise. */
static double machine_cpu(void)
{
    unsigned long u = 0, s = 0, irq = 0, soft = 0, steal = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (!f || fscanf(f, "cpu %lu %*u %lu %*u %*u %lu %lu %lu", &u, &s, &irq, &soft, &steal) != 5)
        return 0;
    fclose(f);
    return (double)(u + s + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
}

static double self_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int startup(int64_t start_ns)
{
    for (int i = 0; i < 40000; i++) {
        char buf[16384];
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct timeval tv = {5, 0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        if (!connect(fd, (struct sockaddr *)&addr, sizeof addr) &&
            send(fd, req, req_len, MSG_NOSIGNAL) > 0 && recv(fd, buf, sizeof buf, 0) > 12 &&
            !memcmp(buf + 9, "200", 3)) {
            struct timespec t;
            clock_gettime(CLOCK_REALTIME, &t);
            printf("startup_ms=%.1f\n",
                   (double)(t.tv_sec * 1000000000LL + t.tv_nsec - start_ns) / 1e6);
            return 0;
        }
        close(fd);
        usleep(500);
    }
    fprintf(stderr, "never up\n");
    return 1;
}

int main(int argc, char **argv)
{
    char *url = NULL, *headers = strdup(""), *body = strdup(""), host[64] = "", *path;
    double dur = 5, warm = 1, rps = 0;
    int o, pid = 0, mock = 0, hport = 80;
    int64_t up = 0;
    while ((o = getopt(argc, argv, "u:H:f:c:d:w:r:B:SP:O:U:")) != -1)
        switch (o) {
        case 'u':
            url = optarg;
            break;
        case 'H':
            if (asprintf(&headers, "%s%s\r\n", headers, optarg) < 0)
                return 1;
            break;
        case 'f': {
            FILE *f = fopen(optarg, "r");
            if (!f) {
                perror(optarg);
                return 1;
            }
            body = calloc(1, 16 << 20);
            if (!fread(body, 1, (16 << 20) - 1, f))
                return 1;
            fclose(f);
            break;
        }
        case 'c':
            nconn = atoi(optarg);
            break;
        case 'd':
            dur = atof(optarg);
            break;
        case 'w':
            warm = atof(optarg);
            break;
        case 'r':
            rps = atof(optarg);
            break;
        case 'B':
            base_ns = (int64_t)(atof(optarg) * 1e3);
            break;
        case 'S':
            streaming = 1;
            break;
        case 'P':
            pid = atoi(optarg);
            break;
        case 'O':
            mock = atoi(optarg);
            break;
        case 'U':
            up = atoll(optarg);
            break;
        default:
            fprintf(stderr, "usage: see the head of loadgen.c\n");
            return 2;
        }
    if (!url || sscanf(url, "http://%63[0-9.]:%d", host, &hport) != 2 ||
        !(path = strchr(url + 7, '/'))) {
        fprintf(stderr, "-u http://1.2.3.4:port/path\n");
        return 2;
    }
    addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)hport)};
    inet_pton(AF_INET, host, &addr.sin_addr);
    size_t blen = strlen(body);
    req = malloc(blen + strlen(headers) + 1024);
    req_len =
        (size_t)sprintf(req,
                        "%s %s HTTP/1.1\r\nHost: %s:%d\r\n%sContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        blen ? "POST" : "GET", path, host, hport, headers, blen, body);
    signal(SIGPIPE, SIG_IGN);
    if (up)
        return startup(up);

    prctl(PR_SET_TIMERSLACK, 1000UL);
    ep = epoll_create1(0);
    conns = calloc((size_t)nconn, sizeof *conns);
    idle = calloc((size_t)nconn, sizeof *idle);
    if (rps > 0)
        wait_q = malloc(wait_cap * sizeof *wait_q);
    int64_t t0 = now_ns(), next = t0 + 200000000LL; /* open loop: let the connections open first */
    t_measure = t0 + (int64_t)(warm * 1e9);
    t_end = t_measure + (int64_t)(dur * 1e9);
    double per_ns = rps / 1e9;
    int opened = 0;
    usage u0 = {0}, u1 = {0}, m0 = {0}, m1 = {0};
    double self0 = 0, machine0 = -1;
    struct epoll_event evs[256];
    srand48(42);
    for (;;) {
        int64_t now = now_ns(), wake = t_end;
        if (now >= t_end)
            break;
        if (machine0 < 0 && now >= t_measure) {
            if (pid)
                add_usage(pid, &u0);
            if (mock)
                add_usage(mock, &m0);
            self0 = self_cpu();
            machine0 = machine_cpu();
        }
        if (now < t_measure)
            wake = t_measure;
        while (opened < nconn && (!streaming || now >= t0 + (int64_t)opened * 1000000000LL / nconn))
            conn_open(&conns[opened++]);
        if (opened < nconn && t0 + (int64_t)opened * 1000000000LL / nconn < wake)
            wake = t0 + (int64_t)opened * 1000000000LL / nconn;
        while (rps > 0 && next <= now) {
            if (nidle) {
                if (now >= t_measure)
                    hist_add(&late, now - next);
                conn_send(idle[--nidle], now);
            } else if (wait_tail - wait_head < wait_cap)
                wait_q[wait_tail++ % wait_cap] = next;
            else
                errors++;
            next += (int64_t)(-log(1 - drand48()) / per_ns);
            now = now_ns();
        }
        if (rps > 0 && next < wake)
            wake = next;
        int64_t d = wake - now_ns();
        if (d < 0)
            d = 0;
        struct timespec ts = {d / 1000000000LL, d % 1000000000LL};
        int n = epoll_pwait2(ep, evs, 256, &ts, NULL);
        for (int i = 0; i < n; i++)
            if (on_event(evs[i].data.ptr, evs[i].events))
                conn_failed(evs[i].data.ptr);
    }
    double secs = (double)(now_ns() - t_measure) / 1e9;
    double noise = machine_cpu() - machine0 - (self_cpu() - self0);
    if (pid)
        add_usage(pid, &u1);
    if (mock)
        add_usage(mock, &m1);
    noise -= u1.cpu_s - u0.cpu_s + m1.cpu_s - m0.cpu_s;
    printf("rps=%.0f done=%lu errors=%lu", (double)done / secs, (unsigned long)done,
           (unsigned long)errors);
    if (errors)
        printf(" last_err=%lu", (unsigned long)last_err);
    if (!streaming)
        printf(" p50=%.1f p90=%.1f p99=%.1f p999=%.1f max=%.1f mean=%.1f", hist_us(&lat, .5),
               hist_us(&lat, .9), hist_us(&lat, .99), hist_us(&lat, .999), (double)lat.max / 1e3,
               lat.n ? lat.sum / (double)lat.n / 1e3 : 0);
    else
        printf(" ttft_p50=%.1f ttft_p90=%.1f ttft_p99=%.1f lag_p50=%.1f lag_p99=%.1f lag_p999=%.1f "
               "gap_p99=%.1f"
               " tok_s=%.0f stream_tok_s_p50=%.2f stream_tok_s_min1=%.2f",
               hist_us(&ttft, .5), hist_us(&ttft, .9), hist_us(&ttft, .99), hist_us(&lag, .5),
               hist_us(&lag, .99), hist_us(&lag, .999), hist_us(&gap, .99), (double)tokens / secs,
               hist_us(&rate, .5), hist_us(&rate, .01));
    if (rps > 0)
        printf(" late_p99=%.1f", hist_us(&late, .99));
    if (pid) {
        double cpu = u1.cpu_s - u0.cpu_s, units = streaming ? (double)tokens : (double)done;
        printf(" cpu_pct=%.0f cpu_us=%.2f rss_kb=%ld pss_kb=%ld hwm_kb=%ld procs=%d",
               cpu / secs * 100, units > 0 ? cpu * 1e6 / units : 0, u1.rss_kb, u1.pss_kb, u1.hwm_kb,
               u1.procs);
    }
    printf(" noise_pct=%.0f\n", noise / secs * 100);
    return 0;
}
