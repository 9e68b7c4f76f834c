/*
 * check.h - one assertion about an output, and how it is judged.
 *
 * A check is pure but for the judges, which ask the gateway.  The verdicts, scores and
 * reasons are promptfoo's (0.121.20), as its own source has them; where we differ on
 * purpose README.md says so.
 *
 * To add one: check_foo.c here, a line in check_list.h, a line in Makefile.inc, and
 * cases in tests/golden/eval/foo/.
 */
#ifndef EVAL_CHECK_H
#define EVAL_CHECK_H

#include <jansson.h>

#include "eval/client.h"
#include "gateway/base/conf.h"

struct mold;
struct pattern;

struct assertion {
    const struct check *check; /* NULL: a set */
    bool inverted;             /* "not-…" */
    bool has_threshold;
    double threshold, weight;
    const char *metric;          /* NULL: none */
    const json_t *source;        /* as it was written, with its file:// read */
    const json_t *value;         /* NULL: none; borrowed from source */
    const struct mold *mold;     /* of value; NULL: nothing to fill */
    const struct assertion *set; /* of a set: what is in it */
    size_t n_set;
    const char *judge;           /* the public model that judges; NULL: none is needed */
    const json_t *rubric_prompt; /* NULL: the built-in one */
    const struct mold *rubric_mold;
    /* made by prepare(); NULL where value has templates, and is looked at row by row */
    struct pattern *pattern;
    const json_t *schema;
};

struct finding { /* finding_init(), finding_done() */
    bool pass;
    double score;
    struct buf reason;
    int64_t cost_nusd; /* of judges */
};

struct checking {
    const struct assertion *a;
    const json_t *value; /* filled; NULL: none */
    struct str output;
    struct str vars; /* a JSON object */
    int64_t latency_ms;
    bool cached;
    int64_t cost_nusd; /* COST_UNKNOWN */
    const struct client *client;
};

enum value_need {
    VALUE_NONE,
    VALUE_OPTIONAL,
    VALUE_STRING_ONLY,
    VALUE_TEXT,
    VALUE_TEXTS,
    VALUE_ANY
};

struct check {
    const char *name;
    const char *help;
    enum value_need need;
    bool needs_threshold, asks;
    /* Looks at a while the suite is read; what is wrong is a problem of c at `at`.  May be NULL. */
    void (*prepare)(struct assertion *a, struct conf *c, struct conf_place at);
    /* False: there is no verdict, *err says why: the row counts as an error, not as a failure. */
    bool (*run)(const struct checking *in, struct finding *v, struct err *err);
};

#define CHECK(id) extern const struct check check_##id;
#include "eval/check_list.h"

extern const struct check *const checks[]; /* NULL-terminated */

/* The check of "not-contains"; NULL: there is none. */
const struct check *check_find(struct str type, bool *inverted);

enum { REASON_MAX_BYTES = 16 * 1024 };

void finding_init(struct finding *v);
void finding_done(struct finding *v);

/* pass ? score 1 and "Assertion passed" : score 0 and the reason. */
void finding_set(struct finding *v, bool pass, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "12345..." of a value for a reason; borrowed from *room. */
const char *check_shown(const json_t *v, struct buf *room);

#endif
