/*
 * list - prints the tables the program is made of.
 *
 * To add one: a function that appends its rows, and a line in tables[].
 */
#include <stdio.h>
#include <string.h>

#include "eval/check.h"
#include "gateway/base/err.h"
#include "gateway/base/log.h"
#include "gateway/base/metric.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/table.h"
#include "gateway/core/config_option.h"
#include "gateway/core/sink.h"
#include "gateway/core/stage.h"
#include "gateway/provider/dialect.h"
#include "gateway/router/strategy.h"
#include "gateway/server/route.h"
#include "policy/detector.h"
#include "prompts/trial.h"

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

static void list_detectors(json_t *rows)
{
    for (unsigned i = 0; i < n_detectors; i++) {
        const struct detector *d = &detectors[i];
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "id", d->id, "checked", d->valid ? "yes" : "no",
                                              "cue", d->cue ? d->cue : "", "example", d->example));
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

static void list_checks(json_t *rows)
{
    for (size_t i = 0; checks[i]; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s}", "name", checks[i]->name, "help", checks[i]->help));
}

static void list_strategies(json_t *rows)
{
    for (size_t i = 0; strategies[i]; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s}", "name", strategies[i]->name, "help",
                                              strategies[i]->help));
}

static void list_guards(json_t *rows)
{
    for (unsigned g = 0; g < GUARD_count; g++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:s}", "name", guards[g].name,
                                              "shown", guards[g].shown, "decides",
                                              (int)guards[g].decides, "help", guards[g].help));
}

static void list_metrics(json_t *rows)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (enum metric m = 0; m < METRIC_count; m++) {
        const struct metric_info *info = metric_info(m);
        char name[64];
        snprintf(name, sizeof name, "penstock_%s", info->name);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", name, "kind",
                                              kinds[info->kind], "help", info->help));
    }
    for (enum series s = 0; s < SERIES_count; s++) {
        const struct series_info *info = series_info(s);
        SCOPED(buf_done) struct buf name = BUF_INIT(256);
        buf_addf(&name, "penstock_%s", info->name);
        for (const char *const *label = family_labels(info->family); *label; label++)
            buf_addf(&name, "%s%s", label == family_labels(info->family) ? "{" : ",", *label);
        buf_add(&name, STR("}"));
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", name.p, "kind", "counter", "help", info->help));
    }
}

static void list_routes(json_t *rows)
{
    static const char *const access[] = {"everybody", "with a key", "with an admin key"};
    for (const struct route *r = routes; r->path; r++)
        json_array_append_new(rows,
                              json_pack("{s:s, s:s, s:s, s:s}", "path", r->path, "method",
                                        r->method, "for", access[r->access], "is",
                                        r->kind == ROUTE_NOT_BUILT ? "not built yet" : "served"));
}

static void list_sinks(json_t *rows)
{
    for (size_t i = 0; sinks[i]; i++)
        json_array_append_new(
            rows, json_pack("{s:s, s:s}", "name", sinks[i]->name, "help", sinks[i]->help));
}

static void list_stages(json_t *rows)
{
    for (size_t i = 0; stages[i]; i++)
        json_array_append_new(
            rows, json_pack("{s:s, s:s}", "name", stages[i]->name, "help", stages[i]->help));
}

static const struct {
    const char *name;
    void (*add)(json_t *rows);
} tables[] = {
    {"commands", list_commands}, {"detectors", list_detectors}, {"dialects", list_dialects}, {"errors", list_errors},
    {"events", list_events},     {"guards", list_guards},         {"metrics", list_metrics},
    {"options", list_options},   {"routes", list_routes},         {"sinks", list_sinks},
    {"checks", list_checks},     {"stages", list_stages},     {"strategies", list_strategies},
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

static bool format_of(const struct args *a, enum table_format *format)
{
    const char *word = args_get(a, "format");
    *format = args_has(a, "json") ? TABLE_json : TABLE_text;
    return !word || table_format_parse(word, format);
}

static int list_run(const struct args *a)
{
    enum table_format format;
    if (a->n_words != 1 || !format_of(a, &format))
        return EXIT_USAGE;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].name, a->words[0]) == 0) {
            print_table(tables[i].add, format);
            return EXIT_OK;
        }
    return EXIT_USAGE;
}

static const struct arg_option options[] = {
    OPTION_JSON,
    {"format", 0, "WORD", "text, json, markdown or man"},
    {0},
};

const struct command command_list = {
    .name = "list",
    .args = "checks|commands|detectors|dialects|errors|events|guards|metrics|options|routes|sinks|stages|strategies",
    .help = "print a table the program is made of",
    .options = options,
    .run = list_run,
};
