/* cost - the answer cost at most so many dollars. */
#include "eval/check.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    SCOPED(buf_done) struct buf limit = BUF_INIT(64);
    if (in->cost_nusd == COST_UNKNOWN)
        return err_say(err, ERR_unpriced, NULL,
                       "the model has no price, so the answer has no cost");
    double usd = (double)in->cost_nusd / 1e9;
    text_number(&limit, in->a->threshold);
    finding_set(v, (usd <= in->a->threshold) != in->a->inverted, "Cost %.2g is %s threshold %s",
                usd, in->a->inverted ? "less than or equal to" : "greater than", limit.p);
    return true;
}

const struct check check_cost = {
    .name = "cost",
    .help = "the answer cost at most `threshold` dollars",
    .need = VALUE_NONE,
    .needs_threshold = true,
    .run = run,
};
