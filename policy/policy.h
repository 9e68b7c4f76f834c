/*
 * policy.h - policies: files of rules, and what several of them mean together.
 *
 * A policy is read whole or refused; each problem is one line, "FILE:LINE:COLUMN: what is
 * wrong; what to do".  It does not change afterwards and may be used by any number of
 * threads.  A policy_set is the rules of one or several policies, ready to scan with; of
 * what several say about one finding the strongest action counts.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "policy/rule.h"

enum { POLICY_NAME_BYTES = 64, POLICY_SETS_OF = 64 /* policies at most, together */ };

struct policy {
    const char *name;
    char hash[13];         /* 12 digits of the SHA-256 of its text */
    bool refuse_unscanned; /* a request with parts that cannot be looked at is refused */
    const struct rule *rules;
    unsigned n_rules;
    unsigned tests_run;           /* of the rules' own */
    struct policy_memory *memory; /* policy.c's own */
};

/* A text; `file` is its name in complaints and what its paths are relative to.  NULL: complain()
 * was called. */
struct policy *policy_parse(const char *name, const char *file, struct str text,
                            void (*complain)(void *arg, const char *line), void *arg);

/* The same of a file; its name is the file's without ".yaml". */
struct policy *policy_load(const char *path, void (*complain)(void *arg, const char *line),
                           void *arg);

void policy_free(struct policy *p); /* NULL is fine */

/* Every built-in detector, flagged: what a scan without a policy uses. */
struct policy *policy_everything(void);

/* ---- what a scan needs of a direction */

struct plan {
    struct detector_set builtin;
    bool has_builtin;
    const struct rule *
        *of_row[DETECTOR_MAX]; /* rules of each row of the table; NULL-terminated; NULL: none */
    const struct rule **own;   /* with a pattern or words of their own */
    unsigned n_own;
    enum direction direction;
    enum action strongest; /* of all of them; ACTION_none: nothing is looked for */
};

struct policy_set {
    struct plan plans[DIRECTION_count];
    bool refuse_unscanned;
    bool makes_names[DIRECTION_count]; /* some rule pseudonymises */
    const struct policy **policies;    /* what it was made of */
    unsigned n_policies;
    char *version; /* "default@0123456789ab", several with '+' between */
    void *memory;  /* policy_set.c's own */
};

struct policy_set *policy_set_new(const struct policy *const *policies,
                                  unsigned n); /* borrows them */
void policy_set_free(struct policy_set *s);    /* NULL is fine */

#endif
