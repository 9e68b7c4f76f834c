/* config.c - reads the config into a snapshot, or refuses it whole. */
#include "gateway/core/config.h"

#include <limits.h>
#include <sched.h>
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/config_default.h"
#include "gateway/core/config_priv.h"
#include "gateway/core/detect.h"

static unsigned cpus_of_process(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) < 1)
        return 1;
    return (unsigned)CPU_COUNT(&cpus);
}

static const char **origins_of(struct config_memory *m)
{
    const char **origins = arena_alloc(conf_arena(m->conf), (m->origins.n + 1) * sizeof *origins);
    for (size_t i = 0; i < m->origins.n; i++) {
        origins[i] = m->origins.v[i].text;
        if (strcmp(origins[i], "*") != 0 && !strstr(origins[i], "://"))
            conf_problem(
                m->conf, m->origins.v[i].at,
                "an origin has a scheme and no path, as https://app.example.com; or '*' for any");
    }
    return origins;
}

static void check_sizes(struct config_memory *m, const struct conf_node *root)
{
    const struct config *c = &m->config;
    if (c->server.body_bytes > c->server.memory_in_flight)
        conf_problem(m->conf, conf_find(root, "server.body_bytes"),
                     "'server.body_bytes' exceeds 'server.memory_in_flight'");
    if (c->server.url_bytes > c->server.header_bytes)
        conf_problem(m->conf, conf_find(root, "server.url_bytes"),
                     "'server.url_bytes' exceeds 'server.header_bytes', which holds it");
}

static void make(struct config_memory *m, const struct conf_node *root,
                 const struct config_override *over)
{
    struct config *c = &m->config;
    conf_read(m->conf, root, &root_table, m);
    if (c->loops == 0)
        c->loops = cpus_of_process();
    if (over && over->data_dir)
        c->data_dir = arena_strdup(conf_arena(m->conf), str_of(over->data_dir));
    c->allow_unpriced = m->unpriced != 0;
    c->has_catalogue = m->catalogue == 0;
    c->server.tolerate_half_close = m->half_close != 0;
    c->cache.scope = m->cache_scope;
    c->cors.origins = origins_of(m);
    check_sizes(m, root);
    if (m->prompts_dir.text)
        c->prompts.dir = conf_path(m->conf, str_of(m->prompts_dir.text));
    config_make_limits(m, root);
    config_make_webhooks(m);
    config_make_listen(m, over);
    config_make_prices(m);
    config_make_providers(m);
    config_make_models(m);
    config_nest_models(m, root);
    if (conf_problems(m->conf) == 0) /* no model is within itself */
        config_digest_models(m);
    config_make_health(m);
    config_make_names(m);
    config_make_policies(m);
    config_make_collections(m);
}

static void memory_free(struct config_memory *m)
{
    config_forget_health(&m->config);
    price_book_free(m->config.prices);
    policy_book_free(m->config.policies);
    buf_done(&m->policy_problems);
    conf_free(m->conf);
    free(m->leaves);
    free(m->names);
    free(m->wildcards);
    free(m);
}

/* What is wrong in other files than this one. */
static size_t report_policies(struct config_memory *m, void (*complain)(void *arg, const char *line), void *arg)
{
    struct str rest = buf_str(&m->policy_problems), line;
    size_t n = 0;
    while (rest.n && str_next(&rest, '\n', &line)) {
        SCOPED(buf_done) struct buf copy = BUF_INIT(line.n);
        buf_add(&copy, line);
        complain(arg, copy.p);
        n++;
    }
    return n;
}

struct config *config_parse(const char *file, struct str text, const struct config_override *over,
                            void (*complain)(void *arg, const char *line), void *arg)
{
    struct config_memory *m = NEW(struct config_memory);
    m->conf = conf_new(file);
    m->policy_problems = (struct buf)BUF_INIT(SIZE_MAX);
    m->config.memory = m;
    m->config.refs = 1;
    struct conf_node *root = conf_parse(m->conf, text);
    if (root) {
        m->is_empty = root->kind == CONF_MAP && root->n == 0;
        conf_expand(m->conf, root);
        make(m, root, over);
    }
    size_t problems = conf_report(m->conf, complain, arg) + report_policies(m, complain, arg);
    if (problems == 0)
        return &m->config;
    memory_free(m);
    return NULL;
}

struct config *config_load(const char *path, const struct config_override *over,
                           void (*complain)(void *arg, const char *line), void *arg)
{
    if (!path) {
        SCOPED(buf_done) struct buf text = BUF_INIT(CONF_TEXT_BYTES);
        config_default(&text, detect_server, NULL);
        return config_parse("(no config)", buf_str(&text), over, complain, arg);
    }
    struct err err = {0};
    SCOPED(scope_free) char *text = file_read(path, CONF_TEXT_BYTES, &err);
    if (!text) {
        complain(arg, err.detail);
        return NULL;
    }
    return config_parse(path, str_of(text), over, complain, arg);
}

void config_keep_first(void *arg, const char *line)
{
    struct buf *first = arg;
    if (first->n == 0)
        buf_add(first, str_of(line));
}

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void config_unref(struct config *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        memory_free(c->memory);
}
