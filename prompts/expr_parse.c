/*
 * Expressions by recursive descent, weakest first: or, and, not, comparison, filter,
 * primary.  There is no arithmetic.
 */
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "prompts/tree.h"

static const struct expr *parse_or(struct parser *p);
static const struct expr *parse_filtered(struct parser *p);

static struct expr *expr_new(struct parser *p, enum expr_kind kind, size_t at)
{
    struct expr *e = arena_alloc(p->a, sizeof *e);
    e->kind = kind;
    e->at = at;
    return e;
}

static const struct expr *binary(struct parser *p, enum operation op, const struct expr *left,
                                 const struct expr *right)
{
    if (!left || !right)
        return NULL;
    if (++p->operators > EXPR_OPERATORS) {
        parser_fail(p, left->at, "an expression has at most %d operators", EXPR_OPERATORS);
        return NULL;
    }
    struct expr *e = expr_new(p, EXPR_BINARY, left->at);
    e->op = op;
    e->left = left;
    e->right = right;
    return e;
}

static bool escape_of(char c, char *is)
{
    static const char from[] = "nrt\\'\"", to[] = "\n\r\t\\'\"";
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        *is = to[found - from];
    return found != NULL;
}

static const struct expr *parse_text(struct parser *p)
{
    const char *s = p->t->source.p;
    size_t start = p->at;
    char quote = s[p->at++], c;
    SCOPED(buf_done) struct buf text = BUF_INIT(p->t->source.n);
    for (; p->at < p->end && (c = s[p->at]) != quote; p->at++) {
        if (c == '\\' && p->at + 1 < p->end && !escape_of(s[++p->at], &c)) {
            parser_fail(p, p->at - 1,
                        "this '\\' begins no escape; write \\n, \\r, \\t, \\\\, \\' or \\\"");
            return NULL;
        }
        buf_add(&text, (struct str){&c, 1});
    }
    if (p->at >= p->end) {
        parser_fail(p, start, "this text does not end; close it with %c before the tag's end",
                    quote);
        return NULL;
    }
    p->at++;
    struct expr *e = expr_new(p, EXPR_LITERAL, start);
    struct str kept = {arena_strdup(p->a, buf_str(&text)), text.n};
    e->literal = (struct datum){.kind = DATUM_STRING, .author = true, .text = kept};
    return e;
}

static const struct expr *parse_number(struct parser *p)
{
    const char *s = p->t->source.p;
    size_t start = p->at;
    p->at += s[p->at] == '-';
    p->at += strspn(s + p->at, "0123456789");
    if (s[p->at] == '.' && s[p->at + 1] >= '0' && s[p->at + 1] <= '9')
        p->at += 1 + strspn(s + p->at + 1, "0123456789");
    struct str text = {s + start, p->at - start};
    const struct json_value v = {.kind = VALUE_NUMBER, .raw = text};
    struct expr *e = expr_new(p, EXPR_LITERAL, start);
    e->literal = (struct datum){.kind = DATUM_NUMBER, .author = true, .text = text};
    if (!json_double(&v, &e->literal.number)) {
        parser_fail(p, start, "this number is too large");
        return NULL;
    }
    return e;
}

static const struct expr *parse_constant(struct parser *p)
{
    static const struct {
        const char *word;
        enum datum_kind kind;
        bool truth;
    } constants[] = {{"true", DATUM_BOOL, true},  {"false", DATUM_BOOL, false},
                     {"none", DATUM_NULL, false}, {"null", DATUM_NULL, false},
                     {"True", DATUM_BOOL, true},  {"False", DATUM_BOOL, false},
                     {"None", DATUM_NULL, false}};
    size_t start = p->at;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (parser_take_word(p, constants[i].word)) {
            struct expr *e = expr_new(p, EXPR_LITERAL, start);
            e->literal = (struct datum){
                .kind = constants[i].kind, .author = true, .truth = constants[i].truth};
            return e;
        }
    return NULL;
}

enum { PATH_MAX_STEPS = 16 };

static bool parse_step(struct parser *p, struct step *step)
{
    *step = (struct step){0};
    if (parser_take(p, ".")) {
        step->name = parser_name(p);
        return step->name.n || parser_fail(p, p->at, "a name must follow the '.'");
    }
    size_t open = p->at++;
    step->index = parse_or(p);
    return step->index && (parser_take(p, "]") || parser_fail(p, open, "this '[' is not closed"));
}

static const struct expr *parse_variable(struct parser *p)
{
    struct step path[PATH_MAX_STEPS];
    parser_skip_space(p);
    struct expr *e = expr_new(p, EXPR_VAR, p->at);
    e->name = parser_name(p);
    if (!e->name.n) {
        parser_fail(p, p->at, "a variable, a text in quotes or a number is missing here");
        return NULL;
    }
    while (p->at < p->end && (p->t->source.p[p->at] == '.' || p->t->source.p[p->at] == '[')) {
        if (e->n_path == PATH_MAX_STEPS) {
            parser_fail(p, p->at, "a path has at most %d steps", PATH_MAX_STEPS);
            return NULL;
        }
        if (!parse_step(p, &path[e->n_path++]))
            return NULL;
    }
    struct step *kept = arena_alloc(p->a, (e->n_path + 1) * sizeof *kept);
    memcpy(kept, path, e->n_path * sizeof *kept);
    e->path = kept;
    return e;
}

