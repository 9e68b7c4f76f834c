/*
 * json_schema.h - does a JSON value fit a JSON Schema (draft 2020-12)?
 *
 * Checked: type, enum, const, properties, required, additionalProperties, items,
 * minItems, maxItems, minLength, maxLength (characters), minimum, maximum,
 * exclusiveMinimum, exclusiveMaximum, anyOf, oneOf, allOf, not, and $ref within the
 * document ("#/$defs/..."); true and false are schemas.  That is what OpenAI's structured
 * outputs allow.  Any other keyword says nothing, as the standard has it for unknown ones:
 * pattern, format, multipleOf, uniqueItems, patternProperties among them.
 *
 * Pure, and bounded: a schema that refers to itself can make work that doubles with each
 * level, so after SCHEMA_STEPS, or SCHEMA_DEPTH levels, the answer is that it is not known.
 */
#ifndef GATEWAY_LLM_JSON_SCHEMA_H
#define GATEWAY_LLM_JSON_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

enum { SCHEMA_DEPTH = 64, SCHEMA_STEPS = 100 * 1000 };

enum schema_fit { SCHEMA_FITS, SCHEMA_MISFITS, SCHEMA_UNKNOWN };

enum schema_fit json_schema_check(const json_t *schema, const json_t *value);

#endif
