/* suite_tests.c - the tests of a suite: written in it, or in YAML, JSON, JSONL and CSV files. */
#include <string.h>

#include "eval/csv.h"
#include "eval/suite_priv.h"
#include "eval/text.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

enum { TESTS_MAX = 1000 * 1000, COMBINATIONS_MAX = 10 * 1000 };

/* ---- variables */

static json_t *load_variable(struct src s)
{
    struct str path = str_of(json_string_value(s.v)), text;
    struct src doc;
    if (str_ends(path, STR(".json")) || str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml")))
        return suite_document(s, path, &doc) ? json_incref((json_t *)doc.v) : NULL;
    if (!suite_file(s, path, &text))
        return NULL;
    text = text_trim(text);
    json_t *v = json_stringn(text.p, text.n);
    if (!v)
        src_problem(s, "the file is not UTF-8");
    return v;
}

/* The defaults with the test's own over them; a new object. */
static json_t *merge_vars(struct src vars)
{
    json_t *all = vars.m->default_vars ? json_copy((json_t *)vars.m->default_vars) : json_object(),
           *v;
    const char *name;
    if (vars.v && !json_is_object(vars.v))
        src_problem(vars, "'vars' must be a map of variables");
    json_object_foreach((json_t *)vars.v, name, v)
    {
        struct src one = src_member(vars, name);
        bool file = json_is_string(v) && str_starts(str_of(json_string_value(v)), STR("file://"));
        json_t *value = file ? load_variable(one) : json_incref(v);
        if (value)
            json_object_set_new(all, name, value);
    }
    return all;
}

static struct suite_test *add(struct src s, const struct suite_test *like)
{
    struct suite *suite = &s.m->suite;
    if (suite->n_tests == suite->cap_tests) {
        suite->cap_tests = suite->cap_tests ? 2 * suite->cap_tests : 64;
        suite->tests = mem_realloc(suite->tests, suite->cap_tests * sizeof *suite->tests);
    }
    suite->tests[suite->n_tests] = *like;
    return &suite->tests[suite->n_tests++];
}

static void add_with(struct src s, const struct suite_test *like, const json_t *vars)
{
    SCOPED(scope_free) char *text = json_dumps(vars, JSON_COMPACT);
    struct suite_test *t = add(s, like);
    t->vars = str_of(src_keep(s, str_of(text)));
}

/* Lists among the variables: each combination is a test, the last list turns fastest. */
static void add_combinations(struct src s, const struct suite_test *like, json_t *vars, bool expand)
{
    const char *name, *list = NULL;
    json_t *v;
    json_object_foreach(vars, name, v) if (!list && json_is_array(v)) list = name;
    if (!expand || !list) {
        add_with(s, like, vars);
        return;
    }
    json_t *values = json_incref(json_object_get(vars, list));
    if (json_array_size(values) > COMBINATIONS_MAX)
        src_problem(s, "a list of more than %d values", COMBINATIONS_MAX);
    else
        for (size_t i = 0; i < json_array_size(values) && s.m->suite.n_tests < TESTS_MAX; i++) {
            json_t *one = json_copy(vars);
            json_object_set(one, list, json_array_get(values, i));
            add_combinations(s, like, one, expand);
            json_decref(one);
        }
    json_decref(values);
}

/* ---- one test */

static void read_options(struct src s, struct suite_test *t, struct assert_defaults *d,
                         bool *expand)
{
    struct src o = src_member(s, "options");
    if (!o.v)
        return;
    src_members(o, "'options'",
                "prefix|suffix|provider|rubricPrompt|disableDefaultAsserts|disableVarExpansion",
                "transform|transformVars|storeOutputAs|runSerially|postprocess|factuality|repeat",
                "");
    struct src prefix = src_member(o, "prefix"), suffix = src_member(o, "suffix");
    t->prefix = prefix.v ? src_text(prefix, "'prefix'") : t->prefix;
    t->suffix = suffix.v ? src_text(suffix, "'suffix'") : t->suffix;
    t->no_defaults = src_bool(src_member(o, "disableDefaultAsserts"), "'disableDefaultAsserts'");
    if (src_member(o, "disableVarExpansion").v)
        *expand = !src_bool(src_member(o, "disableVarExpansion"), "'disableVarExpansion'");
    suite_read_judges(src_member(o, "provider"), d->judges);
    if (src_member(o, "rubricPrompt").v)
        d->rubric_prompt = src_member(o, "rubricPrompt").v;
}

static const char test_words[] =
    "description|vars|assert|threshold|metadata|options|providerOutput";
static const char test_later[] = "assertScoringFunction|provider|providers|prompts";

static void read_output(struct src s, struct suite_test *t)
{
    struct src output = src_member(s, "providerOutput");
    SCOPED(buf_done) struct buf text = BUF_INIT(CONF_TEXT_BYTES);
    if (!output.v)
        return;
    text_of(&text, output.v);
    t->has_output = text.n > 0; /* as promptfoo has it: an empty one is none */
    t->output = (struct str){src_keep(s, buf_str(&text)), text.n};
}

static void read_test(struct src s)
{
    struct suite_memory *m = s.m;
    struct suite_test t = {.has_threshold = m->has_threshold,
                           .threshold = m->threshold,
                           .prefix = m->prefix,
                           .suffix = m->suffix,
                           .metadata = m->default_metadata};
    struct assert_defaults d = {{m->judges[0], m->judges[1]}, m->rubric_prompt};
    bool expand = !m->no_expansion;
    if (!json_is_object(s.v)) {
        src_problem(s, "a test is a map: {vars: {…}, assert: […]}, or file://PATH");
        return;
    }
    src_members(s, "a test", test_words, test_later, "");
    t.description = src_text(src_member(s, "description"), "'description'");
    read_options(s, &t, &d, &expand);
    t.has_threshold |= src_number(src_member(s, "threshold"), "'threshold'", &t.threshold);
    if (src_member(s, "metadata").v)
        t.metadata = src_member(s, "metadata").v;
    read_output(s, &t);
    t.asserts = suite_read_asserts(src_member(s, "assert"), &d, &t.n_asserts);
    json_t *vars = merge_vars(src_member(s, "vars"));
    add_combinations(s, &t, vars, expand);
    json_decref(vars);
}

/* Its assertions come before those of every test. */
void suite_read_default(struct src s)
{
    struct suite_memory *m = s.m;
    struct suite_test t = {0};
    struct assert_defaults d = {0};
    bool expand = true;
    if (json_is_string(s.v)) {
        struct src doc;
        if (!suite_document(s, str_of(json_string_value(s.v)), &doc))
            return;
        s = doc;
    }
    if (!s.v)
        return;
    if (!json_is_object(s.v)) {
        src_problem(s, "'defaultTest' is a map, as a test is, or file://PATH");
        return;
    }
    src_members(s, "'defaultTest'", "vars|assert|threshold|metadata|options",
                "description|provider|providers|prompts", "");
    read_options(s, &t, &d, &expand);
    m->judges[0] = d.judges[0];
    m->judges[1] = d.judges[1];
    m->rubric_prompt = d.rubric_prompt;
    m->prefix = t.prefix;
    m->suffix = t.suffix;
    m->no_expansion = !expand;
    m->has_threshold = src_number(src_member(s, "threshold"), "'threshold'", &m->threshold);
    m->default_metadata = src_member(s, "metadata").v;
    m->default_vars = src_own(s, merge_vars(src_member(s, "vars")));
    m->suite.defaults = suite_read_asserts(src_member(s, "assert"), &d, &m->suite.n_defaults);
}

/* ---- files */

static void read_list(struct src s);

static void read_jsonl(struct src s, struct conf *c, struct str text)
{
    struct src line_src = {.m = s.m, .c = c, .at = {0, 1}};
    struct str line;
    while (text.n && str_next(&text, '\n', &line)) {
        json_error_t why;
        line_src.at.line++;
        line = text_trim(line);
        if (line.n == 0)
            continue;
        json_t *v = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &why);
        if (!v) {
            struct src at = line_src;
            at.at.column = why.column > 0 ? (unsigned)why.column : 1;
            src_problem(at, "the line is no JSON object: %s", why.text);
            continue;
        }
        line_src.v = v;
        if (json_object_get(v, "assert") || json_object_get(v, "metadata") ||
            json_object_get(v, "description"))
            src_own(line_src, json_incref(v));
        read_test(line_src);
        json_decref(v);
    }
}

