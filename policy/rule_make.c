/* rule_make.c - from a rule as it was written to one that can be used, or a problem at its place.
 */
#include "gateway/base/file.h"
#include "gateway/base/mem.h"
#include "gateway/base/money.h"
#include "gateway/base/scope.h"
#include "policy/policy_priv.h"
#include "policy/regex.h"
#include "policy/scan_priv.h"
#include "policy/seeker.h"

enum {
    WORDS_FILE_BYTES = 4 * 1024 * 1024,
    WORD_BYTES = 256,
    ENTROPY_PLACES = 3,
    NAMES_BYTES = 16 * 1024
};

static bool is_id(const char *id)
{
    size_t n = strlen(id);
    for (const char *c = id; *c; c++)
        if (!is_word(*c) && *c != '.' && *c != '-')
            return false;
    return n > 0 && n < RULE_LABEL_BYTES && id[n - 1] != '.';
}

static void unknown_detector(struct policy_memory *m, const struct rule_spec *spec)
{
    SCOPED(buf_done) struct buf names = BUF_INIT(NAMES_BYTES);
    for (unsigned i = 0; i < n_detectors; i++)
        if (i == 0 || strcmp(detectors[i].id, detectors[i - 1].id) != 0)
            buf_addf(&names, "%s|", detectors[i].id);
    struct str near = conf_nearest(str_of(spec->name.text), buf_str(&names));
    const char *quoted = conf_quote(m->conf, str_of(spec->name.text));
    if (near.n)
        conf_problem(m->conf, spec->name.at,
                     "there is no detector '%s'; did you mean '" STR_FMT "'?", quoted,
                     STR_ARG(near));
    else
        conf_problem(m->conf, spec->name.at,
                     "there is no detector '%s'; take one of `penstock list detectors`, or give "
                     "the rule a 'regex' or "
                     "'words' of its own",
                     quoted);
}

static bool make_kind(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    bool has_words = spec->words.n || spec->words_file.text, is_own = has_words || spec->regex.text;
    bool is_known = detector_known(str_of(spec->name.text));
    if (spec->regex.text && has_words) {
        conf_problem(m->conf, spec->regex.at,
                     "a rule has a 'regex' or 'words', not both; make two rules of it");
        return false;
    }
    if (is_known && is_own) {
        conf_problem(m->conf, spec->name.at, "'%s' is built in; give a rule of your own another id",
                     spec->name.text);
        return false;
    }
    if (!is_known && !is_own) {
        unknown_detector(m, spec);
        return false;
    }
    r->kind = is_known ? RULE_BUILTIN : has_words ? RULE_WORDS : RULE_PATTERN;
    return true;
}

/* Does a search take too long on one of the texts that the expression itself suggests? */
static bool explodes(const struct pattern *p, const struct regex_facts *f)
{
    for (unsigned i = 0; i < f->n_probes; i++) {
        const struct pattern_text text = {.text = f->probes[i]};
        struct pattern_match ignored;
        if (pattern_find(p, &text, 0, &ignored) == PATTERN_LIMIT)
            return true;
    }
    return false;
}

static void take_literals(struct policy_memory *m, const struct rule_spec *spec,
                          const struct regex_facts *f, struct rule *r)
{
    size_t n = spec->require.n ? spec->require.n : f->n_literals;
    struct str *literals = arena_alloc(conf_arena(m->conf), n * sizeof *literals);
    for (size_t i = 0; i < n; i++)
        literals[i] = spec->require.n ? str_of(spec->require.v[i].text) : f->literals[i];
    r->literals = literals;
    r->n_literals = (unsigned)n;
    if (n == 0 && !spec->slow)
        conf_problem(m->conf, spec->regex.at,
                     "the pattern shows no text that every match has; name one in 'require', or "
                     "write 'slow: on'");
}

static void check_facts(struct policy_memory *m, const struct rule_spec *spec,
                        const struct regex_facts *f, const struct rule *r)
{
    struct conf_place at = spec->regex.at;
    if (f->max_bytes >= REGEX_ENDLESS)
        conf_problem(m->conf, at,
                     "the pattern has no greatest width; write {0,40} for '*' and {1,40} for '+'");
    else if (f->max_bytes > spec->max_width)
        conf_problem(
            m->conf, at,
            "the pattern can be %u bytes wide, and %u is the most; make its counts smaller",
            f->max_bytes, spec->max_width);
    else if (f->min_bytes == 0)
        conf_problem(m->conf, at,
                     "the pattern can match nothing at all; something in it must not be optional");
    else if (explodes(r->pattern, f))
        conf_problem(m->conf, at,
                     "the pattern takes too long on some texts (catastrophic backtracking); avoid "
                     "repeats within "
                     "repeats that can match the same text");
}

