/* prompts - versioned prompts: what makes versions and moves labels. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/prompts_priv.h"
#include "gateway/cli/rollout.h"
#include "gateway/cli/show.h"
#include "prompts/prompt.h"

static const struct arg_option change_options[] = {
    OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option label_options[] = {
    {"expect", 0, "VERSION",
     "only if the label names this version now; 0: only if there is no such label"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

bool prompts_name(const char *text, json_t *in, struct err *err)
{
    struct str rest = str_of(text), name;
    str_next(&rest, '@', &name);
    bool ok = prompt_name_ok(name) && (!rest.p || prompt_name_ok(rest));
    if (!ok)
        return err_say(err, ERR_bad_request, NULL,
                       "'%.64s' is no prompt's name, as NAME, NAME@LABEL or NAME@VERSION", text);
    json_object_set_new(in, "name", json_stringn(name.p, name.n));
    if (rest.p)
        json_object_set_new(in, "version", json_stringn(rest.p, rest.n));
    return true;
}

int prompts_call(const struct args *a, const char *method, const char *path, json_t *in,
                 struct err *err, void (*show)(const struct args *a, const json_t *out))
{
    json_t *out = NULL;
    bool ok = err->code == ERR_none && owner_call(a, method, path, in, &out, err);
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok && show)
        show(a, out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(err);
}

static void show_pushed(const struct args *a, const json_t *one)
{
    bool made = json_is_true(json_object_get(one, "new"));
    const char *what = !made                    ? "is there already"
                       : args_has(a, "dry-run") ? "would be made"
                                                : "made";
    out_print("%s@%d  %s\n", json_string_value(json_object_get(one, "name")),
              (int)json_integer_value(json_object_get(one, "version")), what);
}

static void show_all_pushed(const struct args *a, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        show_pushed(a, json_array_get(list, i));
}

static int push_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words == 0)
        return prompts_call(a, "POST", "/prompts/inbox", json_object(), &err, show_all_pushed);
    if (a->n_words != 1)
        return EXIT_USAGE;
    const char *file = a->words[0];
    SCOPED(scope_free)
    char *text = file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, PROMPT_FILE_BYTES, &err);
    if (!text)
        return cli_fail(&err);
    /* said here in full, for the owner says only the first */
    struct prompt *p = prompt_parse(file, str_of(text), cli_complain, NULL);
    if (!p)
        return EXIT_FAILED;
    prompt_free(p);
    json_t *in = json_pack("{s:s, s:s}", "source", text, "file", file);
    if (!in)
        err_say(&err, ERR_bad_request, NULL, "the file is not UTF-8");
    return prompts_call(a, "POST", "/prompts", in, &err, show_pushed);
}

static int label_run(const struct args *a)
{
    struct err err = {0};
    if (a->n_words != 3)
        return EXIT_USAGE;
    json_t *in = json_object();
    prompts_name(a->words[0], in, &err);
    json_object_set_new(in, "label", json_string(a->words[1]));
    json_object_set_new(in, "version", json_string(a->words[2]));
    if (args_has(a, "expect"))
        json_object_set_new(in, "expect", json_string(args_get(a, "expect")));
    return prompts_call(a, "POST", "/prompts/label", in, &err, NULL);
}

static const struct command push = {
    .name = "push",
    .args = "[FILE|-]",
    .help = "make a version of a file; without one, of all that is new in prompts.dir",
    .more = "Equal content gives the version that is there already.",
    .options = change_options,
    .run = push_run,
};

static const struct command label = {
    .name = "label",
    .args = "NAME LABEL VERSION",
    .help = "have a label name another version, at once",
    .options = label_options,
    .run = label_run,
};

const struct command command_prompts = {
    .name = "prompts",
    .args = "...",
    .help = "versioned prompts: make, look at, label, roll out and roll back versions",
    .subs = (const struct command *const[]){&prompts_diff, &label, &prompts_list, &command_prompts_pause,
                                            &command_prompts_promote, &prompts_pull, &push, &prompts_render,
                                            &command_prompts_rollback, &command_prompts_rollout, &prompts_show,
                                            &prompts_status, NULL},
};
