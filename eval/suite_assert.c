/* suite_assert.c - the assertions of a suite, each with its check. */
#include <string.h>

#include "eval/mold.h"
#include "eval/suite_priv.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

/* Types of promptfoo that are no checks here: named, so that nobody thinks they were misspelt. */
static const char others[] =
    "is-xml|contains-xml|is-html|contains-html|is-sql|contains-sql|is-valid-function-call|"
    "is-valid-openai-function-call|is-valid-openai-tools-call|tool-call-f1|word-count|bleu|gleu|"
    "meteor|perplexity|"
    "perplexity-score|finish-reason|guardrails|webhook|similar:cosine|similar:dot|similar:"
    "euclidean|factuality|"
    "model-graded-factuality|model-graded-closedqa|g-eval|answer-relevance|context-recall|context-"
    "relevance|"
    "context-faithfulness|conversation-relevance|moderation|select-best|max-score|classifier|pi|"
    "search-rubric|"
    "agent-rubric|javascript|python|ruby|human|rouge-l|rouge-s|skill-used";

static bool is_other(struct str type)
{
    struct str rest = str_of(others), one;
    if (str_starts(type, STR("not-")))
        type = (struct str){type.p + 4, type.n - 4};
    while (str_next(&rest, '|', &one))
        if (str_eq(one, type))
            return true;
    return str_starts(type, STR("trajectory:")) || str_starts(type, STR("trace-")) ||
           str_starts(type, STR("promptfoo:"));
}

static void refuse_type(struct src at, const char *type)
{
    SCOPED(buf_done) struct buf names = BUF_INIT(1024);
    for (const struct check *const *c = checks; *c; c++)
        buf_addf(&names, "%s%s", names.n ? "|" : "", (*c)->name);
    struct str near = conf_nearest(str_of(type), buf_str(&names));
    if (is_other(str_of(type)))
        src_problem(at, "the assertion '%s' is not supported; take it out",
                    conf_quote(at.c, str_of(type)));
    else if (near.n)
        src_problem(at, "there is no assertion '%s'; did you mean '" STR_FMT "'?",
                    conf_quote(at.c, str_of(type)), STR_ARG(near));
    else
        src_problem(at, "there is no assertion '%s'; `penstock list checks` has them all",
                    conf_quote(at.c, str_of(type)));
}

/* ---- judges */

static const char *judge_of(struct src s)
{
    struct src id = json_is_object(s.v) ? src_member(s, "id") : s;
    const char *text = src_text(id, "a judge");
    if (!text)
        return NULL;
    const char *model = suite_model(id, text);
    return model ? model : strcmp(text, "echo") == 0 ? "echo" : NULL;
}

/* judges: that for texts, and that for embeddings. */
void suite_read_judges(struct src provider, const char *judges[2])
{
    if (!provider.v)
        return;
    struct src text = src_member(provider, "text"), embedding = src_member(provider, "embedding");
    if (json_is_object(provider.v) && (text.v || embedding.v)) {
        src_members(provider, "'provider'", "text|embedding", "classification|moderation", "");
        judges[0] = text.v ? judge_of(text) : judges[0];
        judges[1] = embedding.v ? judge_of(embedding) : judges[1];
        return;
    }
    judges[0] = judges[1] = judge_of(provider);
}

static void find_judge(struct src s, const struct assert_defaults *d, struct assertion *a)
{
    const char *judges[2] = {d->judges[0], d->judges[1]};
    struct src own = src_member(s, "provider");
    size_t which = a->check == &check_similar;
    suite_read_judges(own, judges);
    a->judge = judges[which];
    if (!a->judge && s.m->ask.grader)
        a->judge = suite_model(s, s.m->ask.grader);
    if (!a->judge && !own.v && !s.m->ask.grader)
        src_problem(s,
                    "'%s' needs a model that judges: give it a 'provider', or "
                    "defaultTest.options.provider, or run "
                    "with --grader NAME",
                    a->check->name);
    struct src prompt = src_member(s, "rubricPrompt");
    a->rubric_prompt = prompt.v ? prompt.v : d->rubric_prompt;
    if (json_is_object(a->rubric_prompt) || (prompt.v && which))
        src_problem(prompt.v ? prompt : s,
                    "'rubricPrompt' is a text or a list of messages, of llm-rubric");
    else if (a->rubric_prompt && !which)
        a->rubric_mold = mold_new(s.c, a->rubric_prompt, prompt.v ? prompt.at : s.at);
}