static void make_pattern(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    struct err err = {0};
    struct regex_facts facts;
    struct str source = str_of(spec->regex.text);
    r->pattern = pattern_new(source, &err);
    if (!r->pattern || !regex_read(source, conf_arena(m->conf), &facts, &err)) {
        conf_problem(m->conf, spec->regex.at, "the pattern cannot be used: %s", err.say);
        return;
    }
    r->max_bytes = facts.max_bytes;
    size_t before = conf_problems(m->conf);
    check_facts(m, spec, &facts, r);
    if (conf_problems(m->conf) == before)
        take_literals(m, spec, &facts, r);
}

static void add_word(struct policy_memory *m, struct str word, struct conf_place at,
                     struct str *words, size_t *n)
{
    word = str_trim(word);
    if (word.n == 0 || word.p[0] == '#')
        return;
    if (word.n > WORD_BYTES)
        conf_problem(m->conf, at, "a word has %d bytes at most", WORD_BYTES);
    else
        words[(*n)++] = word;
}

static struct str read_words_file(struct policy_memory *m, const struct rule_spec *spec)
{
    struct err err = {0};
    if (!spec->words_file.text)
        return STR("");
    char *text =
        file_read(conf_path(m->conf, str_of(spec->words_file.text)), WORDS_FILE_BYTES, &err);
    if (!text) {
        conf_problem(m->conf, spec->words_file.at, "%s", err.detail);
        return STR("");
    }
    arena_defer(conf_arena(m->conf), free, text);
    buf_add(&m->read, str_of(text));
    return str_of(text);
}

static void make_words(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    struct str rest = read_words_file(m, spec), line;
    size_t most = spec->words.n + 1, n = 0;
    for (size_t i = 0; i < rest.n; i++)
        most += rest.p[i] == '\n';
    struct str *words = mem_zalloc(most * sizeof *words);
    for (size_t i = 0; i < spec->words.n; i++)
        add_word(m, str_of(spec->words.v[i].text), spec->words.v[i].at, words, &n);
    while (rest.n && str_next(&rest, '\n', &line)) {
        line.n -= line.n && line.p[line.n - 1] == '\r';
        add_word(m, line, spec->words_file.at, words, &n);
    }
    if (n == 0)
        conf_problem(m->conf, spec->id.at, "the list of words is empty");
    r->words = word_list_new(words, n);
    r->max_bytes = (unsigned)word_list_longest(r->words);
    free(words);
}

static void make_checks(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    static check_fn *const checks[] = {NULL,           check_luhn, check_mod97, check_verhoeff,
                                       check_mod11_10, check_card, check_iban};
    r->valid = checks[spec->validate];
    int64_t milli = 0;
    if (spec->entropy.text && !money_parse(str_of(spec->entropy.text), ENTROPY_PLACES, &milli))
        conf_problem(m->conf, spec->entropy.at, "'entropy' is a number such as 3.5");
    r->min_entropy = (double)milli / 1000;
    SCOPED(buf_done) struct buf cue = BUF_INIT(NAMES_BYTES);
    for (size_t i = 0; i < spec->context.n; i++) {
        struct str word = str_of(spec->context.v[i].text);
        if (word.n == 0 || word.n > DETECTOR_CUE_BYTES || memchr(word.p, '|', word.n))
            conf_problem(m->conf, spec->context.v[i].at,
                         "a context word has 1 to %d bytes and no '|'", DETECTOR_CUE_BYTES);
        buf_addf(&cue, "%s", i ? "|" : "");
        for (size_t k = 0; k < word.n; k++) { /* scan_cue() wants small letters */
            char c = is_upper(word.p[k]) ? (char)(word.p[k] | 0x20) : word.p[k];
            buf_add(&cue, (struct str){&c, 1});
        }
    }
    r->cue = cue.n ? arena_strdup(conf_arena(m->conf), buf_str(&cue)) : NULL;
}

