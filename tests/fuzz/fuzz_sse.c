/*
 * fuzz_sse.c - any bytes as a stream: the same events however they are cut, and each of
 * them reads back as it was written.
 */
#include "gateway/base/scope.h"
#include "gateway/llm/sse.h"
#include "tests/fuzz/fuzz.h"

enum { MAX = 256 };

static void note(void *arg, const struct sse_event *e)
{
    buf_addf(arg, "%zu %zu ", e->name.n, e->data.n);
    buf_add(arg, e->name);
    buf_add(arg, e->data);
}

static void note_and_write(void *arg, const struct sse_event *e)
{
    SCOPED(buf_done) struct buf out = BUF_INIT(SIZE_MAX), here = BUF_INIT(SIZE_MAX);
    SCOPED(buf_done) struct buf back = BUF_INIT(SIZE_MAX);
    SCOPED(sse_done) struct sse s;
    struct err err = {0};
    sse_init(&s, MAX);
    sse_write(&out, e);
    note(&here, e);
    check(sse_feed(&s, buf_str(&out), note, &back, &err));
    check(str_eq(buf_str(&here), buf_str(&back)));
    note(arg, e);
}

/* Feeds it in pieces of `piece` bytes. */
static bool feed(struct str text, size_t piece, struct buf *seen)
{
    SCOPED(sse_done) struct sse s;
    struct err err = {0};
    sse_init(&s, MAX);
    while (text.n > 0) {
        size_t n = piece < text.n ? piece : text.n;
        if (!sse_feed(&s, (struct str){text.p, n}, note_and_write, seen, &err))
            return false;
        text = (struct str){text.p + n, text.n - n};
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    size_t piece = 1 + fuzz_byte(&text) % 16;
    SCOPED(buf_done) struct buf whole = BUF_INIT(SIZE_MAX), pieces = BUF_INIT(SIZE_MAX);
    check(feed(text, SIZE_MAX, &whole) == feed(text, piece, &pieces));
    check(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