static json_t *table_test(void)
{
    return json_pack("{s:{}, s:[], s:{}, s:{}}", "vars", "assert", "options", "metadata");
}

static void set_text(json_t *o, const char *name, struct str text)
{
    json_t *v = json_stringn(text.p, text.n);
    json_object_set_new(o, name, v ? v : json_string(""));
}

static void add_expected(struct src cell, json_t *test, struct str text)
{
    if (text_trim(text).n)
        json_array_append_new(json_object_get(test, "assert"),
                              suite_expected(cell, text_trim(text)));
}

/* A column: a variable, or what its name says. */
static void read_cell(struct src cell, json_t *test, struct str name, struct str text)
{
    SCOPED(buf_done) struct buf plain = BUF_INIT(1024);
    buf_add(&plain, name);
    json_t *options = json_object_get(test, "options");
    if (!str_starts(name, STR("__")))
        set_text(json_object_get(test, "vars"), plain.p, text);
    else if (str_starts(name, STR("__expected")))
        add_expected(cell, test, text);
    else if (str_eq(name, STR("__prefix")) || str_eq(name, STR("__suffix")))
        set_text(options, plain.p + 2, text);
    else if (str_eq(name, STR("__description")) && text.n)
        set_text(test, "description", text);
    else if (str_eq(name, STR("__providerOutput")))
        set_text(test, "providerOutput", text);
    else if (str_starts(name, STR("__metadata:")))
        set_text(json_object_get(test, "metadata"), plain.p + sizeof "__metadata:" - 1, text);
    else if (str_eq(name, STR("__threshold")) && text.n)
        json_object_set_new(test, "threshold", json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL));
}

