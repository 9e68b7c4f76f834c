/* Computes expressions.  What has no value is undefined, and so is every part of it. */
#include <string.h>

#include "prompts/tree.h"

enum { STEP_BYTES = 64 };

bool run_charge(struct run *r, size_t bytes)
{
    r->steps += 1 + bytes / STEP_BYTES;
    if (r->steps <= TEMPLATE_STEPS)
        return true;
    return err_say(r->err, ERR_too_large, NULL, "rendering the prompt takes more than %d steps",
                   TEMPLATE_STEPS);
}

static struct datum loop_part(struct run *r, struct str name)
{
    const struct scope *s = r->scope;
    if (str_eq(name, STR("index")))
        return datum_int((int64_t)s->index + 1, r->a);
    if (str_eq(name, STR("index0")))
        return datum_int((int64_t)s->index, r->a);
    if (str_eq(name, STR("length")))
        return datum_int((int64_t)s->n, r->a);
    if (str_eq(name, STR("first")))
        return (struct datum){.kind = DATUM_BOOL, .author = true, .truth = s->index == 0};
    if (str_eq(name, STR("last")))
        return (struct datum){.kind = DATUM_BOOL, .author = true, .truth = s->index + 1 == s->n};
    return (struct datum){0};
}

static bool eval_index(struct run *r, const struct expr *by, const struct datum *of,
                       struct datum *out)
{
    struct datum index;
    *out = (struct datum){0};
    if (!expr_eval(r, by, &index) || !run_charge(r, STEP_BYTES * (of->n / 8)))
        return false;
    const struct datum *found = index.kind == DATUM_STRING ? datum_member(of, index.text) : NULL;
    int64_t i;
    if (of->kind == DATUM_LIST && index.kind == DATUM_NUMBER && str_int(index.text, &i)) {
        i += i < 0 ? (int64_t)of->n : 0;
        found = i >= 0 && (uint64_t)i < of->n ? &of->items[i] : NULL;
    }
    if (found)
        *out = *found;
    return true;
}

static struct datum look_up(const struct run *r, struct str name)
{
    for (const struct scope *s = r->scope; s; s = s->outer)
        if (str_eq(s->name, name))
            return *s->item;
    for (size_t i = 0; i < r->n_bindings; i++)
        if (str_eq(r->bindings[i].name, name))
            return r->bindings[i].value;
    return (struct datum){0};
}

static bool eval_variable(struct run *r, const struct expr *e, struct datum *out)
{
    size_t first = 0;
    if (r->scope && str_eq(e->name, STR("loop")) && e->n_path > 0 && !e->path[0].index) {
        *out = loop_part(r, e->path[0].name);
        first = 1;
    } else {
        *out = look_up(r, e->name);
    }
    for (size_t i = first; i < e->n_path; i++) {
        struct datum of = *out;
        if (e->path[i].index) {
            if (!eval_index(r, e->path[i].index, &of, out))
                return false;
            continue;
        }
        const struct datum *found = datum_member(&of, e->path[i].name);
        *out = found ? *found : (struct datum){0};
        if (!run_charge(r, STEP_BYTES * (of.n / 8)))
            return false;
    }
    return true;
}

static bool is_in(struct run *r, const struct datum *what, const struct datum *where, bool *found)
{
    *found = false;
    if (!run_charge(r, where->text.n + where->raw.n + STEP_BYTES * where->n))
        return false;
    if (where->kind == DATUM_STRING && what->kind == DATUM_STRING)
        *found =
            what->text.n == 0 || memmem(where->text.p, where->text.n, what->text.p, what->text.n);
    else if (where->kind == DATUM_MAP && what->kind == DATUM_STRING)
        *found = datum_member(where, what->text) != NULL;
    for (size_t i = 0; where->kind == DATUM_LIST && i < where->n && !*found; i++)
        *found = datum_equal(what, &where->items[i]);
    return true;
}

/* Below, within and above 0; what cannot be ordered is neither less nor greater. */
static bool compare(const struct datum *a, const struct datum *b, int *order)
{
    if (a->kind == DATUM_NUMBER && b->kind == DATUM_NUMBER) {
        *order = (a->number > b->number) - (a->number < b->number);
        return true;
    }
    if (a->kind != DATUM_STRING || b->kind != DATUM_STRING)
        return false;
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    *order = n ? memcmp(a->text.p, b->text.p, n) : 0;
    if (*order == 0)
        *order = (a->text.n > b->text.n) - (a->text.n < b->text.n);
    return true;
}

static bool is_ordered(enum operation op, const struct datum *a, const struct datum *b)
{
    int order;
    if (!compare(a, b, &order))
        return false;
    return op == OPERATOR_lt   ? order < 0
           : op == OPERATOR_gt ? order > 0
           : op == OPERATOR_le ? order <= 0
                               : order >= 0;
}

static bool eval_binary(struct run *r, const struct expr *e, struct datum *out)
{
    struct datum left, right;
    bool truth, is_or = e->op == OPERATOR_or;
    if (!expr_eval(r, e->left, &left))
        return false;
    if (is_or || e->op == OPERATOR_and) { /* the operand that decides, as in Jinja */
        *out = left;
        return datum_truth(&left) == is_or || expr_eval(r, e->right, out);
    }
    if (!expr_eval(r, e->right, &right) ||
        !run_charge(r, left.text.n < right.text.n ? left.text.n : right.text.n))
        return false;
    if (e->op == OPERATOR_eq || e->op == OPERATOR_ne)
        truth = datum_equal(&left, &right) == (e->op == OPERATOR_eq);
    else if (e->op != OPERATOR_in && e->op != OPERATOR_not_in)
        truth = is_ordered(e->op, &left, &right);
    else if (is_in(r, &left, &right, &truth))
        truth = truth == (e->op == OPERATOR_in);
    else
        return false;
    *out = (struct datum){.kind = DATUM_BOOL, .author = true, .truth = truth};
    return true;
}

static bool eval_filter(struct run *r, const struct expr *e, struct datum *out)
{
    struct datum in, args[FILTER_ARGS];
    if (!expr_eval(r, e->left, &in))
        return false;
    for (size_t i = 0; i < e->n_args; i++)
        if (!expr_eval(r, e->args[i], &args[i]))
            return false;
    if (!e->filter->run(r, &in, args, e->n_args, out))
        return false;
    if (!out->from && !out->author)
        out->from = in.from;
    return true;
}

bool expr_eval(struct run *r, const struct expr *e, struct datum *out)
{
    if (!run_charge(r, 0))
        return false;
    switch (e->kind) {
    case EXPR_VAR:
        return eval_variable(r, e, out);
    case EXPR_LITERAL:
        *out = e->literal;
        return true;
    case EXPR_NOT:
    case EXPR_DEFINED: {
        struct datum d;
        if (!expr_eval(r, e->left, &d))
            return false;
        bool truth =
            e->kind == EXPR_NOT ? !datum_truth(&d) : (d.kind != DATUM_UNDEFINED) != e->negated;
        *out = (struct datum){.kind = DATUM_BOOL, .author = true, .truth = truth};
        return true;
    }
    case EXPR_BINARY:
        return eval_binary(r, e, out);
    case EXPR_FILTER:
        return eval_filter(r, e, out);
    }
    return false;
}

struct str expr_source(const struct expr *e)
{
    while (e && e->kind != EXPR_VAR)
        e = e->left;
    return e ? e->name : (struct str){"", 0};
}
