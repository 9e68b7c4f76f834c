/*
 * suite.h - what is to be asked and what is to be expected: a promptfooconfig.yaml, read.
 *
 * A suite is read whole, with every file it names, and refused with every problem that
 * it has, each as FILE:LINE:COLUMN: what is wrong; what to do.  Nothing in it is passed
 * over in silence.  It does not change once read, and any number of threads may use it.
 */
#ifndef EVAL_SUITE_H
#define EVAL_SUITE_H

#include "eval/check.h"
#include "gateway/base/crypto.h"

struct suite_prompt {
    const char *label, *raw;
    const struct mold *mold; /* text, or messages; NULL: a prompt of the registry */
    const char *registry;    /* "prompt:NAME@VERSION"; NULL: written in the suite */
};

struct suite_provider {
    const char *id, *label;
    const char *model;     /* public name; NULL: echo */
    const json_t *options; /* members of the request; NULL: none */
};

struct suite_test {
    struct str vars; /* a JSON object, with the defaults */
    const char *description;
    const struct assertion *asserts;
    size_t n_asserts;
    bool no_defaults; /* defaultTest.assert is not for it */
    bool has_threshold, has_output;
    double threshold;
    struct str output; /* to be graded instead of asking; if has_output */
    const char *prefix, *suffix;
    const json_t *metadata; /* NULL: none */
};

struct suite {
    const char *file, *description;
    struct suite_prompt *prompts;
    size_t n_prompts, cap_prompts;
    struct suite_provider *providers;
    size_t n_providers;
    struct suite_test *tests; /* each combination of listed variables is one */
    size_t n_tests, cap_tests;
    const struct assertion *defaults;
    size_t n_defaults;
    unsigned concurrency, repeat;
    bool no_cache;
    const json_t *config; /* as it was written */
    struct hash hash;     /* of all files */
    struct suite_memory *memory;
};

struct suite_ask {
    const char *path;
    const char *grader;        /* --grader; NULL: none */
    const char *const *models; /* public names, globs; NULL-terminated; NULL: not known */
    void (*complain)(void *arg, const char *line); /* of each problem */
    void (*warn)(void *arg, const char *line);
    void *arg;
};

struct suite *suite_load(const struct suite_ask *ask,
                         struct err *err); /* NULL: ERR_bad_config, complained */
void suite_free(struct suite *s);          /* NULL is fine */

/* Rows: each test for each provider and prompt, in this order, `repeat` times. */
size_t suite_rows(const struct suite *s);
struct suite_row {
    size_t test_index,
        prompt_index; /* promptfoo's: of tests with their repeats; of provider and prompt */
    const struct suite_test *test;
    const struct suite_provider *provider;
    const struct suite_prompt *prompt;
};
struct suite_row suite_row(const struct suite *s, size_t row);

#endif