/* ---- values */

static bool is_plain(const json_t *v)
{
    return json_is_string(v) ? *json_string_value(v) != '\0' : json_is_number(v);
}

static bool fits_need(enum value_need need, const json_t *v)
{
    size_t i;
    json_t *item;
    switch (need) {
    case VALUE_NONE:
        return !v || json_is_null(v);
    case VALUE_OPTIONAL:
        return !v || json_is_string(v) || json_is_object(v) || json_is_boolean(v);
    case VALUE_STRING_ONLY:
        return json_is_string(v) && *json_string_value(v);
    case VALUE_TEXT:
        return is_plain(v);
    case VALUE_TEXTS:
        json_array_foreach((json_t *)v, i,
                           item) if (!json_is_string(item) && !json_is_number(item)) return false;
        return is_plain(v) || json_array_size(v) > 0;
    case VALUE_ANY:
        return v && !json_is_null(v);
    }
    return false;
}

static const char *const need_words[] = {
    "takes no 'value'",
    "takes a JSON Schema as its 'value', or none",
    "needs a 'value' that is a text",
    "needs a 'value' that is a text or number",
    "needs a 'value' that is a list of texts, or a text with commas",
    "needs a 'value'",
};

static bool has_template(const json_t *v)
{
    SCOPED(scope_free) char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    return text && (strstr(text, "{{") || strstr(text, "{%"));
}

