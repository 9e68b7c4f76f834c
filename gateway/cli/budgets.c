/* budgets - what a team or key may spend. */
#include "gateway/base/out.h"
#include "gateway/base/str.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/listing.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

#define OPTION_TEAM                                                                                \
    {                                                                                              \
        "team", 0, "TEAM", "the team whose budget it is"                                           \
    }
#define OPTION_KEY                                                                                 \
    {                                                                                              \
        "key", 0, "ID", "the key whose budget it is"                                               \
    }
#define OPTION_PER                                                                                 \
    {                                                                                              \
        "per", 0, "WINDOW", "hour, day, month (of the calendar, in UTC) or total"                  \
    }

static const struct arg_option set_options[] = {
    OPTION_TEAM,
    OPTION_KEY,
    {"usd", 0, "AMOUNT", "dollars, as 12.50; up to nine places"},
    {"tokens", 0, "N", "tokens, in and out"},
    OPTION_PER,
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option delete_options[] = {
    OPTION_TEAM,    OPTION_KEY,    OPTION_PER,      OPTION_JSON,
    OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option release_options[] = {
    OPTION_TEAM, OPTION_KEY, OPTION_JSON, OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};
static const struct arg_option list_options[] = {OPTION_JSON, OPTION_CONFIG, OPTION_DATA_DIR, {0}};

static int change(const struct args *a, const char *path, void (*show)(const json_t *out))
{
    static const char *const plain[] = {"team", "key", "usd", "tokens", "per"};
    if (a->n_words || args_has(a, "team") == args_has(a, "key"))
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof plain / sizeof plain[0]; i++)
        if (args_has(a, plain[i]))
            ok = json_object_set_new(in, plain[i], json_string(args_get(a, plain[i]))) == 0 ||
                 err_say(&err, ERR_bad_request, plain[i], "--%s is no UTF-8", plain[i]);
    ok = ok && owner_call(a, "POST", path, in, &out, &err);
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok && show)
        show(out);
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int set_run(const struct args *a)
{
    return change(a, "/budgets", NULL);
}

static int delete_run(const struct args *a)
{
    return change(a, "/budgets/delete", NULL);
}

static void show_released(const json_t *out)
{
    out_print("released $%s and %lld tokens\n",
              json_string_value(json_object_get(out, "released_usd")),
              (long long)json_integer_value(json_object_get(out, "released_tokens")));
}

static int release_run(const struct args *a)
{
    return change(a, "/budgets/release", show_released);
}

static int list_run(const struct args *a)
{
    static const char *const columns[] = {
        "team",         "key",          "per",          "limit_usd", "spent_usd",
        "reserved_usd", "limit_tokens", "spent_tokens", "resets",    "closed"};
    return listing_run(a, "/budgets", columns, sizeof columns / sizeof columns[0]);
}

static const struct command set = {
    .name = "set",
    .args = "--team TEAM|--key ID --usd AMOUNT|--tokens N --per WINDOW",
    .help = "set a budget, or change it; one that was closed opens again",
    .more = "A team and a key may have one for each window, of money, tokens or both. What was "
            "spent in the window "
            "before counts.",
    .options = set_options,
    .run = set_run,
};

static const struct command list = {
    .name = "list",
    .args = "",
    .help = "list the budgets, with what is spent and reserved",
    .options = list_options,
    .run = list_run,
};

static const struct command release = {
    .name = "release",
    .args = "--team TEAM|--key ID",
    .help = "no longer count as spent what was in the air when the gateway was killed",
    .more = "After a crash nobody knows what the requests that ran have cost, so all that was "
            "leased counts as spent. "
            "Look at the upstream's own bill first. A budget that was closed opens again.",
    .options = release_options,
    .run = release_run,
};

static const struct command delete = {
    .name = "delete",
    .args = "--team TEAM|--key ID",
    .help = "delete a budget, or without --per all of them",
    .options = delete_options,
    .run = delete_run,
};

const struct command command_budgets = {
    .name = "budgets",
    .args = "...",
    .help = "set, list, release and delete budgets of teams and keys",
    .subs = (const struct command *const[]){&set, &list, &release, &delete, NULL},
};
