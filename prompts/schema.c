#include "prompts/schema.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"

#define TYPES "string|number|integer|boolean|array|object"
enum { SHOWN_BYTES = 64, NAME_BYTES = 160 };

static const char *const type_names[] = {"anything", "string", "number", "integer",
                                         "boolean",  "array",  "object"};

/* JSON's spelling of a number; YAML's others are texts here. */
static bool is_number(struct str s)
{
    static const char digits[] = "0123456789";
    const char *p = s.p + (s.n && *s.p == '-'); /* a node's text is terminated */
    size_t n = strspn(p, digits);
    if (n == 0 || (n > 1 && *p == '0'))
        return false;
    p += n;
    if (*p == '.') {
        n = strspn(p + 1, digits);
        p += 1 + n;
        if (n == 0)
            return false;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        n = strspn(p, digits);
        p += n;
        if (n == 0)
            return false;
    }
    return p == s.p + s.n;
}

static bool is_word(struct str s, const char *words)
{
    struct str rest = str_of(words), word;
    while (str_next(&rest, '|', &word))
        if (str_eq(word, s))
            return true;
    return false;
}

static void scalar_json(const struct conf_node *n, struct buf *out)
{
    if (n->plain && (n->text.n == 0 || is_word(n->text, "~|null|Null|NULL")))
        buf_add(out, STR("null"));
    else if (n->plain && is_word(n->text, "true|True|TRUE"))
        buf_add(out, STR("true"));
    else if (n->plain && is_word(n->text, "false|False|FALSE"))
        buf_add(out, STR("false"));
    else if (n->plain && is_number(n->text))
        buf_add(out, n->text);
    else
        json_quote(out, n->text);
}

void conf_json(const struct conf_node *n, struct buf *out)
{
    if (n->kind == CONF_SCALAR) {
        scalar_json(n, out);
        return;
    }
    buf_add(out, n->kind == CONF_MAP ? STR("{") : STR("["));
    for (size_t i = 0; i < n->n; i++) {
        if (i)
            buf_add(out, STR(","));
        if (n->kind == CONF_MAP) {
            json_quote(out, n->entries[i].name);
            buf_add(out, STR(":"));
        }
        conf_json(n->entries[i].value, out);
    }
    buf_add(out, n->kind == CONF_MAP ? STR("}") : STR("]"));
}

struct datum conf_datum(struct conf *c, const struct conf_node *n)
{
    SCOPED(buf_done) struct buf json = BUF_INIT(16 * CONF_TEXT_BYTES);
    conf_json(n, &json);
    struct str kept = {arena_strdup(conf_arena(c), buf_str(&json)), json.n};
    return datum_parse(kept, true, NULL, conf_arena(c));
}

void schema_init(struct schema *s)
{
    *s = (struct schema){.max = -1, .minimum = -HUGE_VAL, .maximum = HUGE_VAL};
}

static void read_type(struct conf *c, struct schema *s, const struct conf_node *v)
{
    for (unsigned t = SCHEMA_STRING; v->kind == CONF_SCALAR && t <= SCHEMA_OBJECT; t++)
        if (str_eq(v->text, str_of(type_names[t]))) {
            s->type = t;
            return;
        }
    struct str near = v->kind == CONF_SCALAR ? conf_nearest(v->text, STR(TYPES)) : STR("");
    if (near.n)
        conf_problem(c, v->at, "'type' is one of " TYPES ", not '%s'; did you mean '" STR_FMT "'?",
                     conf_quote(c, v->text), STR_ARG(near));
    else
        conf_problem(c, v->at, "'type' is one of " TYPES);
}

static void read_size(struct conf *c, const struct conf_entry *e, int64_t *n)
{
    if (e->value->kind != CONF_SCALAR || !conf_parse_count(e->value->text, n))
        conf_problem(c, e->value->at, "'%s' must be a whole number, 0 or more", e->name.p);
}

static void read_bound(struct conf *c, const struct conf_entry *e, double *d)
{
    const struct json_value v = {.kind = VALUE_NUMBER, .raw = e->value->text};
    if (e->value->kind != CONF_SCALAR || !is_number(e->value->text) || !json_double(&v, d))
        conf_problem(c, e->value->at, "'%s' must be a number", e->name.p);
}

