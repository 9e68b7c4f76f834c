/* config_option.c - option_list.h as tables, one for each struct that is filled. */
#include <stddef.h>

#include "gateway/base/json.h"
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

const struct conf_table root_table = TABLE(NULL, root_rows, config_memory);
const struct conf_table provider_table = TABLE("a provider", provider_rows, provider_spec);
const struct conf_table model_table = TABLE("a model", model_rows, model_spec);
const struct conf_table target_table = TABLE("a target", target_rows, target_spec);
