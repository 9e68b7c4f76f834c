/*
 * detect.c - one question over loopback, by hand: no transport runs yet, and a server
 * that does not answer at once is as good as none.
 */
#include "gateway/core/detect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/conf.h"

enum { ANSWER_BYTES = 16 * 1024 };

static bool wait_for(int fd, short events, int64_t until_ms)
{
    int64_t left = until_ms - clock_now_ms();
    struct pollfd p = {.fd = fd, .events = events};
    return left > 0 && poll(&p, 1, (int)left) == 1;
}

static bool connect_to(int fd, unsigned port, int64_t until_ms)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return true;
    int error = 0;
    socklen_t n = sizeof error;
    return errno == EINPROGRESS && wait_for(fd, POLLOUT, until_ms) &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0;
}

static bool ask(int fd, int64_t until_ms)
{
    static const char question[] =
        "GET /v1/models HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n";
    char answer[ANSWER_BYTES];
    size_t n = 0;
    if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof question - 1))
        return false;
    while (n < sizeof answer - 1 && wait_for(fd, POLLIN, until_ms)) {
        ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    answer[n] = '\0';
    bool is_ok = n > 13 && memcmp(answer, "HTTP/1.", 7) == 0 && memcmp(answer + 8, " 200", 4) == 0;
    return is_ok && memmem(answer, n, "\"data\"", 6);
}

bool detect_models(unsigned port)
{
    int64_t until_ms = clock_now_ms() + DETECT_MS;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool found = connect_to(fd, port, until_ms) && ask(fd, until_ms);
    close(fd);
    return found;
}

bool detect_server(void *arg, const struct dialect *d)
{
    (void)arg;
    static const char place[] = "http://127.0.0.1:";
    struct str rest = str_of(d->base_url), port;
    int64_t number;
    if (rest.n < sizeof place || memcmp(rest.p, place, sizeof place - 1) != 0)
        return false;
    rest = (struct str){rest.p + sizeof place - 1, rest.n - (sizeof place - 1)};
    return str_next(&rest, '/', &port) && conf_parse_count(port, &number) &&
           detect_models((unsigned)number);
}
