/*
 * A JSON document that a schema allows: type, properties, items, enum, const, anyOf,
 * oneOf, allOf, $ref into the schema itself, bounds, lengths and the common formats.
 * All properties are given, required or not; patterns are not understood.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "gateway/net/sim_priv.h"

enum { DEEP = 6, TOO_DEEP = 32, WORDS_OF_A_STRING = 3 };

struct maker {
    const json_t *root;
    uint64_t seed;
    unsigned depth;
};

static json_t *make(struct maker *m, const json_t *schema);

static uint64_t draw(struct maker *m)
{
    return m->seed = sim_mix(m->seed);
}

/* "#/$defs/name": names without escapes */
static const json_t *follow(const json_t *root, const char *ref)
{
    const json_t *at = root;
    struct str rest = str_of(ref), name;
    str_next(&rest, '/', &name);
    if (!str_eq(name, STR("#")))
        return NULL;
    while (at && str_next(&rest, '/', &name))
        at = json_object_getn(at, name.p, name.n);
    return at;
}

static json_t *make_object(struct maker *m, const json_t *schema)
{
    json_t *made = json_object(), *property;
    const char *name;
    json_object_foreach(json_object_get(schema, "properties"), name, property)
        json_object_set_new(made, name, make(m, property));
    return made;
}

static json_t *make_array(struct maker *m, const json_t *schema)
{
    json_t *made = json_array();
    const json_t *least = json_object_get(schema, "minItems");
    json_int_t n = json_is_integer(least) ? json_integer_value(least) : m->depth < DEEP;
    for (json_int_t i = 0; i < n && i < DEEP * TOO_DEEP; i++)
        json_array_append_new(made, make(m, json_object_get(schema, "items")));
    return made;
}

static double bound(const json_t *schema, const char *inclusive, const char *exclusive, double step,
                    double otherwise)
{
    const json_t *in = json_object_get(schema, inclusive), *ex = json_object_get(schema, exclusive);
    if (json_is_number(in))
        return json_number_value(in);
    return json_is_number(ex) ? json_number_value(ex) + step : otherwise;
}

static json_t *make_number(struct maker *m, const json_t *schema, bool whole)
{
    const json_t *of = json_object_get(schema, "multipleOf");
    double step = json_is_number(of) && json_number_value(of) > 0 ? json_number_value(of)
                  : whole                                         ? 1
                                                                  : 0.25;
    double most = bound(schema, "maximum", "exclusiveMaximum", -step, INFINITY);
    double least =
        bound(schema, "minimum", "exclusiveMinimum", step, isinf(most) ? 0 : most - 10 * step);
    double first = ceil(least / step), last = fmin(floor(most / step), first + 99);
    double value = (first + (double)(draw(m) % (uint64_t)(fmax(last - first, 0) + 1))) * step;
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

static const char *example_of(const char *format)
{
    static const char *const table[][2] = {
        {"date-time", "2026-01-01T00:00:00Z"},
        {"date", "2026-01-01"},
        {"time", "00:00:00Z"},
        {"email", "someone@example.com"},
        {"uri", "https://example.com/"},
        {"uuid", "00000000-0000-4000-8000-000000000000"},
        {"ipv4", "192.0.2.1"},
        {"ipv6", "2001:db8::1"},
        {"hostname", "example.com"},
        {"duration", "PT1M"},
    };
    for (size_t i = 0; format && i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i][0], format) == 0)
            return table[i][1];
    return NULL;
}

static json_t *make_string(struct maker *m, const json_t *schema)
{
    const char *example = example_of(json_string_value(json_object_get(schema, "format")));
    if (example)
        return json_string(example);
    const json_t *least = json_object_get(schema, "minLength"),
                 *most = json_object_get(schema, "maxLength");
    struct buf text = BUF_INIT(64 * 1024);
    sim_words(&text, draw(m), WORDS_OF_A_STRING);
    while (buf_ok(&text) && json_is_integer(least) &&
           (json_int_t)text.n < json_integer_value(least))
        buf_add(&text, STR("."));
    if (json_is_integer(most) && json_integer_value(most) >= 0 &&
        (json_int_t)text.n > json_integer_value(most))
        buf_cut(&text, (size_t)json_integer_value(most));
    json_t *made = json_stringn(text.p, text.n);
    buf_done(&text);
    return made;
}

static const char *type_of(const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    if (json_is_array(type))
        type = json_array_get(type, 0);
    if (json_is_string(type))
        return json_string_value(type);
    return json_object_get(schema, "properties") ? "object"
           : json_object_get(schema, "items")    ? "array"
                                                 : "string";
}

static json_t *make_typed(struct maker *m, const json_t *schema)
{
    const char *type = type_of(schema);
    if (strcmp(type, "object") == 0)
        return make_object(m, schema);
    if (strcmp(type, "array") == 0)
        return make_array(m, schema);
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return make_number(m, schema, type[0] == 'i');
    if (strcmp(type, "boolean") == 0)
        return json_boolean(draw(m) & 1);
    return strcmp(type, "null") == 0 ? json_null() : make_string(m, schema);
}

/* The first, but deep down null where it may be, so that what refers to itself ends. */
static const json_t *one_of(const struct maker *m, const json_t *choices)
{
    size_t i;
    const json_t *choice;
    if (m->depth >= DEEP)
        json_array_foreach(choices, i,
                           choice) if (strcmp(type_of(choice), "null") == 0) return choice;
    return json_array_get(choices, 0);
}

static json_t *make_all(struct maker *m, const json_t *parts)
{
    json_t *made = json_object();
    size_t i;
    const json_t *part;
    json_array_foreach(parts, i, part)
    {
        json_t *more = make(m, part);
        json_object_update(made, more);
        json_decref(more);
    }
    return made;
}

static json_t *make_by(struct maker *m, const json_t *schema)
{
    const json_t *v;
    if ((v = json_object_get(schema, "$ref")))
        return make(m, follow(m->root, json_string_value(v)));
    if ((v = json_object_get(schema, "const")))
        return json_deep_copy(v);
    if (json_array_size(v = json_object_get(schema, "enum")))
        return json_deep_copy(json_array_get(v, (size_t)(draw(m) % json_array_size(v))));
    if (json_array_size(v = json_object_get(schema, "anyOf")) ||
        json_array_size(v = json_object_get(schema, "oneOf")))
        return make(m, one_of(m, v));
    if (json_array_size(v = json_object_get(schema, "allOf")))
        return make_all(m, v);
    return make_typed(m, schema);
}

static json_t *make(struct maker *m, const json_t *schema)
{
    if (m->depth >= TOO_DEEP)
        return json_null();
    m->depth++;
    json_t *made = make_by(m, schema);
    m->depth--;
    return made;
}

json_t *sim_document(const json_t *schema, uint64_t seed)
{
    struct maker m = {.root = schema, .seed = seed};
    return make(&m, schema);
}
