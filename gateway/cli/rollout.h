/* rollout.h - the commands of `penstock prompts` about rollouts; see rollout.c. */
#ifndef GATEWAY_CLI_ROLLOUT_H
#define GATEWAY_CLI_ROLLOUT_H

#include "gateway/cli/cli.h"

extern const struct command command_prompts_rollout, command_prompts_promote, command_prompts_pause,
    command_prompts_rollback;

#endif
