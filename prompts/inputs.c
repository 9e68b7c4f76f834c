/* The variables of a prompt: what they may be, and what a caller sent for them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "prompts/prompt_priv.h"

enum { INPUTS_MAX = 64, SHOWN_BYTES = 64 };

static bool is_variable(struct str s)
{
    bool ok = s.n > 0 && (s.p[0] < '0' || s.p[0] > '9');
    for (size_t i = 0; ok && i < s.n; i++)
        ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
             (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_';
    return ok;
}

static bool is_scalar(const struct conf_node *n, const char *text)
{
    return n->kind == CONF_SCALAR && str_eq(n->text, str_of(text));
}

static void read_flag(struct conf *c, const struct conf_entry *e, bool *flag)
{
    if (e->value->kind != CONF_SCALAR || !conf_parse_bool(e->value->text, flag))
        conf_problem(c, e->value->at, "'%s' must be true or false", e->name.p);
}

static void read_trust(struct conf *c, const struct conf_node *v, struct input *in)
{
    in->untrusted = is_scalar(v, "untrusted");
    if (!in->untrusted && !is_scalar(v, "trusted"))
        conf_problem(c, v->at, "'trust' is one of trusted|untrusted");
}

static void read_word(struct conf *c, const struct conf_entry *e, struct input *in)
{
    if (str_eq(e->name, STR("type")) && is_scalar(e->value, "thread"))
        in->is_thread = true;
    else if (str_eq(e->name, STR("default")))
        in->initial = conf_datum(c, e->value);
    else if (str_eq(e->name, STR("trust")))
        read_trust(c, e->value, in);
    else if (str_eq(e->name, STR("strict")))
        read_flag(c, e, &in->strict);
    else if (str_eq(e->name, STR("required")) && e->value->kind == CONF_SCALAR)
        read_flag(c, e, &in->required);
    else if (!schema_read(c, &in->schema, e))
        conf_problem(c, e->at, "'%s' is no word of an input's schema", conf_quote(c, e->name));
}

/* A type alone may stand for a schema. */
static void read_short(struct conf *c, const struct conf_node *v, struct input *in)
{
    const struct conf_entry type = {
        .name = STR("type"), .at = v->at, .value = (struct conf_node *)v};
    if (v->kind == CONF_SCALAR)
        read_word(c, &type, in);
    else
        conf_problem(c, v->at, "an input is a map, such as {type: string, maxLength: 100}");
}

static void read_input(struct conf *c, const struct conf_entry *e, struct input *in)
{
    struct err err = {0};
    *in = (struct input){.name = e->name, .at = e->at, .required = true};
    schema_init(&in->schema);
    if (!is_variable(e->name) || str_eq(e->name, STR("loop")))
        conf_problem(c, e->at,
                     "an input's name consists of letters, digits and '_', and is not 'loop'");
    for (size_t i = 0; e->value->kind == CONF_MAP && i < e->value->n; i++)
        read_word(c, &e->value->entries[i], in);
    if (e->value->kind != CONF_MAP)
        read_short(c, e->value, in);
    if (in->initial.kind != DATUM_UNDEFINED) {
        in->required = false;
        if (!schema_check(&in->schema, &in->initial, &(struct schema_place){.name = e->name}, &err))
            conf_problem(c, e->value->at, "the default does not fit its schema: %s", err.say);
    }
    if (in->is_thread)
        in->required = false;
}

void inputs_read(struct prompt *p, const struct conf_node *n)
{
    if (!n)
        return;
    if (n->kind != CONF_MAP || n->n > INPUTS_MAX) {
        conf_problem(p->conf, n->at, "'inputs' is a map of at most %d names and schemas",
                     INPUTS_MAX);
        return;
    }
    struct input *inputs = arena_alloc(conf_arena(p->conf), n->n * sizeof *inputs);
    p->inputs = inputs;
    for (size_t i = 0; i < n->n; i++) {
        read_input(p->conf, &n->entries[i], &inputs[i]);
        p->n_inputs++;
        if (inputs[i].is_thread && p->thread)
            conf_problem(p->conf, n->entries[i].at,
                         "only one input may be a thread; '" STR_FMT "' is one already",
                         STR_ARG(p->thread->name));
        if (inputs[i].is_thread)
            p->thread = &inputs[i];
    }
}

const struct input *prompt_input(const struct prompt *p, struct str name)
{
    for (size_t i = 0; i < p->n_inputs; i++)
        if (str_eq(p->inputs[i].name, name))
            return &p->inputs[i];
    return NULL;
}

