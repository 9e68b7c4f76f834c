/*
 * output.h - a run as a file: promptfoo's JSON, JUnit's XML, one page of HTML, a table as CSV.
 *
 * Written page by page, so a run of any size takes little memory.  What models said is
 * hostile: the page escapes all of it and runs no script.
 */
#ifndef EVAL_OUTPUT_H
#define EVAL_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

struct output_source {
    const json_t *run; /* as evals_list() has it */
    /* The rows behind `after` in order, [{row, state, result}], empty at the end; NULL: *err. */
    json_t *(*page)(void *arg, int64_t after, struct err *err);
    void *arg;
};

struct output_format {
    const char *suffix; /* ".json" */
    const char *help;
    bool (*write)(FILE *f, const struct output_source *s, struct err *err);
};

#define OUTPUT(id) extern const struct output_format output_##id;
#include "eval/output_list.h"

/* By its suffix; NULL: none has it. */
const struct output_format *output_find(struct str path);

/* Made beside `path`, and put in its place once it is whole. */
bool output_write(const char *path, const struct output_source *s, struct err *err);

/* Calls each(arg, row) for every row; for formats. */
bool output_each(const struct output_source *s, void (*each)(void *arg, const json_t *row),
                 void *arg, struct err *err);

void output_text(FILE *f, const char *text);
void output_buf(FILE *f, struct buf *b); /* and empties it */

#endif
