/*
 * call - asks the upstreams, one after the other, until one answers.
 *
 * Reads:   candidates, offers, body, request, config
 * Writes:  call, attempts, usage, cost_nusd and what goes with them; served, judged, reason
 * Waits:   for the upstream until its answer has ended; between tries
 *
 * Frames pass the sinks while it waits.  Until the first has left, another try may
 * follow: with another key of the provider, of the same target as its model's retry says,
 * then of the next; never after.  A target that rests is passed over (see turn.h).  In a
 * cascade an answer is held back (see judge.h): one that is not good enough makes way for
 * the next target, and is given after all where that fails.
 */
#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/core/attempt.h"
#include "gateway/core/exchange.h"
#include "gateway/core/explain.h"
#include "gateway/core/judge.h"
#include "gateway/core/outgrow.h"
#include "gateway/core/refusal.h"
#include "gateway/core/row.h"
#include "gateway/core/spend.h"
#include "gateway/core/stage.h"
#include "gateway/core/turn.h"

enum {
    REST_FIRST_MS = 250, /* before the second try; doubled each time */
    REST_MAX_MS = 8 * 1000,
    LINGER_MS = 1000, /* how long an upstream may take to close after its last event */
};

static struct transport *transport_of(const struct exchange *x)
{
    return x->worker->transports[x->call.offer->target->provider->transport];
}

static void end_early(struct exchange *x)
{
    x->call.done = true;
    transport_of(x)->cancel(transport_of(x), &x->call.call);
}

static void fail_try(struct exchange *x, const struct err *err)
{
    if (x->call.err.code == ERR_none)
        x->call.err = *err;
    end_early(x);
}

/* By allow-list: no cookie, and nothing that names the account. */
static void pass_headers(struct exchange *x, const struct call_head *head)
{
    static const struct {
        const char *name, *as;
    } allowed[] = {{"openai-processing-ms", "openai-processing-ms"},
                   {"openai-version", "openai-version"},
                   {"x-request-id", "x-upstream-request-id"}};
    x->call.n_passed = 0;
    for (unsigned i = 0; i < head->n_headers; i++)
        for (size_t k = 0; k < sizeof allowed / sizeof allowed[0] && x->call.n_passed < PASSED_HEADERS_MAX; k++)
            if (str_eq(head->headers[i].name, str_of(allowed[k].name)))
                x->call.passed[x->call.n_passed++] =
                    (struct passed_header){allowed[k].as, refusal_hide_key(x, head->headers[i].value)};
}

static void head_came(struct call *c, const struct call_head *head)
{
    struct exchange *x = c->owner;
    x->call.status = head->status;
    x->call.is_stream = head->is_stream;
    x->call.retry_after_ms = refusal_retry_after_ms(head);
    pass_headers(x, head);
    struct err err = {0};
    if (head->status == 200 && x->request.stream && endpoint_info(x->endpoint)->streams && !head->is_stream) {
        err_set(&err, ERR_bad_answer, "a stream was asked for, and something else came");
        fail_try(x, &err);
    }
}

static void linger_is_over(struct timer *timer)
{
    struct exchange *x = (struct exchange *)((char *)timer - offsetof(struct exchange, call.timer));
    end_early(x);
}

static void event_came(struct exchange *x, const struct call_piece *p)
{
    if (str_eq(p->data, STR("[DONE]"))) {
        exchange_frame(x, &(struct frame){.kind = FRAME_DONE});
        x->call.timer.fn = linger_is_over;
        timer_set(x->worker->loop, &x->call.timer, loop_now_ms(x->worker->loop) + LINGER_MS);
        return;
    }
    struct answer a;
    struct err err = {0};
    if (!answer_scan(x->endpoint, p->data, &a, &err)) {
        fail_try(x, &err);
        return;
    }
    if (a.error.kind != VALUE_ABSENT) {
        x->call.refusal = refusal_body(x, 500, p->data);
        err_set(&err, ERR_upstream_error, "an error event");
        fail_try(x, &err);
        return;
    }
    turn_first(x);
    exchange_frame(x, &(struct frame){FRAME_EVENT, p->name, p->data, &a});
    if (x->policy.blocked_answer ? !x->call.done : x->finish == FINISH_none && outgrow_cut(x, p->data))
        end_early(x);
}

static void body_came(struct exchange *x, const struct call_piece *p)
{
    struct answer a;
    struct err err = {0};
    if (x->call.status != 200) {
        refusal_explain(x->call.status, x->call.retry_after_ms, &x->call.err);
        x->call.refusal = refusal_body(x, x->call.status, p->data);
    } else if (!answer_scan(x->endpoint, p->data, &a, &err)) {
        x->call.err = err;
    } else {
        turn_first(x);
        exchange_frame(x, &(struct frame){.kind = FRAME_BODY, .data = p->data, .read = &a});
    }
}

static void piece_came(struct call *c, const struct call_piece *p)
{
    struct exchange *x = c->owner;
    if (x->finish != FINISH_none || x->call.done)
        return;
    if (x->call.is_stream)
        event_came(x, p);
    else
        body_came(x, p);
}

