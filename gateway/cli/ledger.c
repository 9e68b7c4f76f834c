/* ledger - is it whole; what is in it; and letting go of what is old. */
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"
#include "gateway/store/export.h"
#include "gateway/store/store.h"
#include "gateway/store/verify.h"

static const struct arg_option verify_options[] = {
    {"rebuild", 0, NULL, "make the tables requests and attempts anew from the ledger"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option export_options[] = {
    {"table", 0, "TABLE", "requests (default), attempts or ledger"},
    {"format", 0, "FORMAT", "jsonl (default) or csv"},
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};
static const struct arg_option prune_options[] = {
    {"before", 0, "TIME", "2026-01-31 or 2026-01-31T12:00:00Z"},
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

static long long number(const json_t *doc, const char *member)
{
    return json_integer_value(json_object_get(doc, member));
}

static int show_verified(const struct args *a, json_t *doc)
{
    if (args_has(a, "json")) {
        show_json(doc);
    } else {
        out_print("the ledger is whole: %lld rows, seq %lld to %lld\n", number(doc, "rows"),
                  number(doc, "first"), number(doc, "last"));
        if (number(doc, "lost"))
            out_print("but %lld rows were lost before a restart, which noted it\n",
                      number(doc, "lost"));
    }
    json_decref(doc);
    return EXIT_OK;
}

static int rebuild(const struct args *a)
{
    struct err err = {0};
    json_t *in = json_object(), *out = NULL;
    bool ok = owner_call(a, "POST", "/ledger/rebuild", in, &out, &err);
    json_decref(in);
    return ok ? show_verified(a, out) : cli_fail(&err);
}

static int verify_run(const struct args *a)
{
    if (a->n_words)
        return EXIT_USAGE;
    if (args_has(a, "rebuild"))
        return rebuild(a);
    struct err err = {0};
    struct verify v;
    SCOPED(scope_free) char *dir = owner_data_dir(a, &err);
    if (!dir || !owner_flush(dir, &err) || !ledger_verify(dir, &v, &err))
        return cli_fail(&err);
    return show_verified(a, json_pack("{s:I, s:I, s:I, s:I}", "rows", (json_int_t)v.rows, "first",
                                      (json_int_t)v.first, "last", (json_int_t)v.last, "lost",
                                      (json_int_t)v.lost));
}

static void print_line(void *arg, struct str line)
{
    (void)arg;
    out_print(STR_FMT, STR_ARG(line));
}

static int export_run_command(const struct args *a)
{
    const char *table = args_get(a, "table"), *format = args_get(a, "format");
    bool csv = format && strcmp(format, "csv") == 0;
    if (a->n_words || (format && !csv && strcmp(format, "jsonl") != 0))
        return EXIT_USAGE;
    struct err err = {0};
    SCOPED(scope_free) char *dir = owner_data_dir(a, &err);
    struct sqlite3 *db = dir && owner_flush(dir, &err) ? store_read_open(dir, &err) : NULL;
    bool ok = db && export_run(db, table ? table : "requests", csv ? EXPORT_CSV : EXPORT_JSONL,
                               print_line, NULL, &err);
    store_read_close(db);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int prune_run(const struct args *a)
{
    if (a->n_words || !args_has(a, "before"))
        return EXIT_USAGE;
    struct err err = {0};
    json_t *in = json_pack("{s:s}", "before", args_get(a, "before")), *out = NULL;
    bool ok = in ? owner_call(a, "POST", "/ledger/prune", in, &out, &err)
                 : err_say(&err, ERR_bad_request, "before", "that is no time");
    if (ok && args_has(a, "json"))
        show_json(out);
    else if (ok)
        out_print("%s %lld rows of %lld requests; their sums are kept\n",
                  args_has(a, "dry-run") ? "would prune" : "pruned", number(out, "rows"),
                  number(out, "requests"));
    json_decref(in);
    json_decref(out);
    return ok ? EXIT_OK : cli_fail(&err);
}

static const struct command verify = {
    .name = "verify",
    .args = "",
    .help = "check that nothing was changed, removed or added behind the server's back",
    .options = verify_options,
    .run = verify_run,
};

static const struct command export = {
    .name = "export",
    .args = "",
    .help = "print a table, one row a line",
    .options = export_options,
    .run = export_run_command,
};

static const struct command prune = {
    .name = "prune",
    .args = "--before TIME",
    .help = "let go of old rows; their sums per day, team, key, model, provider and tags stay",
    .options = prune_options,
    .run = prune_run,
};

const struct command command_ledger = {
    .name = "ledger",
    .args = "...",
    .help = "verify, export and prune the ledger",
    .subs = (const struct command *const[]){&verify, &export, &prune, NULL},
};
