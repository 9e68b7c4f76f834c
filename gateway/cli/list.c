/*
 * list - prints the tables the program is made of.
 *
 * To add one: a function that appends its rows, and a line in tables[].
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/err.h"
#include "gateway/base/log.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/table.h"
#include "gateway/core/config_option.h"
#include "gateway/provider/dialect.h"
#include "gateway/router/strategy.h"

enum { OUTPUT_BYTES = 1024 * 1024 };

static void list_commands(json_t *rows)
{
    for (size_t i = 0; commands[i]; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s %s", commands[i]->name, commands[i]->args);
        json_array_append_new(rows,
                              json_pack("{s:s, s:s}", "command", name, "help", commands[i]->help));
    }
}

static void list_dialects(json_t *rows)
{
    for (const struct dialect *d = dialects; d->name; d++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "name", d->name, "base_url",
                                              d->base_url ? d->base_url : "", "key_variable",
                                              d->env_key ? d->env_key : "", "help", d->help));
}

static void list_errors(json_t *rows)
{
    for (enum err_code code = ERR_none + 1; code < ERR_count; code++) {
        const struct err_info *e = err_info(code);
        json_array_append_new(rows, json_pack("{s:s, s:i, s:s, s:s, s:b, s:s}", "name", e->name,
                                              "status", e->status, "type", e->type, "code", e->code,
                                              "again", (int)e->again, "help", e->help));
    }
}

static void list_events(json_t *rows)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    for (enum log_event event = 0; event < EVENT_count; event++) {
        const struct log_info *e = log_info(event);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", e->name, "level",
                                              levels[e->level], "help", e->help));
    }
}

static void add_option(void *rows, const struct option *o)
{
    json_array_append_new(rows,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "option", o->path, "type", o->type,
                                    "default", o->init, "allowed", o->allowed, "help", o->help));
}

static void list_options(json_t *rows)
{
    config_options(add_option, rows);
}

static void list_strategies(json_t *rows)
{
    for (size_t i = 0; strategies[i]; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s}", "name", strategies[i]->name, "help",
                                              strategies[i]->help));
}

static const struct {
    const char *name;
    void (*add)(json_t *rows);
} tables[] = {
    {"commands", list_commands}, {"dialects", list_dialects}, {"errors", list_errors},
    {"events", list_events},     {"options", list_options},   {"strategies", list_strategies},
};

static void print_table(void (*add)(json_t *rows), enum table_format format)
{
    json_t *rows = json_array();
    add(rows);
    SCOPED(buf_done) struct buf out = BUF_INIT(OUTPUT_BYTES);
    table_write(&out, rows, format);
    out_print("%s", out.p);
    json_decref(rows);
}

/* NAME [--json | --format WORD]; false: the arguments make no sense. */
static bool parse_args(int argc, char **argv, enum table_format *format)
{
    *format = TABLE_text;
    if (argc == 3 && strcmp(argv[2], "--json") == 0) {
        *format = TABLE_json;
        return true;
    }
    if (argc == 3 && strncmp(argv[2], "--format=", 9) == 0)
        return table_format_parse(argv[2] + 9, format);
    return argc == 2 ||
           (argc == 4 && strcmp(argv[2], "--format") == 0 && table_format_parse(argv[3], format));
}

static int list_run(int argc, char **argv)
{
    enum table_format format;
    if (!parse_args(argc, argv, &format))
        return EXIT_USAGE;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].name, argv[1]) == 0) {
            print_table(tables[i].add, format);
            return EXIT_OK;
        }
    return EXIT_USAGE;
}

const struct command command_list = {
    .name = "list",
    .args = "commands|dialects|errors|events|options|strategies [--json | --format "
            "text|json|markdown|man]",
    .help = "print a table the program is made of",
    .run = list_run,
};