static void call_ended(struct call *c)
{
    exchange_resume(c->owner);
}

static void cancel_call(void *op)
{
    struct exchange *x = op;
    transport_of(x)->cancel(transport_of(x), &x->call.call);
}

static void pause_call(void *op, bool paused)
{
    struct exchange *x = op;
    transport_of(x)->pause(transport_of(x), &x->call.call, paused);
}

static enum step give_up(struct exchange *x, struct err *err);

static enum step start(struct exchange *x)
{
    attempt_ask(x);
    if (x->call.offer->escalates)
        judge_begin(x);
    x->call.call.on_head = head_came;
    x->call.call.on_piece = piece_came;
    x->call.call.on_end = call_ended;
    x->call.state = CALL_ASKED;
    x->wait = (struct wait){.cancel = cancel_call, .pause = pause_call, .op = x};
    x->served = x->call.offer;
    x->front->on_asking(x);
    transport_of(x)->start(transport_of(x), &x->call.call);
    return STEP_WAIT;
}

/* Of a child nothing is reserved: its parent's row is another. */
static void reserve_again(struct exchange *x)
{
    struct ledger_request row;
    if (x->budget.state != BUDGET_RESERVED)
        return;
    row_reserve(x, &row);
    ledger_reserve(x->worker->gateway->store, &row, NULL);
}

/*
 * The first attempt is reserved by stage budget; for another one what is missing is.  If a
 * budget does not have it, what has been so far stands.
 */
static enum step pay(struct exchange *x)
{
    struct err refusal = {0};
    if (x->attempts == 0)
        return STEP_NEXT;
    x->call.state = CALL_LEASING;
    enum step step = spend_reserve(x, &refusal);
    if (step == STEP_FAIL)
        LOG(retry, F("request", str_of(x->id)), F("why", err_info(refusal.code)->name), F("detail", refusal.detail));
    if (step == STEP_NEXT)
        reserve_again(x);
    return step;
}

/* Asks the candidate whose turn it is, or the first after it that does not rest. */
static enum step ask(struct exchange *x, struct err *err)
{
    enum step paid = pay(x);
    if (paid != STEP_NEXT)
        return paid == STEP_WAIT ? paid : give_up(x, err);
    for (; x->call.candidate < x->n_candidates; x->call.candidate++, x->call.tries = 0)
        if (turn_begin(x))
            return start(x);
    if (x->attempts > 0)
        return give_up(x, err);
    err_set(err, ERR_upstream_rests, "all targets rest");
    err->retry_after_ms = turn_rests_ms(x);
    return STEP_FAIL;
}

static void cancel_rest(void *op)
{
    struct exchange *x = op;
    timer_clear(x->worker->loop, &x->call.timer);
    exchange_resume(x);
}

static void rested(struct timer *timer)
{
    exchange_resume((struct exchange *)((char *)timer - offsetof(struct exchange, call.timer)));
}

/* Full jitter on an exponential ceiling (M. Brooker, AWS, 2015); what the upstream asked for comes first. */
static int64_t rest_ms(struct exchange *x)
{
    if (x->call.retry_after_ms >= 0)
        return x->call.retry_after_ms;
    int64_t most = REST_FIRST_MS;
    for (unsigned i = 1; i < x->call.tries && most < REST_MAX_MS; i++)
        most *= 2;
    return (int64_t)(worker_dice(x->worker) % (uint64_t)(most < REST_MAX_MS ? most : REST_MAX_MS));
}

static bool may_retry(const struct exchange *x)
{
    const struct retry *r = &x->call.offer->via->retry;
    if (x->call.tries >= r->attempts || x->call.retry_after_ms > REST_MAX_MS)
        return false;
    switch ((int)x->call.err.code) {
    case ERR_upstream_busy:
        return r->on_429;
    case ERR_upstream_error:
        return r->on_5xx && x->call.status >= 500;
    case ERR_timeout:
        return r->on_timeout;
    case ERR_upstream_cut:
    case ERR_upstream_down:
        return r->on_reset;
    default:
        return false;
    }
}

static bool may_go_on(const struct exchange *x)
{
    return err_info(x->call.err.code)->next && !turn_was_bad_request(x) && x->call.candidate + 1 < x->n_candidates;
}

static void log_retry(const struct exchange *x)
{
    LOG(retry, F("request", str_of(x->id)), F("provider", x->call.offer->target->provider->name),
        F("model", x->call.offer->model), F("why", err_info(x->call.err.code)->name), F("detail", x->call.err.detail));
}

static enum step rest(struct exchange *x)
{
    x->call.state = CALL_RESTING;
    x->call.timer.fn = rested;
    x->wait = (struct wait){.cancel = cancel_rest, .op = x};
    timer_set(x->worker->loop, &x->call.timer, loop_now_ms(x->worker->loop) + rest_ms(x));
    return STEP_WAIT;
}