static void make_allow(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    struct str *values = arena_alloc(conf_arena(m->conf), spec->allow.n * sizeof *values);
    for (size_t i = 0; i < spec->allow.n; i++)
        values[i] = str_of(spec->allow.v[i].text);
    r->allowed = values;
    r->n_allowed = (unsigned)spec->allow.n;
    r->allowed_patterns =
        arena_alloc(conf_arena(m->conf), spec->allow_regex.n * sizeof *r->allowed_patterns);
    for (size_t i = 0; i < spec->allow_regex.n; i++) {
        const struct conf_word *w = &spec->allow_regex.v[i];
        struct err err = {0};
        struct pattern *p = pattern_new(str_of(w->text), &err);
        if (p)
            r->allowed_patterns[r->n_allowed_patterns++] = p;
        else
            conf_problem(m->conf, w->at, "the pattern cannot be used: %s", err.say);
    }
}

static void make_actions(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    r->actions[DIRECTION_request] = spec->request;
    r->actions[DIRECTION_response] = spec->response;
    r->logs = spec->logs;
    r->no_cue = !spec->cue;
    for (size_t i = 0; i < spec->restore_in.n; i++)
        r->restore |= strcmp(spec->restore_in.v[i].text, "content") == 0 ? RESTORE_CONTENT
                                                                         : RESTORE_TOOL_ARGS;
    r->never_in_url = spec->never_in.n > 0;
    if (m->reads_well && spec->request == ACTION_none && spec->response == ACTION_none)
        conf_problem(
            m->conf, spec->id.at,
            "the rule does nothing; give it 'request: {action: …}' or 'response: {action: …}'");
}

/* A built-in one brings its own. */
static void refuse_own_options(struct policy_memory *m, const struct rule_spec *spec)
{
    if (spec->require.n)
        conf_problem(m->conf, spec->require.v[0].at, "'require' is for patterns of your own");
    if (spec->context.n)
        conf_problem(m->conf, spec->context.v[0].at,
                     "'context' is for rules of your own; see 'cue'");
    if (spec->validate)
        conf_problem(m->conf, spec->id.at, "'validate' is for rules of your own");
    if (spec->entropy.text)
        conf_problem(m->conf, spec->entropy.at, "'entropy' is for rules of your own");
}

void rule_make(struct policy_memory *m, const struct rule_spec *spec, struct rule *r)
{
    if (!spec->name.text)
        return; /* which has been said */
    if (!is_id(spec->name.text)) {
        conf_problem(m->conf, spec->name.at,
                     "an id has the characters A-Z a-z 0-9 . _ - and is not longer than %d",
                     RULE_LABEL_BYTES - 1);
        return;
    }
    rule_name(r, spec->name.text);
    if (!make_kind(m, spec, r))
        return;
    make_actions(m, spec, r);
    make_allow(m, spec, r);
    make_checks(m, spec, r);
    if (r->kind == RULE_BUILTIN)
        refuse_own_options(m, spec);
    else if (r->kind == RULE_PATTERN)
        make_pattern(m, spec, r);
    else
        make_words(m, spec, r);
}

void rule_done(struct rule *r)
{
    for (unsigned i = 0; i < r->n_allowed_patterns; i++)
        pattern_free(r->allowed_patterns[i]);
    pattern_free(r->pattern);
    word_list_free(r->words);
}

static bool finds(const struct policy_set *set, struct str text)
{
    for (enum direction d = 0; d < DIRECTION_count; d++) {
        struct seeker s;
        struct finding f;
        const struct pattern_text whole = {.text = text};
        seeker_init(&s, &set->plans[d]);
        bool found = seeker_next(&s, &whole, &f) == SCAN_YES;
        seeker_done(&s);
        if (found)
            return true;
    }
    return false;
}

void rule_test(struct policy_memory *m, const struct rule_spec *spec, const struct rule *r)
{
    const struct policy alone = {.name = "test", .rules = r, .n_rules = 1}, *const list[] = {
                                                                                &alone};
    struct policy_set *set = policy_set_new(list, 1);
    for (size_t i = 0; i < spec->match.n; i++)
        if (!finds(set, str_of(spec->match.v[i].text)))
            conf_problem(m->conf, spec->match.v[i].at,
                         "a test of '%s' fails: it must find something in this text", r->id);
    for (size_t i = 0; i < spec->no_match.n; i++)
        if (finds(set, str_of(spec->no_match.v[i].text)))
            conf_problem(m->conf, spec->no_match.v[i].at,
                         "a test of '%s' fails: it must find nothing in this text", r->id);
    m->policy.tests_run += (unsigned)(spec->match.n + spec->no_match.n);
    policy_set_free(set);
}
