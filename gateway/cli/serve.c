/* serve - runs the gateway. */
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/out.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/core/config.h"
#include "gateway/core/config_default.h"
#include "gateway/server/server.h"
#include "gateway/store/keys.h"
#include "gateway/store/store.h"
#include "prompts/prompts.h"

static void say(void *arg, const char *line)
{
    (void)arg;
    out_print("found %s\n", line);
}

static void say_where(const char *address, void *config)
{
    const struct config *c = config;
    out_print("penstock is listening on http://%s\n", address);
    out_print("models:");
    for (unsigned i = 0; i < c->n_models; i++)
        out_print(" %s", c->models[i].name);
    out_print("\nkeys: %s/first.key (for callers), %s/admin.key (for /admin/v1)\n", c->data_dir, c->data_dir);
    out_flush();
}

static bool open_and_run(struct config *c, const struct server_options *o, struct err *err)
{
    struct store_options so = {.strict = c->durability == DURABILITY_strict,
                               .no_ledger = c->durability == DURABILITY_none};
    struct store *s = store_open(c->data_dir, &so, err);
    bool made, ok = s && keys_first(s, &made, err);
    struct prompts *p = ok ? prompts_open(s, err) : NULL;
    ok = p && (!c->prompts.dir || inbox_push(p, c->prompts.dir, false, NULL, cli_complain, NULL, err));
    if (ok)
        ok = server_run(s, p, config_ref(c), o, say_where, c, err);
    prompts_close(p);
    store_close(s);
    return ok;
}

static int serve_run(const struct args *a)
{
    struct server_options o = {
        .config_path = config_path(a),
        .over = {.listen = args_get(a, "listen"), .data_dir = args_get(a, "data-dir")},
    };
    struct err err = {0};
    if (a->n_words > 0)
        return EXIT_USAGE;
    struct config *c = config_load(o.config_path, &o.over, cli_complain, NULL);
    if (!c)
        return EXIT_FAILED;
    if (!o.config_path)
        config_found(c, say, NULL);
    config_warn(c, cli_warn, NULL);
    log_open(STDERR_FILENO);
    bool ok = open_and_run(c, &o, &err);
    log_close();
    config_unref(c);
    return ok ? EXIT_OK : cli_fail(&err);
}

static const struct arg_option options[] = {
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {"listen", 0, "ADDRESS", "HOST:PORT to listen on, instead of the config's"},
    {0},
};

const struct command command_serve = {
    .name = "serve",
    .args = "",
    .help = "run the gateway",
    .more = "Without a config it offers the providers that it finds in the environment and on this machine, and "
            "the built-in sim/ models. SIGTERM and SIGINT let what runs finish, a second one does not; SIGHUP reads "
            "the config again.",
    .options = options,
    .run = serve_run,
};
