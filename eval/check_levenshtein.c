/* levenshtein - at most so many letters differ (UTF-16 code units, as promptfoo counts). */
#include "eval/check.h"
#include "eval/text.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

enum { DEFAULT_DISTANCE = 5 };

/* One row of the matrix at a time (Wagner and Fischer 1974). */
static size_t distance(struct str a, struct str b)
{
    SCOPED(scope_free) uint16_t *x = NULL;
    SCOPED(scope_free) uint16_t *y = NULL;
    size_t n = text_units(a, &x), m = text_units(b, &y);
    SCOPED(scope_free) size_t *row = mem_zalloc((m + 1) * sizeof *row);
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (x[i - 1] != y[j - 1]), above = row[j];
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[m];
}

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    (void)err;
    SCOPED(buf_done) struct buf limit = BUF_INIT(64);
    double threshold = in->a->has_threshold ? in->a->threshold : DEFAULT_DISTANCE;
    size_t d = distance(in->output, str_of(json_string_value(in->value)));
    text_number(&limit, threshold);
    finding_set(v, ((double)d <= threshold) != in->a->inverted,
                "Levenshtein distance %zu is %s threshold %s", d,
                in->a->inverted ? "less than or equal to" : "greater than", limit.p);
    return true;
}

const struct check check_levenshtein = {
    .name = "levenshtein",
    .help = "at most `threshold` (5) letters differ from this text",
    .need = VALUE_STRING_ONLY,
    .run = run,
};
