/*
 * JUnit's XML: a testsuite for each provider and prompt.  It counts what is in it at its
 * beginning, so the rows are read once for each column, and once before for the counts.
 */
#include <string.h>

#include "eval/output.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

struct counts {
    int64_t rows, failed, errors, latency_ms;
};

struct writing {
    FILE *f;
    size_t column, n;
    struct counts *counts;
};

enum { TEXT_BYTES = 16 * 1024 * 1024 };

/* Of XML 1.0: most control characters cannot even be escaped. */
static void put_escaped(FILE *f, const char *text)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(TEXT_BYTES);
    for (const char *c = text ? text : ""; *c; c++) {
        bool odd = (unsigned char)*c < ' ' && *c != '\n' && *c != '\t';
        const char *as = *c == '<'   ? "&lt;"
                         : *c == '>' ? "&gt;"
                         : *c == '&' ? "&amp;"
                         : *c == '"' ? "&quot;"
                                     : NULL;
        buf_add(&out, as ? str_of(as) : odd ? STR("?") : (struct str){c, 1});
    }
    output_buf(f, &out);
}

static size_t column_of(const json_t *result)
{
    return (size_t)json_integer_value(json_object_get(result, "promptIdx"));
}

static void count_row(void *arg, const json_t *row)
{
    struct writing *w = arg;
    const json_t *result = json_object_get(row, "result");
    const char *state = json_string_value(json_object_get(row, "state"));
    if (column_of(result) >= w->n)
        return;
    struct counts *c = &w->counts[column_of(result)];
    c->rows++;
    c->failed += strcmp(state, "fail") == 0;
    c->errors += strcmp(state, "error") == 0;
    c->latency_ms += json_integer_value(json_object_get(result, "latencyMs"));
}

static void put_row(void *arg, const json_t *row)
{
    struct writing *w = arg;
    SCOPED(buf_done) struct buf line = BUF_INIT(4096);
    const json_t *result = json_object_get(row, "result");
    const char *state = json_string_value(json_object_get(row, "state"));
    const char *description =
        json_string_value(json_object_get(json_object_get(result, "testCase"), "description"));
    if (column_of(result) != w->column)
        return;
    buf_addf(&line, "    <testcase classname=\"eval\" time=\"%.3f\" name=\"test %lld%s",
             json_number_value(json_object_get(result, "latencyMs")) / 1000,
             (long long)json_integer_value(json_object_get(result, "testIdx")) + 1,
             description ? ": " : "");
    output_buf(w->f, &line);
    put_escaped(w->f, description);
    if (strcmp(state, "pass") == 0) {
        output_text(w->f, "\"/>\n");
        return;
    }
    bool failed = strcmp(state, "fail") == 0;
    output_text(w->f, failed ? "\">\n      <failure type=\"assertion\" message=\""
                             : "\">\n      <error message=\"");
    put_escaped(w->f, json_string_value(json_object_get(result, "error")));
    output_text(w->f, "\"/>\n    </testcase>\n");
}

static bool put_suite(struct writing *w, const struct output_source *s, const json_t *column,
                      struct err *err)
{
    SCOPED(buf_done) struct buf line = BUF_INIT(4096);
    const struct counts *c = &w->counts[w->column];
    output_text(w->f, "  <testsuite name=\"[");
    put_escaped(w->f, json_string_value(json_object_get(column, "provider")));
    buf_addf(&line,
             "] prompt %zu\" tests=\"%lld\" failures=\"%lld\" errors=\"%lld\" time=\"%.3f\">\n",
             w->column + 1, (long long)c->rows, (long long)c->failed, (long long)c->errors,
             (double)c->latency_ms / 1000);
    output_buf(w->f, &line);
    bool ok = output_each(s, put_row, w, err);
    output_text(w->f, "  </testsuite>\n");
    return ok;
}

static bool write_xml(FILE *f, const struct output_source *s, struct err *err)
{
    const json_t *columns = json_object_get(json_object_get(s->run, "config"), "columns");
    struct writing w = {.f = f, .n = json_array_size(columns)};
    w.counts = mem_zalloc((w.n + 1) * sizeof *w.counts);
    bool ok = output_each(s, count_row, &w, err);
    output_text(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"");
    put_escaped(f, json_string_value(json_object_get(s->run, "evalId")));
    output_text(f, "\">\n");
    for (; ok && w.column < w.n; w.column++)
        ok = put_suite(&w, s, json_array_get(columns, w.column), err);
    output_text(f, "</testsuites>\n");
    free(w.counts);
    return ok;
}

const struct output_format output_xml = {
    .suffix = ".xml", .help = "JUnit's XML", .write = write_xml};
