/* extract.h - JSON objects within a text: of an output, of what a judge answered. */
#ifndef EVAL_EXTRACT_H
#define EVAL_EXTRACT_H

#include <jansson.h>

#include "gateway/base/str.h"

/*
 * The next object at or after *at, which moves behind it; NULL: there are no more.  What
 * is between balanced braces counts if it is JSON, or a flow map of YAML; one that the
 * text ends in is closed.  New; the caller frees it.
 */
json_t *extract_object(struct str text, size_t *at);

/* A YAML or JSON text as a value; NULL: it is neither. */
json_t *extract_yaml(struct str text);

#endif