static void read_choices(struct conf *c, struct schema *s, const struct conf_node *v)
{
    if (v->kind != CONF_LIST || v->n == 0) {
        conf_problem(c, v->at, "'enum' must be a list of the values that are allowed");
        return;
    }
    struct datum *d = arena_alloc(conf_arena(c), sizeof *d);
    *d = conf_datum(c, v);
    s->choices = d;
}

/* A type alone may stand for a schema. */
static void read_schema(struct conf *c, struct schema *s, const struct conf_node *v)
{
    schema_init(s);
    if (v->kind == CONF_SCALAR) {
        read_type(c, s, v);
        return;
    }
    if (v->kind != CONF_MAP)
        conf_problem(c, v->at, "a schema is a map, such as {type: string, maxLength: 100}");
    for (size_t i = 0; v->kind == CONF_MAP && i < v->n; i++)
        if (!schema_read(c, s, &v->entries[i]))
            conf_problem(c, v->entries[i].at, "'%s' is no word of a schema that is understood here",
                         conf_quote(c, v->entries[i].name));
}

static struct schema_member *member_of(struct conf *c, struct schema *s, struct str name)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (str_eq(s->members[i].name, name))
            return &s->members[i];
    struct schema_member *more = arena_alloc(conf_arena(c), (s->n_members + 1) * sizeof *more);
    if (s->n_members)
        memcpy(more, s->members, s->n_members * sizeof *more);
    s->members = more;
    schema_init(&more[s->n_members].schema);
    more[s->n_members].name = name;
    return &more[s->n_members++];
}

static void read_properties(struct conf *c, struct schema *s, const struct conf_node *v)
{
    if (v->kind != CONF_MAP)
        conf_problem(c, v->at, "'properties' must be a map of names and schemas");
    for (size_t i = 0; v->kind == CONF_MAP && i < v->n; i++)
        read_schema(c, &member_of(c, s, v->entries[i].name)->schema, v->entries[i].value);
}

static void read_required(struct conf *c, struct schema *s, const struct conf_node *v)
{
    if (v->kind != CONF_LIST)
        conf_problem(c, v->at, "'required' must be a list of names");
    for (size_t i = 0; v->kind == CONF_LIST && i < v->n; i++)
        if (v->entries[i].value->kind == CONF_SCALAR)
            member_of(c, s, v->entries[i].value->text)->required = true;
}

static void read_closed(struct conf *c, struct schema *s, const struct conf_node *v)
{
    bool open = true;
    if (v->kind != CONF_SCALAR || !conf_parse_bool(v->text, &open))
        conf_problem(c, v->at, "'additionalProperties' must be true or false");
    s->closed = !open;
}

static void read_items(struct conf *c, struct schema *s, const struct conf_node *v)
{
    struct schema *items = arena_alloc(conf_arena(c), sizeof *items);
    read_schema(c, items, v);
    s->items = items;
}

bool schema_read(struct conf *c, struct schema *s, const struct conf_entry *e)
{
    const struct conf_node *v = e->value;
    if (str_eq(e->name, STR("type")))
        read_type(c, s, v);
    else if (str_eq(e->name, STR("enum")))
        read_choices(c, s, v);
    else if (str_eq(e->name, STR("minLength")) || str_eq(e->name, STR("minItems")))
        read_size(c, e, &s->min);
    else if (str_eq(e->name, STR("maxLength")) || str_eq(e->name, STR("maxItems")))
        read_size(c, e, &s->max);
    else if (str_eq(e->name, STR("minimum")))
        read_bound(c, e, &s->minimum);
    else if (str_eq(e->name, STR("maximum")))
        read_bound(c, e, &s->maximum);
    else if (str_eq(e->name, STR("items")))
        read_items(c, s, v);
    else if (str_eq(e->name, STR("properties")))
        read_properties(c, s, v);
    else if (str_eq(e->name, STR("required")))
        read_required(c, s, v);
    else if (str_eq(e->name, STR("additionalProperties")))
        read_closed(c, s, v);
    else
        return str_eq(e->name, STR("title")) || str_eq(e->name, STR("description"));
    return true;
}

