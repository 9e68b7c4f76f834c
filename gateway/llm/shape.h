/*
 * shape.h - the JSON that a caller asked for, and whether an answer is that.
 *
 * Chat: `response_format`; Responses: `text.format`; of type json_object or json_schema.
 */
#ifndef GATEWAY_LLM_SHAPE_H
#define GATEWAY_LLM_SHAPE_H

#include <stdbool.h>

#include "gateway/base/str.h"
#include "gateway/llm/request.h"

bool shape_is_asked(const struct request *r);

enum shape_fit {
    SHAPE_unknown, /* nothing was asked, or the schema is none, or too much work */
    SHAPE_fits,
    SHAPE_misfits,
};

/* json_object: the text is one JSON object; json_schema: it fits the schema, as far as
 * json_schema.h checks. */
enum shape_fit shape_check(const struct request *r, struct str text);

#endif
