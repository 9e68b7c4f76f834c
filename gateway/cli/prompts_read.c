/* prompts - what looks at versions, and writes them to files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/prompts_priv.h"
#include "gateway/cli/show.h"
#include "prompts/prompt.h"

enum { PATH_BYTES = 4096, VARIABLES_BYTES = 32 * 1024 * 1024 };

static const struct arg_option read_options[] = {OPTION_JSON, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option render_options[] = {
    {"var", 0, "NAME=VALUE",
     "a variable; JSON where the value is any, else a text; may be given more than once"},
    {"vars", 0, "FILE|-", "all variables, a JSON object"},
    OPTION_JSON,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option pull_options[] = {
    {"dir", 0, "DIR", "where to, instead of the working directory"},
    {"force", 0, NULL, "also over files that say something else"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

static const char *text_of(const json_t *o, const char *member)
{
    const char *text = json_string_value(json_object_get(o, member));
    return text ? text : "";
}

static void show_list(const struct args *a, const json_t *out)
{
    static const char *const columns[] = {"name", "versions", "latest", "labels"};
    (void)a;
    show_table(out, columns, sizeof columns / sizeof columns[0], NULL);
}

static void show_versions(const struct args *a, const json_t *out)
{
    static const char *const columns[] = {"name", "version", "labels", "created_ms", "hash"};
    (void)a;
    show_table(out, columns, sizeof columns / sizeof columns[0], NULL);
}

static int list_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words > 1)
        return EXIT_USAGE;
    json_t *in = json_object();
    if (a->n_words == 0)
        return prompts_call(a, "GET", "/prompts", in, &err, show_list);
    prompts_name(a->words[0], in, &err);
    return prompts_call(a, "GET", "/prompts/versions", in, &err, show_versions);
}

static void show_source(const struct args *a, const json_t *out)
{
    (void)a;
    out_print("%s", text_of(out, "source"));
}

static int show_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words != 1)
        return EXIT_USAGE;
    json_t *in = json_object();
    prompts_name(a->words[0], in, &err);
    return prompts_call(a, "GET", "/prompts/show", in, &err, show_source);
}

static void show_diff(const struct args *a, const json_t *out)
{
    (void)a;
    out_print("--- %s@%d\n+++ %s@%d\n%s", text_of(out, "name"),
              (int)json_integer_value(json_object_get(out, "from")), text_of(out, "name"),
              (int)json_integer_value(json_object_get(out, "to")), text_of(out, "diff"));
}

static int diff_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words != 3 || !prompt_name_ok(str_of(a->words[1])) ||
        !prompt_name_ok(str_of(a->words[2])))
        return EXIT_USAGE;
    json_t *in = json_object();
    prompts_name(a->words[0], in, &err);
    json_object_set_new(in, "from", json_string(a->words[1]));
    json_object_set_new(in, "to", json_string(a->words[2]));
    return prompts_call(a, "GET", "/prompts/diff", in, &err, show_diff);
}

static void show_status(const struct args *a, const json_t *out)
{
    static const char *const columns[] = {"file", "name", "state", "version", "problem"};
    (void)a;
    show_table(out, columns, sizeof columns / sizeof columns[0], NULL);
}

static int status_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words)
        return EXIT_USAGE;
    return prompts_call(a, "GET", "/prompts/status", json_object(), &err, show_status);
}

/* ---- render */

static bool read_variables(const struct args *a, json_t *in, struct err *err)
{
    const char *file = args_get(a, "vars"), *pair;
    json_t *variables = json_object();
    if (file) {
        SCOPED(scope_free)
        char *text = file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, VARIABLES_BYTES, err);
        if (!text)
            return false;
        json_decref(variables);
        variables = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(variables)) {
            json_decref(variables);
            return err_say(err, ERR_bad_request, NULL, "%.128s holds no JSON object", file);
        }
    }
    json_object_set_new(in, "variables", variables);
    for (size_t i = 0; (pair = args_nth(a, "var", i)); i++) {
        const char *equals = strchr(pair, '=');
        if (!equals)
            return err_say(err, ERR_bad_request, NULL, "--var is NAME=VALUE");
        json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
        json_object_setn_new(variables, pair, (size_t)(equals - pair),
                             value ? value : json_string(equals + 1));
    }
    return true;
}

static void show_messages(const struct args *a, const json_t *out)
{
    const json_t *list = json_object_get(out, "messages");
    (void)a;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i), *content = json_object_get(m, "content");
        SCOPED(scope_free)
        char *other = json_is_string(content) ? NULL : json_dumps(content, JSON_ENCODE_ANY);
        out_print("%s%s:\n%s\n", i ? "\n" : "", text_of(m, "role"),
                  other ? other : json_string_value(content));
    }
}

