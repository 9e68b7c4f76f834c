#include "gateway/core/notice.h"

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

void notice_of_budget(void *exchange, const struct purse_state *s, enum measure m, int percent)
{
    const struct exchange *x = exchange;
    metric_add(x->worker->metrics,
               percent ? METRIC_budget_thresholds_total : METRIC_budgets_closed_total, 1);
    LOG(budget, F("team", str_of(s->team)), F("key", str_of(s->key_id)),
        F("per", period_name(s->per)), F("measure", m == MEASURE_usd ? "usd" : "tokens"),
        F("percent", percent), F("closed", s->closed), F("spent", s->spent.of[m]),
        F("limit", s->limit.of[m]));
}
