/*
 * rule.h - one rule of a policy: what is looked for, and what is done to it.
 *
 * It names a built-in detector, or has a pattern (PCRE2) or a list of words of its own.
 * A rule does not change once its policy was read; it lives as long as that.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdbool.h>

#include "gateway/base/pattern.h"
#include "policy/detector.h"

enum action {
#define ACTION(name, help) ACTION_##name,
#include "policy/action_list.h"
    ACTION_count
};
const char *action_word(enum action a);

enum direction { DIRECTION_request, DIRECTION_response, DIRECTION_count };
const char *direction_word(enum direction d);

enum rule_kind { RULE_BUILTIN, RULE_PATTERN, RULE_WORDS };

enum {
    RESTORE_CONTENT = 1,   /* in what the model says: content, refusal, reasoning */
    RESTORE_TOOL_ARGS = 2, /* in the arguments of its tool calls */
};

enum { RULE_LOGS_LABEL, RULE_LOGS_HASH, RULE_LOGS_NONE }; /* in the order of "label|hash|none" */

enum { RULE_WIDTH_MAX = 1024, RULE_LABEL_BYTES = 64 };

struct word_list;

struct rule {
    const char *id;
    char label[RULE_LABEL_BYTES]; /* "EMAIL" */
    char code[3];                 /* "EM" */
    enum rule_kind kind;
    enum action actions[DIRECTION_count];
    unsigned restore;  /* RESTORE_… */
    bool never_in_url; /* not restored within a URL */
    unsigned logs;     /* RULE_LOGS_… */
    bool no_cue;       /* RULE_BUILTIN: found without its cue too */

    struct pattern *pattern;    /* RULE_PATTERN */
    unsigned max_bytes;         /* of its matches, with what it looks ahead at */
    const struct str *literals; /* one of them stands in every match; n 0: not known */
    unsigned n_literals;
    struct word_list *words; /* RULE_WORDS */

    check_fn *valid;    /* a second look; NULL: none */
    double min_entropy; /* 0: any */
    const char *cue;    /* "a|b": one must stand before; NULL: none need */

    const struct str *allowed; /* values that are no finding, ASCII letters in any case */
    unsigned n_allowed;
    struct pattern **allowed_patterns; /* whose matches are none either */
    unsigned n_allowed_patterns;
};

/* The label and the code that an id gives: its last part in capitals, and two letters of that. */
void rule_name(struct rule *r, const char *id);

/* Has the rule nothing against this value?  `text` is what it was found in, at `from`. */
bool rule_lets_pass(const struct rule *r, struct str value);

/* The second looks at a match of an own rule. */
bool rule_confirms(const struct rule *r, struct str text, size_t from, size_t to);

/* ---- lists of words: whole words, ASCII letters in any case */

struct word_list *word_list_new(const struct str *words, size_t n);
void word_list_free(struct word_list *l); /* NULL is fine */
size_t word_list_longest(const struct word_list *l);

/* The first at or after `from`, the longest of those that begin there; as pattern_find() answers.
 */
enum pattern_answer word_list_find(const struct word_list *l, const struct pattern_text *t,
                                   size_t from, struct pattern_match *match);

#endif