/* ---- what a caller sent */

bool text_has_role(struct str text)
{
    static const char *const roles[] = {"system",    "user", "assistant",
                                        "developer", "tool", "function"};
    struct str rest = text, line;
    while (rest.n && str_next(&rest, '\n', &line)) {
        while (line.n && strchr(" \t\r\v\f", line.p[0]))
            line = (struct str){line.p + 1, line.n - 1};
        for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
            size_t n = strlen(roles[i]);
            if (line.n <= n || strncasecmp(line.p, roles[i], n) != 0)
                continue;
            while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
                n++;
            if (n < line.n && line.p[n] == ':')
                return true;
        }
    }
    return false;
}

/* In any string of it. */
static bool has_role(const struct datum *d)
{
    bool found = d->kind == DATUM_STRING && text_has_role(d->text);
    for (size_t i = 0; i < d->n && !found; i++)
        found = has_role(&d->items[i]);
    return found;
}

/* OpenAI's prompt object wraps texts: {"type": "input_text", "text": "..."}. */
static void unwrap(const struct input *in, struct datum *d)
{
    const struct datum *type = datum_member(d, STR("type")), *text = datum_member(d, STR("text"));
    if (in->schema.type == SCHEMA_STRING && type && text && type->kind == DATUM_STRING &&
        str_eq(type->text, STR("input_text")))
        *d = *text;
}

/* An error about a variable: its name stands between the two texts. */
static bool refuse(struct err *err, enum err_code code, struct str name, const char *before,
                   const char *after)
{
    char shown[SHOWN_BYTES + 1];
    snprintf(shown, sizeof shown, STR_FMT, STR_ARG(name));
    return err_say(err, code, shown, "%s '%s'%s", before, shown, after);
}

static bool bind_one(const struct prompt *p, struct binding *b, struct str name, struct datum value,
                     struct err *err)
{
    const struct input *in = prompt_input(p, name);
    if (!in)
        return refuse(err, ERR_prompt_input, name, "the prompt has no variable", "");
    struct binding *to = &b[in - p->inputs];
    if (to->value.kind != DATUM_UNDEFINED)
        return refuse(err, ERR_duplicate_member, name, "the variable", " is given twice");
    if (in->is_thread)
        return refuse(err, ERR_prompt_input, name, "the variable",
                      " is the thread: send its messages as the request's own");
    unwrap(in, &value);
    if (!schema_check(&in->schema, &value, &(struct schema_place){.name = name}, err))
        return false;
    if (in->strict && has_role(&value))
        return refuse(err, ERR_prompt_input, name, "the variable",
                      " may hold no line that looks like the beginning of a message");
    to->value = value;
    return true;
}

static struct str name_of(const struct json_value *name, struct arena *a)
{
    struct str raw = {name->raw.p + 1, name->raw.n - 2};
    if (!memchr(raw.p, '\\', raw.n))
        return raw;
    SCOPED(buf_done) struct buf text = BUF_INIT(raw.n);
    json_text(name, &text);
    return (struct str){arena_strdup(a, buf_str(&text)), text.n};
}

static bool bind_all(const struct prompt *p, struct binding *b, struct str variables,
                     struct arena *a, struct err *err)
{
    struct json_value name, value;
    if (variables.p[0] != '{')
        return err_say(err, ERR_prompt_input, "prompt_variables",
                       "the prompt's variables must be an object");
    for (size_t at = 0; json_next_member(variables, &at, &name, &value);) {
        struct str text = name_of(&name, a);
        if (!bind_one(p, b, text, datum_parse(value.raw, false, prompt_input(p, text), a), err))
            return false;
    }
    return true;
}

bool prompt_bind(const struct prompt *p, struct str variables, struct binding **out,
                 struct arena *a, struct err *err)
{
    struct binding *b = *out = arena_alloc(a, (p->n_inputs + 1) * sizeof *b);
    for (size_t i = 0; i < p->n_inputs; i++)
        b[i].name = p->inputs[i].name;
    if (variables.n && !bind_all(p, b, variables, a, err))
        return false;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const struct input *in = &p->inputs[i];
        if (b[i].value.kind != DATUM_UNDEFINED)
            continue;
        if (in->required)
            return err_say(err, ERR_prompt_input, in->name.p,
                           "the prompt's variable '%.*s' is missing", SHOWN_BYTES, in->name.p);
        b[i].value = in->initial;
    }
    return true;
}