static const struct expr *parse_primary(struct parser *p)
{
    parser_skip_space(p);
    size_t start = p->at;
    char c = p->at < p->end ? p->t->source.p[p->at] : '\0';
    char next = p->at + 1 < p->end ? p->t->source.p[p->at + 1] : '\0';
    if (c == '"' || c == '\'')
        return parse_text(p);
    if ((c >= '0' && c <= '9') || (c == '-' && next >= '0' && next <= '9'))
        return parse_number(p);
    if (!parser_take(p, "(")) {
        const struct expr *constant = parse_constant(p);
        return constant ? constant : parse_variable(p);
    }
    const struct expr *e = parse_or(p);
    if (e && !parser_take(p, ")")) {
        parser_fail(p, start, "this '(' is not closed");
        return NULL;
    }
    return e;
}

static bool parse_args(struct parser *p, struct expr *e)
{
    size_t open = p->at;
    if (!parser_take(p, "("))
        return true;
    while (!parser_take(p, ")")) {
        if (e->n_args == FILTER_ARGS || (e->n_args && !parser_take(p, ",")))
            return parser_fail(p, open, "this '(' is not closed, or has too many arguments in it");
        if (!(e->args[e->n_args] = parse_or(p)))
            return false;
        e->n_args++;
    }
    return true;
}

static bool find_filter(struct parser *p, struct expr *e)
{
    SCOPED(buf_done) struct buf names = BUF_INIT(1024);
    e->filter = filter_find(e->name);
    if (e->filter)
        return true;
    filter_names(&names);
    struct str near = conf_nearest(e->name, buf_str(&names));
    const char *quoted = conf_quote(p->c, e->name);
    if (near.n)
        return parser_fail(p, e->at, "there is no filter '%s'; did you mean '" STR_FMT "'?", quoted,
                           STR_ARG(near));
    return parser_fail(p, e->at, "there is no filter '%s'; it may be one of %s", quoted, names.p);
}

static const struct expr *parse_filter(struct parser *p, const struct expr *in)
{
    parser_skip_space(p);
    struct expr *e = expr_new(p, EXPR_FILTER, p->at);
    e->left = in;
    e->name = parser_name(p);
    if (!e->name.n) {
        parser_fail(p, p->at, "the name of a filter must follow the '|'");
        return NULL;
    }
    if (!find_filter(p, e) || !parse_args(p, e))
        return NULL;
    if (e->n_args >= e->filter->min_args && e->n_args <= e->filter->max_args)
        return e;
    parser_fail(p, e->at, "the filter '%s' takes %zu to %zu arguments, not %zu", e->filter->name,
                e->filter->min_args, e->filter->max_args, e->n_args);
    return NULL;
}

static const struct expr *parse_filtered(struct parser *p)
{
    const struct expr *e = parse_primary(p);
    for (unsigned n = 0; e && parser_take(p, "|"); n++) {
        if (n == TEMPLATE_DEPTH) {
            parser_fail(p, p->at, "too many filters in a row");
            return NULL;
        }
        e = parse_filter(p, e);
    }
    return e;
}

/* `x is defined`, `x is not defined` */
static const struct expr *parse_test(struct parser *p, const struct expr *left)
{
    struct expr *e = expr_new(p, EXPR_DEFINED, left->at);
    e->left = left;
    e->negated = parser_take_word(p, "not");
    if (parser_take_word(p, "defined"))
        return e;
    parser_fail(p, p->at, "only 'is defined' and 'is not defined' may stand here");
    return NULL;
}

static const struct expr *parse_comparison(struct parser *p)
{
    static const struct {
        const char *sign;
        enum operation op;
    } signs[] = {{"==", OPERATOR_eq}, {"!=", OPERATOR_ne}, {"<=", OPERATOR_le},
                 {">=", OPERATOR_ge}, {"<", OPERATOR_lt},  {">", OPERATOR_gt}};
    const struct expr *left = parse_filtered(p);
    if (!left)
        return NULL;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (parser_take(p, signs[i].sign))
            return binary(p, signs[i].op, left, parse_filtered(p));
    if (parser_take_word(p, "in"))
        return binary(p, OPERATOR_in, left, parse_filtered(p));
    if (parser_take_word(p, "is"))
        return parse_test(p, left);
    size_t before = p->at;
    if (parser_take_word(p, "not")) {
        if (parser_take_word(p, "in"))
            return binary(p, OPERATOR_not_in, left, parse_filtered(p));
        p->at = before;
    }
    return left;
}

static const struct expr *parse_not(struct parser *p)
{
    parser_skip_space(p);
    size_t at = p->at;
    unsigned n = 0;
    while (parser_take_word(p, "not"))
        n++;
    const struct expr *e = parse_comparison(p);
    for (unsigned i = n ? 2 - n % 2 : 0; e && i > 0; i--) { /* not not not is not */
        struct expr *not = expr_new(p, EXPR_NOT, at);
        not ->left = e;
        e = not ;
    }
    return e;
}

static const struct expr *parse_and(struct parser *p)
{
    const struct expr *e = parse_not(p);
    while (e && parser_take_word(p, "and"))
        e = binary(p, OPERATOR_and, e, parse_not(p));
    return e;
}

static const struct expr *parse_or(struct parser *p)
{
    if (p->depth == TEMPLATE_DEPTH) {
        parser_fail(p, p->at, "this is nested too deeply; at most %d levels", TEMPLATE_DEPTH);
        return NULL;
    }
    p->depth++;
    const struct expr *e = parse_and(p);
    while (e && parser_take_word(p, "or"))
        e = binary(p, OPERATOR_or, e, parse_and(p));
    p->depth--;
    return e;
}

const struct expr *expr_parse(struct parser *p)
{
    p->operators = 0;
    return parse_or(p);
}
