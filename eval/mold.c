/*
 * The templates stand in a list, in the order in which a walk of the value meets the
 * strings; strings without a brace need none.
 */
#include "eval/mold.h"

#include <string.h>

#include "gateway/base/scope.h"
#include "prompts/template.h"

struct mold {
    const json_t *value;
    const struct template **templates; /* NULL for a string that is none */
    size_t n, cap;
};

struct reading {
    struct mold *m;
    struct conf *c;
    struct conf_place at;
    bool ok;
};

static bool has_template(const char *s)
{
    return strstr(s, "{{") || strstr(s, "{%") || strstr(s, "{#");
}

static void add_template(struct reading *r, const json_t *s)
{
    struct mold *m = r->m;
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 4;
        const struct template **v = arena_alloc(conf_arena(r->c), m->cap * sizeof *v);
        if (m->n)
            memcpy(v, m->templates, m->n * sizeof *v);
        m->templates = v;
    }
    const struct template *t = NULL;
    if (has_template(json_string_value(s))) {
        t = template_parse(r->c, (struct str){json_string_value(s), json_string_length(s)}, r->at);
        r->ok &= t != NULL;
    }
    m->templates[m->n++] = t;
}

static void read_value(struct reading *r, const json_t *v)
{
    const char *name;
    json_t *inner;
    size_t i;
    if (json_is_string(v)) {
        add_template(r, v);
    } else if (json_is_array(v)) {
        json_array_foreach((json_t *)v, i, inner) read_value(r, inner);
    } else if (json_is_object(v)) {
        json_object_foreach((json_t *)v, name, inner) read_value(r, inner);
    }
}

struct mold *mold_new(struct conf *c, const json_t *value, struct conf_place at)
{
    struct mold *m = arena_alloc(conf_arena(c), sizeof *m);
    struct reading r = {m, c, at, true};
    m->value = value;
    read_value(&r, value);
    return r.ok ? m : NULL;
}

struct filling {
    const struct mold *m;
    size_t at; /* of the next string */
    struct arena *a;
    const struct binding *bindings;
    size_t n_bindings;
    struct err *err;
};

static json_t *fill_string(struct filling *f, const json_t *v)
{
    const struct template *t = f->m->templates[f->at++];
    struct segments out = {0};
    if (!t)
        return json_incref((json_t *)v);
    if (!template_render(t, f->bindings, f->n_bindings, MOLD_MAX_BYTES, &out, f->a, f->err))
        return NULL;
    SCOPED(buf_done) struct buf text = BUF_INIT(MOLD_MAX_BYTES);
    for (size_t i = 0; i < out.n; i++)
        buf_add(&text, out.v[i].text);
    json_t *made = json_stringn(text.p, text.n);
    if (!made)
        err_say(f->err, ERR_bad_request, NULL, "a rendered text is not UTF-8");
    return made;
}

static json_t *fill(struct filling *f, const json_t *v);

static json_t *fill_array(struct filling *f, const json_t *v)
{
    json_t *made = json_array();
    for (size_t i = 0; i < json_array_size(v); i++) {
        json_t *item = fill(f, json_array_get(v, i));
        if (!item) {
            json_decref(made);
            return NULL;
        }
        json_array_append_new(made, item);
    }
    return made;
}

static json_t *fill_object(struct filling *f, const json_t *v)
{
    json_t *made = json_object(), *inner;
    const char *name;
    json_object_foreach((json_t *)v, name, inner)
    {
        json_t *item = fill(f, inner);
        if (!item) {
            json_decref(made);
            return NULL;
        }
        json_object_set_new(made, name, item);
    }
    return made;
}

static json_t *fill(struct filling *f, const json_t *v)
{
    if (json_is_string(v))
        return fill_string(f, v);
    if (json_is_array(v))
        return fill_array(f, v);
    if (json_is_object(v))
        return fill_object(f, v);
    return json_incref((json_t *)v);
}

json_t *mold_fill(const struct mold *m, struct str vars, struct err *err)
{
    struct arena a;
    arena_init(&a);
    struct datum d = datum_parse(vars, false, NULL, &a);
    struct binding *bindings = arena_alloc(&a, (d.n + 1) * sizeof *bindings);
    for (size_t i = 0; i < d.n; i++)
        bindings[i] = (struct binding){d.names[i], d.items[i]};
    struct filling f = {.m = m, .a = &a, .bindings = bindings, .n_bindings = d.n, .err = err};
    json_t *made = fill(&f, m->value);
    arena_done(&a);
    return made;
}
