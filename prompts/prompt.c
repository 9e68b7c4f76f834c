/* prompt.c - reads the file: front matter by a table, then what the parts mean for each other. */
#include "prompts/prompt.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"
#include "prompts/prompt_priv.h"

struct front {
    struct conf_word id;
    struct conf_word name, route, rag;
    const char *description;
    bool is_public, output_strict;
    const struct conf_node *options, *inputs, *output_schema, *tools;
    unsigned format, callers_system;
    struct conf_words override;
};

static const struct conf_row rows[] = {
#define PROMPT_ROW(path, type, member, init, min, max, words, help)                                \
    {path, CONF_TYPE_##type, offsetof(struct front, member), init, min, max, words, NULL, help},
#include "prompts/prompt_list.h"
};
static const struct conf_table table = {"a prompt", rows, sizeof rows / sizeof rows[0],
                                        sizeof(struct front)};

/* What is the gateway's, or the caller's, and so no option of a prompt. */
static const char *const reserved[] = {
    "model",           "messages",  "input",          "instructions",
    "prompt",          "prompt_id", "prompt_version", "prompt_variables",
    "penstock",        "stream",    "stream_options", "tools",
    "response_format", "text"};

static bool is_part(struct str s, bool *numeric)
{
    *numeric = s.n > 0;
    for (size_t i = 0; i < s.n; i++) {
        bool digit = s.p[i] >= '0' && s.p[i] <= '9';
        *numeric &= digit;
        if (!digit && !(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
            !strchr("._-", s.p[i]))
            return false;
    }
    return s.n > 0 && s.p[0] != '.';
}

bool prompt_name_ok(struct str name)
{
    struct str rest = name, part;
    bool ok = name.n > 0 && name.n <= PROMPT_NAME_BYTES, numeric;
    while (ok && str_next(&rest, '/', &part))
        ok = is_part(part, &numeric);
    return ok;
}

bool prompt_label_ok(struct str label)
{
    bool numeric;
    return label.n <= PROMPT_NAME_BYTES && is_part(label, &numeric) && !numeric;
}

const struct prompt_option *prompt_option_find(const struct prompt *p, struct str name)
{
    for (size_t i = 0; i < p->n_options; i++)
        if (str_eq(p->options[i].name, name))
            return &p->options[i];
    return NULL;
}

/* ---- the two parts of the file */

/* *line: where the body begins; where there is no front matter 0, or the last line of one that does not end. */
static bool split(struct str text, struct str *front, struct str *body, unsigned *line)
{
    struct str rest = text, one;
    if (!str_next(&rest, '\n', &one) || !str_eq(str_trim(one), STR("---")))
        return false;
    for (*line = 2; rest.p && str_next(&rest, '\n', &one); ++*line)
        if (str_eq(str_trim(one), STR("---"))) {
            *front = (struct str){text.p, (size_t)(one.p - text.p)};
            *body = rest.p ? rest : (struct str){"", 0};
            ++*line;
            return true;
        }
    --*line;
    return false;
}

/* Line ends of other systems are no difference. */
static struct str unix_lines(struct str text, struct buf *out)
{
    if (!memchr(text.p, '\r', text.n))
        return text;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\r' || i + 1 == text.n || text.p[i + 1] != '\n')
            buf_add(out, (struct str){text.p + i, 1});
    return buf_str(out);
}

/* ---- what the front matter means */

static struct str kept_json(struct prompt *p, const struct conf_node *n)
{
    SCOPED(buf_done) struct buf json = BUF_INIT(16 * CONF_TEXT_BYTES);
    if (!n)
        return STR("");
    conf_json(n, &json);
    return (struct str){arena_strdup(conf_arena(p->conf), buf_str(&json)), json.n};
}

static bool is_reserved(struct str name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (str_eq(name, str_of(reserved[i])))
            return true;
    return false;
}

static bool looks_like_number(const struct conf_node *n, struct str json)
{
    return n->kind == CONF_SCALAR && n->plain && n->text.n &&
           strchr("+-.0123456789", n->text.p[0]) && json.p[0] == '"';
}

static bool is_listed(const struct conf_words *words, struct str name)
{
    for (size_t i = 0; i < words->n; i++)
        if (str_eq(str_of(words->v[i].text), name))
            return true;
    return false;
}

static void read_options(struct prompt *p, const struct front *f)
{
    const struct conf_node *n = f->options;
    if (n && n->kind != CONF_MAP)
        conf_problem(p->conf, n->at, "'model.options' must be a map of members of the request");
    if (!n || n->kind != CONF_MAP)
        return;
    struct prompt_option *options = arena_alloc(conf_arena(p->conf), (n->n + 1) * sizeof *options);
    for (size_t i = 0; i < n->n; i++) {
        const struct conf_entry *e = &n->entries[i];
        options[i] = (struct prompt_option){e->name, kept_json(p, e->value),
                                            is_listed(&f->override, e->name)};
        if (is_reserved(e->name))
            conf_problem(p->conf, e->at,
                         "'" STR_FMT "' cannot be set in 'model.options'; leave it out",
                         STR_ARG(e->name));
        if (looks_like_number(e->value, options[i].json))
            conf_problem(
                p->conf, e->value->at,
                "'%s' is no number as JSON has it; write 0.5 for .5, or put a text in quotes",
                conf_quote(p->conf, e->value->text));
    }
    p->options = options;
    p->n_options = n->n;
}

static void read_tools(struct prompt *p, const struct conf_node *n)
{
    if (n && n->kind != CONF_LIST)
        conf_problem(p->conf, n->at, "'tools' must be a list");
    for (size_t i = 0; n && n->kind == CONF_LIST && i < n->n; i++)
        if (n->entries[i].value->kind != CONF_MAP)
            conf_problem(p->conf, n->entries[i].value->at,
                         "a tool is written out, as in the API: {type: function, function: {name: "
                         "…, parameters: …}}");
    if (n && n->kind == CONF_LIST && n->n)
        p->tools = kept_json(p, n);
}

static void read_output(struct prompt *p, const struct front *f)
{
    const struct conf_node *n = f->output_schema;
    if (n && n->kind != CONF_MAP)
        conf_problem(p->conf, n->at, "'output.schema' must be a JSON Schema, as a map");
    for (size_t i = 0; n && n->kind == CONF_MAP && i < n->n; i++)
        if (str_eq(n->entries[i].name, STR("$ref")) && n->entries[i].value->kind == CONF_SCALAR &&
            n->entries[i].value->text.p[0] != '#')
            conf_problem(
                p->conf, n->entries[i].value->at,
                "a schema of another file would change without a new version; write it here");
    p->output_schema = kept_json(p, n);
    p->output_strict = f->output_strict;
}

static void read_front(struct prompt *p, const struct conf_node *root)
{
    struct front f = {0};
    conf_read(p->conf, root, &table, &f);
    p->name = f.name.text ? f.name.text : "";
    p->description = f.description;
    p->route = f.route.text ? f.route.text : "";
    p->route_at = f.route.at;
    p->rag = f.rag.text;
    p->rag_at = f.rag.at;
    p->is_public = f.is_public;
    p->callers_system = f.callers_system != 0;
    if (f.name.text && !prompt_name_ok(str_of(f.name.text)))
        conf_problem(p->conf, f.name.at,
                     "a prompt's name has 1 to %d of the characters A-Z a-z 0-9 . _ - and '/' "
                     "between its parts",
                     PROMPT_NAME_BYTES);
    read_options(p, &f);
    read_tools(p, f.tools);
    read_output(p, &f);
    inputs_read(p, f.inputs);
}

/* ---- what body and inputs mean for each other */

struct checking {
    const struct prompt *p;
    bool thread_placed;
};

static void check_variable(void *arg, const struct variable *v)
{
    struct checking *k = arg;
    const struct prompt *p = k->p;
    const struct input *in = prompt_input(p, v->name);
    SCOPED(buf_done) struct buf names = BUF_INIT(8192);
    k->thread_placed |= in && in->is_thread;
    bool instructs = str_eq(v->role, STR("system")) || str_eq(v->role, STR("developer"));
    if (in && in->untrusted && v->prints && instructs)
        conf_problem(p->conf, v->at,
                     "'" STR_FMT "' is untrusted, so it may not stand in a " STR_FMT
                     " message; move it below a line 'user:'",
                     STR_ARG(v->name), STR_ARG(v->role));
    if (in || v->guarded)
        return;
    for (size_t i = 0; i < p->n_inputs; i++)
        buf_addf(&names, STR_FMT "|", STR_ARG(p->inputs[i].name));
    struct str near = conf_nearest(v->name, buf_str(&names));
    const char *quoted = conf_quote(p->conf, v->name);
    if (near.n)
        conf_problem(p->conf, v->at, "'inputs' has no '%s'; did you mean '" STR_FMT "'?", quoted,
                     STR_ARG(near));
    else
        conf_problem(p->conf, v->at,
                     "'inputs' has no '%s'; declare it there, or give it a default(…)", quoted);
}

static void check_body(struct prompt *p)
{
    struct checking k = {p, false};
    messages_variables(p, check_variable, &k);
    if (p->thread && !k.thread_placed)
        conf_problem(p->conf, p->thread->at,
                     "the input '" STR_FMT "' is a thread, and the body has no {{ " STR_FMT
                     " }} where it goes",
                     STR_ARG(p->thread->name), STR_ARG(p->thread->name));
}

/* ---- the hash */

/* Sorted members with every spelling settled, so that what changes no answer changes no hash. */
static void hash_node(const struct conf_node *n, struct buf *out, bool top)
{
    if (n->kind != CONF_MAP) {
        conf_json(n, out);
        return;
    }
    struct str last = {"", 0};
    buf_add(out, STR("{"));
    for (size_t done = 0; done < n->n; done++) {
        const struct conf_entry *next = NULL;
        for (size_t i = 0; i < n->n; i++) {
            const struct conf_entry *e = &n->entries[i];
            bool later = done == 0 || strcmp(e->name.p, last.p) > 0;
            if (later && (!next || strcmp(e->name.p, next->name.p) < 0))
                next = e;
        }
        if (!next)
            break;
        last = next->name;
        if (top && str_eq(next->name, STR("description")))
            continue;
        json_quote(out, next->name);
        buf_add(out, STR(":"));
        hash_node(next->value, out, false);
        buf_add(out, STR(","));
    }
    buf_add(out, STR("}"));
}

static void write_hash(struct prompt *p, const struct conf_node *root, struct str body)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(32 * CONF_TEXT_BYTES);
    hash_node(root, &text, true);
    buf_add(&text, STR("\n"));
    buf_add(&text, body);
    const struct hash h = crypto_sha256(buf_str(&text));
    hash_hex(&h, p->hash);
}

/* conf_parse() has looked at the front matter. */
static bool check_utf8(struct prompt *p, struct str body, unsigned line)
{
    struct conf_place at = {line, 1};
    for (size_t i = 0, n; i < body.n; i += n) {
        n = utf8_len((struct str){body.p + i, body.n - i});
        if (n == 0 || body.p[i] == '\0') {
            conf_problem(p->conf, at, n ? "a zero byte" : "this is not UTF-8");
            return false;
        }
        at.column++;
        if (body.p[i] == '\n')
            at = (struct conf_place){at.line + 1, 1};
    }
    return true;
}

static void parse(struct prompt *p, struct str text)
{
    struct str front, body;
    unsigned line = 0;
    if (text.n > PROMPT_FILE_BYTES) {
        conf_problem(p->conf, (struct conf_place){1, 1}, "the file is longer than %d bytes",
                     PROMPT_FILE_BYTES);
        return;
    }
    if (!split(text, &front, &body, &line)) {
        bool begun = line > 0;
        conf_problem(p->conf, (struct conf_place){1, 1},
                     begun ? "the front matter that this '---' begins does not end: a line '---' must follow it, before the template"
                           : "a prompt begins with front matter: a line '---', then name, model and inputs as YAML, "
                             "and '---' again");
        return;
    }
    const struct conf_node *map = conf_parse(p->conf, front);
    if (!map || !check_utf8(p, body, line))
        return;
    read_front(p, map);
    messages_read(p, body, (struct conf_place){line, 1});
    if (conf_problems(p->conf) == 0)
        check_body(p);
    write_hash(p, map, body);
}

struct prompt *prompt_parse(const char *file, struct str text,
                            void (*complain)(void *arg, const char *line), void *arg)
{
    SCOPED(buf_done) struct buf lines = BUF_INIT(PROMPT_FILE_BYTES);
    struct prompt *p = NEW(struct prompt);
    p->conf = conf_new(file);
    parse(p, text.n <= PROMPT_FILE_BYTES && text.n ? unix_lines(text, &lines) : text);
    if (conf_report(p->conf, complain, arg) == 0)
        return p;
    prompt_free(p);
    return NULL;
}

void prompt_free(struct prompt *p)
{
    if (!p)
        return;
    conf_free(p->conf);
    free(p);
}
