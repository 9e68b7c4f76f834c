/* policy - checks policies, and shows what they find. */
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/policy_bench.h"
#include "gateway/cli/show.h"
#include "gateway/core/policy_scan.h"

enum { TEXT_MAX_BYTES = 256 * 1024 * 1024, TOLD_BYTES = 256 * 1024 * 1024 };

/* ---- lint, test */

struct told {
    json_t *problems;
    bool json;
};

static void complain(void *arg, const char *line)
{
    struct told *t = arg;
    json_array_append_new(t->problems, json_string(line));
    if (!t->json)
        out_complain("%s\n", line);
}

static bool lint_file(const char *path, bool json, json_t *rows)
{
    struct told t = {json_array(), json};
    struct policy *p = policy_load(path, complain, &t);
    json_array_append_new(rows, json_pack("{s:s, s:b, s:i, s:i, s:o}", "file", path, "ok",
                                          p != NULL, "rules", p ? (int)p->n_rules : 0, "tests",
                                          p ? (int)p->tests_run : 0, "problems", t.problems));
    if (p && !json)
        out_print("%s: ok: %u rules, %u tests\n", path, p->n_rules, p->tests_run);
    policy_free(p);
    return p != NULL;
}

static int lint_run(const struct args *a)
{
    bool json = args_has(a, "json"), ok = true;
    json_t *rows = json_array();
    for (size_t i = 0; i < a->n_words; i++)
        ok &= lint_file(a->words[i], json, rows);
    if (a->n_words == 0) { /* all that the config's folder holds */
        struct config *c = config_load(config_path(a), NULL, cli_complain, NULL);
        ok = c != NULL;
        if (c && !json)
            out_print("the policies of the config: ok\n");
        config_unref(c);
    }
    if (json)
        show_json(rows);
    json_decref(rows);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- scan, explain */

struct chosen {
    struct config *config;
    struct policy_choice choice;
    enum direction direction;
};

static void chosen_done(struct chosen *c)
{
    policy_choice_done(&c->choice);
    config_unref(c->config);
}

static struct str given(const struct args *a, const char *name)
{
    return str_of(args_get(a, name));
}

/* Without a config a file, or everything built in, will do. */
static bool choose(const struct args *a, struct chosen *c, struct err *err)
{
    const char *name = args_get(a, "policy");
    *c = (struct chosen){0};
    c->direction =
        str_eq(given(a, "direction"), STR("response")) ? DIRECTION_response : DIRECTION_request;
    if (config_path(a)) {
        c->config = config_load(config_path(a), NULL, cli_complain, NULL);
        if (!c->config)
            return err_say(err, ERR_bad_config, NULL, "the config cannot be used");
    }
    struct str model = given(a, "model");
    const struct policy_ask ask = {given(a, "team"), given(a, "key"),
                                   c->config ? config_alias(c->config, model) : model,
                                   given(a, "prompt")};
    return policy_choose(&c->choice, c->config, name ? name : "", &ask, cli_complain, NULL, err);
}

static char *read_text(const char *word, struct err *err)
{
    return file_read(strcmp(word, "-") == 0 ? "/dev/stdin" : word, TEXT_MAX_BYTES, err);
}

static void show_findings(const struct buf *told)
{
    static const char *const members[] = {"rule", "start", "end", "action"};
    json_t *rows = json_loadb(told->p, told->n, 0, NULL);
    show_table(rows, members, 4, NULL);
    json_decref(rows);
}

/* A document a line, {"id", "text"}: an answer a line. */
static bool scan_lines(const struct chosen *c, struct str text, struct err *err)
{
    struct str line;
    while (text.n && str_next(&text, '\n', &line)) {
        json_t *doc = line.n ? json_loadb(line.p, line.n, 0, NULL) : NULL;
        const json_t *body = json_object_get(doc, "text"), *id = json_object_get(doc, "id");
        SCOPED(buf_done) struct buf told = BUF_INIT(TOLD_BYTES);
        if (line.n && !json_is_string(body)) {
            json_decref(doc);
            return err_say(err, ERR_bad_request, NULL, "a line is {\"id\": …, \"text\": \"…\"}");
        }
        if (line.n) {
            policy_scan(c->choice.set, c->direction,
                        (struct str){json_string_value(body), json_string_length(body)}, &told);
            SCOPED(scope_free) char *name = id ? json_dumps(id, JSON_ENCODE_ANY) : NULL;
            out_print("{\"id\": %s, \"findings\": %s}\n", name ? name : "null", told.p);
        }
        json_decref(doc);
    }
    return true;
}

static int scan_run(const struct args *a)
{
    struct err err = {0};
    struct chosen c;
    if (a->n_words != 1)
        return EXIT_USAGE;
    SCOPED(scope_free) char *text = read_text(a->words[0], &err);
    bool ok = text && choose(a, &c, &err);
    if (!ok)
        return cli_fail(&err);
    SCOPED(buf_done) struct buf told = BUF_INIT(TOLD_BYTES);
    if (args_has(a, "lines")) {
        ok = scan_lines(&c, str_of(text), &err);
    } else {
        policy_scan(c.choice.set, c.direction, str_of(text), &told);
        if (args_has(a, "json"))
            out_print("%s\n", told.p);
        else
            show_findings(&told);
    }
    chosen_done(&c);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int explain_run_policy(const struct args *a)
{
    static const char *const members[] = {"rule", "request", "response", "restore", "kind"};
    struct err err = {0};
    struct chosen c;
    if (a->n_words > 1)
        return EXIT_USAGE;
    SCOPED(scope_free) char *text = a->n_words ? read_text(a->words[0], &err) : NULL;
    if ((a->n_words && !text) || !choose(a, &c, &err))
        return cli_fail(&err);
    SCOPED(buf_done) struct buf told = BUF_INIT(TOLD_BYTES), found = BUF_INIT(TOLD_BYTES);
    policy_describe(c.choice.set, &told);
    policy_scan(c.choice.set, c.direction, str_of(text), &found);
    json_t *doc = json_loadb(told.p, told.n, 0, NULL);
    if (args_has(a, "json")) {
        json_object_set_new(doc, "findings", json_loadb(found.p, found.n, 0, NULL));
        show_json(doc);
    } else {
        out_print("policies: %s\n\n", json_string_value(json_object_get(doc, "version")));
        show_table(json_object_get(doc, "rules"), members, 5, NULL);
        out_print("\n");
        if (text)
            show_findings(&found);
    }
    json_decref(doc);
    chosen_done(&c);
    return EXIT_OK;
}

/* ---- bench */

static int bench_run(const struct args *a)
{
    struct err err = {0};
    struct chosen c;
    if (!choose(a, &c, &err))
        return cli_fail(&err);
    json_t *rows = json_array();
    bool ok = true;
    if (a->n_words == 0)
        policy_bench(c.choice.set, c.direction, rows);
    for (size_t i = 0; ok && i < a->n_words; i++) {
        SCOPED(scope_free) char *text = read_text(a->words[i], &err);
        ok = text != NULL;
        if (ok)
            policy_bench_text(c.choice.set, c.direction, a->words[i], str_of(text), rows);
    }
    static const char *const members[] = {"text", "bytes", "findings", "mb_per_s", "ns_per_2kb"};
    if (ok && args_has(a, "json"))
        show_json(rows);
    else if (ok)
        show_table(rows, members, 5, NULL);
    json_decref(rows);
    chosen_done(&c);
    return ok ? EXIT_OK : cli_fail(&err);
}

/* clang-format off */
#define OPTION_WHOSE \
    {"policy", 0, "NAME|FILE", "this policy, instead of those that apply"}, \
    {"team", 0, "NAME", "those that apply to a request of this team,"}, \
    {"key", 0, "ID", "of this key,"}, \
    {"model", 0, "NAME", "for this model,"}, \
    {"prompt", 0, "NAME", "with this prompt"}, \
    {"direction", 0, "WORD", "request, or response"}

static const struct arg_option lint_options[] = {OPTION_CONFIG, OPTION_JSON, {0}};
static const struct arg_option scan_options[] = {
    OPTION_CONFIG, OPTION_JSON, OPTION_WHOSE,
    {"lines", 0, NULL, "a document a line, {\"id\": …, \"text\": …}; an answer a line"}, {0}};
static const struct arg_option explain_options[] = {OPTION_CONFIG, OPTION_JSON, OPTION_WHOSE, {0}};
/* clang-format on */

static const struct command command_lint = {
    .name = "lint",
    .args = "[FILE]...",
    .help = "say everything that is wrong with policies; without files with those of the config",
    .more = "Every problem is a line FILE:LINE:COLUMN: what is wrong; what to do.",
    .options = lint_options,
    .run = lint_run,
};

static const struct command command_test = {
    .name = "test",
    .args = "[FILE]...",
    .help = "run the tests that stand in policies",
    .more = "A rule's own tests are run whenever a policy is read, so this says what lint says.",
    .options = lint_options,
    .run = lint_run,
};

static const struct command command_scan = {
    .name = "scan",
    .args = "FILE|-",
    .help = "tell what policies find in a text: rules and byte offsets, never the values",
    .more = "Without a config and without --policy every built-in detector is asked.",
    .options = scan_options,
    .run = scan_run,
};

static const struct command command_explain_policy = {
    .name = "explain",
    .args = "[FILE|-]",
    .help = "tell which policies and rules apply to a request, and what they find in a text",
    .options = explain_options,
    .run = explain_run_policy,
};

static const struct command command_bench = {
    .name = "bench",
    .args = "[FILE]...",
    .help = "tell how fast policies scan documents, code and text full of personal data, or these "
            "files",
    .options = explain_options,
    .run = bench_run,
};

static const struct command *const subs[] = {
    &command_lint, &command_test, &command_scan, &command_explain_policy, &command_bench, NULL,
};

const struct command command_policy = {
    .name = "policy",
    .args = "",
    .help = "policies: check them, and see what they find",
    .subs = subs,
};
