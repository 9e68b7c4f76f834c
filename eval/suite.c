#include "eval/suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eval/suite_priv.h"
#include "gateway/base/file.h"
#include "gateway/base/glob.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "prompts/schema.h"

enum {
    FILE_MAX_BYTES = 512 * 1024 * 1024,
    CONCURRENCY = 4,
    CONCURRENCY_MAX = 64,
    REPEAT_MAX = 1000
};

/* ---- values and their places */

static const struct conf_node *member_node(const struct conf_node *n, const char *name)
{
    for (size_t i = 0; n && n->kind == CONF_MAP && i < n->n; i++)
        if (str_eq(n->entries[i].name, str_of(name)))
            return n->entries[i].value;
    return NULL;
}

struct src src_member(struct src s, const char *name)
{
    const struct conf_node *n = member_node(s.n, name);
    return (struct src){s.m, s.c, json_object_get(s.v, name), n, n ? n->at : s.at};
}

struct src src_item(struct src s, size_t i)
{
    const struct conf_node *n =
        s.n && s.n->kind == CONF_LIST && i < s.n->n ? s.n->entries[i].value : NULL;
    return (struct src){s.m, s.c, json_array_get(s.v, i), n, n ? n->at : s.at};
}

void src_problem(struct src s, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    conf_problem(s.c, s.at, "%s", text);
}

static bool is_word(struct str name, const char *words)
{
    struct str rest = str_of(words), one;
    while (rest.n && str_next(&rest, '|', &one))
        if (str_eq(one, name))
            return true;
    return false;
}

static struct conf_place name_place(struct src s, const char *name)
{
    for (size_t i = 0; s.n && s.n->kind == CONF_MAP && i < s.n->n; i++)
        if (str_eq(s.n->entries[i].name, str_of(name)))
            return s.n->entries[i].at;
    return s.at;
}

static void warn_ignored(struct src s, const char *name)
{
    SCOPED(buf_done) struct buf line = BUF_INIT(4096);
    buf_addf(&line, "%s:%u:%u: '%s' means nothing here and is not used", s.m->ask.path, s.at.line,
             s.at.column, name);
    s.m->ask.warn(s.m->ask.arg, line.p);
}

void src_members(struct src s, const char *what, const char *words, const char *later,
                 const char *ignored)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)s.v, name, v)
    {
        struct src at = s;
        at.at = name_place(s, name);
        if (is_word(str_of(name), words))
            continue;
        if (is_word(str_of(name), ignored)) {
            warn_ignored(at, name);
            continue;
        }
        struct str near = conf_nearest(str_of(name), str_of(words));
        if (is_word(str_of(name), later))
            src_problem(at, "'%s' of %s is not supported; take it out",
                        conf_quote(s.c, str_of(name)), what);
        else if (near.n)
            src_problem(at, "%s has no '%s'; did you mean '" STR_FMT "'?", what,
                        conf_quote(s.c, str_of(name)), STR_ARG(near));
        else
            src_problem(at, "%s has no '%s'; take it out", what, conf_quote(s.c, str_of(name)));
    }
}

char *src_keep(struct src s, struct str text)
{
    return arena_strdup(conf_arena(s.c), text);
}

static void release(void *v)
{
    json_decref(v);
}

const json_t *src_own(struct src s, json_t *v)
{
    arena_defer(conf_arena(s.c), release, v);
    return v;
}

const char *src_text(struct src s, const char *what)
{
    if (!s.v || json_is_null(s.v))
        return NULL;
    if (json_is_string(s.v))
        return json_string_value(s.v);
    if (json_is_number(s.v) || json_is_boolean(s.v)) {
        SCOPED(scope_free) char *text = json_dumps(s.v, JSON_ENCODE_ANY);
        return src_keep(s, str_of(text));
    }
    src_problem(s, "%s must be a text", what);
    return NULL;
}

bool src_number(struct src s, const char *what, double *n)
{
    if (!s.v || json_is_null(s.v))
        return false;
    *n = json_number_value(s.v);
    if (!json_is_number(s.v))
        src_problem(s, "%s must be a number", what);
    return true;
}

bool src_bool(struct src s, const char *what)
{
    if (s.v && !json_is_boolean(s.v))
        src_problem(s, "%s must be true or false", what);
    return json_is_true(s.v);
}

/* ---- files */

static struct conf *keep_conf(struct suite_memory *m, const char *path)
{
    m->confs = mem_realloc(m->confs, (m->n_confs + 1) * sizeof *m->confs);
    return m->confs[m->n_confs++] = conf_new(path);
}

static void count_text(struct suite_memory *m, struct str text)
{
    char hex[HASH_HEX_BYTES];
    struct hash h = crypto_sha256(text);
    hash_hex(&h, hex);
    buf_add(&m->hashes, str_of(hex));
}

