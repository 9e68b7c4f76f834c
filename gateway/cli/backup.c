/* backup - a copy of the data directory, while it is in use. */
#include "gateway/store/backup.h"

#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/owner.h"

static const struct arg_option options[] = {
    {"with-secrets", 0, NULL,
     "include master.key, without which keys and ledger cannot be checked"},
    OPTION_DRY_RUN,
    OPTION_CONFIG,
    OPTION_DATA_DIR,
    {0},
};

static int backup_run(const struct args *a)
{
    if (a->n_words != 1)
        return EXIT_USAGE;
    struct err err = {0};
    SCOPED(scope_free) char *dir = owner_data_dir(a, &err);
    if (!dir || !owner_flush(dir, &err))
        return cli_fail(&err);
    bool dry_run = args_has(a, "dry-run");
    if (!store_backup(dir, a->words[0], args_has(a, "with-secrets"), dry_run, &err))
        return cli_fail(&err);
    if (dry_run)
        out_complain("would copy %s to %s\n", dir, a->words[0]);
    return EXIT_OK;
}

const struct command command_backup = {
    .name = "backup",
    .args = "DIR",
    .help = "copy the data directory, consistently, also while the server runs",
    .options = options,
    .run = backup_run,
};
