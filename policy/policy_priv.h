/* policy_priv.h - a policy as it was written, before its rules are made. */
#ifndef POLICY_POLICY_PRIV_H
#define POLICY_POLICY_PRIV_H

#include "gateway/base/conf.h"
#include "policy/policy.h"

struct rule_spec {
    struct conf_word id; /* its place */
    struct conf_word name, regex, words_file, entropy;
    const char *title;
    unsigned request, response, scope, logs, max_width, validate;
    bool cue, slow;
    struct conf_words restore_in, never_in, require, words, context, allow, allow_regex, match,
        no_match;
};

struct policy_memory {
    struct conf_word id;
    struct policy policy;
    struct conf *conf; /* owns every text and array */
    const char *title;
    unsigned version, unscanned;
    struct conf_items specs;
    struct rule *rules;
    bool reads_well; /* each option of it is one */
    struct buf read; /* what of other files counts for the hash */
};

/* Makes the rule; what is wrong becomes a problem of m->conf.  What it owns rule_done() frees. */
void rule_make(struct policy_memory *m, const struct rule_spec *spec, struct rule *r);
void rule_done(struct rule *r);

/* Runs the rule's own tests. */
void rule_test(struct policy_memory *m, const struct rule_spec *spec, const struct rule *r);

#endif
