/* rollout.h - the commands of `penstock prompts` about rollouts; see rollout.c. */
#ifndef GATEWAY_CLI_ROLLOUT_H
#define GATEWAY_CLI_ROLLOUT_H

#include "gateway/cli/cli.h"

extern const struct command prompts_rollout, prompts_promote, prompts_pause, prompts_rollback;

#endif