/* file://…: a text, or a document where the name says so. */
static const json_t *load_value(struct src s)
{
    struct str path = str_of(json_string_value(s.v)), text;
    struct src doc;
    if (str_ends(path, STR(".json")) || str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml")))
        return suite_document(s, path, &doc) ? doc.v : NULL;
    if (str_ends(path, STR(".js")) || str_ends(path, STR(".py")) || str_ends(path, STR(".rb")) ||
        str_ends(path, STR(".ts"))) {
        src_problem(s, "programs are not run; take this assertion out");
        return NULL;
    }
    return suite_file(s, path, &text) ? src_own(s, json_stringn(text.p, text_trim(text).n)) : NULL;
}

static void read_value(struct src s, struct assertion *a)
{
    struct src value = src_member(s, "value");
    struct src at = value.v ? value : s;
    a->value = value.v;
    if (json_is_string(value.v) && str_starts(str_of(json_string_value(value.v)), STR("file://"))) {
        a->value = load_value(value);
        if (!a->value)
            return;
    }
    if (!fits_need(a->check->need, a->value)) {
        src_problem(at, "'%s' %s", a->check->name, need_words[a->check->need]);
        return;
    }
    if (!a->value)
        return;
    bool texts =
        json_is_string(a->value) || json_is_array(a->value); /* promptfoo renders no maps */
    if (texts && has_template(a->value))
        a->mold = mold_new(s.c, a->value, at.at);
    else if (a->check->prepare)
        a->check->prepare(a, s.c, at.at);
}

/* ---- */

static void read_weights(struct src s, struct assertion *a)
{
    a->weight = 1;
    src_number(src_member(s, "weight"), "'weight'", &a->weight);
    if (a->weight < 0)
        src_problem(src_member(s, "weight"), "'weight' must not be negative");
    a->has_threshold = src_number(src_member(s, "threshold"), "'threshold'", &a->threshold);
    a->metric = src_text(src_member(s, "metric"), "'metric'");
}

static void read_set(struct src s, const struct assert_defaults *d, struct assertion *a)
{
    struct src list = src_member(s, "assert");
    src_members(s, "an assert-set", "type|assert|threshold|weight|metric", "config", "");
    read_weights(s, a);
    if (!json_array_size(list.v))
        src_problem(s, "an assert-set needs 'assert', a list of assertions");
    else
        a->set = suite_read_asserts(list, d, &a->n_set);
}

static void read_one(struct src s, const struct assert_defaults *d, struct assertion *a)
{
    const char *type = src_text(src_member(s, "type"), "'type'");
    a->source = s.v;
    if (!type) {
        src_problem(s, "an assertion needs a 'type'");
        return;
    }
    if (strcmp(type, "assert-set") == 0) {
        read_set(s, d, a);
        return;
    }
    a->check = check_find(str_of(type), &a->inverted);
    if (!a->check) {
        refuse_type(src_member(s, "type"), type);
        return;
    }
    src_members(s, "an assertion", "type|value|threshold|weight|metric|provider|rubricPrompt",
                "transform|contextTransform|config", "");
    read_weights(s, a);
    if (a->check->needs_threshold && !a->has_threshold)
        src_problem(s, "'%s' needs a 'threshold'", type);
    if (a->check->asks)
        find_judge(s, d, a);
    read_value(s, a);
}

/* {$ref: "#/assertionTemplates/NAME"} */
static struct src follow(struct src s)
{
    static const char start[] = "#/assertionTemplates/";
    struct src ref = src_member(s, "$ref");
    const char *path = json_string_value(ref.v);
    if (!ref.v)
        return s;
    const json_t *found = path && str_starts(str_of(path), str_of(start))
                              ? json_object_get(s.m->templates, path + sizeof start - 1)
                              : NULL;
    if (!found)
        src_problem(ref, "there is no such template; write '$ref: \"#/assertionTemplates/NAME\"'");
    return (struct src){s.m, s.c, found, NULL, ref.at};
}

struct assertion *suite_read_asserts(struct src list, const struct assert_defaults *d, size_t *n)
{
    size_t many = json_array_size(list.v);
    *n = many;
    if (list.v && !json_is_array(list.v))
        src_problem(list, "'assert' must be a list of assertions: [{type: contains, value: …}]");
    if (many == 0)
        return NULL;
    struct assertion *all = arena_alloc(conf_arena(list.c), many * sizeof *all);
    for (size_t i = 0; i < many; i++) {
        struct src one = src_item(list, i);
        if (!json_is_object(one.v)) {
            src_problem(one, "an assertion is a map: {type: contains, value: …}");
            continue;
        }
        one = follow(one);
        if (one.v)
            read_one(one, d, &all[i]);
    }
    return all;
}

/* ---- of a table's cell */

static json_t *split_commas(struct str text)
{
    json_t *list = json_array();
    struct str one;
    while (text.n && str_next(&text, ',', &one))
        json_array_append_new(list, json_stringn(text_trim(one).p, text_trim(one).n));
    return list;
}

static json_t *threshold_of(struct src s, struct str *type)
{
    const char *open = memchr(type->p, '(', type->n);
    if (!open || type->p[type->n - 1] != ')')
        return NULL;
    struct str number = {open + 1, (size_t)(type->p + type->n - 1 - open - 1)};
    json_t *v = json_loadb(number.p, number.n, JSON_DECODE_ANY, NULL);
    if (!json_is_number(v))
        src_problem(s, "a threshold in brackets is a number, as in similar(0.8): …");
    type->n = (size_t)(open - type->p);
    return v;
}

json_t *suite_expected(struct src s, struct str cell)
{
    const char *colon = memchr(cell.p, ':', cell.n);
    struct str type = text_trim(colon ? (struct str){cell.p, (size_t)(colon - cell.p)} : cell),
               bare = type;
    struct str value =
        colon ? text_trim((struct str){colon + 1, (size_t)(cell.p + cell.n - colon - 1)}) : STR("");
    bool inverted;
    const char *open = memchr(type.p, '(', type.n);
    if (open)
        bare.n = (size_t)(open - type.p);
    if (str_eq(bare, STR("grade")))
        bare = type = STR("llm-rubric");
    for (const char *const *p =
             (const char *const[]){"fn", "eval", "javascript", "python", "file", NULL};
         *p; p++)
        if (colon && str_eq(bare, str_of(*p)))
            src_problem(s, "programs are not run; take '%s:' out", *p);
    const struct check *c = check_find(bare, &inverted);
    if (!c && !(colon && is_other(bare)))
        return json_pack("{s:s, s:s%}", "type", "equals", "value", cell.p, cell.n);
    json_t *threshold = threshold_of(s, &type);
    json_t *made = json_pack("{s:s%}", "type", type.p, type.n);
    if (c && c->need == VALUE_TEXTS && c != &check_similar)
        json_object_set_new(made, "value", split_commas(value));
    else if (value.n)
        json_object_set_new(made, "value", json_stringn(value.p, value.n));
    if (!threshold && c == &check_similar)
        threshold = json_real(0.8); /* promptfoo's, in tables */
    if (threshold)
        json_object_set_new(made, "threshold", threshold);
    return made;
}
