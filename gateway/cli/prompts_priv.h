/* prompts_priv.h - the commands of `penstock prompts`, and what they share. */
#ifndef GATEWAY_CLI_PROMPTS_PRIV_H
#define GATEWAY_CLI_PROMPTS_PRIV_H

#include <jansson.h>

#include "gateway/cli/cli.h"

/* prompts_read.c */
extern const struct command prompts_list, prompts_show, prompts_diff, prompts_status,
    prompts_render, prompts_pull;

/* "greet@staging" as {name, version}; false: that is no name. */
bool prompts_name(const char *text, json_t *in, struct err *err);

/* Asks the owner, shows what it says, frees `in`; an exit status. */
int prompts_call(const struct args *a, const char *method, const char *path, json_t *in,
                 struct err *err, void (*show)(const struct args *a, const json_t *out));

#endif
