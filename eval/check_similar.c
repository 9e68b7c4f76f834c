/* similar - it means what one of these texts means: the cosine of their embeddings. */
#include <float.h>

#include "eval/check.h"
#include "eval/judge.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

#define DEFAULT_THRESHOLD 0.75

static bool run_one(const struct checking *in, const json_t *value, struct finding *v,
                    struct err *err)
{
    SCOPED(buf_done) struct buf limit = BUF_INIT(64);
    double threshold = in->a->has_threshold ? in->a->threshold : DEFAULT_THRESHOLD, s;
    struct str expected = {json_string_value(value), json_string_length(value)};
    bool inverted = in->a->inverted;
    if (!judge_similarity(in->client, in->a->judge, expected, in->output, &s, &v->cost_nusd, err))
        return false;
    text_number(&limit, threshold);
    bool pass = inverted ? s <= threshold + DBL_EPSILON : s >= threshold - DBL_EPSILON;
    finding_set(v, false, "Similarity %.2f is %s threshold %s", s,
                pass != inverted ? "greater than or equal to" : "less than", limit.p);
    v->pass = pass;
    v->score = inverted ? 1 - s : s;
    return true;
}

/* The best of several counts; where it is to be unlike them, the worst. */
static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    if (!json_is_array(in->value))
        return run_one(in, in->value, v, err);
    double kept = 0;
    for (size_t i = 0; i < json_array_size(in->value); i++) {
        if (!run_one(in, json_array_get(in->value, i), v, err))
            return false;
        if (v->pass != in->a->inverted)
            return true;
        bool better = in->a->inverted ? v->score < kept : v->score > kept;
        kept = i == 0 || better ? v->score : kept;
    }
    if (!in->a->inverted) {
        buf_cut(&v->reason, 0);
        buf_add(&v->reason, STR("None of the provided values met the similarity threshold"));
    }
    v->score = kept;
    return true;
}

const struct check check_similar = {
    .name = "similar",
    .help = "its embedding is near that of this text, or of one of these: cosine of at least "
            "`threshold` (0.75)",
    .need = VALUE_TEXTS,
    .asks = true,
    .run = run,
};
