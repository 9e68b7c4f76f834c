/*
 * config_nesting.c - targets that are models themselves: found by name, without a circle.
 *
 * Where a model says what its time-outs, retry or breaker are, that holds for the models
 * within too, which it gets copies of.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/core/config_priv.h"

static struct model *find_model(const struct config *c, const char *name)
{
    for (unsigned i = 0; i < c->n_models; i++)
        if (strcmp(c->models[i].name, name) == 0)
            return (struct model *)&c->models[i]; /* it is still being made */
    return NULL;
}

/* The one that was made of a spec. */
static struct model *model_of(const struct config_memory *m, const struct model_spec *spec)
{
    struct model *model = find_model(&m->config, spec->id.text);
    assert(model);
    return model;
}

static void unknown_model(struct config_memory *m, const struct conf_word *word)
{
    struct str near = config_nearest_model(&m->config, str_of(word->text));
    const char *quoted = conf_quote(m->conf, str_of(word->text));
    if (near.n)
        conf_problem(m->conf, word->at,
                     "'models' has no '%s'; did you mean '" STR_FMT
                     "'? A model of a provider needs its 'provider' too",
                     quoted, STR_ARG(near));
    else
        conf_problem(m->conf, word->at,
                     "'models' has no '%s'; a model of a provider needs its 'provider' too",
                     quoted);
}

/* Once all models have their places. */
static void find_model_of(struct config_memory *m, const struct target_spec *spec, struct target *t)
{
    const char *name = spec->model.text;
    t->of = find_model(&m->config, name);
    if (!t->of)
        unknown_model(m, &spec->model);
    else if (t->of->is_wildcard)
        conf_problem(m->conf, spec->model.at,
                     "a name that ends in '*' is no single model; give its 'provider' instead");
    if (spec->capabilities.v || spec->context)
        conf_problem(m->conf, spec->id.at,
                     "'capabilities' and 'context' belong to the targets of '%s', not here",
                     conf_quote(m->conf, str_of(name)));
    if (t->of && t->of->is_wildcard)
        t->of = NULL;
}

/* Does it lead to `to`?  `seen`: by place in config.models. */
static bool leads_to(const struct config *c, const struct model *from, const struct model *to,
                     bool *seen)
{
    if (from == to)
        return true;
    if (seen[from - c->models])
        return false;
    seen[from - c->models] = true;
    for (unsigned i = 0; i < from->n_targets; i++)
        if (from->targets[i].of && leads_to(c, from->targets[i].of, to, seen))
            return true;
    return false;
}

/* How many upstreams, as far as MODEL_UPSTREAMS + 1; 0: nested too deeply.  There is no circle. */
static unsigned count_upstreams(const struct model *model, unsigned depth)
{
    unsigned n = 0;
    for (unsigned i = 0; i < model->n_targets && n <= MODEL_UPSTREAMS; i++) {
        const struct target *t = &model->targets[i];
        if (t->of && t->of->n_targets == 0)
            continue; /* which has been said */
        unsigned more = !t->of ? 1 : depth < MODEL_DEPTH ? count_upstreams(t->of, depth + 1) : 0;
        if (more == 0)
            return 0;
        n += more;
    }
    return n;
}

/* False: some target of it leads back to it. */
static bool check_circle(struct config_memory *m, const struct model_spec *spec,
                         const struct model *model)
{
    const struct target_spec *targets = spec->targets.v;
    bool ok = true;
    for (unsigned i = 0; i < model->n_targets; i++) {
        bool *seen = mem_zalloc(m->config.n_models * sizeof *seen);
        if (model->targets[i].of && leads_to(&m->config, model->targets[i].of, model, seen)) {
            ok = false;
            conf_problem(m->conf, targets[i].model.at,
                         "the target '%s' leads back to '%s', so it would never end",
                         conf_quote(m->conf, str_of(targets[i].model.text)),
                         conf_quote(m->conf, str_of(model->name)));
        }
        free(seen);
    }
    return ok;
}

static void check_size(struct config_memory *m, const struct model_spec *spec)
{
    unsigned n = count_upstreams(model_of(m, spec), 1);
    if (n == 0 && spec->targets.n)
        conf_problem(m->conf, spec->id.at, "models within models go at most %d deep", MODEL_DEPTH);
    else if (n > MODEL_UPSTREAMS)
        conf_problem(m->conf, spec->id.at,
                     "a model has at most %d upstreams, those of its models counted",
                     MODEL_UPSTREAMS);
}

static const struct conf_node *find_member(const struct conf_node *map, const char *name)
{
    for (size_t i = 0; map && map->kind == CONF_MAP && i < map->n; i++)
        if (str_eq(map->entries[i].name, str_of(name)))
            return map->entries[i].value;
    return NULL;
}

static void find_sayings(const struct conf_node *root, struct model *model)
{
    const struct conf_node *said = find_member(find_member(root, "models"), model->name);
    model->says_timeouts = find_member(said, "timeouts") != NULL;
    model->says_retry = find_member(said, "retry") != NULL;
    model->says_breaker = find_member(said, "breaker") != NULL;
}

static void say_within(struct config_memory *m, struct model *model);

static const struct model *copy_for(struct config_memory *m, const struct model *outer, const struct model *inner)
{
    struct arena *a = conf_arena(m->conf);
    struct model *copy = arena_alloc(a, sizeof *copy);
    *copy = *inner;
    copy->targets = arena_alloc(a, inner->n_targets * sizeof *copy->targets);
    for (unsigned i = 0; i < inner->n_targets; i++)
        copy->targets[i] = inner->targets[i];
    if (outer->says_timeouts)
        copy->timeouts = outer->timeouts;
    if (outer->says_retry)
        copy->retry = outer->retry;
    if (outer->says_breaker)
        copy->breaker = outer->breaker;
    copy->says_timeouts |= outer->says_timeouts;
    copy->says_retry |= outer->says_retry;
    copy->says_breaker |= outer->says_breaker;
    say_within(m, copy);
    return copy;
}

/* Depth and number of targets have been checked. */
static void say_within(struct config_memory *m, struct model *model)
{
    bool says = model->says_timeouts || model->says_retry || model->says_breaker;
    for (unsigned i = 0; i < model->n_targets; i++) {
        struct target *t = &model->targets[i];
        if (t->of && says)
            t->of = copy_for(m, model, t->of);
        else if (t->provider)
            config_add_leaf(m, t, model);
    }
}

static void find_models_within(struct config_memory *m, const struct model_spec *spec)
{
    const struct target_spec *targets = spec->targets.v;
    const struct model *model = model_of(m, spec);
    for (unsigned k = 0; k < model->n_targets; k++)
        if (!targets[k].provider.text && targets[k].model.text)
            find_model_of(m, &targets[k], &model->targets[k]);
}

void config_nest_models(struct config_memory *m, const struct conf_node *root)
{
    const struct model_spec *specs = m->models.v;
    bool ok = true;
    for (size_t i = 0; i < m->models.n; i++)
        find_models_within(m, &specs[i]);
    for (size_t i = 0; i < m->models.n; i++)
        ok = check_circle(m, &specs[i], model_of(m, &specs[i])) && ok;
    for (size_t i = 0; ok && i < m->models.n; i++)
        check_size(m, &specs[i]);
    if (conf_problems(m->conf))
        return; /* it is refused anyway */
    for (size_t i = 0; i < m->models.n; i++)
        find_sayings(root, model_of(m, &specs[i]));
    for (size_t i = 0; i < m->models.n; i++)
        say_within(m, model_of(m, &specs[i]));
}
