/* rouge-n - the words that both texts have: F1 of ROUGE-1 with clipped counts (Lin 2004). */
#include <string.h>

#include "eval/check.h"
#include "eval/text.h"
#include "eval/treebank.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

#define DEFAULT_THRESHOLD 0.75

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int order = n ? memcmp(x->p, y->p, n) : 0;
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* Sorted; the caller frees it. */
static struct str *words_of(struct str text, size_t *n)
{
    struct str *words = mem_zalloc((text.n + 1) * sizeof *words), one;
    *n = 0;
    while (text.n && str_next(&text, ' ', &one))
        words[(*n)++] = one;
    qsort(words, *n, sizeof *words, by_text);
    return words;
}

static double rouge_1(struct str candidate, struct str reference)
{
    size_t n, m, both = 0;
    SCOPED(scope_free) struct str *a = words_of(candidate, &n);
    SCOPED(scope_free) struct str *b = words_of(reference, &m);
    for (size_t i = 0, j = 0; i < n && j < m;) {
        int order = by_text(&a[i], &b[j]);
        both += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (both == 0)
        return 0;
    double precision = (double)both / (double)n, recall = (double)both / (double)m;
    return precision == recall ? precision : 2 * precision * recall / (precision + recall);
}

static void prepare_words(struct buf *out, struct str text)
{
    SCOPED(buf_done) struct buf small = BUF_INIT(2 * text.n + 1);
    text_lower(&small, text);
    treebank(out, buf_str(&small));
}

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    (void)err;
    struct str value = str_of(json_string_value(in->value));
    SCOPED(buf_done) struct buf a = BUF_INIT(16 * in->output.n + 128);
    SCOPED(buf_done) struct buf b = BUF_INIT(16 * value.n + 128);
    SCOPED(buf_done) struct buf limit = BUF_INIT(64);
    double threshold = in->a->has_threshold ? in->a->threshold : DEFAULT_THRESHOLD;
    prepare_words(&a, in->output);
    prepare_words(&b, value);
    double score = rouge_1(buf_str(&a), buf_str(&b));
    text_number(&limit, threshold);
    finding_set(v, false, "ROUGE-N score %.2f is %s threshold %s", score,
                score >= threshold ? "greater than or equal to" : "less than", limit.p);
    v->pass = (score >= threshold) != in->a->inverted;
    v->score = in->a->inverted ? 1 - score : score;
    return true;
}

const struct check check_rouge_n = {
    .name = "rouge-n",
    .help = "it has the words of this text: F1 of at least `threshold` (0.75)",
    .need = VALUE_STRING_ONLY,
    .run = run,
};