/* ---- checking */

static bool is_type(const struct schema *s, const struct datum *d)
{
    static const enum datum_kind kinds[] = {
        [SCHEMA_STRING] = DATUM_STRING,  [SCHEMA_NUMBER] = DATUM_NUMBER,
        [SCHEMA_INTEGER] = DATUM_NUMBER, [SCHEMA_BOOLEAN] = DATUM_BOOL,
        [SCHEMA_ARRAY] = DATUM_LIST,     [SCHEMA_OBJECT] = DATUM_MAP};
    if (s->type == SCHEMA_ANY)
        return true;
    return d->kind == kinds[s->type] &&
           (s->type != SCHEMA_INTEGER || floor(d->number) == d->number);
}

static bool is_chosen(const struct schema *s, const struct datum *d)
{
    for (size_t i = 0; s->choices && i < s->choices->n; i++)
        if (datum_equal(&s->choices->items[i], d))
            return true;
    return !s->choices;
}

static void write_place(const struct schema_place *at, struct buf *out)
{
    if (at->outer)
        write_place(at->outer, out);
    if (at->outer && at->name.n)
        buf_add(out, STR("."));
    if (at->name.n)
        buf_add(out, at->name);
    else
        buf_addf(out, "[%zu]", at->index);
}

static bool fail(struct err *err, const struct schema_place *at, const char *what)
{
    SCOPED(buf_done) struct buf name = BUF_INIT(NAME_BYTES);
    write_place(at, &name);
    return err_say(err, ERR_prompt_input, name.p, "the variable '%.*s' %s", SHOWN_BYTES, name.p,
                   what);
}

static bool check_size(const struct schema *s, int64_t n, const char *of,
                       const struct schema_place *at, struct err *err)
{
    char what[96];
    if (n >= s->min && (s->max < 0 || n <= s->max))
        return true;
    if (n < s->min)
        snprintf(what, sizeof what, "is too short: at least %" PRId64 " %s", s->min, of);
    else
        snprintf(what, sizeof what, "is too long: at most %" PRId64 " %s", s->max, of);
    return fail(err, at, what);
}

static bool check_items(const struct schema *s, const struct datum *d,
                        const struct schema_place *at, struct err *err)
{
    for (size_t i = 0; s->items && i < d->n; i++) {
        const struct schema_place inner = {at, {"", 0}, i};
        if (!schema_check(s->items, &d->items[i], &inner, err))
            return false;
    }
    return check_size(s, (int64_t)d->n, "items", at, err);
}

static bool check_members(const struct schema *s, const struct datum *d,
                          const struct schema_place *at, struct err *err)
{
    size_t known = 0;
    for (size_t i = 0; i < s->n_members; i++) {
        const struct schema_member *m = &s->members[i];
        const struct datum *v = datum_member(d, m->name);
        const struct schema_place inner = {at, m->name, 0};
        known += v != NULL;
        if (!v && m->required)
            return fail(err, &inner, "is missing");
        if (v && !schema_check(&m->schema, v, &inner, err))
            return false;
    }
    return !s->closed || known == d->n ||
           fail(err, at, "has members that its schema does not know");
}

static bool fail_type(const struct schema *s, const struct schema_place *at, struct err *err)
{
    char what[64];
    snprintf(what, sizeof what, "must be of type %s", type_names[s->type]);
    return fail(err, at, what);
}

bool schema_check(const struct schema *s, const struct datum *d, const struct schema_place *at,
                  struct err *err)
{
    if (!is_type(s, d))
        return fail_type(s, at, err);
    if (!is_chosen(s, d))
        return fail(err, at, "is none of the values that are allowed");
    if (d->kind == DATUM_STRING)
        return (!s->min && (s->max < 0 || d->text.n <= (uint64_t)s->max)) ||
               check_size(s, (int64_t)utf8_count(d->text), "characters", at, err);
    if (d->kind == DATUM_NUMBER && (d->number < s->minimum || d->number > s->maximum))
        return fail(err, at, "is out of range");
    if (d->kind == DATUM_LIST)
        return check_items(s, d, at, err);
    return d->kind != DATUM_MAP || check_members(s, d, at, err);
}
