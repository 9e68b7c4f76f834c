/* suite_prompts.c - prompts of a suite: written in it, in files, or of the registry. */
#include <string.h>

#include "eval/mold.h"
#include "eval/suite_priv.h"
#include "eval/text.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

static const char *const extensions[] = {".txt", ".md", ".j2", ".json", ".jsonl", ".yaml", ".yml"};

static struct suite_prompt *add(struct src s)
{
    struct suite *suite = &s.m->suite;
    if (suite->n_prompts == suite->cap_prompts) {
        suite->cap_prompts = suite->cap_prompts ? 2 * suite->cap_prompts : 4;
        suite->prompts = mem_realloc(suite->prompts, suite->cap_prompts * sizeof *suite->prompts);
    }
    struct suite_prompt *p = &suite->prompts[suite->n_prompts++];
    *p = (struct suite_prompt){0};
    return p;
}

/* Text that is JSON is a chat; its strings are templates, so no value can break it. */
static void add_text(struct src s, struct str text, const char *label)
{
    struct suite_prompt *p = add(s);
    json_t *doc = json_loadb(text.p, text.n, 0, NULL);
    if (doc && !json_is_array(doc))
        src_problem(
            s,
            "a prompt in JSON is a list of messages: [{\"role\": \"user\", \"content\": \"…\"}]");
    if (!doc)
        doc = json_stringn(text.p, text.n);
    if (!doc) {
        src_problem(s, "the prompt is not UTF-8");
        return;
    }
    p->raw = src_keep(s, text);
    p->label = label ? label : p->raw;
    p->mold = mold_new(s.c, src_own(s, doc), s.at);
}

static struct src in_file(struct src s, struct conf *c)
{
    return (struct src){.m = s.m, .c = c, .at = {1, 1}};
}

/* "---" on a line of its own stands between prompts. */
static void add_parts(struct src s, struct str text, const char *label)
{
    size_t from = 0;
    struct str line;
    struct str rest = text;
    while (rest.p && str_next(&rest, '\n', &line)) {
        bool cut = str_eq(text_trim(line), STR("---"));
        size_t to = cut ? (size_t)(line.p - text.p) : text.n;
        if (!cut && rest.p)
            continue;
        struct str part = text_trim((struct str){text.p + from, to - from});
        if (part.n)
            add_text(s, part, label);
        from = (size_t)(line.p - text.p) + line.n + 1;
    }
}

static void add_lines(struct src s, struct str text, const char *label)
{
    struct str line;
    while (text.n && str_next(&text, '\n', &line)) {
        if (text_trim(line).n)
            add_text(s, text_trim(line), label);
        s.at.line++;
    }
}

static void add_yaml(struct src s, struct str path, const char *label)
{
    struct src doc;
    if (!suite_document(s, path, &doc))
        return;
    SCOPED(scope_free) char *json = json_dumps(doc.v, JSON_COMPACT | JSON_ENCODE_ANY);
    add_text(doc, str_of(json), label);
}

static void add_file(struct src s, struct str path, const char *label)
{
    struct str text;
    if (str_ends(path, STR(".yaml")) || str_ends(path, STR(".yml"))) {
        add_yaml(s, path, label);
        return;
    }
    for (const char *const *bad =
             (const char *const[]){".js", ".ts", ".py", ".mjs", ".cjs", ".csv", NULL};
         *bad; bad++)
        if (str_ends(path, str_of(*bad)) || memchr(path.p, '*', path.n)) {
            src_problem(s, "a prompt's file is one .txt, .md, .j2, .json, .jsonl, .yaml; programs, "
                           "tables and '*' "
                           "are not supported");
            return;
        }
    struct conf *c = suite_file(s, path, &text);
    if (!c)
        return;
    if (str_ends(path, STR(".jsonl")))
        add_lines(in_file(s, c), text, label);
    else if (str_ends(path, STR(".json")) || str_ends(path, STR(".md")))
        add_text(in_file(s, c), text_trim(text), label);
    else
        add_parts(in_file(s, c), text, label);
}

static bool names_file(struct str text)
{
    if (str_starts(text, STR("file://")))
        return true;
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (str_ends(text, str_of(extensions[i])) && !memchr(text.p, '\n', text.n) &&
            !memchr(text.p, ' ', text.n))
            return true;
    return false;
}

static void read_text(struct src s, const char *text, const char *label)
{
    static const char *const foreign[] = {"langfuse://", "portkey://", "helicone://",
                                          "exec:", "python:"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (str_starts(str_of(text), str_of(foreign[i]))) {
            src_problem(s, "'%s' prompts are not supported; push it, and write prompt:NAME@VERSION",
                        foreign[i]);
            return;
        }
    if (str_starts(str_of(text), STR("prompt:"))) {
        struct suite_prompt *p = add(s);
        p->registry = p->raw = text;
        p->label = label ? label : text;
    } else if (names_file(str_of(text))) {
        add_file(s, str_of(text), label);
    } else {
        add_text(s, str_of(text), label);
    }
}

static void read_one(struct src s)
{
    if (json_is_string(s.v)) {
        read_text(s, json_string_value(s.v), NULL);
        return;
    }
    if (!json_is_object(s.v)) {
        src_problem(s,
                    "a prompt is a text, file://PATH, prompt:NAME@VERSION, or {raw: …, label: …}");
        return;
    }
    src_members(s, "a prompt", "id|raw|label", "config|function|display", "");
    struct src raw = src_member(s, "raw"), id = src_member(s, "id");
    const char *label = src_text(src_member(s, "label"), "a prompt's 'label'");
    const char *text = src_text(raw.v ? raw : id, "a prompt's 'raw'");
    if (text)
        read_text(raw.v ? raw : id, text, label);
    else
        src_problem(s, "a prompt needs 'raw', its text, or 'id', file://PATH");
}

void suite_read_prompts(struct src s)
{
    if (!s.v || (json_is_array(s.v) && json_array_size(s.v) == 0))
        src_problem(s, "a suite needs 'prompts': a list of texts, or of file://PATH");
    else if (!json_is_array(s.v))
        read_one(s);
    else
        for (size_t i = 0; i < json_array_size(s.v); i++)
            read_one(src_item(s, i));
}
