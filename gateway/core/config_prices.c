/* config_prices.c - the operator's price file, and what is without a price. */
#include <string.h>
#include <unistd.h>

#include "gateway/base/file.h"
#include "gateway/base/scope.h"
#include "gateway/core/config_priv.h"

void config_make_prices(struct config_memory *m)
{
    const struct conf_word *file = &m->price_file;
    if (!file->text)
        return;
    const char *path = conf_path(m->conf, str_of(file->text));
    struct err err = {0};
    SCOPED(scope_free) char *text = file_read(path, CONF_TEXT_BYTES, &err);
    struct price_source source = {path, str_of(text)};
    if (text)
        m->config.prices = price_book_new(&source, 1, &err);
    if (!m->config.prices) /* what is wrong in the file has its place there */
        conf_problem(m->conf, text ? (struct conf_place){0, 0} : file->at, "%s", err.detail);
}

static const struct model *find_model(const struct config *c, const char *name)
{
    for (unsigned i = 0; i < c->n_models; i++)
        if (strcmp(c->models[i].name, name) == 0)
            return &c->models[i];
    return NULL;
}

size_t config_warn(const struct config *c, void (*complain)(void *arg, const char *line), void *arg)
{
    struct config_memory *m = c->memory;
    const struct model_spec *models = m->models.v;
    if (m->is_empty)
        conf_problem(
            m->conf, (struct conf_place){1, 1},
            "no option stands in this file, so all have their defaults and there is no model; add "
            "'providers' and 'models'");
    if (c->durability == DURABILITY_none)
        conf_problem(m->conf, (struct conf_place){1, 1},
                     "'ledger.durability' is none: nothing is recorded; for measuring only");
    if (c->prompts.dir && access(c->prompts.dir, F_OK) != 0)
        conf_problem(m->conf, m->prompts_dir.at,
                     "there is no such folder; make it, or leave 'prompts' out");
    for (size_t i = 0; !c->allow_unpriced && i < m->models.n; i++) {
        const struct model *model = find_model(c, models[i].id.text);
        const struct target_spec *specs = models[i].targets.v;
        for (unsigned k = 0; model && k < model->n_targets; k++)
            if (model->targets[k].provider && !model->targets[k].price &&
                !strchr(model->targets[k].model, '*'))
                conf_problem(m->conf, specs[k].id.at,
                             "no price for '%s/%s', so it is refused; price it in prices.file, or "
                             "set prices.unpriced: allow",
                             model->targets[k].provider->name, model->targets[k].model);
    }
    return conf_report(m->conf, complain, arg);
}