static int render_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words != 1)
        return EXIT_USAGE;
    json_t *in = json_object();
    if (prompts_name(a->words[0], in, &err))
        read_variables(a, in, &err);
    return prompts_call(a, "POST", "/prompts/render", in, &err, show_messages);
}

/* ---- pull */

static bool make_folders(const char *path, struct err *err)
{
    char folder[PATH_BYTES];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return err_set(err, ERR_internal, "make the folder %s: %s", folder, strerror(errno));
    }
    return true;
}

static bool write_file(const char *path, const char *text, struct err *err)
{
    if (!make_folders(path, err))
        return false;
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(text, 1, strlen(text), f) == strlen(text);
    if (f)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        return err_set(err, ERR_internal, "write %s: %s", path, strerror(errno));
    return true;
}

/* *state: what became, or would become, of the file. */
static bool pull_one(const struct args *a, const json_t *one, const char *path, const char **state,
                     struct err *err)
{
    struct err none = {0};
    SCOPED(scope_free) char *old = file_read(path, PROMPT_FILE_BYTES, &none);
    *state = old ? "replaced" : "written";
    if (old && strcmp(old, text_of(one, "source")) == 0) {
        *state = "same";
        return true;
    }
    if (old && !args_has(a, "force"))
        return err_set(err, ERR_conflict, "%s says something else; push it, or give --force", path);
    return args_has(a, "dry-run") || write_file(path, text_of(one, "source"), err);
}

static bool pull(const struct args *a, const char *name, json_t *done, struct err *err)
{
    char path[PATH_BYTES];
    const char *dir = args_get(a, "dir"), *state = "";
    json_t *in = json_object(), *one = NULL;
    bool ok = prompts_name(name, in, err);
    if (ok && !json_object_get(in, "version"))
        json_object_set_new(in, "version", json_string("latest"));
    ok = ok && owner_call(a, "GET", "/prompts/show", in, &one, err);
    if (ok) {
        snprintf(path, sizeof path, "%s/%s.prompty", dir ? dir : ".", text_of(one, "name"));
        ok = pull_one(a, one, path, &state, err);
    }
    if (ok)
        json_array_append_new(done, json_pack("{s:s, s:O, s:s, s:s}", "name", text_of(one, "name"),
                                              "version", json_object_get(one, "version"), "file",
                                              path, "state", state));
    json_decref(one);
    json_decref(in);
    return ok;
}

static int pull_run(const struct args *a)
{
    static const char *const columns[] = {"file", "name", "version", "state"};
    struct err err = {0};
    json_t *in = json_object(), *list = NULL, *done = json_array();
    bool ok = a->n_words > 0 || owner_call(a, "GET", "/prompts", in, &list, &err);
    for (size_t i = 0; ok && i < a->n_words; i++)
        ok = pull(a, a->words[i], done, &err);
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = pull(a, text_of(json_array_get(list, i), "name"), done, &err);
    if (ok && args_has(a, "json"))
        show_json(done);
    else if (ok)
        show_table(done, columns, sizeof columns / sizeof columns[0], NULL);
    json_decref(in);
    json_decref(list);
    json_decref(done);
    return ok ? EXIT_OK : cli_fail(&err);
}

const struct command prompts_list = {
    .name = "list",
    .args = "[NAME]",
    .help = "list the prompts, or the versions of one",
    .options = read_options,
    .run = list_run,
};

const struct command prompts_show = {
    .name = "show",
    .args = "NAME[@LABEL|@VERSION]",
    .help = "print a version as it was pushed; without a label that of production",
    .options = read_options,
    .run = show_run,
};

const struct command prompts_diff = {
    .name = "diff",
    .args = "NAME FROM TO",
    .help = "what differs between two versions, each a number or a label",
    .options = read_options,
    .run = diff_run,
};

const struct command prompts_status = {
    .name = "status",
    .args = "",
    .help = "the files of prompts.dir: new, pushed as which version, or wrong",
    .options = read_options,
    .run = status_run,
};

const struct command prompts_render = {
    .name = "render",
    .args = "NAME[@LABEL|@VERSION]",
    .help = "print the messages that a version makes of variables; asks no model",
    .options = render_options,
    .run = render_run,
};

const struct command prompts_pull = {
    .name = "pull",
    .args = "[NAME[@LABEL|@VERSION]]...",
    .help = "write versions to files DIR/NAME.prompty; without a name the latest of all",
    .options = pull_options,
    .run = pull_run,
};
