/*
 * fuzz_h1.c - any bytes as an answer of HTTP/1.1: the same is found however they are
 * cut, and nothing is read past its end.
 */
#include "gateway/base/scope.h"
#include "gateway/net/h1_answer.h"
#include "tests/fuzz/fuzz.h"

static void on_status(void *arg, int status)
{
    buf_addf(arg, "\n%d ", status);
}

static bool on_header(void *arg, struct str line)
{
    buf_add(arg, line);
    buf_add(arg, STR("\n"));
    return true;
}

static bool on_head_end(void *arg)
{
    buf_add(arg, STR("."));
    return true;
}

static bool on_body(void *arg, struct str bytes)
{
    check(bytes.n > 0);
    buf_add(arg, bytes);
    return true;
}

static const struct h1_events events = {on_status, on_header, on_head_end, on_body};

/* Reads it in pieces, and says what was found, and how it ended. */
static void read_in(struct str wire, size_t piece, struct buf *found)
{
    struct h1_answer a;
    struct err err = {0};
    h1_answer_init(&a);
    while (wire.n > 0 && a.state != H1_DONE && err.code == ERR_none) {
        size_t n = piece < wire.n ? piece : wire.n;
        size_t used = h1_answer_read(&a, (struct str){wire.p, n}, &events, found, &err);
        check(used == n || a.state == H1_DONE || err.code != ERR_none);
        wire = (struct str){wire.p + used, wire.n - used};
    }
    if (err.code == ERR_none) {
        bool whole = h1_answer_closed(&a, &err);
        buf_addf(found, "%s %zu %d", whole ? "whole" : "cut", wire.n, a.persists);
    } else {
        buf_addf(found, "%s", err.detail);
    }
    h1_answer_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str wire = {(const char *)data, size};
    size_t piece = 1 + fuzz_byte(&wire) % 16;
    SCOPED(buf_done) struct buf whole = BUF_INIT(SIZE_MAX), pieces = BUF_INIT(SIZE_MAX);
    read_in(wire, SIZE_MAX, &whole);
    read_in(wire, piece, &pieces);
    check(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
