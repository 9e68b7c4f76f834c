/*
 * row.h - one row of a run: the prompt rendered, the model asked, the output judged.
 *
 * The result is a JSON object in the shape of promptfoo's results.results[].  A row passes
 * if none of its assertions failed, or, where the test has a threshold, if its score, the
 * weighted mean of theirs, reaches it.  A question without an answer, or a judge without a
 * verdict, makes an error, which is neither.
 */
#ifndef EVAL_ROW_H
#define EVAL_ROW_H

#include "eval/suite.h"

enum row_state { ROW_PASSED, ROW_FAILED, ROW_ERROR, ROW_STATES };
extern const char *const row_state_words[ROW_STATES]; /* pass, fail, error */

struct row_result {
    json_t *doc; /* the caller's */
    enum row_state state;
    double score;
    int64_t latency_ms;
    int64_t cost_nusd; /* with its judges'; what is not known counts nothing */
};

void row_run(const struct suite *s, const struct client *c, size_t row, struct row_result *out);

#endif