/* The answer that was turned down is better than none. */
static enum step give_kept(struct exchange *x)
{
    x->served = x->judged.offer;
    x->call.n_passed = 0;
    turn_note(x, "kept", "");
    judge_release(x);
    return STEP_ANSWER;
}

static enum step give_up(struct exchange *x, struct err *err)
{
    if (x->judged.state == JUDGE_KEEPS && !x->frames_out)
        return give_kept(x);
    *err = x->call.err;
    if (x->call.refusal.n) {
        x->passed_body = x->call.refusal;
        x->passed_status = x->call.status >= 400 ? x->call.status : 0;
    }
    return STEP_FAIL;
}

static enum step next(struct exchange *x, unsigned by, struct err *err)
{
    x->call.candidate += by;
    x->call.tries = 0;
    return ask(x, err);
}

static enum step escalate(struct exchange *x, const char *fault, struct err *err)
{
    LOG(escalate, F("request", str_of(x->id)), F("model", x->call.offer->model), F("why", fault));
    metric_add(x->worker->metrics, METRIC_escalations_total, 1);
    turn_note(x, "escalated:", fault);
    judge_keep(x);
    return next(x, x->call.offer->escalates, err);
}

static enum step try_again(struct exchange *x, struct err *err)
{
    if (x->frames_out)
        return give_up(x, err);
    if (turn_has_another_key(x)) {
        log_retry(x);
        x->call.tries--;
        return ask(x, err);
    }
    if (may_retry(x)) {
        log_retry(x);
        return rest(x);
    }
    if (may_go_on(x)) {
        log_retry(x);
        turn_note(x, "after:", err_info(x->call.err.code)->name);
        return next(x, 1, err);
    }
    return give_up(x, err);
}

/* Nothing is missing, or whatever is says why. */
static bool is_whole(struct exchange *x)
{
    struct call *c = &x->call.call;
    if (x->call.err.code != ERR_none)
        return false;
    if (x->policy.blocked_answer)
        return true;
    bool ended_well = x->call.is_stream ? x->metered.whole : c->err.code == ERR_none;
    if (!ended_well) {
        x->call.err = c->err;
        if (c->err.code == ERR_none)
            err_set(&x->call.err, ERR_upstream_cut, "the stream ended before it was complete");
    }
    return ended_well;
}

static void end_of_try(struct exchange *x)
{
    struct call *c = &x->call.call;
    timer_clear(x->worker->loop, &x->call.timer);
    account_give(c->memory, c->charged);
    c->charged = 0;
    bool streams = x->call.is_stream && c->first_us;
    x->call.waited_us += (streams ? c->first_us : clock_now_us()) - x->call.started_us;
}

static const char *finish_word(const struct exchange *x, bool whole)
{
    if (x->budget.stopped)
        return "budget_cut";
    if (x->policy.blocked_answer && whole)
        return "blocked";
    if (whole)
        return "complete";
    if (x->call.err.code == ERR_client_too_slow)
        return err_info(ERR_client_too_slow)->code;
    return x->frames_out ? "cut" : "failed";
}

/* NULL: it is good, or there is nobody to ask for a better one. */
static const char *fault_of(const struct exchange *x)
{
    bool can = x->judged.state == JUDGE_HOLDS && turn_can_follow(x, x->call.offer->escalates);
    return can ? judge_fault(x) : NULL;
}

static enum step answered(struct exchange *x, struct err *err)
{
    end_of_try(x);
    bool whole = is_whole(x);
    const char *fault = whole ? fault_of(x) : NULL;
    attempt_book(x, fault ? "escalated" : finish_word(x, whole));
    turn_end(x, whole);
    x->call.state = CALL_NEW;
    if (fault)
        return escalate(x, fault, err);
    if (x->judged.state == JUDGE_HOLDS && whole)
        judge_release(x);
    else if (x->judged.state == JUDGE_HOLDS)
        judge_drop(x);
    return whole ? STEP_ANSWER : try_again(x, err);
}

static enum step explain(struct exchange *x)
{
    struct buf body = BUF_INIT(1024 * 1024);
    struct answer nothing = {0};
    explain_write(x, &body);
    exchange_frame(x, &(struct frame){.kind = FRAME_BODY, .data = buf_str(&body), .read = &nothing});
    buf_done(&body);
    return STEP_ANSWER;
}

static enum step call_run(struct exchange *x, struct err *err)
{
    if (x->dry_run)
        return explain(x);
    switch (x->call.state) {
    case CALL_ASKED:
        return answered(x, err);
    case CALL_NEW:
    case CALL_RESTING:
    case CALL_LEASING:
        break;
    }
    return ask(x, err);
}

/* A try that was cancelled has been paid for all the same. */
static void call_undo(struct exchange *x)
{
    if (x->call.state == CALL_ASKED) {
        end_of_try(x);
        attempt_book(x, exchange_finish_word(x));
        turn_end(x, false);
    }
    judge_drop(x);
    buf_done(&x->call.question);
}

const struct stage stage_call = {
    .name = "call",
    .help = "asks the upstreams in turn until one answers; none once a frame has left",
    .run = call_run,
    .undo = call_undo,
};
