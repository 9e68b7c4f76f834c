/*
 * suite_priv.h - how the parts of a suite are read.
 *
 * A `src` is a value together with where it stands: in YAML each value knows its own
 * place, in a line of JSONL or CSV all have that of the line.
 */
#ifndef EVAL_SUITE_PRIV_H
#define EVAL_SUITE_PRIV_H

#include "eval/suite.h"

struct suite_memory {
    struct suite suite;
    struct suite_ask ask;
    struct conf **confs; /* one a file; they own all memory */
    size_t n_confs;
    struct buf hashes;
    /* while it is read */
    const json_t *templates; /* assertionTemplates */
    const json_t *default_vars, *default_metadata;
    const char *judges[2]; /* of defaultTest.options.provider: text, embedding */
    const json_t *rubric_prompt;
    const char *prefix, *suffix;
    bool no_expansion, has_threshold;
    double threshold;
};

struct src {
    struct suite_memory *m;
    struct conf *c;
    const json_t *v;           /* NULL: absent */
    const struct conf_node *n; /* NULL: not YAML */
    struct conf_place at;
};

struct src src_member(struct src s, const char *name);
struct src src_item(struct src s, size_t i);

void src_problem(struct src s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Every member must be one of `words` ("a|b"); one of `later` is known and not built;
 * one of `ignored` is warned of.
 */
void src_members(struct src s, const char *what, const char *words, const char *later,
                 const char *ignored);

/* NULL, or a problem, where it is no string, number, true or false. */
const char *src_text(struct src s, const char *what);
bool src_number(struct src s, const char *what, double *n); /* false where it is absent */
bool src_bool(struct src s, const char *what);

char *src_keep(struct src s, struct str text);
const json_t *src_own(struct src s, json_t *v); /* freed with the suite */

/* A file that the suite names, beside it.  NULL: a problem of s was noted.  The text is kept. */
struct conf *suite_file(struct src s, struct str path, struct str *text);

/* The same as YAML or JSON. */
bool suite_document(struct src s, struct str path, struct src *doc);

const char *suite_model(struct src s, const char *id); /* NULL: echo, or a problem */

void suite_read_prompts(struct src s);
void suite_read_providers(struct src s);
void suite_read_tests(struct src s);
void suite_read_default(struct src s);

struct assert_defaults { /* of the test that an assertion is in */
    const char *judges[2];
    const json_t *rubric_prompt;
};
struct assertion *suite_read_asserts(struct src list, const struct assert_defaults *d, size_t *n);
void suite_read_judges(struct src provider, const char *judges[2]);

/* "contains-any(0.5): a, b" of a table's __expected, as an assertion would be written. */
json_t *suite_expected(struct src s, struct str cell);

#endif
