/*
 * capability.h - what a request may need that not every model can, as bits.
 *
 * Nobody's word on a model means that it is taken to be able to: `lacks` of a model is 0
 * until a list of what it can is given.
 */
#ifndef GATEWAY_LLM_CAPABILITY_H
#define GATEWAY_LLM_CAPABILITY_H

enum capability {
#define CAPABILITY(name, help) CAPABILITY_##name,
#include "gateway/llm/capability_list.h"
    CAPABILITY_count
};

enum {
    CAN_all = (1u << CAPABILITY_count) - 1,
#define CAPABILITY(name, help) CAN_##name = 1u << CAPABILITY_##name,
#include "gateway/llm/capability_list.h"
};

/* The names as a list of words for option tables: "tools|vision|…". */
#define CAPABILITY_WORDS "tools|vision|audio|json_schema"

/* The bit of a name; 0: it is none. */
unsigned capability_bit(const char *name);

/* Why a model that lacks one of these bits cannot serve a request; "" for none. */
const char *capability_why(unsigned missing);

#endif
