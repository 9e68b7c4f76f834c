/* config_digest.c - what tells a model from one of the same name in another config. */
#include "gateway/core/config_priv.h"

static void add_line(struct buf *b, const char *text)
{
    buf_add(b, str_of(text));
    buf_add(b, STR("\n"));
}

/* As deep as models may be nested. */
static void add_model(struct buf *b, const struct model *model) /* NOLINT(misc-no-recursion) */
{
    add_line(b, model->name);
    add_line(b, model->strategy ? model->strategy->name : "");
    for (unsigned i = 0; i < model->n_targets; i++) {
        const struct target *t = &model->targets[i];
        if (t->of) {
            add_model(b, t->of);
            continue;
        }
        add_line(b, t->provider ? t->provider->name : "");
        add_line(b, t->provider ? t->provider->base_url : "");
        add_line(b, t->model);
        buf_add_int(b, t->weight);
        add_line(b, "");
    }
}

void config_digest_models(struct config_memory *m)
{
    for (unsigned i = 0; i < m->config.n_models; i++) {
        struct model *model = (struct model *)&m->config.models[i];
        struct buf text = BUF_INIT(SIZE_MAX);
        add_model(&text, model);
        model->digest = crypto_sha256(buf_str(&text));
        buf_done(&text);
    }
}
