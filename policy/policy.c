#include "policy/policy.h"

#include <string.h>

#include "gateway/base/crypto.h"
#include "gateway/base/file.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "policy/policy_priv.h"

static const struct conf_row rule_rows[] = {
#define OPTION(path, type, member, init, min, max, words, help)                                    \
    {path, CONF_TYPE_##type, offsetof(struct rule_spec, member), init, min, max, words, NULL, help},
#include "policy/rule_option_list.h"
};

static const struct conf_table rule_table = {
    "a rule", rule_rows, sizeof rule_rows / sizeof rule_rows[0], sizeof(struct rule_spec)};

/* clang-format off */
static const struct conf_row root_rows[] = {
    {"version", CONF_TYPE_COUNT, offsetof(struct policy_memory, version), conf_must, 1, 1, NULL, NULL,
     "of the format of the file: 1"},
    {"title", CONF_TYPE_TEXT, offsetof(struct policy_memory, title), NULL, 0, 0, NULL, NULL, "what it is for"},
    {"unscanned", CONF_TYPE_ENUM, offsetof(struct policy_memory, unscanned), "allow", 0, 0, "allow|refuse", NULL,
     "requests with parts that cannot be looked at: images, audio, files, signatures"},
    {"rules", CONF_TYPE_LIST, offsetof(struct policy_memory, specs), conf_must, 1, 1024, NULL, &rule_table,
     "what is looked for, and what is done to it"},
};
/* clang-format on */

static const struct conf_table root_table = {
    "a policy", root_rows, sizeof root_rows / sizeof root_rows[0], sizeof(struct policy_memory)};

static bool is_duplicate(const struct policy_memory *m, size_t i)
{
    const struct rule_spec *specs = m->specs.v;
    for (size_t k = 0; k < i; k++)
        if (specs[k].name.text && specs[i].name.text &&
            strcmp(specs[k].name.text, specs[i].name.text) == 0)
            return true;
    return false;
}

static void make_rules(struct policy_memory *m)
{
    const struct rule_spec *specs = m->specs.v;
    m->rules = mem_zalloc(m->specs.n * sizeof *m->rules);
    m->policy.rules = m->rules;
    m->policy.n_rules = (unsigned)m->specs.n;
    for (size_t i = 0; i < m->specs.n; i++) {
        size_t before = conf_problems(m->conf);
        if (is_duplicate(m, i))
            conf_problem(m->conf, specs[i].name.at,
                         "there is a rule '%s' already; an id stands once in a policy",
                         specs[i].name.text);
        rule_make(m, &specs[i], &m->rules[i]);
        if (conf_problems(m->conf) == before && m->rules[i].id)
            rule_test(m, &specs[i], &m->rules[i]);
    }
}

static void make_hash(struct policy_memory *m, struct str text)
{
    char hex[HASH_HEX_BYTES];
    SCOPED(buf_done) struct buf all = BUF_INIT(SIZE_MAX);
    buf_add(&all, text);
    buf_add(&all, buf_str(&m->read));
    struct hash h = crypto_sha256(buf_str(&all));
    hash_hex(&h, hex);
    memcpy(m->policy.hash, hex, sizeof m->policy.hash - 1);
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    struct policy_memory *m = p->memory;
    for (unsigned i = 0; i < p->n_rules; i++)
        rule_done(&m->rules[i]);
    free(m->rules);
    buf_done(&m->read);
    conf_free(m->conf);
    free(m);
}

struct policy *policy_parse(const char *name, const char *file, struct str text,
                            void (*complain)(void *arg, const char *line), void *arg)
{
    struct policy_memory *m = NEW(struct policy_memory);
    m->conf = conf_new(file);
    m->read = (struct buf)BUF_INIT(SIZE_MAX);
    m->policy.memory = m;
    m->policy.name = arena_strdup(conf_arena(m->conf), str_of(name));
    struct conf_node *root = conf_parse(m->conf, text);
    if (root) {
        conf_read(m->conf, root, &root_table, m);
        m->reads_well = conf_problems(m->conf) == 0;
        m->policy.refuse_unscanned = m->unscanned != 0;
        make_rules(m);
        make_hash(m, text);
    }
    if (conf_report(m->conf, complain, arg) == 0)
        return &m->policy;
    policy_free(&m->policy);
    return NULL;
}

static const char suffix[] = ".yaml";

struct policy *policy_load(const char *path, void (*complain)(void *arg, const char *line),
                           void *arg)
{
    struct err err = {0};
    SCOPED(scope_free) char *text = file_read(path, CONF_TEXT_BYTES, &err);
    if (!text) {
        complain(arg, err.detail);
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    struct str name = str_of(slash ? slash + 1 : path);
    if (str_ends(name, str_of(suffix)))
        name.n -= sizeof suffix - 1;
    SCOPED(buf_done) struct buf copy = BUF_INIT(4096);
    buf_add(&copy, name);
    return policy_parse(copy.p, path, str_of(text), complain, arg);
}

static void no_complaint(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

struct policy *policy_everything(void)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(64 * 1024);
    buf_add(&text, STR("version: 1\nrules:\n"));
    for (unsigned i = 0; i < n_detectors; i++) {
        bool seen = false;
        for (unsigned k = 0; k < i; k++)
            seen |= strcmp(detectors[k].id, detectors[i].id) == 0;
        if (!seen)
            buf_addf(&text, "- {id: %s, request: {action: flag}}\n", detectors[i].id);
    }
    return policy_parse("builtin", "(built in)", buf_str(&text), no_complaint, NULL);
}
