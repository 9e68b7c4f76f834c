/* list - prints the tables the program is made of. */
#include <stddef.h>
#include <string.h>

#include "gateway/base/err.h"
#include "gateway/base/log.h"
#include "gateway/base/out.h"
#include "gateway/cli/cli.h"
#include "gateway/router/strategy.h"

static void list_errors(void)
{
    for (enum err_code code = ERR_none + 1; code < ERR_count; code++) {
        const struct err_info *e = err_info(code);
        out_print("%-14s %d  %-24s %s\n", e->name, e->status, e->code, e->help);
    }
}

static void list_events(void)
{
    for (enum log_event event = 0; event < EVENT_count; event++)
        out_print("%-14s %s\n", log_info(event)->name, log_info(event)->help);
}

static void list_strategies(void)
{
    for (size_t i = 0; strategies[i]; i++)
        out_print("%-14s %s\n", strategies[i]->name, strategies[i]->help);
}

static const struct {
    const char *name;
    void (*print)(void);
} tables[] = {
    {"errors", list_errors},
    {"events", list_events},
    {"strategies", list_strategies},
};

static int list_run(const struct args *a)
{
    for (size_t i = 0; a->n_words == 1 && i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].name, a->words[0]) == 0) {
            tables[i].print();
            return EXIT_OK;
        }
    return EXIT_USAGE;
}

const struct command command_list = {
    .name = "list",
    .args = "errors|events|strategies",
    .help = "print a table the program is made of",
    .run = list_run,
};
