/*
 * receive - waits until the body of the request is whole, and unpacks it.
 *
 * Reads:   head, config
 * Writes:  receive, body, received_us
 * Waits:   for the client; for memory, at most MEMORY_PATIENCE_MS at a time
 * Undo:    gives the memory back
 *
 * Memory is charged before it is used: all of it at once where the length is known,
 * else step by step.  Whoever finds none waits unread, so that the client is slowed
 * down by its own socket.
 */
#include <inttypes.h>
#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/base/unpack.h"
#include "gateway/core/receive.h"
#include "gateway/core/stage.h"

enum { CHARGE_STEP = 64 * 1024, MEMORY_RETRY_MS = 20, MEMORY_PATIENCE_MS = 5 * 1000 };

static bool charge(struct exchange *x, int64_t bytes)
{
    if (bytes <= x->receive.charged)
        return true;
    int64_t more = bytes - x->receive.charged;
    if (!account_take(&x->worker->gateway->memory, more))
        return false;
    x->receive.charged += more;
    return true;
}

static void cancel_receive(void *op)
{
    struct exchange *x = op;
    timer_clear(x->worker->loop, &x->receive.timer);
    exchange_resume(x);
}

static void look_for_memory(struct timer *timer)
{
    struct exchange *x = (struct exchange *)((char *)timer - offsetof(struct exchange, receive.timer));
    int64_t now_ms = loop_now_ms(x->worker->loop);
    if (charge(x, x->receive.want_bytes)) {
        x->receive.state = RECEIVE_READING;
        x->front->on_memory(x);
    } else if (now_ms - x->receive.full_since_ms >= MEMORY_PATIENCE_MS) {
        struct err err = {.retry_after_ms = 1000};
        err_set(&err, ERR_busy, "no memory for a body of %" PRId64 " bytes", x->receive.want_bytes);
        exchange_fail(x, &err);
    } else {
        timer_set(x->worker->loop, timer, now_ms + MEMORY_RETRY_MS);
    }
}

/* Reading stops until there is memory for `bytes` in all. */
static void wait_for_memory(struct exchange *x, int64_t bytes)
{
    int64_t now_ms = loop_now_ms(x->worker->loop);
    x->receive.state = RECEIVE_FULL;
    x->receive.want_bytes = bytes;
    x->receive.full_since_ms = now_ms;
    x->receive.timer.fn = look_for_memory;
    timer_set(x->worker->loop, &x->receive.timer, now_ms + MEMORY_RETRY_MS);
}

static bool refuse_too_large(const struct exchange *x, struct err *err)
{
    return err_say(err, ERR_too_large, NULL, "the body is larger than %" PRId64 " bytes (server.body_bytes)",
                   x->config->server.body_bytes);
}

static enum step begin(struct exchange *x, struct err *err)
{
    int64_t length = x->head.content_length, max = x->config->server.body_bytes;
    if (length > max) {
        refuse_too_large(x, err);
        return STEP_FAIL;
    }
    x->receive.bytes = (struct buf)BUF_INIT((size_t)max);
    x->receive.unpacked = (struct buf)BUF_INIT((size_t)max);
    x->receive.state = RECEIVE_READING;
    x->wait = (struct wait){.cancel = cancel_receive, .op = x};
    if (length > 0 && !charge(x, length))
        wait_for_memory(x, length);
    return STEP_WAIT;
}

static enum step finish(struct exchange *x, struct err *err)
{
    x->body = buf_str(&x->receive.bytes);
    if (x->head.content_encoding.n) {
        if (!unpack(x->head.content_encoding, x->body, x->receive.unpacked.max, &x->receive.unpacked, err))
            return STEP_FAIL;
        x->body = buf_str(&x->receive.unpacked);
        if (!charge(x, (int64_t)(x->receive.bytes.n + x->body.n))) {
            err_set(err, ERR_busy, "no memory for an unpacked body of %zu bytes", x->body.n);
            return STEP_FAIL;
        }
    }
    x->received_us = clock_now_us();
    return STEP_NEXT;
}

static enum step receive_run(struct exchange *x, struct err *err)
{
    return x->receive.state == RECEIVE_NEW ? begin(x, err) : finish(x, err);
}

static void receive_undo(struct exchange *x)
{
    timer_clear(x->worker->loop, &x->receive.timer);
    account_give(&x->worker->gateway->memory, x->receive.charged);
    x->receive.charged = 0;
    buf_done(&x->receive.bytes);
    buf_done(&x->receive.unpacked);
}

bool receive_is_open(const struct exchange *x)
{
    return x->finish == FINISH_none && x->receive.state == RECEIVE_READING;
}

enum receive_answer receive_add(struct exchange *x, struct str bytes)
{
    if (x->finish != FINISH_none)
        return RECEIVE_ENDED;
    if (x->receive.state != RECEIVE_READING)
        return RECEIVE_LATER;
    size_t n = x->receive.bytes.n + bytes.n;
    struct err err = {0};
    if (n > x->receive.bytes.max) {
        refuse_too_large(x, &err);
        exchange_fail(x, &err);
        return RECEIVE_ENDED;
    }
    if ((int64_t)n > x->receive.charged) {
        int64_t want = (int64_t)((n + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP);
        if (!charge(x, want)) {
            wait_for_memory(x, want);
            return RECEIVE_LATER;
        }
    }
    buf_add(&x->receive.bytes, bytes);
    return RECEIVE_TAKEN;
}

void receive_end(struct exchange *x)
{
    if (x->finish != FINISH_none)
        return;
    x->receive.state = RECEIVE_WHOLE;
    exchange_resume(x);
}

const struct stage stage_receive = {
    .name = "receive",
    .help = "waits for the body, within the limits of size and memory, and unpacks it",
    .run = receive_run,
    .undo = receive_undo,
};
