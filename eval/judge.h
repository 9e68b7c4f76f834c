/*
 * judge.h - a model that helps with a verdict, asked through the gateway like any other.
 *
 * A judge that fails, or answers nonsense, gives no verdict: false, and *err says why.
 * What it cost is added to *cost_nusd.
 */
#ifndef EVAL_JUDGE_H
#define EVAL_JUDGE_H

#include <jansson.h>

#include "eval/client.h"

/* `prompt`: messages, or one text.  Appends the text of the answer. */
bool judge_ask(const struct client *c, const char *model, const json_t *prompt, struct buf *answer,
               int64_t *cost_nusd, struct err *err);

/* The cosine of the angle between the embeddings of two texts. */
bool judge_similarity(const struct client *c, const char *model, struct str a, struct str b,
                      double *cosine, int64_t *cost_nusd, struct err *err);

/* The text of a chat's answer; NULL: it has none.  *calls, if not NULL: its tool calls. */
const json_t *judge_text(const json_t *answer, const json_t **calls);

#endif
