#include "gateway/server/head_scan.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { FORWARD_MAX = 12, LINE_OVERHEAD_BYTES = 4 };

struct scan {
    struct arena *arena;
    struct head *head;
    struct head_facts *facts;
    const char **forward;
    unsigned n_forward;
    struct str connection;
    unsigned lengths, hosts, codings;
    bool chunked, bad_name, bad_length;
    size_t bytes;
};

static struct str keep(struct scan *s, struct str v)
{
    return (struct str){arena_strdup(s->arena, v), v.n};
}

static bool is(struct str name, const char *lower)
{
    return strncasecmp(name.p, lower, name.n) == 0 && lower[name.n] == '\0';
}

static bool begins(struct str name, const char *lower)
{
    size_t n = strlen(lower);
    return name.n >= n && strncasecmp(name.p, lower, n) == 0;
}

/* RFC 9110, section 5.6.2 */
static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && !strchr("!#$%&'*+-.^_`|~", c))
            return false;
    }
    return name.n > 0;
}

static void read_secret(struct scan *s, struct str name, struct str value)
{
    if (is(name, "authorization")) {
        if (value.n < 7 || strncasecmp(value.p, "Bearer ", 7) != 0)
            return;
        value = (struct str){value.p + 7, value.n - 7};
    } else if (s->head->secret.n) {
        return;
    }
    while (value.n && value.p[0] == ' ')
        value = (struct str){value.p + 1, value.n - 1};
    s->head->secret = keep(s, value);
}

static bool read_ours(struct scan *s, struct str name, struct str value)
{
    static const char prefix[] = "x-penstock-";
    if (!begins(name, prefix))
        return false;
    struct head *h = s->head;
    struct {
        const char *name;
        struct str *to;
    } ours[] = {{"tags", &h->tags},       {"unit", &h->unit},       {"session", &h->session},
                {"timeout-ms", &h->timeout_ms}, {"trailer", &h->trailer}, {"dry-run", &h->dry_run},
                {"cache", &h->cache},     {"cache-ttl", &h->cache_ttl}, {"rag", &h->rag}};
    struct str rest = {name.p + sizeof prefix - 1, name.n - (sizeof prefix - 1)};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (is(rest, ours[i].name))
            *ours[i].to = keep(s, value);
    return true;
}

static bool may_go_upstream(struct str name)
{
    return begins(name, "openai-") || begins(name, "anthropic-") || is(name, "idempotency-key") ||
           is(name, "x-client-request-id") || is(name, "traceparent") || is(name, "tracestate");
}

static void forward(struct scan *s, struct str name, struct str value)
{
    if (s->n_forward == FORWARD_MAX)
        return;
    size_t n = name.n + 2 + value.n;
    char *line = arena_alloc(s->arena, n + 1);
    memcpy(line, name.p, name.n);
    memcpy(line + name.n, ": ", 2);
    memcpy(line + name.n + 2, value.p, value.n);
    s->forward[s->n_forward++] = line;
}

/* What `Connection` names is for this hop alone (RFC 9110, section 7.6.1). */
static void drop_hop_by_hop(struct scan *s)
{
    struct str rest = s->connection, name;
    while (rest.n && str_next(&rest, ',', &name)) {
        name = str_trim(name);
        unsigned kept = 0;
        for (unsigned i = 0; i < s->n_forward; i++) {
            bool named = name.n && strncasecmp(s->forward[i], name.p, name.n) == 0 && s->forward[i][name.n] == ':';
            if (!named)
                s->forward[kept++] = s->forward[i];
        }
        s->n_forward = kept;
        s->forward[kept] = NULL;
    }
}

static void read_length(struct scan *s, struct str value)
{
    s->lengths++;
    if (!str_int(value, &s->head->content_length) || s->head->content_length < 0)
        s->bad_length = true;
}

static void read_other(struct scan *s, struct str name, struct str value)
{
    if (is(name, "content-length")) {
        read_length(s, value);
    } else if (is(name, "host")) {
        s->hosts++;
    } else if (is(name, "transfer-encoding")) {
        s->codings++;
        s->chunked = is(value, "chunked");
    } else if (is(name, "authorization") || is(name, "x-api-key") || is(name, "api-key") ||
               is(name, "x-goog-api-key")) {
        read_secret(s, name, value);
    } else if (is(name, "content-encoding")) {
        s->head->content_encoding = is(value, "identity") ? STR("") : keep(s, value);
    } else if (is(name, "connection")) {
        s->connection = keep(s, value);
    } else if (is(name, "origin")) {
        s->facts->origin = keep(s, value);
    } else if (is(name, "access-control-request-method")) {
        s->facts->requested_method = keep(s, value);
    } else if (may_go_upstream(name)) {
        forward(s, name, value);
    }
}

static enum MHD_Result read_line(void *scan, enum MHD_ValueKind kind, const char *name, size_t name_bytes,
                                 const char *value, size_t value_bytes)
{
    (void)kind;
    struct scan *s = scan;
    struct str n = {name, name_bytes}, v = {value ? value : "", value ? value_bytes : 0};
    s->bytes += n.n + v.n + LINE_OVERHEAD_BYTES;
    s->bad_name |= !is_token(n);
    if (!read_ours(s, n, v))
        read_other(s, n, v);
    return MHD_YES;
}

static bool check(const struct scan *s, struct str target, const struct config *config, struct err *err)
{
    if ((int64_t)(s->bytes + target.n) > config->server.header_bytes)
        return err_say(err, ERR_headers_too_large, NULL, "URL and headers are larger than %" PRId64 " bytes together",
                       config->server.header_bytes);
    if (s->lengths > 1 || s->bad_length)
        return err_say(err, ERR_bad_http, NULL, "there must be one Content-Length, a whole number");
    if (s->hosts > 1)
        return err_say(err, ERR_bad_http, NULL, "there must be one Host");
    if (s->codings > 1 || (s->codings && (s->lengths || !s->chunked)))
        return err_say(err, ERR_bad_http, NULL,
                       "Transfer-Encoding may only be 'chunked', and not stand beside Content-Length");
    if (s->bad_name)
        return err_say(err, ERR_bad_http, NULL, "the name of a header is no token");
    return true;
}

bool head_scan(struct MHD_Connection *connection, struct str target, const struct config *config, struct arena *arena,
               struct head *head, struct head_facts *facts, struct err *err)
{
    struct scan s = {.arena = arena, .head = head, .facts = facts};
    *head = (struct head){.content_length = -1};
    *facts = (struct head_facts){0};
    s.forward = arena_alloc(arena, (FORWARD_MAX + 1) * sizeof *s.forward);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_line, &s);
    drop_hop_by_hop(&s);
    head->forward_lines = s.forward;
    if (s.codings == 0 && s.lengths == 0)
        head->content_length = 0;
    return check(&s, target, config, err);
}
