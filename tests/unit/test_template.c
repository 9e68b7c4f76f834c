/*
 * Against the Prompty Jinja Subset's own conformance data (MIT), where it is at hand:
 * every rendering, every syntax tree, every list of segments.
 */
#include "prompts/template.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/scope.h"
#include "prompts/prompt.h"
#include "prompts/tree.h"
#include "tests/unit/test.h"

enum { CASES = 47, SEGMENT_CASES = 5, MAX_BYTES = 1 << 20, SKIPPED = 77 };

static const char *corpus;

static json_t *load(const char *file)
{
    char path[512];
    json_error_t why;
    snprintf(path, sizeof path, "%s/%s", corpus, file);
    json_t *doc = json_load_file(path, 0, &why);
    if (!doc)
        fail_msg("%s: %s", path, why.text);
    return doc;
}

static void complain(void *arg, const char *line)
{
    (void)arg;
    print_error("%s\n", line);
}

struct rendering {
    struct conf *conf;
    struct template *template;
    struct arena arena;
    struct segments segments;
    bool refused; /* a strict value begins a message */
};

static bool is_strict(const json_t *props, const char *name)
{
    for (size_t i = 0; i < json_array_size(props); i++)
        if (strcmp(json_string_value(json_array_get(props, i)), name) == 0)
            return true;
    return false;
}

/* As stage prompt does it: strict values are looked at before anything is rendered. */
static void render(struct rendering *r, const json_t *c)
{
    struct binding bindings[16];
    size_t n = 0;
    struct err err = {0};
    *r = (struct rendering){.conf = conf_new("case")};
    arena_init(&r->arena);
    struct str text = str_of(json_string_value(json_object_get(c, "template")));
    r->template = template_parse(r->conf, text, (struct conf_place){1, 1});
    assert_int_equal(conf_report(r->conf, complain, NULL), 0);
    assert_non_null(r->template);
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(c, "inputs"), name, v)
    {
        char *json = json_dumps(v, JSON_ENCODE_ANY);
        struct str kept = {arena_strdup(&r->arena, str_of(json)), strlen(json)};
        free(json);
        bindings[n++] = (struct binding){str_of(name), datum_parse(kept, false, NULL, &r->arena)};
        if (is_strict(json_object_get(c, "strict_props"), name) &&
            text_has_role(bindings[n - 1].value.text))
            r->refused = true;
    }
    assert_true(
        template_render(r->template, bindings, n, MAX_BYTES, &r->segments, &r->arena, &err));
}

static void render_done(struct rendering *r)
{
    arena_done(&r->arena);
    conf_free(r->conf);
}

static void every_case_renders_as_it_must(void **state)
{
    (void)state;
    json_t *golden = load("render_golden.json"), *c;
    size_t i, seen = 0;
    json_array_foreach(golden, i, c)
    {
        struct rendering r;
        SCOPED(buf_done) struct buf text = BUF_INIT(MAX_BYTES);
        const char *must = json_string_value(json_object_get(c, "rendered"));
        render(&r, c);
        for (size_t k = 0; k < r.segments.n; k++)
            buf_add(&text, r.segments.v[k].text);
        assert_int_equal(r.refused, json_object_get(c, "throws") != NULL);
        if (must)
            assert_string_equal(text.p, must);
        render_done(&r);
        seen++;
    }
    assert_int_equal(seen, CASES);
    json_decref(golden);
}

/* ---- syntax trees in the words of the corpus */

static json_t *expr_tree(const struct expr *e);

static json_t *literal_tree(const struct datum *d)
{
    if (d->kind == DATUM_NUMBER)
        return floor(d->number) == d->number ? json_integer((json_int_t)d->number)
                                             : json_real(d->number);
    return d->kind == DATUM_STRING ? json_stringn(d->text.p, d->text.n)
           : d->kind == DATUM_BOOL ? json_boolean(d->truth)
                                   : json_null();
}

static json_t *variable_tree(const struct expr *e)
{
    json_t *path = json_array();
    for (size_t i = 0; i < e->n_path; i++)
        json_array_append_new(path, e->path[i].index
                                        ? json_pack("{s:s, s:o}", "kind", "index", "expr",
                                                    expr_tree(e->path[i].index))
                                        : json_pack("{s:s, s:s%}", "kind", "attr", "name",
                                                    e->path[i].name.p, e->path[i].name.n));
    return json_pack("{s:s, s:s%, s:o}", "kind", "var", "root", e->name.p, e->name.n, "path", path);
}

