/* grade.h - the verdict on an output: its assertions, their weights and thresholds. */
#ifndef EVAL_GRADE_H
#define EVAL_GRADE_H

#include "eval/suite.h"

/*
 * *grading is new, in promptfoo's shape: {pass, score, reason, namedScores,
 * componentResults}.  in->a is set here.  False: a judge gave no verdict, *err says why.
 * What judges cost is added to *cost_nusd either way.
 */
bool grade(const struct suite *s, const struct suite_test *t, struct checking *in, json_t **grading,
           int64_t *cost_nusd, struct err *err);

#endif
