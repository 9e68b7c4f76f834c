#include "gateway/core/outgrow.h"

#include <jansson.h>
#include <stdlib.h>

#include "gateway/base/log.h"
#include "gateway/base/scope.h"
#include "gateway/core/spend.h"
#include "gateway/store/ledger.h"

static bool has_outgrown(const struct exchange *x)
{
    int64_t bytes = x->metered.text_bytes - OUTGROW_SLACK_BYTES;
    return x->budget.hold.n && bytes > 0 && bytes / TOKEN_MAX_BYTES > x->bound.output;
}

/* Reserves as much again; all but HOLD_YES leaves the bound as it was. */
static enum hold_answer double_bound(struct exchange *x)
{
    struct usage bound = x->bound;
    int64_t bound_nusd = x->bound_nusd;
    const struct price *p = x->call.offer->price;
    if (__builtin_mul_overflow(bound.output ? bound.output : 1, (int64_t)2, &x->bound.output))
        x->bound.output = INT64_MAX;
    if (p) {
        int64_t nusd = price_bound_nusd(p, x->bound.input, x->bound.output);
        x->bound_nusd = nusd > bound_nusd ? nusd : bound_nusd;
    }
    enum hold_answer answer = spend_reserve_now(x);
    if (answer != HOLD_YES) {
        x->bound = bound;
        x->bound_nusd = bound_nusd;
    }
    return answer;
}

static json_t *choices(const struct exchange *x)
{
    json_t *out = json_array();
    const char *what = x->endpoint == ENDPOINT_chat ? "{s:i, s:{}, s:s}" : "{s:i, s:s, s:s}";
    for (int i = 0; i < ANSWER_CHOICES; i++) {
        uint64_t bit = UINT64_C(1) << i % 64;
        if (!(x->metered.begun[i / 64] & bit) || (x->metered.finished[i / 64] & bit))
            continue;
        json_array_append_new(
            out, x->endpoint == ENDPOINT_chat
                     ? json_pack(what, "index", i, "delta", "finish_reason", "length")
                     : json_pack(what, "index", i, "text", "", "finish_reason", "length"));
    }
    return out;
}

/* In the envelope of the event that was the last. */
static void push_finish(struct exchange *x, struct str event)
{
    json_t *envelope = json_loadb(event.p, event.n, 0, NULL), *finish = json_object();
    static const char *const kept[] = {"id", "object", "created", "model"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        json_object_set(finish, kept[i], json_object_get(envelope, kept[i]));
    json_object_set_new(finish, "choices", choices(x));
    json_object_set_new(finish, "penstock", json_pack("{s:s}", "stopped", "budget"));
    SCOPED(scope_free) char *text = json_dumps(finish, JSON_PRESERVE_ORDER);
    json_decref(finish);
    json_decref(envelope);
    struct answer a;
    struct err err = {0};
    if (answer_scan(x->endpoint, str_of(text), &a, &err))
        exchange_frame(x, &(struct frame){.kind = FRAME_EVENT, .data = str_of(text), .read = &a});
}

bool outgrow_cut(struct exchange *x, struct str event)
{
    enum hold_answer answer = HOLD_YES;
    if (x->endpoint != ENDPOINT_chat && x->endpoint != ENDPOINT_completions)
        return false;
    while (answer == HOLD_YES && has_outgrown(x))
        answer = double_bound(x);
    if (answer != HOLD_NO)
        return false;
    x->budget.stopped = true;
    push_finish(x, event);
    return true;
}
