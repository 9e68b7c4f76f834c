#include "gateway/core/label.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/json.h"
#include "gateway/base/money.h"
#include "gateway/core/arm.h"
#include "gateway/core/spend.h"
#include "gateway/store/ledger.h"

#define PREFIX "x-penstock-"

static void add(struct label *r, const char *name, struct str value)
{
    char *text = r->rows[r->n].text;
    size_t n = value.n < LABEL_VALUE_BYTES - 1 ? value.n : LABEL_VALUE_BYTES - 1;
    r->rows[r->n++].name = name;
    for (size_t i = 0; i < n; i++) /* a name from the config need not be fit for a header */
        text[i] = value.p[i] >= ' ' && value.p[i] <= '~' ? value.p[i] : '?';
    text[n] = '\0';
}

static void add_int(struct label *r, const char *name, int64_t value)
{
    char *text = r->rows[r->n].text;
    r->rows[r->n++].name = name;
    text[int_text(value, text)] = '\0';
}

static void add_prompt(struct label *r, const struct prompt_version *v)
{
    char text[PROMPT_NAME_BYTES + INT_TEXT_BYTES + 2];
    snprintf(text, sizeof text, "%s@%" PRId64, v->name, v->version);
    add(r, PREFIX "prompt", str_of(text));
}

static void add_budget(const struct exchange *x, struct label *r)
{
    int64_t left_nusd = spend_left_nusd(x);
    char money[MONEY_TEXT_BYTES];
    if (left_nusd != LEDGER_NULL) {
        money_text(left_nusd, money);
        add(r, PREFIX "budget-left-usd", str_of(money));
    }
    struct purse_state s;
    int percent = spend_warning(x, &s);
    if (percent) {
        struct buf text = BUF_INIT(LABEL_VALUE_BYTES);
        buf_addf(&text, "%s %s %d%%", s.team ? "team" : "key", period_name(s.per), percent);
        add(r, PREFIX "budget-warning", buf_str(&text));
        buf_done(&text);
    }
}

void label_make(const struct exchange *x, struct label *r)
{
    r->n = 0;
    if (x->served) {
        add(r, PREFIX "model", x->served->model);
        add(r, PREFIX "provider", str_of(x->served->target->provider->name));
        add(r, PREFIX "route", str_of(x->reason));
    } else if (x->cache.state == CACHED_HANDING_OUT) {
        add(r, PREFIX "model", buf_str(&x->cache.kept->model));
        add(r, PREFIX "provider", buf_str(&x->cache.kept->provider));
    }
    if (x->cache.word)
        add(r, PREFIX "cache", str_of(x->cache.word));
    if (x->prompt.version)
        add_prompt(r, x->prompt.version);
    if (*arm_word(x))
        add(r, PREFIX "arm", str_of(arm_word(x)));
    if (x->rag.collection) {
        char text[LABEL_VALUE_BYTES];
        snprintf(text, sizeof text, "%s@%u;k=%u", x->rag.collection->name, x->rag.version, x->rag.n_passages);
        add(r, PREFIX "rag", str_of(text));
    }
    add_int(r, PREFIX "attempts", x->attempts);
    if (x->policy.set && !x->policy.t.blocked_by)
        add(r, PREFIX "policy", str_of(treatment_verdict(&x->policy.t)));
    if (x->finish != FINISH_none) {
        char money[MONEY_TEXT_BYTES];
        money_text(x->cost_nusd, money);
        if (x->cost_nusd != LEDGER_NULL)
            add(r, PREFIX "cost-usd", str_of(money));
        add(r, PREFIX "cost-source", str_of(cost_source_word(x->cost_source)));
    }
    if (x->max_output)
        add_int(r, PREFIX "max-output", x->max_output);
    if (x->key)
        add_budget(x, r);
    if (x->first_frame_us) {
        add_int(r, PREFIX "ttft-ms", (x->first_frame_us - x->started_us) / 1000);
        int64_t overhead_us = x->first_frame_us - x->received_us - x->call.waited_us;
        if (x->finish != FINISH_none)
            add_int(r, PREFIX "overhead-us", overhead_us > 0 ? overhead_us : 0);
    }
}

void label_write(const struct label *r, struct buf *out)
{
    for (unsigned i = 0; i < r->n; i++) {
        buf_add(out, i ? STR(", \"") : STR("{\""));
        for (const char *c = r->rows[i].name + sizeof PREFIX - 1; *c; c++)
            buf_addf(out, "%c", *c == '-' ? '_' : *c);
        buf_add(out, STR("\": "));
        json_quote(out, str_of(r->rows[i].text));
    }
    buf_add(out, r->n ? STR("}") : STR("{}"));
}
