#include "gateway/core/label.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/json.h"
#include "gateway/base/money.h"
#include "gateway/store/ledger.h"

__attribute__((format(printf, 3, 4))) static void add(struct label *r, const char *name, const char *fmt, ...)
{
    char *text = r->rows[r->n].text;
    r->rows[r->n++].name = name;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, LABEL_VALUE_BYTES, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?'; /* a name from the config need not be fit for a header */
}

void label_make(const struct exchange *x, struct label *r)
{
    r->n = 0;
    if (x->served) {
        add(r, "model", STR_FMT, STR_ARG(x->served->model));
        add(r, "provider", "%s", x->served->target->provider->name);
        add(r, "route", "%s", x->reason);
    }
    add(r, "attempts", "%u", x->attempts);
    if (x->finish != FINISH_none) {
        char money[MONEY_TEXT_BYTES];
        money_text(x->cost_nusd, money);
        if (x->cost_nusd != LEDGER_NULL)
            add(r, "cost-usd", "%s", money);
        add(r, "cost-source", "%s", cost_source_word(x->cost_source));
    }
    if (x->first_frame_us) {
        add(r, "ttft-ms", "%" PRId64, (x->first_frame_us - x->started_us) / 1000);
        int64_t overhead_us = x->first_frame_us - x->received_us - x->call.waited_us;
        if (x->finish != FINISH_none)
            add(r, "overhead-us", "%" PRId64, overhead_us > 0 ? overhead_us : 0);
    }
}

void label_write(const struct label *r, struct buf *out)
{
    for (unsigned i = 0; i < r->n; i++) {
        buf_add(out, i ? STR(", \"") : STR("{\""));
        for (const char *c = r->rows[i].name; *c; c++)
            buf_addf(out, "%c", *c == '-' ? '_' : *c);
        buf_add(out, STR("\": "));
        json_quote(out, str_of(r->rows[i].text));
    }
    buf_add(out, r->n ? STR("}") : STR("{}"));
}
