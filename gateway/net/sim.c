/*
 * The simulated upstream: a transport without a network, without threads and without
 * a clock of its own.  An answer is made when the question comes and said piece by
 * piece when its timer says so.
 *
 * Who asked may cancel or pause from within a call-back: `busy` keeps the state alive
 * until the call-back has returned, and what it brought about happens then.
 */
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/llm/frame.h"
#include "gateway/net/sim_priv.h"
#include "gateway/net/transport.h"

enum { PIECES_A_TURN = 64 }; /* then others on the loop have theirs */

struct sim_transport {
    struct transport transport;
    struct loop *loop;
    unsigned in_air;
};

struct sim_call {
    struct sim_transport *owner;
    struct call *call;
    struct sim_request request;
    struct sim_answer answer;
    struct sim_cursor cursor;
    struct timer timer;
    int64_t started_ms, active_ms;
    int64_t due_ms;          /* of the next piece */
    int64_t fault_at_tokens; /* how many have been said when it happens */
    bool has_head, busy, paused, over, stalled;
};

static struct sim_transport *owner_of(struct transport *t)
{
    return (struct sim_transport *)((char *)t - offsetof(struct sim_transport, transport));
}

static void free_and_end(struct sim_call *s)
{
    struct call *c = s->call;
    timer_clear(s->owner->loop, &s->timer);
    s->owner->in_air--;
    sim_answer_done(&s->answer);
    sim_request_done(&s->request);
    free(s);
    c->transport_state = NULL;
    c->on_end(c);
}

static void end_with(struct sim_call *s, enum err_code code, const char *why)
{
    if (code != ERR_none)
        err_set(&s->call->err, code, "sim: %s", why);
    s->over = true;
}

static void say_head(struct sim_call *s, int status, bool is_stream, bool is_json)
{
    char ms[24], seconds[24];
    struct call_header headers[3] = {{STR("content-type"), is_stream ? STR("text/event-stream")
                                                           : is_json ? STR("application/json")
                                                                     : STR("text/html")}};
    struct call_head head = {status, is_stream, is_json, headers, 1};
    int64_t rest_ms = s->request.set.retry_after_ms;
    if (rest_ms >= 0) {
        snprintf(ms, sizeof ms, "%" PRId64, rest_ms);
        snprintf(seconds, sizeof seconds, "%" PRId64, (rest_ms + 999) / 1000);
        headers[head.n_headers++] = (struct call_header){STR("retry-after-ms"), str_of(ms)};
        headers[head.n_headers++] = (struct call_header){STR("retry-after"), str_of(seconds)};
    }
    s->has_head = true;
    s->call->on_head(s->call, &head);
}

static void say_piece(struct sim_call *s, struct str name, struct str data)
{
    s->active_ms = loop_now_ms(s->owner->loop);
    if (!s->call->first_us)
        s->call->first_us = clock_now_us();
    s->call->on_piece(s->call, &(struct call_piece){name, data});
}

/* A whole body, within the bounds of who asked. */
static void say_body(struct sim_call *s, int status, bool is_json, const struct buf *body)
{
    struct call *c = s->call;
    say_head(s, status, false, is_json);
    if (s->over)
        return;
    if (!buf_ok(body)) {
        end_with(s, ERR_answer_too_large, "the answer is too long");
    } else if (!account_take(c->memory, (int64_t)body->n)) {
        end_with(s, ERR_busy, "no memory for the answer");
    } else {
        c->charged += (int64_t)body->n;
        say_piece(s, STR(""), buf_str(body));
        end_with(s, ERR_none, NULL);
    }
}

static void say_error(struct sim_call *s, int64_t status, const char *say)
{
    SCOPED(buf_done) struct buf body = BUF_INIT(4096);
    sim_error_body(&body, status, say);
    say_body(s, (int)status, true, &body);
}

/* The fault whose moment has come; false: there is none, or it is not one of these. */
static bool do_fault(struct sim_call *s)
{
    if (s->cursor.tokens < s->fault_at_tokens)
        return false;
    switch (s->request.set.fault) {
    case SIM_FAULT_refuse:
        s->call->connected = false;
        end_with(s, ERR_upstream_down, "refused");
        return true;
    case SIM_FAULT_reset:
    case SIM_FAULT_cut:
        end_with(s, ERR_upstream_cut, "cut");
        return true;
    case SIM_FAULT_stall:
        s->stalled = true;
        return true;
    case SIM_FAULT_garbage:
        if (!s->has_head)
            say_head(s, 200, s->request.stream, false);
        if (!s->over)
            say_piece(s, STR(""), STR("<html>Bad gateway</html>"));
        end_with(s, ERR_none, NULL);
        return true;
    case SIM_FAULT_none:
    case SIM_FAULT_no_done:
    case SIM_FAULT_no_usage:
        break;
    }
    return false;
}

static void say_event(struct sim_call *s)
{
    SCOPED(buf_done) struct buf name = BUF_INIT(256);
    SCOPED(buf_done) struct buf data = BUF_INIT(FRAME_MAX_BYTES);
    int64_t tokens = s->cursor.tokens;
    if (!sim_event(&s->request, &s->answer, &s->cursor, &name, &data)) {
        end_with(s, ERR_none, NULL);
        return;
    }
    if (!s->has_head)
        say_head(s, 200, true, false);
    if (!buf_ok(&data))
        end_with(s, ERR_answer_too_large, "an event is too long");
    if (!s->over)
        say_piece(s, buf_str(&name), buf_str(&data));
    if (s->cursor.tokens > tokens)
        s->due_ms += s->request.set.token_ms;
}