static struct conf *open_file(struct suite_memory *m, const char *path, struct str *text,
                              struct err *err)
{
    char *bytes = file_read(path, FILE_MAX_BYTES, err);
    if (!bytes)
        return NULL;
    struct conf *c = keep_conf(m, path);
    arena_defer(conf_arena(c), free, bytes);
    *text = str_of(bytes);
    count_text(m, *text);
    return c;
}

struct conf *suite_file(struct src s, struct str path, struct str *text)
{
    struct err err = {0};
    if (str_starts(path, STR("file://")))
        path = (struct str){path.p + 7, path.n - 7};
    const char *found = conf_path(s.m->confs[0], path);
    struct conf *c = open_file(s.m, found, text, &err);
    if (!c)
        src_problem(s, "the file cannot be read: %s", err.detail);
    return c;
}

static bool read_document(struct conf *c, struct str text, struct src *doc)
{
    struct conf_node *root = conf_parse(c, text);
    if (!root)
        return false;
    SCOPED(buf_done) struct buf json = BUF_INIT(64 * CONF_TEXT_BYTES);
    conf_json(root, &json);
    doc->c = c;
    doc->n = root;
    doc->at = root->at;
    doc->v = src_own(*doc, json_loadb(json.p, json.n, JSON_DECODE_ANY, NULL));
    return doc->v != NULL;
}

bool suite_document(struct src s, struct str path, struct src *doc)
{
    struct str text;
    struct conf *c = suite_file(s, path, &text);
    *doc = (struct src){.m = s.m};
    return c && read_document(c, text, doc);
}

/* ---- providers */

static bool is_public(const struct suite_memory *m, const char *name)
{
    for (const char *const *one = m->ask.models; *one; one++)
        if (glob_match(str_of(*one), str_of(name)))
            return true;
    return false;
}

/* Which prompts there are, the gateway knows when it is asked. */
static const char *prompt_in(const char *id)
{
    const char *inner = strstr(id, ":prompt:");
    return strncmp(id, "prompt:", strlen("prompt:")) == 0 ? id : inner ? inner + 1 : NULL;
}

/* "VENDOR:…:NAME": what stands behind the first colon that leaves a public name, or "prompt:…". */
const char *suite_model(struct src s, const char *id)
{
    if (strcmp(id, "echo") == 0)
        return NULL;
    if (prompt_in(id))
        return prompt_in(id);
    if (!s.m->ask.models) {
        const char *last = strrchr(id, ':');
        return last && last[1] ? last + 1 : id;
    }
    for (const char *name = id; name; name = strchr(name, ':') ? strchr(name, ':') + 1 : NULL)
        if (*name && is_public(s.m, name))
            return name;
    SCOPED(buf_done) struct buf known = BUF_INIT(200);
    for (const char *const *one = s.m->ask.models; *one; one++)
        buf_addf(&known, "%s%s", known.n ? ", " : "", *one);
    src_problem(s, "the gateway has no model '%s'; it has: %s", conf_quote(s.c, str_of(id)),
                known.p);
    return NULL;
}

static const json_t *read_options(struct src config)
{
    static const char gateways[] =
        "apiKey|apiKeyEnvar|apiBaseUrl|apiHost|organization|basePath|headers|timeout|cost|"
        "inputCost|outputCost|maxRetries";
    static const char set_by_us[] = "model|messages|stream|stream_options|penstock|prompt";
    const char *name;
    json_t *v, *kept = json_object();
    if (config.v && !json_is_object(config.v))
        src_problem(config, "'config' must be a map of members of the request");
    json_object_foreach((json_t *)config.v, name, v)
    {
        struct src at = config;
        at.at = name_place(config, name);
        if (is_word(str_of(name), gateways))
            warn_ignored(at, name);
        else if (is_word(str_of(name), set_by_us))
            src_problem(at, "'%s' is set by the run; take it out", name);
        else
            json_object_set(kept, name, v);
    }
    return src_own(config, kept);
}

static void read_provider(struct src s, struct suite_provider *p)
{
    struct src body = s;
    if (json_is_string(s.v)) {
        p->id = json_string_value(s.v);
    } else if (json_is_object(s.v) && json_object_get(s.v, "id")) {
        p->id = src_text(src_member(s, "id"), "a provider's 'id'");
    } else if (json_is_object(s.v) && json_object_size(s.v) == 1) {
        p->id = json_object_iter_key(json_object_iter((json_t *)s.v));
        body = src_member(s, p->id);
    }
    if (!p->id) {
        src_problem(s, "a provider is a model's name, or {id: NAME, label: …, config: {…}}");
        p->id = "";
        return;
    }
    if (str_starts(str_of(p->id), STR("file://")) || str_starts(str_of(p->id), STR("exec:")) ||
        str_starts(str_of(p->id), STR("python:"))) {
        src_problem(s, "a provider is a model of the gateway; programs are not run");
        return;
    }
    if (json_is_object(body.v)) {
        src_members(body, "a provider", "id|label|config", "prompts|transform|delay|env|inputs",
                    "");
        p->label = src_text(src_member(body, "label"), "a provider's 'label'");
        p->options = read_options(src_member(body, "config"));
    }
    p->model = suite_model(s, p->id);
}