static bool check_header(struct src s, const struct csv_row *header)
{
    static const char *const known[] = {
        "__expected",       "__prefix",    "__suffix",   "__description",
        "__providerOutput", "__metadata:", "__threshold"};
    bool ok = true;
    for (size_t i = 0; i < header->n; i++) {
        struct str name = header->fields[i].text;
        bool is_known = !str_starts(name, STR("__"));
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            is_known |= str_starts(name, str_of(known[k]));
        s.at = header->fields[i].at;
        if (name.n == 0)
            src_problem(s, "a column without a name");
        else if (!is_known)
            src_problem(s, "the column '%s' is not supported; take it out", conf_quote(s.c, name));
        ok &= is_known && name.n > 0;
    }
    return ok;
}

static void read_csv_row(struct src s, const struct csv_row *header, const struct csv_row *row)
{
    s.at = row->fields[0].at;
    if (row->n != header->n) {
        src_problem(s, "%zu fields, but the header names %zu columns", row->n, header->n);
        return;
    }
    json_t *test = table_test();
    for (size_t i = 0; i < row->n; i++) {
        struct src cell = s;
        cell.at = row->fields[i].at;
        read_cell(cell, test, header->fields[i].text, row->fields[i].text);
    }
    if (json_object_size(json_object_get(test, "metadata")) == 0)
        json_object_del(test, "metadata");
    s.v = test;
    if (json_array_size(json_object_get(test, "assert")) || json_object_get(test, "metadata") ||
        json_object_get(test, "description") || json_object_size(json_object_get(test, "options")))
        src_own(s, json_incref(test));
    read_test(s);
    json_decref(test);
}

static void read_csv(struct src s, struct conf *c, struct str text)
{
    SCOPED(scope_free) struct csv_row *header = NEW(struct csv_row);
    SCOPED(scope_free) struct csv_row *row = NEW(struct csv_row);
    struct src in = {.m = s.m, .c = c, .at = {1, 1}};
    struct arena room;
    struct csv csv;
    const char *problem;
    csv_init(&csv, text);
    if (!csv_next(&csv, header, conf_arena(c), &problem, &in.at)) {
        src_problem(in, "%s",
                    problem ? problem : "the table is empty; its first line names the columns");
        return;
    }
    if (!check_header(in, header))
        return;
    for (bool more = true; more;) {
        arena_init(&room);
        more = csv_next(&csv, row, &room, &problem, &in.at);
        if (more)
            read_csv_row(in, header, row);
        arena_done(&room);
    }
    if (problem)
        src_problem(in, "%s", problem);
}

static void read_file(struct src s, struct str path)
{
    struct str text;
    struct src doc;
    if (str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml")) ||
        str_ends(path, STR(".json"))) {
        if (suite_document(s, path, &doc))
            read_list(doc);
        return;
    }
    bool csv = str_ends(path, STR(".csv")), jsonl = str_ends(path, STR(".jsonl"));
    if (!csv && !jsonl) {
        src_problem(s, "tests come from .yaml, .json, .jsonl and .csv files; programs and "
                       "addresses are not asked");
        return;
    }
    struct conf *c = suite_file(s, path, &text);
    if (c && csv)
        read_csv(s, c, text);
    else if (c)
        read_jsonl(s, c, text);
}

static void read_list(struct src s)
{
    if (json_is_string(s.v)) {
        read_file(s, str_of(json_string_value(s.v)));
        return;
    }
    if (!json_is_array(s.v)) {
        src_problem(s, "'tests' is a list of tests, or file://PATH");
        return;
    }
    for (size_t i = 0; i < json_array_size(s.v); i++) {
        struct src one = src_item(s, i);
        if (json_is_string(one.v))
            read_file(one, str_of(json_string_value(one.v)));
        else
            read_test(one);
    }
}

void suite_read_tests(struct src s)
{
    if (s.v)
        read_list(s);
    if (!s.v) { /* only to compare prompts */
        struct src one = s;
        one.v = src_own(s, json_object());
        read_test(one);
    }
    if (s.m->suite.n_tests >= TESTS_MAX)
        src_problem(s, "more than %d tests", TESTS_MAX);
}
