/* serve - runs the gateway. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/out.h"
#include "gateway/cli/cli.h"
#include "gateway/core/config.h"
#include "gateway/server/server.h"
#include "gateway/store/keys.h"
#include "gateway/store/store.h"

static void complain(void *arg, const char *line)
{
    (void)arg;
    out_complain("%s\n", line);
}

static void warn(void *arg, const char *line)
{
    (void)arg;
    out_complain("%s (warning)\n", line);
}

static bool parse_args(int argc, char **argv, struct server_options *o)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"listen", required_argument, NULL, 'l'},
                                          {"data-dir", required_argument, NULL, 'd'},
                                          {0}};
    o->config_path = getenv("PENSTOCK_CONFIG");
    for (int c; (c = getopt_long(argc, argv, "c:", known, NULL)) != -1;)
        if (c == 'c')
            o->config_path = optarg;
        else if (c == 'l')
            o->over.listen = optarg;
        else if (c == 'd')
            o->over.data_dir = optarg;
        else
            return false;
    return optind == argc;
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
    if (ok)
        ok = server_run(s, config_ref(c), o, say_where, c, err);
    store_close(s);
    return ok;
}

static int serve_run(int argc, char **argv)
{
    struct server_options o = {0};
    struct err err = {0};
    if (!parse_args(argc, argv, &o))
        return EXIT_USAGE;
    struct config *c = config_load(o.config_path, &o.over, complain, NULL);
    if (!c)
        return EXIT_FAILED;
    config_warn(c, warn, NULL);
    log_open(STDERR_FILENO);
    bool ok = open_and_run(c, &o, &err);
    log_close();
    if (!ok)
        out_complain("penstock: %s\n", err.detail[0] ? err.detail : err.say);
    config_unref(c);
    return ok ? EXIT_OK : EXIT_FAILED;
}

const struct command command_serve = {
    .name = "serve",
    .args = "[-c FILE] [--listen ADDRESS] [--data-dir DIR]",
    .help = "run the gateway; without a config with the providers found in the environment, and sim/ models",
    .run = serve_run,
};