static void say_whole(struct sim_call *s)
{
    SCOPED(buf_done) struct buf body = BUF_INIT(s->call->answer_bytes);
    sim_body(&s->request, &s->answer, &body);
    say_body(s, 200, true, &body);
}

static void say_next(struct sim_call *s)
{
    if (s->request.set.status != 200)
        say_error(s, s->request.set.status, "simulated");
    else if (do_fault(s))
        return;
    else if (s->request.stream)
        say_event(s);
    else
        say_whole(s);
}

static int64_t earlier(int64_t at_ms, int64_t begin_ms, int64_t timeout_ms)
{
    return timeout_ms && begin_ms + timeout_ms < at_ms ? begin_ms + timeout_ms : at_ms;
}

/* When who asked has waited long enough; INT64_MAX: never. */
static int64_t deadline_ms(const struct sim_call *s)
{
    const struct call_timeouts *t = &s->call->timeouts;
    int64_t at = earlier(INT64_MAX, s->started_ms, t->total);
    if (s->paused)
        return at;
    return s->call->first_us ? earlier(at, s->active_ms, t->idle)
                             : earlier(at, s->started_ms, t->first_token);
}

static void set_timer(struct sim_call *s)
{
    int64_t at = deadline_ms(s);
    if (!s->paused && !s->stalled && s->due_ms < at)
        at = s->due_ms;
    if (at == INT64_MAX)
        timer_clear(s->owner->loop, &s->timer);
    else
        timer_set(s->owner->loop, &s->timer, at);
}

/* Says what is due; ends the call if that was all, or waits for what is next. */
static void go_on(struct sim_call *s)
{
    int64_t now_ms = loop_now_ms(s->owner->loop);
    s->busy = true;
    for (int i = 0;
         i < PIECES_A_TURN && !s->over && !s->paused && !s->stalled && s->due_ms <= now_ms; i++)
        say_next(s);
    s->busy = false;
    if (s->over)
        free_and_end(s);
    else
        set_timer(s);
}

static void timer_fired(struct timer *timer)
{
    struct sim_call *s = (struct sim_call *)((char *)timer - offsetof(struct sim_call, timer));
    if (loop_now_ms(s->owner->loop) >= deadline_ms(s))
        end_with(s, ERR_timeout, "too slow");
    go_on(s);
}

/* The time of the first piece, and when a fault is to happen. */
static void plan(struct sim_call *s)
{
    const struct sim_settings *set = &s->request.set;
    bool late = set->fault == SIM_FAULT_cut || set->fault == SIM_FAULT_stall ||
                set->fault == SIM_FAULT_garbage;
    s->due_ms = s->started_ms + set->first_token_ms;
    if (!s->request.stream && set->status == 200)
        s->due_ms += set->token_ms * s->answer.tokens;
    if (late && s->request.stream)
        s->fault_at_tokens = set->at >= 0 ? set->at : s->answer.tokens / 2;
    else
        s->fault_at_tokens = 0; /* a body that is not streamed fails as a whole */
}

static bool read_question(struct sim_call *s, struct err *err)
{
    struct call *c = s->call;
    if (c->n_body == 1)
        return sim_request_read(&s->request, c->url, c->body[0], err);
    SCOPED(buf_done) struct buf whole = BUF_INIT(SIM_TEXT_BYTES);
    for (unsigned i = 0; i < c->n_body; i++)
        buf_add(&whole, c->body[i]);
    return sim_request_read(&s->request, c->url, buf_str(&whole), err);
}

static void start(struct transport *transport, struct call *c)
{
    struct sim_transport *t = owner_of(transport);
    struct sim_call *s = NEW(struct sim_call);
    s->owner = t;
    s->call = c;
    s->timer.fn = timer_fired;
    s->started_ms = s->active_ms = loop_now_ms(t->loop);
    c->transport_state = s;
    c->connected = true;
    t->in_air++;
    struct err err = {0};
    if (read_question(s, &err)) {
        sim_answer_make(&s->answer, &s->request);
        plan(s);
    } else {
        s->busy = true;
        say_error(s, err_info(err.code)->status, err.say);
        s->busy = false;
    }
    go_on(s);
}

static void cancel(struct transport *transport, struct call *c)
{
    (void)transport;
    struct sim_call *s = c->transport_state;
    s->over = true;
    if (!s->busy)
        free_and_end(s);
}

static void set_pause(struct transport *transport, struct call *c, bool paused)
{
    (void)transport;
    struct sim_call *s = c->transport_state;
    if (s->paused == paused)
        return;
    s->paused = paused;
    s->active_ms = loop_now_ms(s->owner->loop);
    if (!s->busy)
        set_timer(s);
}

struct transport *sim_transport_new(struct loop *l)
{
    struct sim_transport *t = NEW(struct sim_transport);
    t->transport = (struct transport){.start = start, .cancel = cancel, .pause = set_pause};
    t->loop = l;
    return &t->transport;
}

void sim_transport_free(struct transport *transport)
{
    if (!transport)
        return;
    struct sim_transport *t = owner_of(transport);
    assert(t->in_air == 0);
    free(t);
}
