#include "gateway/core/limit.h"

#include <stdio.h>

#include "gateway/base/clock.h"

/* As OpenAI writes it: 120ms, 8s, 1m2s, 1h0m0s. */
static void reset_text(int64_t us, char *text, size_t n)
{
    long long ms = (long long)(us + 999) / 1000, s = (ms + 999) / 1000;
    if (ms < 1000)
        snprintf(text, n, "%lldms", ms);
    else if (s < 60)
        snprintf(text, n, "%llds", s);
    else if (s < 3600)
        snprintf(text, n, "%lldm%llds", s / 60, s % 60);
    else
        snprintf(text, n, "%lldh%lldm%llds", s / 3600, s / 60 % 60, s % 60);
}

static void add_rate(struct label *r, const char *const names[3], const struct gcra_rate *rate,
                     const _Atomic int64_t *tat_us, int64_t now_us)
{
    int64_t full_us, left = gcra_left(tat_us, rate, now_us, &full_us);
    snprintf(r->rows[r->n].text, LABEL_VALUE_BYTES, "%lld", (long long)rate->per_minute);
    r->rows[r->n++].name = names[0];
    snprintf(r->rows[r->n].text, LABEL_VALUE_BYTES, "%lld", (long long)left);
    r->rows[r->n++].name = names[1];
    reset_text(full_us, r->rows[r->n].text, LABEL_VALUE_BYTES);
    r->rows[r->n++].name = names[2];
}

void limit_label(const struct exchange *x, struct label *r)
{
    static const char *const requests[] = {"x-ratelimit-limit-requests",
                                           "x-ratelimit-remaining-requests",
                                           "x-ratelimit-reset-requests"};
    static const char *const tokens[] = {"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
                                         "x-ratelimit-reset-tokens"};
    const struct limits *l = &x->limit.limits;
    r->n = 0;
    if (!x->key || !x->key->pace || (l->requests.per_minute <= 0 && l->tokens.per_minute <= 0))
        return;
    int64_t now_us = clock_now_us();
    if (l->requests.per_minute > 0)
        add_rate(r, requests, &l->requests, &x->key->pace->requests_us, now_us);
    if (l->tokens.per_minute > 0)
        add_rate(r, tokens, &l->tokens, &x->key->pace->tokens_us, now_us);
}

static void set_rate(json_t *out, const char *name, const struct gcra_rate *r,
                     const _Atomic int64_t *tat_us, int64_t now_us)
{
    int64_t full_us;
    if (r->per_minute <= 0)
        return;
    int64_t left = gcra_left(tat_us, r, now_us, &full_us);
    json_object_set_new(out, name,
                        json_pack("{s:I, s:I, s:I, s:I}", "per_minute", (json_int_t)r->per_minute,
                                  "burst", (json_int_t)r->burst, "remaining", (json_int_t)left,
                                  "full_ms", (json_int_t)((full_us + 999) / 1000)));
}

json_t *limit_object(const struct key *k, const struct config *c, int64_t now_us)
{
    struct limits l = k->limits;
    json_t *out = json_object();
    limits_inherit(&l, &c->limits);
    if (!k->pace)
        return out;
    set_rate(out, "requests", &l.requests, &k->pace->requests_us, now_us);
    set_rate(out, "tokens", &l.tokens, &k->pace->tokens_us, now_us);
    if (l.concurrent > 0)
        json_object_set_new(out, "concurrent",
                            json_pack("{s:I, s:I}", "limit", (json_int_t)l.concurrent, "running",
                                      (json_int_t)atomic_load(&k->pace->concurrent)));
    return out;
}
