/* A row a line; cells that a spreadsheet would take for a formula begin with an apostrophe. */
#include <string.h>

#include "eval/output.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

enum { CELL_BYTES = 16 * 1024 * 1024 };

static void put_cell(FILE *f, struct str s, bool last)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(2 * CELL_BYTES);
    buf_add(&out, STR("\""));
    if (s.n && strchr("=+-@\t\r", s.p[0]))
        buf_add(&out, STR("'"));
    for (size_t i = 0; i < s.n; i++)
        buf_add(&out, s.p[i] == '"' ? STR("\"\"") : (struct str){s.p + i, 1});
    buf_add(&out, last ? STR("\"\r\n") : STR("\","));
    output_buf(f, &out);
}

static void put_value(FILE *f, const json_t *v, bool last)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(CELL_BYTES);
    if (v && !json_is_null(v))
        text_of(&text, v);
    if (json_is_number(v)) { /* a minus is one */
        output_buf(f, &text);
        output_text(f, last ? "\r\n" : ",");
    } else {
        put_cell(f, buf_str(&text), last);
    }
}

static void put_row(void *arg, const json_t *row)
{
    FILE *f = arg;
    const json_t *r = json_object_get(row, "result"),
                 *grading = json_object_get(r, "gradingResult");
    json_t *test = json_integer(json_integer_value(json_object_get(r, "testIdx")) + 1);
    const json_t *reason = json_object_get(grading, "reason");
    put_value(f, test, false);
    put_value(f, json_object_get(json_object_get(r, "testCase"), "description"), false);
    put_value(f, json_object_get(r, "vars"), false);
    put_value(f, json_object_get(json_object_get(r, "provider"), "id"), false);
    put_value(f, json_object_get(json_object_get(r, "prompt"), "label"), false);
    put_value(f, json_object_get(json_object_get(r, "response"), "output"), false);
    put_value(f, json_object_get(row, "state"), false);
    put_value(f, json_object_get(r, "score"), false);
    put_value(f, json_object_get(r, "latencyMs"), false);
    put_value(f, json_object_get(r, "cost"), false);
    put_value(f, reason ? reason : json_object_get(r, "error"), true);
    json_decref(test);
}

static bool write_csv(FILE *f, const struct output_source *s, struct err *err)
{
    output_text(
        f,
        "Test,Description,Vars,Provider,Prompt,Output,Status,Score,Latency ms,Cost USD,Reason\r\n");
    return output_each(s, put_row, f, err);
}

const struct output_format output_csv = {
    .suffix = ".csv", .help = "a row a line", .write = write_csv};
