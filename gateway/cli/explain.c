/* explain - tells what would happen to a request, without asking a model. */
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

enum { BODY_MAX_BYTES = 32 * 1024 * 1024 };

static int explain_run_command(const struct args *a)
{
    struct err err = {0};
    if (a->n_words != 1)
        return EXIT_USAGE;
    const char *path = strcmp(a->words[0], "-") == 0 ? "/dev/stdin" : a->words[0];
    SCOPED(scope_free) char *body = file_read(path, BODY_MAX_BYTES, &err);
    if (!body)
        return cli_fail(&err);
    json_t *in = json_pack("{s:s, s:s, s:s}", "body", body, "key", args_has(a, "key") ? args_get(a, "key") : "",
                           "endpoint", args_has(a, "endpoint") ? args_get(a, "endpoint") : "");
    json_t *out = NULL;
    bool ok = in ? owner_call(a, "POST", "/explain", in, &out, &err)
                 : err_say(&err, ERR_bad_request, NULL, "the request is not UTF-8");
    if (ok)
        show_json(out);
    json_decref(out);
    json_decref(in);
    return ok ? EXIT_OK : cli_fail(&err);
}

static const struct arg_option options[] = {
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {"key", 0, "ID", "the key that would send it; without one a key that may use everything"},
    {"endpoint", 0, "NAME", "chat, completions, embeddings, responses or moderations; else guessed from the body"},
    {0},
};

const struct command command_explain = {
    .name = "explain",
    .args = "FILE|-",
    .help = "tell what would happen to a request: its model, targets, price bound, or why it is refused",
    .more = "Of a request that is grounded in a collection it shows the passages that the model would be shown, which are "
            "those that the key may read; name the collection in the body: \"penstock\": {\"rag\": \"NAME\"}. A key is "
            "needed for that: without one only what everybody may read is found. No embedder is asked.",
    .options = options,
    .run = explain_run_command,
};
