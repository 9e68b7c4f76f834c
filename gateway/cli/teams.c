/* teams - who pays. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/listing.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

enum { PATH_BYTES = 256 };

/* What goes into a path as it is; also all that a team's name may have. */
#define TEAM_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-"

static const struct arg_option change_options[] = {
    OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option set_options[] = {
    {"limits", 0, "JSON", "as {\"requests\": {\"per_minute\": 60, \"burst\": 5}, \"tokens\": {\"per_minute\": 90000}}"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option list_options[] = {OPTION_JSON, OPTION_CONFIG, OPTION_DATA_DIR, {0}};

static int create_run(const struct args *a)
{
    if (a->n_words != 1)
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_pack("{s:s}", "name", a->words[0]), *out = NULL;
    bool ok = in ? owner_call(a, "POST", "/teams", in, &out, &err)
                 : err_say(&err, ERR_bad_request, "name", "a team's name is UTF-8");
    if (ok && args_has(a, "json"))
        show_json(out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int set_run(const struct args *a)
{
    char path[PATH_BYTES];
    if (a->n_words != 1 || !args_has(a, "limits"))
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = args_add_json(a, "limits", in, &err);
    if (ok && (strspn(a->words[0], TEAM_CHARACTERS) != strlen(a->words[0]) || !*a->words[0] ||
               snprintf(path, sizeof path, "/teams/%s/limits", a->words[0]) >= (int)sizeof path))
        ok = err_say(&err, ERR_not_found, "name", "there is no team '%.64s'; see: penstock teams list", a->words[0]);
    ok = ok && owner_call(a, "POST", path, in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int list_run(const struct args *a)
{
    static const char *const columns[] = {"name", "keys", "created_ms"};
    return listing_run(a, "/teams", columns, sizeof columns / sizeof columns[0]);
}

static const struct command create = {
    .name = "create",
    .args = "NAME",
    .help = "make a team",
    .options = change_options,
    .run = create_run,
};

static const struct command set = {
    .name = "set",
    .args = "NAME --limits JSON",
    .help = "set the limits of each key of a team that has none of its own",
    .more = "Each of requests, tokens and concurrent overrides the config's; null lifts it, {} takes all back.",
    .options = set_options,
    .run = set_run,
};

static const struct command list = {
    .name = "list",
    .args = "",
    .help = "list the teams",
    .options = list_options,
    .run = list_run,
};

const struct command command_teams = {
    .name = "teams",
    .args = "...",
    .help = "make, limit and list teams",
    .subs = (const struct command *const[]){&create, &set, &list, NULL},
};
