/* prompts - what models are asked, released like software. */
#include "gateway/cli/rollout.h"

const struct command command_prompts = {
    .name = "prompts",
    .args = "...",
    .help = "roll out, promote, pause and roll back versions and targets",
    .subs =
        (const struct command *const[]){&command_prompts_rollout, &command_prompts_promote,
                                        &command_prompts_pause, &command_prompts_rollback, NULL},
};
