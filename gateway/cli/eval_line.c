/* How a run asks: as any caller would, over HTTP. */
#include <string.h>
#include <strings.h>

#include "gateway/base/clock.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "gateway/cli/eval.h"
#include "gateway/net/fetch.h"

enum { HEAD_BYTES = 64 * 1024, URL_BYTES = 4096, ANSWER_MS = 15 * 60 * 1000 };

/* "" where there is no such line. */
static struct str header(struct str head, const char *name)
{
    struct str line;
    size_t n = strlen(name);
    while (head.n && str_next(&head, '\n', &line))
        if (line.n > n && line.p[n] == ':' && strncasecmp(line.p, name, n) == 0) {
            struct str value = str_trim((struct str){line.p + n + 1, line.n - n - 1});
            value.n -= value.n && value.p[value.n - 1] == '\r';
            return str_trim(value);
        }
    return STR("");
}

static void read_head(struct str head, struct reply *r)
{
    struct str cost = header(head, "x-penstock-cost-usd"), cache = header(head, "x-penstock-cache");
    int64_t nusd;
    if (cost.n && money_parse(cost, 9, &nusd))
        r->cost_nusd = nusd;
    r->cached = str_eq(cache, STR("hit")) || str_eq(cache, STR("joined"));
}

bool eval_line_url(const char *text, struct buf *url, struct err *err)
{
    struct str s = str_of(text);
    size_t scheme = str_starts(s, STR("http://"))    ? strlen("http://")
                    : str_starts(s, STR("https://")) ? strlen("https://")
                                                     : s.n;
    if (scheme == s.n || text[scheme] == '/' || strpbrk(text, " ?#"))
        return err_say(err, ERR_bad_request, "gateway",
                       "--gateway is a URL, as http://127.0.0.1:8080 or https://host");
    while (s.p[s.n - 1] == '/')
        s.n--;
    if (str_ends(s, STR("/v1")))
        s.n -= strlen("/v1");
    buf_add(url, s);
    return true;
}

bool eval_line_ask(void *line, const struct question *q, struct reply *r, struct err *err)
{
    struct eval_line *l = line;
    SCOPED(buf_done) struct buf url = BUF_INIT(URL_BYTES);
    SCOPED(buf_done) struct buf head = BUF_INIT(HEAD_BYTES);
    buf_addf(&url, "%s%s", l->url ? l->url : "http://localhost", q->path);
    struct fetch f = {
        .line = l->line,
        .head = &head,
        .unix_socket = l->socket,
        .url = url.p,
        .method = "POST",
        .body = q->body,
        .header_lines = l->header_lines,
        .timeout_ms = ANSWER_MS,
    };
    int64_t begun_us = clock_now_us();
    bool ok = fetch_run(&f, &r->status, &r->body, err);
    r->latency_ms = (clock_now_us() - begun_us + 500) / 1000;
    read_head(buf_str(&head), r);
    bool going = !ok ? err->code == ERR_upstream_down
                     : r->status == 503 && memmem(r->body.p, r->body.n, "shutting_down",
                                                  sizeof "shutting_down" - 1);
    if (going && (l->socket || !ok)) {
        l->gone = true;
        atomic_store(l->stop, true);
    }
    return ok;
}
