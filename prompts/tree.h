/* tree.h - a template as it was parsed, for what renders and checks it. */
#ifndef PROMPTS_TREE_H
#define PROMPTS_TREE_H

#include "prompts/template.h"

enum expr_kind { EXPR_VAR, EXPR_LITERAL, EXPR_NOT, EXPR_BINARY, EXPR_FILTER, EXPR_DEFINED };

enum operation {
    OPERATOR_or,
    OPERATOR_and,
    OPERATOR_eq,
    OPERATOR_ne,
    OPERATOR_le,
    OPERATOR_ge,
    OPERATOR_lt,
    OPERATOR_gt,
    OPERATOR_in,
    OPERATOR_not_in,
};

struct expr;

struct step { /* of a path: .name or [index] */
    struct str name;
    const struct expr *index; /* NULL: by name */
};

enum { FILTER_ARGS = 2, EXPR_OPERATORS = 256 };

struct expr {
    enum expr_kind kind;
    size_t at;               /* offset in the template */
    struct str name;         /* of a variable its root */
    const struct step *path; /* of a variable */
    size_t n_path;
    struct datum literal;
    enum operation op;
    const struct expr *left, *right; /* an operand, or what a filter gets, is `left` */
    const struct filter *filter;
    const struct expr *args[FILTER_ARGS];
    size_t n_args;
    bool negated; /* `is not defined` */
};

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_IF, NODE_FOR, NODE_ROLE, NODE_THREAD };

struct branch { /* of an if; one whose test is NULL is the else */
    struct branch *next;
    const struct expr *test;
    struct node *body;
};

struct node {
    struct node *next;
    enum node_kind kind;
    size_t at;
    bool verbatim;           /* of a text: out of '{% raw %}', so no role stands in it */
    struct str text, raw;    /* of a text; of a role its word; of a for its variable */
    const struct expr *expr; /* of a value; of a for what it goes through */
    struct branch *branches;
    struct node *body; /* of a for */
};

struct template
{
    struct str source;
    struct conf_place at; /* of its first byte */
    struct node *nodes;
};

struct conf_place template_place(const struct template *t, size_t offset);

/* As it may stand between quotes in JSON. */
struct str text_escape(struct arena *a, struct str text);

/* ---- parsing */

struct parser {
    struct conf *c;
    struct arena *a;
    struct template *t;
    size_t at, end;     /* within the tag that is read: end is where its '}}' or '%}' stands */
    unsigned depth;     /* of brackets, then of blocks */
    unsigned operators; /* of the expression that is read */
    bool failed;
};

/* Says what is wrong at an offset, once; false. */
bool parser_fail(struct parser *p, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void parser_skip_space(struct parser *p);
struct str parser_name(struct parser *p); /* "" if none stands here */
bool parser_take(struct parser *p, const char *sign);
bool parser_take_word(struct parser *p, const char *word);

/* The expression at p->at, up to where no more of it stands; NULL: failed. */
const struct expr *expr_parse(struct parser *p);

/* ---- computing */

struct scope { /* a loop that is running */
    const struct scope *outer;
    struct str name;
    const struct datum *item;
    size_t index, n;
};

struct run {
    const struct binding *bindings;
    size_t n_bindings;
    const struct scope *scope;
    size_t steps, bytes, max_bytes;
    struct segments *out;
    struct arena *a;
    struct err *err;
};

/* Counts work; false once it is too much. */
bool run_charge(struct run *r, size_t bytes);

bool expr_eval(struct run *r, const struct expr *e, struct datum *out);

/* The variable that an expression begins with; "" if it has none. */
struct str expr_source(const struct expr *e);

/* ---- filters: rows of filter_list.h */

struct filter {
    const char *name;
    size_t min_args, max_args;
    bool guards; /* has a meaning for a variable without a value */
    bool (*run)(struct run *r, const struct datum *in, const struct datum *args, size_t n_args,
                struct datum *out);
};
const struct filter *filter_find(struct str name); /* NULL: there is none */
void filter_names(struct buf *out);                /* "a|b|c" */

#endif
