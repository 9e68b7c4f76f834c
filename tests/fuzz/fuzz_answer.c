/*
 * fuzz_answer.c - any bytes as an answer: what is written for one that is accepted says
 * the same but for the model's name and usage; parts of usage never exceed their total.
 */
#include "gateway/base/scope.h"
#include "gateway/llm/answer.h"
#include "tests/fuzz/fuzz.h"

static void check_count(const struct usage *u)
{
    check(u->cached >= 0 && u->cache_write >= 0 && u->audio_in >= 0);
    check(u->reasoning >= 0 && u->audio_out >= 0);
    check(u->input - u->cached - u->cache_write - u->audio_in >= 0);
    check(u->output - u->reasoning - u->audio_out >= 0);
}

static void check_same(const struct answer *a, const struct answer *b)
{
    check(a->text_bytes == b->text_bytes && a->no_choices == b->no_choices);
    check(a->begun[0] == b->begun[0] && a->begun[1] == b->begun[1]);
    check(a->finished[0] == b->finished[0] && a->finished[1] == b->finished[1]);
    check(a->ended == b->ended && a->reason == b->reason);
    check(a->error.kind == b->error.kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    enum endpoint e = fuzz_byte(&text) % ENDPOINT_count;
    const struct answer_change c = {STR("asked"), fuzz_byte(&text) & 1};
    struct answer a, b;
    struct err err = {0};
    if (!answer_scan(e, text, &a, &err)) {
        check(err.code == ERR_bad_answer);
        return 0;
    }
    if (a.counted)
        check_count(&a.count);
    check((a.finished[0] & ~a.begun[0]) == 0 && (a.finished[1] & ~a.begun[1]) == 0);

    SCOPED(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    answer_write(&a, text, &c, &out);
    check(answer_scan(e, buf_str(&out), &b, &err));
    check_same(&a, &b);
    check(a.model.kind == VALUE_ABSENT || json_text_is(&b.model, c.model));
    /* Responses has a usage at two places; there nothing is hidden */
    check(!c.hide_usage || e == ENDPOINT_responses || b.usage.kind == VALUE_ABSENT);
    return 0;
}
