/*
 * answer_text.h - the text of an answer, put together choice by choice from its pieces,
 * for who has to judge it as a whole.  Of chat and Responses.
 */
#ifndef GATEWAY_LLM_ANSWER_TEXT_H
#define GATEWAY_LLM_ANSWER_TEXT_H

#include <stdbool.h>

#include "gateway/base/str.h"
#include "gateway/llm/answer.h"
#include "gateway/llm/endpoint.h"

enum { ANSWER_TEXT_CHOICES = 8, ANSWER_TEXT_BYTES = 256 * 1024 };

struct answer_text { /* answer_text_init(), answer_text_done() */
    struct buf choices[ANSWER_TEXT_CHOICES];
    bool keeps;   /* texts; else only the rest is looked at */
    bool refused; /* the model said so */
    bool calls;   /* tools are called: there need be no text */
    bool lost;    /* more choices, or more bytes, than are kept */
};

void answer_text_init(struct answer_text *t, bool keeps);
void answer_text_done(struct answer_text *t);

/*
 * `data`: a whole body, or an event's; what is no such answer adds nothing.  `read` is what
 * answer_scan() found in it, which saves a scan of most events; NULL: not known.
 */
void answer_text_add(struct answer_text *t, enum endpoint e, struct str data,
                     const struct answer *read);

#endif
