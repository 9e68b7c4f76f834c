/* What a run looks like on a terminal. */
#include <string.h>

#include "eval/stats.h"
#include "eval/text.h"
#include "gateway/base/out.h"
#include "gateway/base/scope.h"
#include "gateway/cli/eval.h"
#include "gateway/cli/show.h"

enum { ROWS_SHOWN = 100, CELL_BYTES = 48, TEXT_BYTES = 16 * 1024 * 1024 };

struct picking {
    json_t *rows;
    bool all;
    size_t left_out;
};

/* The beginning, on one line. */
static json_t *cell(const json_t *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(TEXT_BYTES);
    if (!v || json_is_null(v))
        return json_string("");
    text_of(&text, v);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            text.p[i] = ' ';
    if (text.n > CELL_BYTES) {
        size_t n = CELL_BYTES;
        while (n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
            n--;
        buf_cut(&text, n);
        buf_add(&text, STR("…"));
    }
    return text_json(buf_str(&text));
}

static void pick(void *arg, const json_t *row)
{
    struct picking *p = arg;
    const json_t *r = json_object_get(row, "result"), *error = json_object_get(r, "error");
    if (!p->all && strcmp(json_string_value(json_object_get(row, "state")), "pass") == 0)
        return;
    if (json_array_size(p->rows) == ROWS_SHOWN) {
        p->left_out++;
        return;
    }
    SCOPED(buf_done) struct buf score = BUF_INIT(64);
    buf_addf(&score, "%.2f", json_number_value(json_object_get(r, "score")));
    json_array_append_new(
        p->rows, json_pack("{s:I, s:O, s:s, s:o, s:o, s:o}", "test",
                           json_integer_value(json_object_get(r, "testIdx")) + 1, "verdict",
                           json_object_get(row, "state"), "score", score.p, "asked",
                           cell(json_object_get(json_object_get(r, "provider"), "id")), "output",
                           cell(json_object_get(json_object_get(r, "response"), "output")), "why",
                           cell(error)));
}

static void print_sums(const json_t *run)
{
    int64_t passed = json_integer_value(json_object_get(run, "passed"));
    int64_t n = passed + json_integer_value(json_object_get(run, "failed"));
    struct interval i = stats_wilson(passed, n);
    out_print("\n%s: %lld of %lld passed", json_string_value(json_object_get(run, "evalId")),
              (long long)passed, (long long)n);
    if (n)
        out_print(", %.1f %% (95 %%: %.1f to %.1f)", 100 * (double)passed / (double)n, 100 * i.low,
                  100 * i.high);
    out_print("; %lld errors; $%s\n", (long long)json_integer_value(json_object_get(run, "errors")),
              json_string_value(json_object_get(run, "cost_usd")));
    if (n)
        out_print("So many rows find a difference of about %.0f points between two versions, if a "
                  "fifth of them "
                  "differ.\n",
                  100 * stats_mde(n, 0.2));
}

bool eval_print(const struct output_source *s, struct err *err)
{
    static const char *const columns[] = {"test", "verdict", "score", "asked", "output", "why"};
    struct picking p = {json_array(),
                        json_integer_value(json_object_get(s->run, "rows")) <= ROWS_SHOWN, 0};
    bool ok = output_each(s, pick, &p, err);
    if (ok && json_array_size(p.rows))
        show_table(p.rows, columns, sizeof columns / sizeof columns[0], NULL);
    if (p.left_out)
        out_print("and %zu more\n", p.left_out);
    if (ok)
        print_sums(s->run);
    json_decref(p.rows);
    return ok;
}
