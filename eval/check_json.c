/* is-json, contains-json - the output is, or holds, JSON; and fits a schema, if one is given. */
#include <string.h>

#include "eval/check.h"
#include "eval/extract.h"
#include "gateway/llm/json_schema.h"

/* What JSON Schema has and gateway/llm/json_schema.h does not check: never passed over in silence.
 */
static const char *const unchecked[] = {
    "pattern",
    "format",
    "multipleOf",
    "uniqueItems",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "if",
    "then",
    "else",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalItems",
};

/* The first word of a schema that nobody checks; NULL: there is none. */
static const char *find_unchecked(const json_t *schema, unsigned depth)
{
    const char *name, *found = NULL, *inner_name;
    json_t *v, *inner;
    size_t i;
    if (depth == 0)
        return NULL;
    json_object_foreach((json_t *)schema, name, v)
    {
        for (i = 0; i < sizeof unchecked / sizeof unchecked[0]; i++)
            if (strcmp(name, unchecked[i]) == 0)
                return unchecked[i];
        bool named = strcmp(name, "properties") == 0 || strcmp(name, "$defs") == 0 ||
                     strcmp(name, "definitions") == 0;
        if (strcmp(name, "enum") == 0 || strcmp(name, "const") == 0 ||
            strcmp(name, "default") == 0 || strcmp(name, "examples") == 0)
            continue;
        if (json_is_array(v)) {
            json_array_foreach(v, i, inner) if (!found) found = find_unchecked(inner, depth - 1);
        } else if (named) {
            json_object_foreach(v, inner_name, inner) if (!found) found =
                find_unchecked(inner, depth - 1);
        } else if (json_is_object(v)) {
            found = find_unchecked(v, depth - 1);
        }
        if (found)
            return found;
    }
    return NULL;
}

static void release(void *v)
{
    json_decref(v);
}

static void prepare(struct assertion *a, struct conf *c, struct conf_place at)
{
    json_t *schema = json_is_string(a->value) ? extract_yaml(str_of(json_string_value(a->value)))
                                              : json_incref((json_t *)a->value);
    if (!json_is_object(schema) && !json_is_boolean(schema)) {
        conf_problem(c, at, "that is no JSON Schema; write it as a map, or as file://schema.json");
        json_decref(schema);
        return;
    }
    const char *word = find_unchecked(schema, SCHEMA_DEPTH);
    if (word)
        conf_problem(c, at, "the schema's '%s' is not checked here; leave it out", word);
    arena_defer(conf_arena(c), release, schema);
    a->schema = schema;
}

/* Of a value with templates, made anew for each row. */
static json_t *schema_of(const struct checking *in)
{
    if (in->a->schema)
        return json_incref((json_t *)in->a->schema);
    if (json_is_string(in->value))
        return extract_yaml(str_of(json_string_value(in->value)));
    return json_incref((json_t *)in->value);
}

static bool fits(const json_t *schema, const json_t *doc, bool *fit, struct err *err)
{
    enum schema_fit f = json_schema_check(schema, doc);
    *fit = f == SCHEMA_FITS;
    return f != SCHEMA_UNKNOWN ||
           err_say(err, ERR_bad_request, NULL, "the schema makes more work than is allowed");
}

static bool judge_doc(const struct checking *in, const json_t *doc, struct finding *v,
                      struct err *err)
{
    json_t *schema = schema_of(in);
    bool fit = true, inverted = in->a->inverted;
    bool ok = !schema || fits(schema, doc, &fit, err);
    if (ok && schema)
        finding_set(v, fit != inverted, "%s",
                    inverted ? "Output is JSON that conforms to the provided schema"
                             : "JSON does not conform to the provided schema.");
    else if (ok)
        finding_set(v, !inverted, "Expected output to be valid JSON");
    json_decref(schema);
    return ok;
}

static bool run_is(const struct checking *in, struct finding *v, struct err *err)
{
    json_t *doc = json_loadb(in->output.p, in->output.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!doc) {
        finding_set(v, in->a->inverted, "Expected output to be valid JSON");
        return true;
    }
    bool ok = judge_doc(in, doc, v, err);
    json_decref(doc);
    return ok;
}

/* The last one that was looked at decides; the first that fits ends the search. */
static bool run_contains(const struct checking *in, struct finding *v, struct err *err)
{
    bool inverted = in->a->inverted, ok = true, fit = false, any = false;
    json_t *schema = schema_of(in), *doc = NULL;
    for (size_t at = 0; ok && !(fit && schema) && (doc = extract_object(in->output, &at));) {
        any = true;
        ok = !schema || fits(schema, doc, &fit, err);
        json_decref(doc);
    }
    bool has = schema ? fit : any;
    if (ok)
        finding_set(v, has != inverted, "%s",
                    !schema || !any ? "Expected output to contain valid JSON"
                    : inverted      ? "Output contains JSON conforming to the provided schema"
                                    : "JSON does not conform to the provided schema.");
    json_decref(schema);
    return ok;
}

const struct check check_is_json = {
    .name = "is-json",
    .help = "the output is JSON, and fits this JSON Schema if one is given",
    .need = VALUE_OPTIONAL,
    .prepare = prepare,
    .run = run_is,
};
const struct check check_contains_json = {
    .name = "contains-json",
    .help = "the output holds a JSON object, one that fits this JSON Schema if one is given",
    .need = VALUE_OPTIONAL,
    .prepare = prepare,
    .run = run_contains,
};
