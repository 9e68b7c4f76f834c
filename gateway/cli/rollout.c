/* prompts rollout, promote, pause, rollback - canaries of prompts and models. */
#include "gateway/cli/rollout.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/base/str.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"
#include "prompts/trial.h"

enum { PATH_BYTES = 1024 };

static const struct arg_option rollout_options[] = {
    {"canary", 0, "VERSION",
     "what a share of the units gets: a version of the prompt, or PROVIDER/MODEL"},
    {"share", 0, "PERCENT", "of the units, as in 10%; a larger one keeps those that had it"},
    {"status", 0, NULL, "each arm, with intervals that hold at every look"},
    {"replay", 0, NULL,
     "verdict and evidence anew from the rows; exit 1 if they differ from those that stand"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option change_options[] = {
    OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};

/* "model:sim/echo" as one segment of a path. */
static void add_segment(struct buf *path, const char *name)
{
    for (const char *c = name; *c; c++) {
        bool plain = strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:",
                            *c) != NULL;
        buf_addf(path, plain ? "%c" : "%%%02X", (unsigned char)*c);
    }
}

static bool call(const struct args *a, const char *method, const char *name, const char *verb,
                 json_t *in, json_t **out, struct err *err)
{
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
    buf_add(&path, STR("/rollouts"));
    if (name) {
        buf_add(&path, STR("/"));
        add_segment(&path, name);
    }
    buf_add(&path, str_of(verb));
    if (!buf_ok(&path))
        return err_say(err, ERR_not_found, "name", "there is no rollout of that name");
    return owner_call(a, method, path.p, in, out, err);
}

static json_t *rate_cell(const json_t *arm, const char *member)
{
    const json_t *r = json_object_get(arm, member);
    SCOPED(buf_done) struct buf text = BUF_INIT(64);
    if (json_integer_value(json_object_get(r, "units")) > 0)
        buf_addf(&text, "%lld (%.1f..%.1f%%)",
                 (long long)json_integer_value(json_object_get(r, "count")),
                 100 * json_number_value(json_object_get(r, "low")),
                 100 * json_number_value(json_object_get(r, "high")));
    else
        buf_add(&text, STR("-"));
    return json_stringn(text.p, text.n);
}

static void add_value(struct buf *text, const json_t *v)
{
    if (json_is_string(v))
        buf_add(text, str_of(json_string_value(v)));
    else if (json_is_number(v))
        buf_addf(text, "%.1f", json_number_value(v));
    else
        buf_add(text, STR("-"));
}

static json_t *mean_cell(const json_t *arm, const char *member)
{
    const json_t *m = json_object_get(arm, member);
    SCOPED(buf_done) struct buf text = BUF_INIT(96);
    add_value(&text, json_object_get(m, "mean"));
    if (!json_is_null(json_object_get(m, "low"))) {
        buf_add(&text, STR(" ("));
        add_value(&text, json_object_get(m, "low"));
        buf_add(&text, STR(".."));
        add_value(&text, json_object_get(m, "high"));
        buf_add(&text, STR(")"));
    }
    return json_stringn(text.p, text.n);
}

static json_t *arm_row(const char *name, const json_t *arm)
{
    return json_pack("{s:s, s:O, s:O, s:o, s:o, s:o, s:o, s:o}", "arm", name, "units",
                     json_object_get(arm, "units"), "requests", json_object_get(arm, "requests"),
                     "errors", rate_cell(arm, "errors"), "format_failures",
                     rate_cell(arm, "format_failures"), "refusals", rate_cell(arm, "refusals"),
                     "latency_ms", mean_cell(arm, "latency_ms"), "cost_usd",
                     mean_cell(arm, "cost_usd"));
}

static json_t *real_cell(const json_t *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(32);
    buf_addf(&text, json_is_number(v) ? "%.3g" : "-", json_number_value(v));
    return json_stringn(text.p, text.n);
}

static json_t *guard_row(const json_t *guard)
{
    return json_pack("{s:O, s:O, s:o, s:o}", "guard", json_object_get(guard, "guard"), "blocks",
                     json_object_get(guard, "blocks"), "e", real_cell(json_object_get(guard, "e")),
                     "roll_back_at", real_cell(json_object_get(guard, "roll_back_at")));
}

static void print_line(const json_t *r, const char *name)
{
    const json_t *v = json_object_get(r, name);
    if (json_is_string(v))
        out_print("%-8s %s\n", name, json_string_value(v));
}

static void print_arms(const json_t *arms)
{
    static const char *const columns[] = {"arm",        "units",           "requests",
                                          "errors",     "format_failures", "refusals",
                                          "latency_ms", "cost_usd"};
    json_t *rows = json_array();
    for (unsigned a = 0; a < ARM_count; a++)
        json_array_append_new(rows, arm_row(arm_words[a], json_object_get(arms, arm_words[a])));
    show_table(rows, columns, sizeof columns / sizeof columns[0], NULL);
    json_decref(rows);
}

static void print_guards(const json_t *list)
{
    static const char *const columns[] = {"guard", "blocks", "e", "roll_back_at"};
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append_new(rows, guard_row(json_array_get(list, i)));
    show_table(rows, columns, sizeof columns / sizeof columns[0], NULL);
    json_decref(rows);
}

static void print_status(const json_t *r)
{
    static const char *const lines[] = {"name",   "state", "reason",  "control",
                                        "canary", "share", "started", "ended"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        print_line(r, lines[i]);
    out_print("\n");
    print_arms(json_object_get(r, "arms"));
    out_print("\n");
    print_guards(json_object_get(r, "guards"));
}

static void print_replay(const json_t *r)
{
    const json_t *replayed = json_object_get(r, "replayed"), *stands = json_object_get(r, "stands");
    const char *name;
    json_t *log_e;
    out_print("outcomes  %lld\n", (long long)json_integer_value(json_object_get(r, "outcomes")));
    json_object_foreach(json_object_get(r, "log_e"), name, log_e)
        out_print("log E     %s %.17g\n", name, json_number_value(log_e));
    out_print("replayed  %s\n", json_string_value(json_object_get(replayed, "verdict")));
    out_print("stands    %s\n", json_string_value(json_object_get(stands, "verdict")));
}

static int show(const struct args *a, bool replay)
{
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = call(a, "GET", a->words[0], replay ? "/replay" : "", in, &out, &err);
    bool differs = ok && replay && !json_is_true(json_object_get(out, "equal"));
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok && replay)
        print_replay(out);
    else if (ok)
        print_status(out);
    if (differs)
        out_complain("penstock: the rows do not lead to the verdict that stands\n");
    json_decref(in);
    json_decref(out);
    return !ok ? cli_fail(&err) : differs ? EXIT_FAILED : EXIT_OK;
}

static int list(const struct args *a)
{
    static const char *const columns[] = {"name",   "state", "reason",  "control",
                                          "canary", "share", "started", "ended"};
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = call(a, "GET", NULL, "", in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok)
        show_table(out, columns, sizeof columns / sizeof columns[0], NULL);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int change(const struct args *a, const char *name, const char *verb, json_t *in)
{
    struct err err = {0};
    json_t *out = NULL;
    bool ok = call(a, "POST", name, verb, in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int rollout_run(const struct args *a)
{
    bool starts = args_has(a, "canary") && args_has(a, "share"),
         looks = args_has(a, "status") != args_has(a, "replay");
    if (a->n_words == 0 && !args_has(a, "canary") && !args_has(a, "share") &&
        !args_has(a, "replay"))
        return list(a);
    if (a->n_words != 1 || starts == looks || args_has(a, "canary") != args_has(a, "share"))
        return EXIT_USAGE;
    if (looks)
        return show(a, args_has(a, "replay"));
    return change(a, NULL, "",
                  json_pack("{s:s, s:s, s:s}", "name", a->words[0], "canary", args_get(a, "canary"),
                            "share", args_get(a, "share")));
}

static int promote_run(const struct args *a)
{
    return a->n_words == 1 ? change(a, a->words[0], "/promote", json_object()) : EXIT_USAGE;
}

static int pause_run(const struct args *a)
{
    return a->n_words == 1 ? change(a, a->words[0], "/pause", json_object()) : EXIT_USAGE;
}

static int rollback_run(const struct args *a)
{
    return a->n_words == 1 ? change(a, a->words[0], "/rollback", json_object()) : EXIT_USAGE;
}

const struct command command_prompts_rollout = {
    .name = "rollout",
    .args = "[NAME]",
    .help = "give a share of the units another version or target; --status, --replay; without a "
            "name: list all",
    .more = "NAME is a prompt, whose label production is control, or model:NAME, whose first "
            "target is. It is rolled back "
            "by itself as soon as it does harm; --share again is its next stage, also after a "
            "pause. See "
            "prompts/ROLLOUTS.md.",
    .options = rollout_options,
    .run = rollout_run,
};

const struct command command_prompts_promote = {
    .name = "promote",
    .args = "NAME",
    .help = "end a rollout: everybody gets the canary",
    .options = change_options,
    .run = promote_run,
};

const struct command command_prompts_pause = {
    .name = "pause",
    .args = "NAME",
    .help = "hold a rollout: everybody gets control until `rollout` goes on",
    .options = change_options,
    .run = pause_run,
};

const struct command command_prompts_rollback = {
    .name = "rollback",
    .args = "NAME",
    .help = "end a rollout, everybody gets control; without one production goes back to the "
            "version before",
    .options = change_options,
    .run = rollback_run,
};
