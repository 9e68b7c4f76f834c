/* config_models.c - public names and what may answer for them. */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/config_priv.h"

/* What interfaces promise for later, to tell it from a slip of the pen. */
#define LATER_STRATEGIES "learned"

enum { TRIP_AFTER = 5, REST_MS = 10 * 1000 }; /* of a breaker of which only the other is said */

static bool is_word_of(const char *text, const char *words)
{
    struct str rest = str_of(words), word;
    while (str_next(&rest, '|', &word))
        if (str_eq(word, str_of(text)))
            return true;
    return false;
}

static const struct strategy *make_strategy(struct config_memory *m, const struct conf_word *word)
{
    const struct strategy *s = strategy_find(str_of(word->text));
    if (s)
        return s;
    struct buf names = BUF_INIT(1024);
    for (size_t i = 0; strategies[i]; i++)
        buf_addf(&names, "%s%s", i ? "|" : "", strategies[i]->name);
    const char *quoted = conf_quote(m->conf, str_of(word->text));
    struct str near = conf_nearest(str_of(word->text), buf_str(&names));
    if (is_word_of(word->text, LATER_STRATEGIES))
        conf_problem(m->conf, word->at, "the strategy '%s' is not built yet; it may be one of %s",
                     quoted, names.p);
    else if (near.n)
        conf_problem(m->conf, word->at, "unknown strategy '%s'; did you mean '" STR_FMT "'?",
                     quoted, STR_ARG(near));
    else
        conf_problem(m->conf, word->at, "unknown strategy '%s'; it is one of %s", quoted, names.p);
    buf_done(&names);
    return NULL;
}

static const struct provider *find_provider(const struct config_memory *m, const char *name)
{
    for (unsigned i = 0; i < m->config.n_providers; i++)
        if (strcmp(m->config.providers[i].name, name) == 0)
            return &m->config.providers[i];
    return NULL;
}

static void unknown_provider(struct config_memory *m, const struct conf_word *word)
{
    struct buf names = BUF_INIT(64 * 1024);
    for (unsigned i = 0; i < m->config.n_providers; i++)
        buf_addf(&names, "%s|", m->config.providers[i].name);
    struct str near = conf_nearest(str_of(word->text), buf_str(&names));
    const char *quoted = conf_quote(m->conf, str_of(word->text));
    if (near.n)
        conf_problem(m->conf, word->at, "'providers' has no '%s'; did you mean '" STR_FMT "'?",
                     quoted, STR_ARG(near));
    else
        conf_problem(m->conf, word->at, "'providers' has no '%s'", quoted);
    buf_done(&names);
}

static void make_facts(const struct target_spec *spec, struct target *t)
{
    unsigned can = 0;
    for (size_t i = 0; i < spec->capabilities.n; i++)
        can |= capability_bit(spec->capabilities.v[i].text);
    t->says_can = spec->capabilities.v != NULL;
    t->lacks = t->says_can ? CAN_all & ~can : 0;
    t->context = spec->context;
    t->weight = spec->weight;
}

static void make_upstream_target(struct config_memory *m, const struct model *model,
                                 const struct target_spec *spec, struct target *t)
{
    if (!spec->model.text)
        return;
    t->provider = find_provider(m, spec->provider.text);
    t->model = spec->model.text;
    if (!t->provider)
        unknown_provider(m, &spec->provider);
    const char *star = strchr(t->model, '*');
    if (star && (!model->is_wildcard || strchr(star + 1, '*')))
        conf_problem(m->conf, spec->model.at,
                     "'*' may stand here once, and only if the public name ends in '*'");
    else if (!star && t->provider)
        t->price = target_price(&m->config, t, str_of(t->model));
}

static void make_retry(const struct model_spec *spec, struct retry *r)
{
    r->attempts = spec->retry_attempts;
    for (size_t i = 0; i < spec->retry_on.n; i++) {
        const char *word = spec->retry_on.v[i].text;
        r->on_429 |= strcmp(word, "429") == 0;
        r->on_5xx |= strcmp(word, "5xx") == 0;
        r->on_timeout |= strcmp(word, "timeout") == 0;
        r->on_reset |= strcmp(word, "reset") == 0;
    }
}

static void make_cache(struct config_memory *m, const struct model_spec *spec, struct model *model)
{
    const struct conf_word *exact = &spec->cache_exact, *ttl = &spec->cache_ttl;
    model->cache.exact = m->config.cache.exact;
    model->cache.ttl_ms = m->config.cache.ttl_ms;
    if (exact->text && !conf_parse_bool(str_of(exact->text), &model->cache.exact))
        conf_problem(m->conf, exact->at, "'cache.exact' is on or off");
    if (ttl->text && (!conf_parse_duration(str_of(ttl->text), &model->cache.ttl_ms) || model->cache.ttl_ms < 1))
        conf_problem(m->conf, ttl->at, "'cache.ttl' is a duration, as 30s, 10m or 1h");
}

static void make_breaker(const struct model_spec *spec, struct breaker_options *b)
{
    if (!spec->trip_after && !spec->rest_ms)
        return;
    b->trip_after = spec->trip_after ? spec->trip_after : TRIP_AFTER;
    b->rest_ms = spec->rest_ms ? spec->rest_ms : REST_MS;
}

static void make_model(struct config_memory *m, const struct model_spec *spec, struct model *model)
{
    *model = (struct model){
        .name = spec->id.text, .timeouts = spec->timeouts, .rag = spec->rag.text, .n_targets = (unsigned)spec->targets.n};
    const char *star = strchr(model->name, '*');
    model->is_wildcard = star && star[1] == '\0';
    if (!*model->name || (star && star[1]))
        conf_problem(m->conf, spec->id.at,
                     "a public name is not empty and has no '*' but at its end");
    if (strncmp(model->name, "prompt:", 7) == 0)
        conf_problem(m->conf, spec->id.at, "names that begin with 'prompt:' are those of prompts");
    model->strategy = make_strategy(m, &spec->strategy);
    make_retry(spec, &model->retry);
    make_breaker(spec, &model->breaker);
    model->min_percent = spec->min_percent;
    struct target *targets = arena_alloc(conf_arena(m->conf), spec->targets.n * sizeof *targets);
    const struct target_spec *target_specs = spec->targets.v;
    for (size_t i = 0; i < spec->targets.n; i++) {
        make_facts(&target_specs[i], &targets[i]);
        if (target_specs[i].provider.text)
            make_upstream_target(m, model, &target_specs[i], &targets[i]);
    }
    model->targets = targets;
    make_cache(m, spec, model);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct model *)a)->name, ((const struct model *)b)->name);
}

void config_make_models(struct config_memory *m)
{
    const struct model_spec *specs = m->models.v;
    struct model *models = arena_alloc(conf_arena(m->conf), m->models.n * sizeof *models);
    for (size_t i = 0; i < m->models.n; i++)
        make_model(m, &specs[i], &models[i]);
    qsort(models, m->models.n, sizeof *models, by_name);
    m->config.models = models;
    m->config.n_models = (unsigned)m->models.n;
}
