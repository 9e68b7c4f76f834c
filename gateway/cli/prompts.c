/* prompts - what models are asked, released like software. */
#include "gateway/cli/rollout.h"

const struct command command_prompts = {
    .name = "prompts",
    .args = "...",
    .help = "roll out, promote, pause and roll back versions and targets",
    .subs = (const struct command *const[]){&prompts_rollout, &prompts_promote, &prompts_pause,
                                            &prompts_rollback, NULL},
};
