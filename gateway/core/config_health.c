/*
 * config_health.c - what is known of upstreams while the process runs: made with a config,
 * and handed on to the next where an upstream is the same in it.
 */
#include <string.h>

#include "gateway/base/mem.h"
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

/* Of a leaf of `c` that is the same, has this breaker, and has one already; NULL: none has. */
static struct health *find_health(const struct config *c, const struct upstream_target *like)
{
    const struct breaker_options *b = &like->model->breaker;
    for (unsigned i = 0; i < c->n_leaves; i++) {
        const struct target *t = c->leaves[i].target;
        if (t->health && health_has_breaker(t->health, b->trip_after, b->rest_ms) && same_target(t, like->target))
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

void config_add_leaf(struct config_memory *m, struct target *t, const struct model *model)
{
    struct config *c = &m->config;
    if (c->n_leaves == m->leaves_cap) {
        m->leaves_cap = m->leaves_cap ? 2 * m->leaves_cap : 16;
        m->leaves = mem_realloc(m->leaves, m->leaves_cap * sizeof *m->leaves);
        c->leaves = m->leaves;
    }
    m->leaves[c->n_leaves++] = (struct upstream_target){t, model};
}

void config_make_health(struct config_memory *m)
{
    struct config *c = &m->config;
    for (unsigned i = 0; i < c->n_providers; i++)
        c->providers[i].rotation = rotation_new(c->providers[i].n_api_keys ? c->providers[i].n_api_keys : 1);
    for (unsigned i = 0; i < c->n_leaves; i++) {
        const struct breaker_options *b = &c->leaves[i].model->breaker;
        struct health *found = find_health(c, &c->leaves[i]);
        c->leaves[i].target->health = found ? health_ref(found) : health_new(b->trip_after, b->rest_ms);
    }
}

static void adopt_rotations(struct config *c, const struct config *before)
{
    for (unsigned i = 0; i < c->n_providers; i++) {
        struct rotation *found = find_rotation(before, &c->providers[i]);
        if (!found)
            continue;
        rotation_unref(c->providers[i].rotation);
        c->providers[i].rotation = rotation_ref(found);
    }
}

void config_adopt_health(struct config *c, const struct config *before)
{
    if (!before)
        return;
    adopt_rotations(c, before);
    for (unsigned i = 0; i < c->n_leaves; i++) {
        struct health *found = find_health(before, &c->leaves[i]);
        if (!found)
            continue;
        health_unref(c->leaves[i].target->health);
        c->leaves[i].target->health = health_ref(found);
    }
}

void config_forget_health(struct config *c)
{
    for (unsigned i = 0; i < c->n_providers; i++)
        rotation_unref(c->providers[i].rotation);
    for (unsigned i = 0; i < c->n_leaves; i++)
        health_unref(c->leaves[i].target->health);
}
