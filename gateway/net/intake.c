/*
 * The times of a call but for connecting share one timer: they end at things that are
 * only seen here, the first event and the last.
 */
#include "gateway/net/intake.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/clock.h"
#include "gateway/base/unpack.h"
#include "gateway/llm/frame.h"

enum {
    CHARGE_STEP = 64 * 1024,      /* memory of a body is taken in steps of this */
    CHARGE_AHEAD = 4 * 1024,      /* there must be this much more before it goes on */
    MEMORY_RETRY_MS = 20,         /* how often one that waits for memory looks again, */
    MEMORY_PATIENCE_MS = 5 * 1000 /* and for how long, from the first time in a call */
};

static void time_passed(struct timer *timer);

void intake_init(struct intake *in, struct loop *l, void (*stop)(struct intake *in), void (*go_on)(struct intake *in))
{
    *in = (struct intake){.loop = l, .stop = stop, .go_on = go_on, .head = BUF_INIT(INTAKE_HEAD_BYTES)};
    in->timer.fn = time_passed;
}

void intake_done(struct intake *in)
{
    buf_done(&in->head);
}

static void set_timer(struct intake *in)
{
    const struct call_timeouts *t = &in->call->timeouts;
    int64_t due = INT64_MAX;
    int64_t wait = in->call->first_us ? t->idle : t->first_token;
    int64_t since = in->call->first_us ? in->active_ms : in->started_ms;
    if (t->total && in->started_ms + t->total < due)
        due = in->started_ms + t->total;
    if (wait && since + wait < due)
        due = since + wait;
    if (in->lacks_memory)
        due = loop_now_ms(in->loop) + MEMORY_RETRY_MS;
    if (due != INT64_MAX)
        timer_set(in->loop, &in->timer, due);
}

void intake_begin(struct intake *in, struct call *c)
{
    in->call = c;
    c->charged = 0;
    c->first_us = 0;
    c->connected = false;
    c->err = (struct err){0};
    in->has_head = in->paused = in->stopped = false;
    in->lacks_memory = false;
    in->lacked_ms = 0;
    in->foretold = 0;
    in->err = (struct err){0};
    in->is = (struct call_head){0};
    in->coding = STR("");
    buf_cut(&in->head, 0);
    in->body = (struct buf)BUF_INIT(c->answer_bytes);
    in->started_ms = in->active_ms = loop_now_ms(in->loop);
    set_timer(in);
}

static enum intake_word word_of(const struct intake *in)
{
    return in->stopped ? INTAKE_STOPPED : INTAKE_TAKEN;
}

void intake_status(struct intake *in, int status)
{
    in->is.status = status;
    in->call->connected = true;
    buf_cut(&in->head, 0);
}

enum intake_word intake_header(struct intake *in, struct str line)
{
    size_t from = in->head.n;
    buf_add(&in->head, line);
    buf_add(&in->head, STR("\n"));
    if (!buf_ok(&in->head)) {
        err_set(&in->err, ERR_bad_answer, "headers of more than %d bytes", INTAKE_HEAD_BYTES);
        in->stopped = true;
        return INTAKE_STOPPED;
    }
    for (size_t i = from; i < in->head.n && in->head.p[i] != ':'; i++)
        if (in->head.p[i] >= 'A' && in->head.p[i] <= 'Z')
            in->head.p[i] = (char)(in->head.p[i] - 'A' + 'a');
    return word_of(in);
}

static bool is_type(struct str value, const char *type)
{
    size_t n = strlen(type);
    return value.n >= n && strncasecmp(value.p, type, n) == 0 &&
           (value.n == n || value.p[n] == ';' || value.p[n] == ' ' || value.p[n] == '\t');
}

/* Cuts in->head, lines of "name: value\n" with names in lower case, in two and in two. */
static unsigned split_head(struct intake *in, struct call_header *headers)
{
    unsigned n = 0;
    struct str rest = buf_str(&in->head), line;
    while (n < INTAKE_HEAD_LINES && str_next(&rest, '\n', &line)) {
        struct str name;
        if (line.n == 0 || !str_next(&line, ':', &name) || !line.p)
            continue;
        headers[n++] = (struct call_header){name, str_trim(line)};
    }
    return n;
}

/* What a Content-Length says a body will hold; one that is no number counts as unknown. */
static size_t foretold_bytes(struct str value, size_t max)
{
    int64_t n;
    if (!str_int(value, &n) || n < 0)
        return 0;
    return (uint64_t)n > max ? max : (size_t)n;
}

enum intake_word intake_head_end(struct intake *in)
{
    struct call_header headers[INTAKE_HEAD_LINES];
    in->is.headers = headers;
    in->is.n_headers = split_head(in, headers);
    for (unsigned i = 0; i < in->is.n_headers; i++) {
        if (str_eq(headers[i].name, STR("content-type"))) {
            in->is.is_stream = in->is.status == 200 && is_type(headers[i].value, "text/event-stream");
            in->is.is_json = is_type(headers[i].value, "application/json");
        } else if (str_eq(headers[i].name, STR("content-encoding")) && in->undoes_coding) {
            in->coding = headers[i].value;
        } else if (str_eq(headers[i].name, STR("content-length"))) {
            in->foretold = foretold_bytes(headers[i].value, in->body.max);
        }
    }
    if (in->is.is_stream)
        sse_init(&in->sse, FRAME_MAX_BYTES);
    in->has_head = true;
    if (in->is.is_stream && in->coding.n && !str_eq(in->coding, STR("identity"))) {
        err_set(&in->err, ERR_bad_answer, "a stream in a content-encoding that was not asked for");
        in->stopped = true;
        return INTAKE_STOPPED;
    }
    in->call->on_head(in->call, &in->is);
    in->is.headers = NULL;
    return word_of(in);
}

