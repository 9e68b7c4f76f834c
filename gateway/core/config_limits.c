/* config_limits.c - limits of every key, and who is told when a budget nears its end. */
#include <string.h>

#include "gateway/core/config_priv.h"

static struct gcra_rate rate(unsigned per_minute, unsigned burst)
{
    return (struct gcra_rate){per_minute ? per_minute : LIMIT_NONE, burst ? burst : per_minute};
}

void config_make_limits(struct config_memory *m, const struct conf_node *root)
{
    if (m->limit_burst && !m->limit_requests)
        conf_problem(m->conf, conf_find(root, "limits.requests.burst"),
                     "'limits.requests.burst' without 'limits.requests.per_minute'");
    m->config.limits = (struct limits){
        .requests = rate(m->limit_requests, m->limit_burst),
        .tokens = rate(m->limit_tokens, 0),
        .concurrent = m->limit_concurrent ? m->limit_concurrent : LIMIT_NONE,
    };
}

static unsigned kind_of(const char *word)
{
    static const char *const words[] = {"budget", "canary", "breaker", "ledger"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0)
            return 1U << i;
    return 0;
}

void config_make_webhooks(struct config_memory *m)
{
    const struct webhook_spec *specs = m->webhooks.v;
    struct webhook *hooks = arena_alloc(conf_arena(m->conf), m->webhooks.n * sizeof *hooks);
    for (size_t i = 0; i < m->webhooks.n; i++) {
        hooks[i] =
            (struct webhook){.url = specs[i].url.text,
                             .secret = {str_of(specs[i].secret.text ? specs[i].secret.text : "")}};
        for (size_t k = 0; k < specs[i].on.n; k++)
            hooks[i].on |= kind_of(specs[i].on.v[k].text);
        if (hooks[i].url && strncmp(hooks[i].url, "http://", 7) != 0 &&
            strncmp(hooks[i].url, "https://", 8) != 0)
            conf_problem(m->conf, specs[i].url.at,
                         "the 'url' of a webhook begins with http:// or https://");
    }
    m->config.webhooks = hooks;
    m->config.n_webhooks = (unsigned)m->webhooks.n;
}
