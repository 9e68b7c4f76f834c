/*
 * schema.h - does a JSON value fit a JSON Schema (draft 2020-12)?
 *
 * Checked: type, enum, const, properties, required, additionalProperties, items,
 * minItems, maxItems, minLength, maxLength (characters), minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, anyOf, oneOf, allOf, not, and $ref within the
 * document ("#/$defs/..."); true and false are schemas.  That is what OpenAI's structured
 * outputs allow.  Any other keyword says nothing, as the standard has it for unknown ones:
 * pattern, format, multipleOf, uniqueItems, patternProperties among them.
 *
 * Pure.  What is nested more deeply than SCHEMA_DEPTH, by references too, does not fit.
 */
#ifndef GATEWAY_LLM_SCHEMA_H
#define GATEWAY_LLM_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

enum { SCHEMA_DEPTH = 64 };

bool schema_fits(const json_t *schema, const json_t *value);

#endif
