/* latency - the answer came within so many milliseconds; not of the cache's. */
#include <inttypes.h>

#include "eval/check.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    SCOPED(buf_done) struct buf limit = BUF_INIT(64);
    if (in->cached)
        return err_say(
            err, ERR_bad_request, NULL,
            "the answer came from the cache: its latency says nothing; run with --no-cache");
    text_number(&limit, in->a->threshold);
    finding_set(v, ((double)in->latency_ms <= in->a->threshold) != in->a->inverted,
                "Latency %" PRId64 "ms is %s threshold %sms", in->latency_ms,
                in->a->inverted ? "less than or equal to" : "greater than", limit.p);
    return true;
}

const struct check check_latency = {
    .name = "latency",
    .help = "the answer came within `threshold` milliseconds",
    .need = VALUE_NONE,
    .needs_threshold = true,
    .run = run,
};
