/* help - what the commands are, and what one of them does. */
#include "gateway/base/out.h"
#include "gateway/cli/cli.h"

static int help_run(const struct args *a)
{
    const char *parent;
    const struct command *c = cli_find(a->words, a->n_words, &parent);
    if (a->n_words && !c) {
        out_complain("penstock: no command '%s'; see penstock help\n", a->words[a->n_words - 1]);
        return EXIT_FAILED;
    }
    cli_help(c, parent);
    return EXIT_OK;
}

const struct command command_help = {
    .name = "help",
    .args = "[COMMAND [COMMAND]]",
    .help = "tell what the commands do",
    .run = help_run,
};
