/*
 * fuzz_request.c - any bytes as a request: what is written for one that is accepted is
 * accepted again, has what was asked for, nothing of ours, and does not change any more.
 */
#include "gateway/base/scope.h"
#include "gateway/llm/leaf.h"
#include "gateway/llm/request.h"
#include "tests/fuzz/fuzz.h"

enum { DEPTH = 64 };

static bool count_leaf(void *arg, const struct body_leaf *l, struct err *err)
{
    (void)err;
    check(l->value.kind == VALUE_STRING);
    ++*(size_t *)arg;
    return true;
}

static void check_read(const struct request *r)
{
    check(r->top.kind == VALUE_OBJECT);
    check(r->model.kind == VALUE_STRING || r->model.kind == VALUE_ABSENT);
    check(r->text_bytes >= 0 && r->choices >= 1 && r->max_output_tokens >= 0);
    check(request_input_bound(r) >= r->text_bytes && request_output_bound(r, 1) >= 0);
    check(request_input_estimate(r) <= request_input_bound(r));
}

static void check_written(const struct request *r, const struct request_change *c)
{
    bool counts = r->endpoint == ENDPOINT_chat || r->endpoint == ENDPOINT_completions;
    check(json_text_is(&r->model, c->model));
    check(r->penstock.kind == VALUE_ABSENT);
    check(!c->ask_usage || !r->stream || !counts || r->wants_usage);
    if (c->max_output_tokens > 0 && (counts || r->endpoint == ENDPOINT_responses))
        check(r->max_output.kind == VALUE_NUMBER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    enum endpoint e = fuzz_byte(&body) % ENDPOINT_count;
    uint8_t choice = fuzz_byte(&body);
    const struct request_change c = {
        .model = STR("up/\"model\""),
        .ask_usage = choice & 1,
        .max_output_tokens = choice & 2 ? 77 : 0,
        .rename_max_completion = choice & 4,
    };
    struct request r, again;
    struct err err = {0};
    if (!request_scan(e, body, DEPTH, &r, &err)) {
        check(err_info(err.code)->status == 400);
        return 0;
    }
    size_t leaves = 0;
    check(leaf_walk(e, body, DEPTH, count_leaf, &leaves, &err));
    check_read(&r);

    SCOPED(buf_done) struct buf out = BUF_INIT(SIZE_MAX), twice = BUF_INIT(SIZE_MAX);
    request_write(&r, body, &c, &out);
    check(request_scan(e, buf_str(&out), DEPTH, &again, &err));
    check_written(&again, &c);
    request_write(&again, buf_str(&out), &c, &twice);
    check(str_eq(buf_str(&out), buf_str(&twice)));
    return 0;
}
