/* feedback - what the operator says of an answer; callers say it at /v1/feedback. */
#include "gateway/base/out.h"
#include "gateway/base/str.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

static const struct arg_option add_options[] = {
    {"thumbs", 0, "up|down", "good or bad"},
    {"score", 0, "NUMBER", "from 0 to 1"},
    {"comment", 0, "TEXT", "why"},
    {"answer", 0, "TEXT", "what the answer should have been"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

static bool read_score(const struct args *a, json_t *in, struct err *err)
{
    const char *text = args_get(a, "score");
    return !text ||
           json_object_set_new(in, "score", json_loads(text, JSON_DECODE_ANY, NULL)) == 0 ||
           err_say(err, ERR_bad_request, "score", "--score is a number from 0 to 1");
}

static bool read_add(const struct args *a, json_t *in, struct err *err)
{
    static const char *const plain[] = {"thumbs", "comment", "answer"};
    if (json_object_set_new(in, "request_id", json_string(a->words[0])) < 0)
        return err_say(err, ERR_bad_request, "request_id", "REQUEST is no UTF-8");
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (args_has(a, plain[i]) &&
            json_object_set_new(in, plain[i], json_string(args_get(a, plain[i]))) < 0)
            return err_say(err, ERR_bad_request, plain[i], "--%s is no UTF-8", plain[i]);
    return read_score(a, in, err);
}

static int add_run(const struct args *a)
{
    if (a->n_words != 1)
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = read_add(a, in, &err) && owner_call(a, "POST", "/feedback/operator", in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok && args_has(a, "dry-run"))
        out_complain("nothing was changed\n");
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static const struct command add = {
    .name = "add",
    .args = "REQUEST",
    .help = "keep a thumb, a score, a comment or a better answer with a request",
    .options = add_options,
    .run = add_run,
};

const struct command command_feedback = {
    .name = "feedback",
    .args = "...",
    .help = "what people say of answers",
    .subs = (const struct command *const[]){&add, NULL},
};