static json_t *expr_tree(const struct expr *e)
{
    static const char *const words[] = {
        [OPERATOR_or] = "or",        [OPERATOR_and] = "and", [OPERATOR_eq] = "==",
        [OPERATOR_ne] = "!=",        [OPERATOR_le] = "<=",   [OPERATOR_ge] = ">=",
        [OPERATOR_lt] = "<",         [OPERATOR_gt] = ">",    [OPERATOR_in] = "in",
        [OPERATOR_not_in] = "not in"};
    json_t *args;
    switch (e->kind) {
    case EXPR_VAR:
        return variable_tree(e);
    case EXPR_LITERAL:
        return json_pack("{s:s, s:o}", "kind", "lit", "value", literal_tree(&e->literal));
    case EXPR_NOT:
        return json_pack("{s:s, s:s, s:o}", "kind", "unary", "operator", "not", "operand",
                         expr_tree(e->left));
    case EXPR_BINARY:
        return json_pack("{s:s, s:s, s:o, s:o}", "kind", "binary", "operator", words[e->op], "left",
                         expr_tree(e->left), "right", expr_tree(e->right));
    case EXPR_FILTER:
        args = json_array();
        for (size_t i = 0; i < e->n_args; i++)
            json_array_append_new(args, expr_tree(e->args[i]));
        return json_pack("{s:s, s:s, s:o, s:o}", "kind", "filter", "name", e->filter->name, "input",
                         expr_tree(e->left), "args", args);
    case EXPR_DEFINED:
        break;
    }
    return json_null(); /* the corpus has no other */
}

static json_t *nodes_tree(const struct node *n);

static json_t *if_tree(const struct node *n)
{
    json_t *branches = json_array(),
           *tree = json_pack("{s:s, s:o}", "kind", "if", "branches", branches);
    for (const struct branch *b = n->branches; b; b = b->next)
        if (b->test)
            json_array_append_new(branches, json_pack("{s:o, s:o}", "test", expr_tree(b->test),
                                                      "body", nodes_tree(b->body)));
        else
            json_object_set_new(tree, "elseBody", nodes_tree(b->body));
    return tree;
}

static json_t *nodes_tree(const struct node *n)
{
    json_t *list = json_array();
    for (; n; n = n->next)
        if (n->kind == NODE_TEXT)
            json_array_append_new(
                list, json_pack("{s:s, s:s%}", "kind", "text", "value", n->text.p, n->text.n));
        else if (n->kind == NODE_VALUE)
            json_array_append_new(
                list, json_pack("{s:s, s:o}", "kind", "interp", "expr", expr_tree(n->expr)));
        else if (n->kind == NODE_IF)
            json_array_append_new(list, if_tree(n));
        else
            json_array_append_new(list, json_pack("{s:s, s:s%, s:o, s:o}", "kind", "for", "loopVar",
                                                  n->text.p, n->text.n, "seq", expr_tree(n->expr),
                                                  "body", nodes_tree(n->body)));
    return list;
}

static void every_case_has_the_tree_it_must(void **state)
{
    (void)state;
    json_t *golden = load("ast_golden.json"), *c;
    size_t i, seen = 0;
    json_array_foreach(golden, i, c)
    {
        struct conf *conf = conf_new("case");
        struct template *t =
            template_parse(conf, str_of(json_string_value(json_object_get(c, "template"))),
                           (struct conf_place){1, 1});
        assert_non_null(t);
        json_t *tree = json_pack("{s:o}", "nodes", nodes_tree(t->nodes));
        if (!json_equal(tree, json_object_get(c, "ast")))
            fail_msg("%s: %s", json_string_value(json_object_get(c, "name")), json_dumps(tree, 0));
        json_decref(tree);
        conf_free(conf);
        seen++;
    }
    assert_int_equal(seen, CASES);
    json_decref(golden);
}

static void check_segments(const struct rendering *r, const json_t *c)
{
    const json_t *must = json_object_get(c, "segments");
    assert_int_equal(r->segments.n, json_array_size(must));
    for (size_t k = 0; k < r->segments.n; k++) {
        const struct segment *s = &r->segments.v[k];
        bool value = s->kind == SEGMENT_VALUE;
        json_t *found = json_pack("{s:s, s:s%, s:o, s:b}", "kind", value ? "interp" : "literal",
                                  "text", s->text.p, s->text.n, "source",
                                  value ? json_stringn(s->source.p, s->source.n) : json_null(),
                                  "strict", value && json_object_get(c, "strict_props") != NULL);
        assert_true(json_equal(found, json_array_get(must, k)));
        json_decref(found);
    }
}

static void every_case_keeps_text_and_values_apart(void **state)
{
    (void)state;
    json_t *golden = load("segments_golden.json"), *c;
    size_t i, seen = 0;
    json_array_foreach(golden, i, c)
    {
        struct rendering r;
        render(&r, c);
        assert_int_equal(r.refused, json_object_get(c, "throws") != NULL);
        if (!r.refused)
            check_segments(&r, c);
        render_done(&r);
        seen++;
    }
    assert_int_equal(seen, SEGMENT_CASES);
    json_decref(golden);
}

int main(void)
{
    const char *srcdir = getenv("srcdir");
    char path[512];
    snprintf(path, sizeof path, "%s/../shared/data/prompty_conformance", srcdir ? srcdir : ".");
    corpus = path;
    if (access(path, R_OK) != 0) {
        printf("skip test_template: there is no %s\n", path);
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_renders_as_it_must),
        cmocka_unit_test(every_case_has_the_tree_it_must),
        cmocka_unit_test(every_case_keeps_text_and_values_apart),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
