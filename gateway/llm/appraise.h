/*
 * appraise.h - is an answer good enough to be given, or should a better model be asked?
 *
 * Judged is what can be told from the answer alone:
 *   refusal       a refusal in OpenAI's form, finish reason content_filter, or a text that
 *                 begins as refusals do (refusal_list.h)
 *   length        it was cut because it grew too long
 *   invalid_json  JSON was asked for (response_format, text.format), or a tool is called,
 *                 and what came does not parse
 *   schema        it parses, and does not fit the schema that was asked for
 *   unsure        the geometric mean of its tokens' probabilities is low; only where the
 *                 answer tells their logprobs, which is where the caller asked for them
 *   empty         neither text nor a call of a tool
 * Of several choices the worst counts.  Endpoints that do not write text are always good.
 *
 * The document of an answer, or the data of each event of a stream, are added in turn; they
 * are parsed, so bound their bytes.  Not thread-safe.
 */
#ifndef GATEWAY_LLM_APPRAISE_H
#define GATEWAY_LLM_APPRAISE_H

#include "gateway/base/str.h"
#include "gateway/llm/endpoint.h"

struct appraisal;

/*
 * format: the request's response_format (chat) or text.format (Responses) as it stands; ""
 * if it has none.  min_percent: below this mean probability it is unsure; 0: never.
 */
struct appraisal *appraisal_new(enum endpoint e, struct str format, unsigned min_percent);
void appraisal_free(struct appraisal *a); /* NULL is fine */

void appraisal_add(struct appraisal *a, struct str data);

/* The word of what is wrong, static; NULL: it is good. */
const char *appraisal_fault(const struct appraisal *a);

#endif
