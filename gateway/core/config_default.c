/* config_default.c - writes the config that nobody wrote. */
#include "gateway/core/config_default.h"

#include <stdlib.h>
#include <string.h>

static bool is_there(const struct dialect *d, bool (*has)(void *arg, const struct dialect *d),
                     void *arg)
{
    const char *key = d->env_key ? getenv(d->env_key) : NULL;
    return (key && *key) || (d->is_local && has && has(arg, d));
}

void config_default(struct buf *yaml, bool (*has)(void *arg, const struct dialect *d), void *arg)
{
    struct buf models = BUF_INIT(yaml->max);
    buf_add(yaml, STR("providers:\n  sim: {dialect: sim}\n"));
    buf_add(&models, STR("models:\n"
                         "  sim/echo: {targets: [{provider: sim, model: echo}]}\n"
                         "  sim/chat: {targets: [{provider: sim, model: chat}]}\n"
                         "  sim/embed: {targets: [{provider: sim, model: embed}]}\n"));
    for (const struct dialect *d = dialects; d->name; d++) {
        if (!is_there(d, has, arg))
            continue;
        buf_addf(yaml, "  %s: {dialect: %s", d->name, d->name);
        if (d->env_key)
            buf_addf(yaml, ", api_key: \"${%s}\"", d->env_key);
        buf_addf(yaml, "}\n");
        buf_addf(&models, "  %s/*: {targets: [{provider: %s, model: \"*\"}]}\n", d->name, d->name);
    }
    buf_add(yaml, buf_str(&models));
    buf_done(&models);
}

void config_found(const struct config *c, void (*say)(void *arg, const char *line), void *arg)
{
    for (unsigned i = 0; i < c->n_providers; i++) {
        const struct provider *p = &c->providers[i];
        struct buf line = BUF_INIT(4096);
        buf_addf(&line, "%s: %s", p->name, p->dialect->help);
        if (p->dialect->transport == TRANSPORT_http)
            buf_addf(&line, ", at %s", p->base_url);
        if (p->dialect->env_key && p->n_api_keys == 0)
            buf_addf(&line, " (without a key)");
        for (unsigned k = 0; k < c->n_models; k++)
            if (c->models[k].targets[0].provider == p)
                buf_addf(&line, "%s %s", strchr(line.p, ';') ? "," : ";", c->models[k].name);
        say(arg, line.p);
        buf_done(&line);
    }
}
