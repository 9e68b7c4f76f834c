/*
 * args.h - GNU long options, from a table that is also the help.
 *
 * "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE"; "--" ends the options; options
 * and words may be mixed.  Values are borrowed from argv.
 */
#ifndef GATEWAY_CLI_ARGS_H
#define GATEWAY_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/err.h"

struct arg_option {
    const char *name;  /* without its dashes; NULL ends the table */
    char letter;       /* 0: none */
    const char *value; /* what its value is called in the help; NULL: a flag */
    const char *help;
};

/* clang-format off */
#define OPTION_CONFIG   {"config", 'c', "FILE", "the gateway's config (environment: PENSTOCK_CONFIG)"}
#define OPTION_DATA_DIR {"data-dir", 0, "DIR", "the data directory, instead of the config's"}
#define OPTION_JSON     {"json", 0, NULL, "print one JSON document"}
#define OPTION_DRY_RUN  {"dry-run", 0, NULL, "say what would be done, and do nothing"}
/* clang-format on */

enum { ARGS_MAX = 128 };

struct args {
    const struct arg_option *options;
    struct {
        const struct arg_option *option;
        const char *value;
    } given[ARGS_MAX];
    size_t n_given;
    const char *words[ARGS_MAX]; /* what is no option, in order */
    size_t n_words;
};

/* False: *err's `say` is a sentence about what is wrong. */
bool args_parse(struct args *a, const struct arg_option *options, int argc, char **argv,
                struct err *err);

bool args_has(const struct args *a, const char *name);
const char *args_get(const struct args *a, const char *name);           /* the last; NULL: absent */
const char *args_nth(const struct args *a, const char *name, size_t n); /* NULL: no more */

void args_help(const struct arg_option *options); /* prints the table */

#endif
