/* check - says everything that is wrong with a config. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/out.h"
#include "gateway/cli/cli.h"
#include "gateway/core/config.h"

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

/* False: the arguments make no sense. */
static bool parse_args(int argc, char **argv, const char **path)
{
    *path = getenv("PENSTOCK_CONFIG");
    if (argc == 1)
        return true;
    if (argc == 2 && strncmp(argv[1], "--config=", 9) == 0) {
        *path = argv[1] + 9;
        return true;
    }
    *path = argc == 3 ? argv[2] : NULL;
    return argc == 3 && (strcmp(argv[1], "-c") == 0 || strcmp(argv[1], "--config") == 0);
}

static int check_run(int argc, char **argv)
{
    const char *path;
    if (!parse_args(argc, argv, &path))
        return EXIT_USAGE;
    struct config *c = config_load(path, NULL, complain, NULL);
    if (!c)
        return EXIT_FAILED;
    size_t warnings = config_warn(c, warn, NULL);
    out_print("%s: ok: %u providers, %u models, %zu warnings\n",
              path ? path : "no config given, the embedded default", c->n_providers, c->n_models,
              warnings);
    config_unref(c);
    return EXIT_OK;
}

const struct command command_check = {
    .name = "check",
    .args = "[-c FILE]",
    .help = "say everything that is wrong with a config; without a file, PENSTOCK_CONFIG's or the "
            "embedded default",
    .run = check_run,
};