static void on_event(void *arg, const struct sse_event *e)
{
    struct intake *in = arg;
    if (in->stopped)
        return;
    if (!in->call->first_us)
        in->call->first_us = clock_now_us();
    in->call->on_piece(in->call, &(struct call_piece){e->name, e->data});
}

static size_t whole_bytes(const struct intake *in, size_t more)
{
    return in->body.n + more > in->foretold ? in->body.n + more : in->foretold;
}

/*
 * Takes memory for n more bytes of the body, for all of it if its length was foretold:
 * calls that hold a part each and wait for the rest would wait for each other.  false:
 * there is none now.
 */
static bool charge(struct intake *in, size_t n)
{
    struct call *c = in->call;
    int64_t need = (int64_t)whole_bytes(in, n) - c->charged;
    if (need <= 0)
        return true;
    int64_t take = (need + CHARGE_STEP - 1) / CHARGE_STEP * CHARGE_STEP;
    if (!account_take(c->memory, take))
        return false;
    c->charged += take;
    return true;
}

static enum intake_word add_to_body(struct intake *in, struct str bytes)
{
    if (!in->call->first_us)
        in->call->first_us = clock_now_us();
    if (!charge(in, bytes.n)) {
        in->lacks_memory = true;
        if (!in->lacked_ms)
            in->lacked_ms = loop_now_ms(in->loop);
        set_timer(in);
        return INTAKE_WAITS;
    }
    buf_add(&in->body, bytes);
    if (buf_ok(&in->body))
        return INTAKE_TAKEN;
    err_set(&in->err, ERR_answer_too_large, "more than %zu bytes", in->body.max);
    in->stopped = true;
    return INTAKE_STOPPED;
}

enum intake_word intake_bytes(struct intake *in, struct str bytes)
{
    if (in->stopped)
        return INTAKE_STOPPED;
    if (intake_waits(in))
        return INTAKE_WAITS;
    in->active_ms = loop_now_ms(in->loop);
    if (!in->is.is_stream)
        return add_to_body(in, bytes);
    bool had_event = in->call->first_us != 0;
    if (!sse_feed(&in->sse, bytes, on_event, in, &in->err))
        in->stopped = true;
    else if (!had_event && in->call->first_us)
        set_timer(in);
    return word_of(in);
}

bool intake_waits(const struct intake *in)
{
    return in->paused || in->lacks_memory;
}

void intake_cancel(struct intake *in)
{
    in->stopped = true;
}

void intake_pause(struct intake *in, bool paused)
{
    if (in->paused == paused)
        return;
    in->paused = paused;
    in->active_ms = loop_now_ms(in->loop);
    if (!intake_waits(in))
        in->go_on(in);
}

static void give_up(struct intake *in)
{
    in->stopped = true;
    in->stop(in);
}

/* It waited; goes on if there is memory now. */
static void retry_memory(struct intake *in)
{
    if (loop_now_ms(in->loop) - in->lacked_ms >= MEMORY_PATIENCE_MS) {
        err_set(&in->err, ERR_busy, "no memory for an answer of %zu bytes or more", whole_bytes(in, CHARGE_AHEAD));
        give_up(in);
        return;
    }
    bool again = charge(in, CHARGE_AHEAD);
    in->lacks_memory = !again;
    set_timer(in);
    if (again && !in->paused)
        in->go_on(in);
}

static void time_passed(struct timer *timer)
{
    struct intake *in = (struct intake *)((char *)timer - offsetof(struct intake, timer));
    const struct call_timeouts *t = &in->call->timeouts;
    int64_t now_ms = loop_now_ms(in->loop);
    if (in->lacks_memory) {
        retry_memory(in);
        return;
    }
    if (in->paused)
        in->active_ms = now_ms;
    if (t->total && now_ms >= in->started_ms + t->total)
        err_set(&in->err, ERR_timeout, "not whole after %" PRId64 " ms", t->total);
    else if (!in->call->first_us && t->first_token && now_ms >= in->started_ms + t->first_token)
        err_set(&in->err, ERR_timeout, "no first byte in %" PRId64 " ms", t->first_token);
    else if (in->call->first_us && t->idle && now_ms >= in->active_ms + t->idle)
        err_set(&in->err, ERR_timeout, "silent for %" PRId64 " ms", t->idle);
    if (in->err.code != ERR_none)
        give_up(in);
    else
        set_timer(in);
}

/* "identity" was asked for, but some pack all the same. */
static void deliver_body(struct intake *in)
{
    struct call *c = in->call;
    struct buf plain = BUF_INIT(c->answer_bytes);
    struct str body = buf_str(&in->body);
    struct err err = {0};
    if (in->coding.n) {
        if (!unpack(in->coding, body, c->answer_bytes, &plain, &err))
            err_set(&c->err, err.code == ERR_too_large ? ERR_answer_too_large : ERR_bad_answer, "%s", err.detail);
        body = buf_str(&plain);
    }
    if (c->err.code == ERR_none)
        c->on_piece(c, &(struct call_piece){.data = body});
    buf_done(&plain);
}

void intake_end(struct intake *in, const struct err *why)
{
    struct call *c = in->call;
    bool cancelled = in->stopped && in->err.code == ERR_none;
    timer_clear(in->loop, &in->timer);
    if (in->err.code != ERR_none)
        c->err = in->err;
    else if (!cancelled && why->code != ERR_none)
        c->err = *why;
    else if (!cancelled && !in->has_head)
        err_set(&c->err, ERR_bad_answer, "no head");
    if (c->err.code == ERR_none && !cancelled && !in->is.is_stream)
        deliver_body(in);
    if (in->has_head && in->is.is_stream)
        sse_done(&in->sse);
    buf_done(&in->body);
    in->call = NULL;
}
