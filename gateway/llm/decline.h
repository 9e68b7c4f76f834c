/*
 * decline.h - does a text decline to answer?
 *
 * By phrases: one of decline_list.h's openings at its beginning, or one of its phrases
 * anywhere as whole words; capitals and the kind of apostrophe do not matter.  They are
 * those that promptfoo's is-refusal looks for, so that a suite has the same verdicts.
 * English only.  Pure.
 */
#ifndef GATEWAY_LLM_DECLINE_H
#define GATEWAY_LLM_DECLINE_H

#include <stdbool.h>

#include "gateway/base/str.h"

bool decline_is(struct str text);

#endif
