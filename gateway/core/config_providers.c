/* config_providers.c - endpoints and accounts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/crypto.h"
#include "gateway/core/config_priv.h"

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool is_alnum =
            (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
        if (!is_alnum && !strchr("!#$%&'*+-.^_`|~", ch))
            return false;
    }
    return s.n > 0;
}

/* No line end or other control character, which would begin another header. */
static bool is_one_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

static const char *const *make_headers(struct config_memory *m, const struct provider_spec *spec)
{
    struct arena *a = conf_arena(m->conf);
    const char **lines = arena_alloc(a, (spec->headers.n + 1) * sizeof *lines);
    size_t n = 0;
    for (size_t i = 0; i < spec->headers.n; i++) {
        const struct conf_pair *h = &spec->headers.v[i];
        if (!is_token(str_of(h->name.text))) {
            conf_problem(m->conf, h->name.at, "a header's name holds letters, digits and '-' only");
        } else if (!is_one_line(str_of(h->value.text))) {
            conf_problem(m->conf, h->value.at, "a header's value may not hold control characters");
        } else {
            struct buf line = BUF_INIT(strlen(h->name.text) + strlen(h->value.text) + 2);
            buf_addf(&line, "%s: %s", h->name.text, h->value.text);
            lines[n++] = arena_strdup(a, buf_str(&line));
            buf_done(&line);
        }
    }
    return lines;
}

static const struct dialect *make_dialect(struct config_memory *m, const struct provider_spec *spec)
{
    if (!spec->dialect.text)
        return NULL;
    const struct dialect *d = dialect_find(str_of(spec->dialect.text));
    if (d)
        return d;
    struct buf names = BUF_INIT(1024);
    for (const struct dialect *each = dialects; each->name; each++)
        buf_addf(&names, "%s%s", each == dialects ? "" : "|", each->name);
    struct str near = conf_nearest(str_of(spec->dialect.text), buf_str(&names));
    if (near.n)
        conf_problem(m->conf, spec->dialect.at, "unknown dialect '%s'; did you mean '" STR_FMT "'?",
                     conf_quote(m->conf, str_of(spec->dialect.text)), STR_ARG(near));
    else
        conf_problem(m->conf, spec->dialect.at, "unknown dialect '%s'; it is one of %s",
                     conf_quote(m->conf, str_of(spec->dialect.text)), names.p);
    buf_done(&names);
    return NULL;
}

static bool is_url(const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : "";
    return *host && *host != '/' && *host != ':' && !strpbrk(host, " \t\r\n\"<>\\?#@") &&
           is_one_line(str_of(host));
}

static const char *make_base_url(struct config_memory *m, const struct provider_spec *spec,
                                 const struct dialect *d)
{
    if (d->transport == TRANSPORT_sim) {
        if (spec->base_url.text)
            conf_problem(m->conf, spec->base_url.at,
                         "the dialect '%s' is built in and has no 'base_url'", d->name);
        return d->base_url;
    }
    if (!spec->base_url.text) {
        if (!d->base_url)
            conf_problem(m->conf, spec->id.at, "the dialect '%s' needs a 'base_url'", d->name);
        return d->base_url;
    }
    struct str url = str_of(spec->base_url.text);
    if (!is_url(url.p)) {
        conf_problem(m->conf, spec->base_url.at,
                     "'base_url' must be http://… or https://…, without user, query and fragment");
        return NULL;
    }
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    return arena_strdup(conf_arena(m->conf), url);
}

static const char *make_file(struct config_memory *m, const struct conf_word *word)
{
    if (!word->text)
        return NULL;
    const char *path = conf_path(m->conf, str_of(word->text));
    if (access(path, R_OK) != 0)
        conf_problem(m->conf, word->at, "the file '%s' cannot be read",
                     word->hidden ? "…" : conf_quote(m->conf, str_of(word->text)));
    return path;
}

/* By chance: nothing that outlives a snapshot has to count them. */
static uint64_t upstream_id(void)
{
    uint64_t id;
    crypto_random(&id, sizeof id);
    return id | 1;
}

static void make_upstream(struct config_memory *m, const struct provider_spec *spec,
                          struct provider *p)
{
    p->upstream = (struct upstream){
        .id = upstream_id(),
        .ca_file = make_file(m, &spec->ca_file),
        .client_cert = make_file(m, &spec->client_cert),
        .client_key = make_file(m, &spec->client_key),
        .proxy = spec->proxy.text,
        .http2 = spec->http == 2,
    };
    if (spec->client_key.text && !spec->client_cert.text)
        conf_problem(m->conf, spec->client_key.at, "'client_key' without 'client_cert'");
    if (p->upstream.http2 && p->base_url && strncmp(p->base_url, "https://", 8) != 0)
        conf_problem(m->conf, spec->id.at, "'http: 2' needs a 'base_url' with https://");
}

/* libcurl knows proxies, and these are the variables it reads for http:// */
static bool has_proxy(const struct provider_spec *spec)
{
    return spec->proxy.text || getenv("http_proxy") || getenv("all_proxy") || getenv("ALL_PROXY");
}

static enum dialect_transport make_transport(const struct provider_spec *spec, const struct provider *p)
{
    if (p->dialect->transport != TRANSPORT_http || !p->base_url || has_proxy(spec))
        return p->dialect->transport;
    return strncmp(p->base_url, "http://", 7) == 0 ? TRANSPORT_plain : TRANSPORT_http;
}

/* An empty one is none: a variable that may be unset. */
static void make_api_keys(struct config_memory *m, const struct provider_spec *spec, struct provider *p)
{
    const struct conf_words *words = &spec->api_keys;
    struct secret *keys = arena_alloc(conf_arena(m->conf), words->n * sizeof *keys);
    for (size_t i = 0; i < words->n; i++) {
        struct str key = str_of(words->v[i].text);
        if (!is_one_line(key))
            conf_problem(m->conf, words->v[i].at, "'api_key' holds a line end or another control character");
        else if (key.n)
            keys[p->n_api_keys++] = (struct secret){key};
    }
    p->api_keys = keys;
}

static void make_provider(struct config_memory *m, const struct provider_spec *spec,
                          struct provider *p)
{
    p->name = spec->id.text;
    if (!*p->name || strchr(p->name, '/') || !is_one_line(str_of(p->name)))
        conf_problem(m->conf, spec->id.at, "the name of a provider may not be empty or hold '/'");
    p->dialect = make_dialect(m, spec);
    if (p->dialect)
        p->base_url = make_base_url(m, spec, p->dialect);
    if (p->dialect)
        p->transport = make_transport(spec, p);
    make_api_keys(m, spec, p);
    p->header_lines = make_headers(m, spec);
    make_upstream(m, spec, p);
}

void config_make_providers(struct config_memory *m)
{
    const struct provider_spec *specs = m->providers.v;
    struct provider *providers =
        arena_alloc(conf_arena(m->conf), m->providers.n * sizeof *providers);
    for (size_t i = 0; i < m->providers.n; i++)
        make_provider(m, &specs[i], &providers[i]);
    m->config.providers = providers;
    m->config.n_providers = (unsigned)m->providers.n;
}
