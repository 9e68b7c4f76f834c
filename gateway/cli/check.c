/* check - says everything that is wrong with a config. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/core/config.h"
#include "gateway/store/budgets.h"
#include "prompts/prompts.h"

enum { LINE_BYTES = 8192 };

struct checking {
    const struct config *config;
    size_t problems;
};

static void count_problem(void *arg, const char *line)
{
    ((struct checking *)arg)->problems++;
    cli_complain(NULL, line);
}

static bool check_prompt(void *arg, const char *path, struct err *err)
{
    struct checking *k = arg;
    SCOPED(scope_free) char *text = file_read(path, PROMPT_FILE_BYTES, err);
    if (!text)
        return false;
    struct prompt *p = prompt_parse(path, str_of(text), count_problem, k);
    if (p && !config_model(k->config, str_of(p->route))) {
        SCOPED(buf_done) struct buf line = BUF_INIT(LINE_BYTES);
        struct str near = config_nearest_model(k->config, str_of(p->route));
        buf_addf(&line, "%s:%u:%u: 'models' of the config has no '%.64s'", path, p->route_at.line, p->route_at.column,
                 p->route);
        if (near.n)
            buf_addf(&line, "; did you mean '" STR_FMT "'?", STR_ARG(near));
        count_problem(k, line.p);
    }
    SCOPED(buf_done) struct buf line = BUF_INIT(LINE_BYTES);
    if (p && !config_prompt_fits(k->config, path, p, &line))
        count_problem(k, line.p);
    prompt_free(p);
    return true;
}

/* False: something is wrong, and has been said, or *err says that they cannot be read. */
static bool check_prompts(const struct config *c, struct err *err)
{
    struct checking k = {c, 0};
    return inbox_walk(c->prompts.dir, check_prompt, &k, err) && k.problems == 0;
}

/* False: nothing is to be recorded, and a budget wants it. */
static bool check_budgets(const struct config *c, const char *path)
{
    struct err err = {0};
    bool any = false;
    if (c->durability != DURABILITY_none)
        return true;
    struct sqlite3 *db = store_read_open(c->data_dir, &err);
    if (db)
        budget_any(db, &any, &err);
    store_read_close(db);
    if (any)
        out_complain("%s: 'ledger.durability' is none, but there are budgets, which need a ledger; see: penstock "
                     "budgets list\n",
                     path);
    return !any;
}

static int check_run(const struct args *a)
{
    const char *path = config_path(a);
    if (a->n_words > 0)
        return EXIT_USAGE;
    struct config *c = config_load(path, NULL, cli_complain, NULL);
    if (!c)
        return EXIT_FAILED;
    if (!check_budgets(c, path)) {
        config_unref(c);
        return EXIT_FAILED;
    }
    struct err err = {0};
    if (c->prompts.dir && !check_prompts(c, &err)) {
        config_unref(c);
        return err.code == ERR_none ? EXIT_FAILED : cli_fail(&err);
    }
    size_t warnings = config_warn(c, cli_warn, NULL);
    out_print("%s: ok: %u providers, %u models, %zu warnings\n",
              path ? path : "no config given, the embedded default", c->n_providers, c->n_models,
              warnings);
    config_unref(c);
    return EXIT_OK;
}

static const struct arg_option options[] = {OPTION_CONFIG, {0}};

const struct command command_check = {
    .name = "check",
    .args = "",
    .help = "say everything that is wrong with a config and its prompts",
    .more = "Without a file the embedded default is checked. Every problem is a line FILE:LINE:COLUMN: what is "
            "wrong; what to do.",
    .options = options,
    .run = check_run,
};
