/* eval - suites of tests for prompts and models. */
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/eval.h"
#include "gateway/cli/listing.h"
#include "gateway/cli/owner.h"
#include "gateway/cli/show.h"

enum { PATH_BYTES = 512 };

static json_t *page(void *reader, int64_t after, struct err *err)
{
    const struct eval_reader *r = reader;
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
    SCOPED(buf_done) struct buf text = BUF_INIT(32);
    buf_addf(&path, "/evals/%s/rows", r->id);
    buf_add_int(&text, after);
    json_t *in = json_pack("{s:s}", "after", text.p), *out = NULL;
    owner_call(r->args, "GET", path.p, in, &out, err);
    json_decref(in);
    return out;
}

bool eval_reader_open(struct eval_reader *r, const struct args *a, const char *id, struct err *err)
{
    SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
    *r = (struct eval_reader){.args = a, .id = id};
    buf_addf(&path, "/evals/%s", id);
    if (!buf_ok(&path) || strpbrk(id, "/? "))
        return err_say(err, ERR_not_found, NULL, "there is no run of that name");
    json_t *in = json_object(), *run = NULL;
    bool ok = owner_call(a, "GET", path.p, in, &run, err);
    json_decref(in);
    r->source = (struct output_source){.run = run, .page = page, .arg = r};
    return ok;
}

void eval_reader_close(struct eval_reader *r)
{
    json_decref((json_t *)r->source.run);
}

static const struct arg_option list_options[] = {OPTION_JSON, OPTION_GATEWAY, OPTION_DATA_DIR, {0}};

static int list_run(const struct args *a)
{
    static const char *const columns[] = {"evalId", "created", "ended",    "rows",       "passed",
                                          "failed", "errors",  "cost_usd", "description"};
    return listing_run(a, "/evals", columns, sizeof columns / sizeof columns[0]);
}

static int show_run(const struct args *a)
{
    struct err err = {0};
    struct eval_reader r;
    if (a->n_words != 1)
        return EXIT_USAGE;
    bool ok = eval_reader_open(&r, a, a->words[0], &err);
    if (ok && args_has(a, "json"))
        show_json(r.source.run);
    else if (ok)
        ok = eval_print(&r.source, &err);
    eval_reader_close(&r);
    return ok ? EXIT_OK : cli_fail(&err);
}

static int export_run(const struct args *a)
{
    struct err err = {0};
    struct eval_reader r;
    const char *path = args_get(a, "output");
    if (a->n_words != 1 || !path)
        return EXIT_USAGE;
    if (!output_find(str_of(path))) {
        err_say(&err, ERR_bad_request, NULL, "a file ends in .json, .xml, .html or .csv");
        return cli_fail(&err);
    }
    bool ok = eval_reader_open(&r, a, a->words[0], &err) && output_write(path, &r.source, &err);
    eval_reader_close(&r);
    return ok ? EXIT_OK : cli_fail(&err);
}

static const struct arg_option export_options[] = {
    {"output", 'o', "FILE", "where to: .json, .xml (JUnit), .html or .csv"},
    OPTION_GATEWAY,
    OPTION_DATA_DIR,
    {0},
};

/* clang-format off */
const struct command eval_list = {
    .name = "list", .args = "", .help = "all runs, the newest first", .options = list_options, .run = list_run};
const struct command eval_show = {
    .name = "show", .args = "EVALID", .help = "a run: its rows and sums", .options = list_options, .run = show_run};
const struct command eval_export = {
    .name = "export", .args = "EVALID -o FILE", .help = "a run as a file", .options = export_options,
    .run = export_run};
/* clang-format on */

static const struct command *const subs[] = {&eval_run,  &eval_compare, &eval_list,
                                             &eval_show, &eval_export,  NULL};

const struct command command_eval = {
    .name = "eval",
    .help = "suites of tests for prompts and models, as promptfoo writes them",
    .subs = subs,
};
