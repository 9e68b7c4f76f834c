#include "gateway/llm/json_schema.h"

#include <math.h>
#include <string.h>

#include "gateway/base/str.h"
#include "gateway/base/utf8.h"

enum { POINTER_PART_BYTES = 256 };

struct check {
    const json_t *root; /* where references begin */
    unsigned depth, steps;
    bool gave_up; /* what comes out is not worth anything any more */
};

static bool fits(struct check *c, const json_t *schema, const json_t *v);

static bool step(struct check *c)
{
    c->gave_up |= ++c->steps > SCHEMA_STEPS || c->depth > SCHEMA_DEPTH;
    return !c->gave_up;
}

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_is_integer(a) && json_is_integer(b)
                   ? json_integer_value(a) == json_integer_value(b)
                   : json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool is_of_type(const json_t *v, const char *type)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL:
        return strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 && fmod(json_real_value(v), 1) == 0);
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(type, "boolean") == 0;
    case JSON_NULL:
        break;
    }
    return strcmp(type, "null") == 0;
}

static bool type_fits(const json_t *type, const json_t *v)
{
    if (json_is_string(type))
        return is_of_type(v, json_string_value(type));
    for (size_t i = 0; i < json_array_size(type); i++)
        if (json_is_string(json_array_get(type, i)) &&
            is_of_type(v, json_string_value(json_array_get(type, i))))
            return true;
    return !json_is_array(type);
}

static bool enum_fits(struct check *c, const json_t *all, const json_t *v)
{
    for (size_t i = 0; i < json_array_size(all) && step(c); i++)
        if (same(json_array_get(all, i), v))
            return true;
    return !json_is_array(all);
}

/* How many of the schemas it fits. */
static size_t count_fits(struct check *c, const json_t *schemas, const json_t *v)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(schemas); i++)
        n += fits(c, json_array_get(schemas, i), v);
    return n;
}

static bool combination_fits(struct check *c, const json_t *schema, const json_t *v)
{
    const json_t *all = json_object_get(schema, "allOf"), *any = json_object_get(schema, "anyOf");
    const json_t *one = json_object_get(schema, "oneOf"), *not = json_object_get(schema, "not");
    return (!json_is_array(all) || count_fits(c, all, v) == json_array_size(all)) &&
           (!json_is_array(any) || count_fits(c, any, v) > 0) &&
           (!json_is_array(one) || count_fits(c, one, v) == 1) && (!not || !fits(c, not, v));
}

static bool members_fit(struct check *c, const json_t *schema, json_t *v)
{
    const json_t *known = json_object_get(schema, "properties"),
                 *other = json_object_get(schema, "additionalProperties");
    const char *name;
    json_t *member;
    json_object_foreach(v, name, member)
    {
        const json_t *of = json_object_get(known, name);
        if (!of)
            of = other;
        if (of && !fits(c, of, member))
            return false;
    }
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required) && step(c); i++)
        if (json_is_string(json_array_get(required, i)) &&
            !json_object_get(v, json_string_value(json_array_get(required, i))))
            return false;
    return true;
}

static bool between(const json_t *schema, const char *least, const char *most, double n)
{
    const json_t *low = json_object_get(schema, least), *high = json_object_get(schema, most);
    return (!json_is_number(low) || n >= json_number_value(low)) &&
           (!json_is_number(high) || n <= json_number_value(high));
}

static bool elements_fit(struct check *c, const json_t *schema, const json_t *v)
{
    const json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; items && i < json_array_size(v); i++)
        if (!fits(c, items, json_array_get(v, i)))
            return false;
    return between(schema, "minItems", "maxItems", (double)json_array_size(v));
}

static bool number_fits(const json_t *schema, const json_t *v)
{
    const json_t *above = json_object_get(schema, "exclusiveMinimum"),
                 *below = json_object_get(schema, "exclusiveMaximum");
    double n = json_number_value(v);
    return between(schema, "minimum", "maximum", n) &&
           (!json_is_number(above) || n > json_number_value(above)) &&
           (!json_is_number(below) || n < json_number_value(below));
}

static double characters(const json_t *v)
{
    return (double)utf8_count((struct str){json_string_value(v), json_string_length(v)});
}

static bool content_fits(struct check *c, const json_t *schema, json_t *v)
{
    if (json_is_object(v))
        return members_fit(c, schema, v);
    if (json_is_array(v))
        return elements_fit(c, schema, v);
    if (json_is_number(v))
        return number_fits(schema, v);
    return !json_is_string(v) || between(schema, "minLength", "maxLength", characters(v));
}

/* RFC 6901 in a fragment; percent escapes are not decoded.  NULL: it points nowhere. */
static const json_t *follow(const json_t *root, struct str pointer)
{
    struct str part;
    if (!str_starts(pointer, STR("#")))
        return NULL;
    str_next(&pointer, '/', &part); /* the "#" */
    const json_t *at = root;
    while (at && pointer.p && str_next(&pointer, '/', &part)) {
        char name[POINTER_PART_BYTES];
        size_t n = 0;
        for (size_t i = 0; i < part.n && n + 1 < sizeof name; i++) {
            bool escape = part.p[i] == '~' && i + 1 < part.n;
            name[n++] = !escape ? part.p[i] : part.p[++i] == '0' ? '~' : '/';
        }
        name[n] = '\0';
        int64_t index;
        at = json_is_array(at) && str_int(part, &index) && index >= 0
                 ? json_array_get(at, (size_t)index)
                 : json_object_get(at, name);
    }
    return at;
}

static bool object_fits(struct check *c, const json_t *schema, json_t *value)
{
    const json_t *ref = json_object_get(schema, "$ref"), *only = json_object_get(schema, "const");
    if (json_is_string(ref) &&
        !fits(c, follow(c->root, (struct str){json_string_value(ref), json_string_length(ref)}),
              value))
        return false;
    const json_t *type = json_object_get(schema, "type"), *all = json_object_get(schema, "enum");
    return (!type || type_fits(type, value)) && (!all || enum_fits(c, all, value)) &&
           (!only || same(only, value)) && combination_fits(c, schema, value) &&
           content_fits(c, schema, value);
}

static bool fits(struct check *c, const json_t *schema, const json_t *value)
{
    if (json_is_boolean(schema))
        return json_is_true(schema);
    if (!json_is_object(schema) || !step(c))
        return false;
    c->depth++;
    bool ok = object_fits(c, schema, (json_t *)value);
    c->depth--;
    return ok;
}

enum schema_fit json_schema_check(const json_t *schema, const json_t *value)
{
    struct check c = {.root = schema};
    bool ok = fits(&c, schema, value);
    return c.gave_up ? SCHEMA_UNKNOWN : ok ? SCHEMA_FITS : SCHEMA_MISFITS;
}
