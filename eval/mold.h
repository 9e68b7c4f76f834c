/*
 * mold.h - a JSON value whose strings are templates: of a prompt, of what a check expects.
 *
 * Made once while a suite is read, filled by any number of threads.  What a variable holds
 * is never looked at as template.  The language is that of prompts/README.md.
 */
#ifndef EVAL_MOLD_H
#define EVAL_MOLD_H

#include <jansson.h>

#include "gateway/base/conf.h"
#include "gateway/base/err.h"

enum { MOLD_MAX_BYTES = 4 * 1024 * 1024 };

struct mold;

/* Lives in the arena of c, in which problems are noted; `value` is borrowed.  NULL: a problem was.
 */
struct mold *mold_new(struct conf *c, const json_t *value, struct conf_place at);

/* `vars`: a JSON object.  A new reference; NULL: ERR_too_large. */
json_t *mold_fill(const struct mold *m, struct str vars, struct err *err);

#endif
