/* config_listen.c - "HOST:PORT" and "[HOST]:PORT". */
#include <string.h>

#include "gateway/core/config_priv.h"

enum { PORT_MAX = 65535 };

/* False: *host and *port are not to be used. */
static bool split(struct str text, struct str *host, int64_t *port)
{
    const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
    if (!colon)
        return false;
    *host = (struct str){text.p, (size_t)(colon - text.p)};
    struct str digits = {colon + 1, text.n - host->n - 1};
    bool is_bracketed = host->n > 2 && host->p[0] == '[' && host->p[host->n - 1] == ']';
    if (is_bracketed)
        *host = (struct str){host->p + 1, host->n - 2};
    if (host->n == 0 || (!is_bracketed && memchr(host->p, ':', host->n)) ||
        memchr(host->p, '[', host->n))
        return false;
    return conf_parse_count(digits, port) && *port <= PORT_MAX;
}

void config_make_listen(struct config_memory *m, const struct config_override *over)
{
    bool is_over = over && over->listen;
    const char *text = is_over ? over->listen : m->listen.text;
    struct conf_place at = is_over ? (struct conf_place){0, 0} : m->listen.at;
    struct str host;
    int64_t port;
    if (split(str_of(text), &host, &port))
        m->config.listen =
            (struct listen_address){arena_strdup(conf_arena(m->conf), host), (unsigned)port};
    else
        conf_problem(m->conf, at,
                     "'%slisten' must be ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080",
                     is_over ? "--" : "");
}
