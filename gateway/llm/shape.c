#include "gateway/llm/shape.h"

#include <jansson.h>
#include <string.h>

#include "gateway/llm/json_schema.h"

enum { SHAPE_MAX_BYTES = 256 * 1024 };

/* The format object; NULL: none was asked.  *doc is the caller's. */
static const json_t *read_format(const struct request *r, json_t **doc)
{
    *doc = NULL;
    if (r->format.kind != VALUE_OBJECT || r->format.raw.n > SHAPE_MAX_BYTES)
        return NULL;
    *doc = json_loadb(r->format.raw.p, r->format.raw.n, 0, NULL);
    return *doc;
}

static bool is_type(const json_t *format, const char *type)
{
    const char *t = json_string_value(json_object_get(format, "type"));
    return t && strcmp(t, type) == 0;
}

bool shape_is_asked(const struct request *r)
{
    json_t *doc;
    const json_t *format = read_format(r, &doc);
    bool asked = is_type(format, "json_object") || is_type(format, "json_schema");
    json_decref(doc);
    return asked;
}

/* Chat has the schema one level further down. */
static const json_t *schema_of(const json_t *format)
{
    const json_t *inner = json_object_get(format, "json_schema");
    return json_object_get(inner ? inner : format, "schema");
}

static enum shape_fit fit_of(enum schema_fit fit)
{
    return fit == SCHEMA_UNKNOWN ? SHAPE_unknown : fit == SCHEMA_FITS ? SHAPE_fits : SHAPE_misfits;
}

enum shape_fit shape_check(const struct request *r, struct str text)
{
    json_t *doc, *value = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    const json_t *format = read_format(r, &doc);
    enum shape_fit fit = SHAPE_unknown;
    if (is_type(format, "json_object")) {
        fit = json_is_object(value) ? SHAPE_fits : SHAPE_misfits;
    } else if (is_type(format, "json_schema")) {
        const json_t *schema = schema_of(format);
        if (!value)
            fit = SHAPE_misfits;
        else if (schema)
            fit = fit_of(json_schema_check(schema, value));
    }
    json_decref(doc);
    json_decref(value);
    return fit;
}
