/* config_option.c - option_list.h as tables, one for each struct that is filled. */
#include <stddef.h>

#include "gateway/base/json.h"
#include "gateway/core/config_option.h"
#include "gateway/core/config_priv.h"

#define ROW(holder, path, type, member, init, min, max, words, of, help)                           \
    {path, CONF_TYPE_##type, offsetof(struct holder, member), init, min, max, words, of, help},
#define TABLE(what, rows, holder)                                                                  \
    {                                                                                              \
        what, rows, sizeof(rows) / sizeof(rows)[0], sizeof(struct holder)                          \
    }

static const struct conf_row root_rows[] = {
#define ROOT_OPTION(...) ROW(config_memory, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

static const struct conf_row provider_rows[] = {
#define PROVIDER_OPTION(...) ROW(provider_spec, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

static const struct conf_row model_rows[] = {
#define MODEL_OPTION(...) ROW(model_spec, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

static const struct conf_row target_rows[] = {
#define TARGET_OPTION(...) ROW(target_spec, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

static const struct conf_row attach_rows[] = {
#define ATTACH_OPTION(...) ROW(attach_spec, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

static const struct conf_row collection_rows[] = {
#define COLLECTION_OPTION(...) ROW(collection_spec, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

static const struct conf_row webhook_rows[] = {
#define WEBHOOK_OPTION(...) ROW(webhook_spec, __VA_ARGS__)
#include "gateway/core/option_list.h"
};

const struct conf_table root_table = TABLE(NULL, root_rows, config_memory);
const struct conf_table provider_table = TABLE("a provider", provider_rows, provider_spec);
const struct conf_table model_table = TABLE("a model", model_rows, model_spec);
const struct conf_table collection_table = TABLE("a collection", collection_rows, collection_spec);
const struct conf_table target_table = TABLE("a target", target_rows, target_spec);
const struct conf_table attach_table = TABLE("an attachment", attach_rows, attach_spec);
const struct conf_table webhook_table = TABLE("a webhook", webhook_rows, webhook_spec);

static void allowed_of(const struct conf_row *row, struct buf *out)
{
    bool is_number = row->type == CONF_TYPE_COUNT || row->type == CONF_TYPE_SIZE ||
                     row->type == CONF_TYPE_DURATION;
    if (row->words)
        buf_addf(out, "%s", row->words);
    if (!is_number)
        return;
    char min[CONF_NUMBER_BYTES], max[CONF_NUMBER_BYTES];
    conf_number_text(row->type, row->min, min);
    conf_number_text(row->type, row->max, max);
    buf_addf(out, "%s to %s", min, max);
}

static void list(const struct conf_table *t, const char *prefix,
                 void (*each)(void *arg, const struct option *o), void *arg)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct conf_row *row = &t->rows[i];
        if (row->type == CONF_TYPE_LATER)
            continue;
        struct buf path = BUF_INIT(256), allowed = BUF_INIT(256);
        buf_addf(&path, "%s%s", prefix, row->path);
        allowed_of(row, &allowed);
        const struct option o = {path.p, conf_type_name(row->type), row->init ? row->init : "",
                                 allowed.p, row->help};
        each(arg, &o);
        if (row->of)
            buf_addf(&path, row->type == CONF_TYPE_MAP ? ".NAME." : "[].");
        if (row->of)
            list(row->of, path.p, each, arg);
        buf_done(&path);
        buf_done(&allowed);
    }
}

void config_options(void (*each)(void *arg, const struct option *o), void *arg)
{
    list(&root_table, "", each, arg);
}
