/*
 * config_health.c - what is known of upstreams while the process runs: made with a config,
 * and handed on to the next where an upstream is the same in it.
 */
#include <string.h>

#include "gateway/core/config_priv.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_keys(const struct provider *a, const struct provider *b)
{
    if (a->n_api_keys != b->n_api_keys)
        return false;
    for (unsigned i = 0; i < a->n_api_keys; i++)
        if (!str_eq(a->api_keys[i].s, b->api_keys[i].s))
            return false;
    return true;
}

static bool same_provider(const struct provider *a, const struct provider *b)
{
    if (a == b)
        return true;
    const char *const *la = a->header_lines, *const *lb = b->header_lines;
    for (; *la && *lb; la++, lb++)
        if (strcmp(*la, *lb) != 0)
            return false;
    return !*la && !*lb && same_text(a->name, b->name) && a->dialect == b->dialect &&
           same_text(a->base_url, b->base_url) && same_text(a->upstream.proxy, b->upstream.proxy) &&
           same_keys(a, b);
}

static bool same_target(const struct target *a, const struct target *b)
{
    return same_text(a->model, b->model) && same_provider(a->provider, b->provider);
}

/* Of a target of `c` that is the same, has this breaker, and has one already; NULL: none has. */
static struct health *find_health(const struct config *c, const struct target *like,
                                  const struct breaker_options *b)
{
    for (unsigned i = 0; i < c->n_models; i++)
        for (unsigned k = 0; k < c->models[i].n_targets; k++) {
            const struct target *t = &c->models[i].targets[k];
            if (t->health && health_has_breaker(t->health, b->trip_after, b->rest_ms) &&
                same_target(t, like))
                return t->health;
        }
    return NULL;
}

static struct rotation *find_rotation(const struct config *c, const struct provider *like)
{
    for (unsigned i = 0; i < c->n_providers; i++)
        if (same_provider(&c->providers[i], like))
            return c->providers[i].rotation;
    return NULL;
}

void config_make_health(struct config_memory *m)
{
    struct config *c = &m->config;
    for (unsigned i = 0; i < c->n_providers; i++)
        c->providers[i].rotation =
            rotation_new(c->providers[i].n_api_keys ? c->providers[i].n_api_keys : 1);
    for (unsigned i = 0; i < c->n_models; i++)
        for (unsigned k = 0; k < c->models[i].n_targets; k++) {
            const struct breaker_options *b = &c->models[i].breaker;
            struct target *t = &c->models[i].targets[k];
            struct health *found = t->provider ? find_health(c, t, b) : NULL;
            if (t->provider)
                t->health = found ? health_ref(found) : health_new(b->trip_after, b->rest_ms);
        }
}

void config_adopt_health(struct config *c, const struct config *before)
{
    for (unsigned i = 0; before && i < c->n_providers; i++) {
        struct rotation *found = find_rotation(before, &c->providers[i]);
        if (!found)
            continue;
        rotation_unref(c->providers[i].rotation);
        c->providers[i].rotation = rotation_ref(found);
    }
    for (unsigned i = 0; before && i < c->n_models; i++)
        for (unsigned k = 0; k < c->models[i].n_targets; k++) {
            struct target *t = &c->models[i].targets[k];
            struct health *found = t->health ? find_health(before, t, &c->models[i].breaker) : NULL;
            if (!found)
                continue;
            health_unref(t->health);
            t->health = health_ref(found);
        }
}

void config_forget_health(struct config *c)
{
    for (unsigned i = 0; i < c->n_providers; i++)
        rotation_unref(c->providers[i].rotation);
    for (unsigned i = 0; i < c->n_models; i++)
        for (unsigned k = 0; k < c->models[i].n_targets; k++)
            health_unref(c->models[i].targets[k].health);
}