void suite_read_providers(struct src s)
{
    struct suite *suite = &s.m->suite;
    size_t n = json_is_array(s.v) ? json_array_size(s.v) : 1;
    if (!s.v || n == 0) {
        src_problem(s, "a suite needs 'providers': a list of the gateway's models, or [echo]");
        return;
    }
    suite->providers = arena_alloc(conf_arena(s.c), n * sizeof *suite->providers);
    for (size_t i = 0; i < n; i++)
        read_provider(json_is_array(s.v) ? src_item(s, i) : s,
                      &suite->providers[suite->n_providers++]);
}

/* ---- the whole */

static void read_options_of_run(struct src s)
{
    struct suite *suite = &s.m->suite;
    double n;
    src_members(s, "evaluateOptions", "maxConcurrency|repeat|cache|showProgressBar",
                "delay|timeoutMs|maxEvalTimeMs|interactiveProviders|generateSuggestions", "");
    suite->concurrency = CONCURRENCY;
    suite->repeat = 1;
    if (src_number(src_member(s, "maxConcurrency"), "'maxConcurrency'", &n)) {
        if (n < 1 || n > CONCURRENCY_MAX || n != (unsigned)n)
            src_problem(src_member(s, "maxConcurrency"),
                        "'maxConcurrency' is a number from 1 to %d", CONCURRENCY_MAX);
        else
            suite->concurrency = (unsigned)n;
    }
    if (src_number(src_member(s, "repeat"), "'repeat'", &n)) {
        if (n < 1 || n > REPEAT_MAX || n != (unsigned)n)
            src_problem(src_member(s, "repeat"), "'repeat' is a number from 1 to %d", REPEAT_MAX);
        else
            suite->repeat = (unsigned)n;
    }
    suite->no_cache = json_is_false(src_member(s, "cache").v);
}

static void read_root(struct src root)
{
    struct suite_memory *m = root.m;
    if (!json_is_object(root.v)) {
        src_problem(root, "a suite is a map with 'prompts', 'providers' and 'tests'");
        return;
    }
    src_members(root, "a suite",
                "description|prompts|providers|targets|tests|defaultTest|evaluateOptions|"
                "assertionTemplates|tags|"
                "metadata",
                "scenarios|extensions|nunjucksFilters|derivedMetrics|env|redteam|"
                "commandLineOptions|outputPath",
                "sharing|tracing|writeLatestResults");
    m->suite.config = root.v;
    m->suite.description = src_text(src_member(root, "description"), "'description'");
    m->templates = src_member(root, "assertionTemplates").v;
    read_options_of_run(src_member(root, "evaluateOptions"));
    struct src providers = src_member(root, "providers"), targets = src_member(root, "targets");
    if (providers.v && targets.v)
        src_problem(targets, "'targets' is another word for 'providers'; keep one of them");
    suite_read_prompts(src_member(root, "prompts"));
    suite_read_providers(providers.v ? providers : targets);
    suite_read_default(src_member(root, "defaultTest"));
    suite_read_tests(src_member(root, "tests"));
}

static size_t report(struct suite_memory *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_confs; i++)
        n += conf_report(m->confs[i], m->ask.complain, m->ask.arg);
    return n;
}

struct suite *suite_load(const struct suite_ask *ask, struct err *err)
{
    struct suite_memory *m = NEW(struct suite_memory);
    m->ask = *ask;
    m->suite.memory = m;
    m->suite.file = ask->path;
    m->hashes = (struct buf)BUF_INIT(1024 * 1024);
    struct str text;
    struct src root = {.m = m};
    struct conf *c = open_file(m, ask->path, &text, err);
    if (!c) {
        suite_free(&m->suite);
        return NULL;
    }
    if (read_document(c, text, &root))
        read_root(root);
    m->suite.hash = crypto_sha256(buf_str(&m->hashes));
    if (report(m) == 0)
        return &m->suite;
    suite_free(&m->suite);
    err_say(err, ERR_bad_config, NULL, "the suite cannot be run");
    return NULL;
}

void suite_free(struct suite *s)
{
    if (!s)
        return;
    struct suite_memory *m = s->memory;
    for (size_t i = m->n_confs; i > 0; i--)
        conf_free(m->confs[i - 1]);
    buf_done(&m->hashes);
    free(m->confs);
    free(s->tests);
    free(s->prompts);
    free(m);
}

size_t suite_rows(const struct suite *s)
{
    return s->n_tests * s->repeat * s->n_providers * s->n_prompts;
}

/* promptfoo repeats each test before it goes to the next. */
struct suite_row suite_row(const struct suite *s, size_t row)
{
    size_t width = s->n_providers * s->n_prompts;
    size_t test = row / width, column = row % width;
    return (struct suite_row){
        .test_index = test,
        .prompt_index = column,
        .test = &s->tests[test / s->repeat],
        .provider = &s->providers[column / s->n_prompts],
        .prompt = &s->prompts[column % s->n_prompts],
    };
}
