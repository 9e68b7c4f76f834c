/* set_priv.h - how a snapshot is made out of the one before. */
#ifndef PROMPTS_SET_PRIV_H
#define PROMPTS_SET_PRIV_H

#include "gateway/store/registry.h"
#include "prompts/set.h"

/* What `old` has and the registry has had since.  `old` may be NULL; NULL: *err. */
struct prompt_set *prompt_set_read(struct store *s, const struct prompt_set *old, struct err *err);

#endif
