/* restore - puts a backup in place of a data directory that has no database yet. */
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"
#include "gateway/store/backup.h"

static const struct arg_option options[] = {OPTION_DRY_RUN, OPTION_CONFIG, OPTION_DATA_DIR, {0}};

static int restore_run(const struct args *a)
{
    if (a->n_words != 1)
        return EXIT_USAGE;
    struct err err = {0};
    SCOPED(scope_free) char *dir = owner_data_dir(a, &err);
    bool dry_run = args_has(a, "dry-run");
    if (!dir || !store_restore(a->words[0], dir, dry_run, &err))
        return cli_fail(&err);
    if (dry_run)
        out_complain("would restore %s to %s\n", a->words[0], dir);
    return EXIT_OK;
}

const struct command command_restore = {
    .name = "restore",
    .args = "DIR",
    .help = "put a backup in place, where there is no database yet",
    .options = options,
    .run = restore_run,
};
