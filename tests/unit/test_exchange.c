/*
 * The upstream and the client are fakes; every test ends with the exchange over,
 * and looks at how often each thing happened.
 */
#include "gateway/core/exchange.h"

#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/core/stage.h"
#include "tests/unit/test.h"

/* When a fake upstream does something. */
enum when { NEVER, IN_START, LATER, IN_CANCEL, AFTER_CANCEL };

static struct {
    struct transport transport;
    enum when ends;
    enum err_code fails;
    bool aborts_in_start, aborts_in_cancel;
    unsigned in_start; /* how deep */
    struct call *call;
    unsigned started, cancelled, ended;
} upstream;

static struct {
    struct sink sink;
    struct buf text;
    bool aborts_in_push, releases_in_end;
    unsigned ended;
    enum end how;
} client;

static struct exchange *x;    /* freed when it is over: whoever touches it then is caught */
static struct exchange ended; /* what it was */
static unsigned over;

static void upstream_end(void)
{
    struct call *c = upstream.call;
    upstream.call = NULL;
    upstream.ended++;
    if (upstream.fails)
        err_set(&c->err, upstream.fails, "host 10.0.0.1");
    c->on_end(c);
}

static void upstream_say(struct str text)
{
    upstream.call->on_piece(upstream.call, &(struct call_piece){.data = text});
}

static void upstream_start(struct transport *t, struct call *c)
{
    assert_ptr_equal(t, &upstream.transport);
    assert_int_equal(upstream.in_start++, 0);
    upstream.started++;
    upstream.call = c;
    if (upstream.aborts_in_start)
        exchange_abort(x, FINISH_client_gone);
    if (upstream.ends == IN_START) {
        upstream_say(STR("hello"));
        upstream_end();
    }
    upstream.in_start--;
}

static void upstream_cancel(struct transport *t, struct call *c)
{
    assert_ptr_equal(t, &upstream.transport);
    assert_ptr_equal(c, upstream.call);
    assert_int_equal(upstream.in_start, 0);
    upstream.cancelled++;
    if (upstream.aborts_in_cancel)
        exchange_abort(x, FINISH_deadline);
    if (upstream.ends == IN_CANCEL) {
        upstream_say(STR("too late"));
        upstream_end();
    }
}

/* A stage that asks the fake upstream, as stage call does, and can be undone. */
static unsigned undone;

static void ask_piece(struct call *c, const struct call_piece *p)
{
    struct answer nothing = {0};
    exchange_frame(c->owner, &(struct frame){.kind = FRAME_EVENT, .data = p->data, .read = &nothing});
}

static void ask_end(struct call *c)
{
    exchange_resume(c->owner);
}

static void ask_cancel(void *op)
{
    struct exchange *of = op;
    upstream.transport.cancel(&upstream.transport, &of->call.call);
}

static enum step ask_run(struct exchange *of, struct err *err)
{
    struct call *c = &of->call.call;
    if (c->owner) {
        *err = c->err;
        return err->code == ERR_none ? STEP_ANSWER : STEP_FAIL;
    }
    *c = (struct call){.on_piece = ask_piece, .on_end = ask_end, .owner = of};
    of->wait = (struct wait){.cancel = ask_cancel, .op = of};
    upstream.transport.start(&upstream.transport, c);
    return STEP_WAIT;
}

static void ask_undo(struct exchange *of)
{
    (void)of;
    undone++;
}

static const struct stage stage_ask = {.name = "ask", .run = ask_run, .undo = ask_undo};
static const struct stage *const asking[] = {&stage_ask, NULL};

static void client_push(struct sink *s, struct exchange *of, const struct frame *f)
{
    assert_ptr_equal(s, &client.sink);
    assert_ptr_equal(of, x);
    assert_int_equal(client.ended, 0);
    buf_add(&client.text, f->kind == FRAME_DONE ? STR("$") : f->data);
    if (client.aborts_in_push)
        exchange_abort(x, FINISH_client_gone);
}

static void client_end(struct sink *s, struct exchange *of, enum end how)
{
    assert_ptr_equal(s, &client.sink);
    client.ended++;
    client.how = how;
    if (client.releases_in_end && !of->released)
        exchange_release(of);
}

static const struct sink_class client_class = {
    .name = "client", .push = client_push, .end = client_end};

static void count_over(struct exchange *of)
{
    assert_ptr_equal(of, x);
    over++;
    ended = *of;
    free(of);
}

static int start_with(const struct stage *const *table)
{
    memset(&upstream, 0, sizeof upstream);
    memset(&client, 0, sizeof client);
    upstream.transport = (struct transport){.start = upstream_start, .cancel = upstream_cancel};
    upstream.ends = LATER;
    client.sink.class = &client_class;
    client.text = (struct buf)BUF_INIT(1000);
    over = 0;
    undone = 0;

    x = NEW(struct exchange);
    exchange_init(x, table, &client.sink);
    x->on_over = count_over;
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with(asking);
}

static int stop(void **state)
{
    (void)state;
    buf_done(&client.text);
    return over == 1 && client.ended == 1 && upstream.started == upstream.ended ? 0 : -1;
}

static void an_answer_passes_the_sinks_and_is_complete(void **state)
{
    (void)state;
    exchange_run(x);
    assert_int_equal(x->finish, FINISH_none);
    upstream_say(STR("hel"));
    upstream_say(STR("lo"));
    upstream_end();
    assert_int_equal(x->finish, FINISH_complete);
    assert_int_equal(client.how, END_COMPLETE);
    assert_string_equal(client.text.p, "hello$");
    assert_string_equal(exchange_finish_word(x), "complete");
    assert_int_equal(exchange_status(x), 200);
    assert_int_equal(over, 0);
    exchange_release(x);
    assert_int_equal(undone, 1);
}

static void a_failure_that_no_stage_met_ends_it_too(void **state)
{
    (void)state;
    struct err err = {0};
    exchange_run(x);
    err_set(&err, ERR_busy, "no memory");
    exchange_fail(x, &err);
    assert_int_equal(upstream.cancelled, 1);
    assert_int_equal(x->finish, FINISH_failed);
    assert_int_equal(exchange_status(x), 503);
    upstream_end();
    exchange_release(x);
}

static void what_the_upstream_says_in_failing_stays_in_the_log(void **state)
{
    (void)state;
    upstream.fails = ERR_upstream_down;
    exchange_run(x);
    upstream_end();
    assert_int_equal(x->finish, FINISH_failed);
    assert_string_equal(x->err.detail, "ask: host 10.0.0.1");
    assert_string_equal(x->err.say, err_info(ERR_upstream_down)->help);
    assert_int_equal(client.how, END_CUT);
    exchange_release(x);
}

static void a_completion_inside_run_is_remembered(void **state)
{
    (void)state;
    upstream.ends = IN_START;
    exchange_run(x); /* upstream_start() checks that nothing recurses */
    assert_int_equal(x->finish, FINISH_complete);
    assert_int_equal(x->stages_run, 1);
    assert_string_equal(client.text.p, "hello$");
    exchange_release(x);
}

static void an_abort_before_run_runs_nothing(void **state)
{
    (void)state;
    exchange_abort(x, FINISH_shutdown);
    exchange_run(x);
    assert_int_equal(x->stages_run, 0);
    assert_int_equal(x->err.code, ERR_shutdown);
    exchange_release(x);
}

static void an_abort_inside_run_cancels_when_it_has_returned(void **state)
{
    (void)state;
    upstream.aborts_in_start = true;
    exchange_run(x);
    assert_int_equal(upstream.cancelled, 1);
    upstream_end();
    exchange_release(x);
    assert_int_equal(ended.finish, FINISH_client_gone);
}

static void an_abort_before_completion_cancels_once(void **state)
{
    (void)state;
    exchange_run(x);
    upstream_say(STR("hel"));
    exchange_abort(x, FINISH_deadline);
    exchange_abort(x, FINISH_client_gone);
    assert_int_equal(upstream.cancelled, 1);
    assert_int_equal(x->finish, FINISH_deadline);
    assert_int_equal(x->err.code, ERR_timeout);
    assert_int_equal(client.how, END_CUT);

    upstream_say(STR("lo"));
    assert_string_equal(client.text.p, "hel");
    exchange_release(x);
    assert_int_equal(over, 0); /* the call still points to x */
    upstream_end();
}

static void an_abort_inside_completion_stands(void **state)
{
    (void)state;
    client.aborts_in_push = true;
    upstream.ends = IN_START;
    exchange_run(x);
    assert_int_equal(x->finish, FINISH_client_gone);
    assert_int_equal(upstream.cancelled, 0);
    exchange_release(x);
}

static void an_abort_from_a_sink_cancels(void **state)
{
    (void)state;
    client.aborts_in_push = true;
    exchange_run(x);
    upstream_say(STR("hel"));
    assert_int_equal(upstream.cancelled, 1);
    upstream_end();
    exchange_release(x);
}

static void an_abort_after_completion_changes_nothing(void **state)
{
    (void)state;
    exchange_run(x);
    upstream_end();
    exchange_abort(x, FINISH_client_gone);
    assert_int_equal(x->finish, FINISH_complete);
    assert_int_equal(upstream.cancelled, 0);
    exchange_release(x);
}

static void a_completion_and_an_abort_inside_cancel_are_fine(void **state)
{
    (void)state;
    upstream.ends = IN_CANCEL;
    upstream.aborts_in_cancel = true;
    exchange_run(x);
    exchange_abort(x, FINISH_client_gone);
    assert_int_equal(upstream.cancelled, 1);
    assert_int_equal(x->finish, FINISH_client_gone);
    assert_string_equal(client.text.p, "");
    exchange_release(x);
}

static void a_client_that_leaves_ends_it(void **state)
{
    (void)state;
    exchange_run(x);
    exchange_release(x);
    assert_int_equal(x->finish, FINISH_client_gone);
    assert_int_equal(upstream.cancelled, 1);
    assert_int_equal(over, 0);
    upstream_end();
}

static void a_client_may_be_done_inside_the_end(void **state)
{
    (void)state;
    client.releases_in_end = true;
    exchange_run(x);
    upstream_end();
    assert_int_equal(over, 1);
}

/* Stages that write down when they are run and undone. */
static char diary[32];

static void note(char c)
{
    size_t n = strlen(diary);
    assert_true(n + 1 < sizeof diary);
    diary[n] = c;
}

static enum step a_run(struct exchange *of, struct err *err)
{
    (void)of, (void)err;
    note('a');
    return STEP_NEXT;
}

static void a_undo(struct exchange *of)
{
    (void)of;
    note('A');
}

static void no_cancel(void *op)
{
    (void)op;
}

/* Waits twice. */
static enum step b_run(struct exchange *of, struct err *err)
{
    (void)err;
    note('b');
    if (strlen(diary) > 3)
        return STEP_NEXT;
    of->wait = (struct wait){.cancel = no_cancel, .op = of};
    return STEP_WAIT;
}

static void b_undo(struct exchange *of)
{
    (void)of;
    note('B');
}

static const struct stage stage_a = {.name = "a", .run = a_run, .undo = a_undo},
                          stage_b = {.name = "b", .run = b_run, .undo = b_undo};

static int start_diary(void **state)
{
    (void)state;
    static const struct stage *const table[] = {&stage_a, &stage_b, NULL};
    memset(diary, 0, sizeof diary);
    return start_with(table);
}

static void stages_are_undone_once_newest_first(void **state)
{
    (void)state;
    exchange_run(x);
    assert_string_equal(diary, "ab");
    exchange_resume(x);
    assert_string_equal(diary, "abb");
    exchange_resume(x);
    assert_string_equal(diary, "abbb");
    assert_int_equal(x->stages_run, 2);
    assert_int_equal(x->err.code, ERR_internal); /* the table ended without an answer */
    exchange_release(x);
    assert_string_equal(diary, "abbbBA");
}

static void an_aborted_stage_is_not_run_again_but_undone(void **state)
{
    (void)state;
    exchange_run(x);
    exchange_abort(x, FINISH_deadline);
    exchange_release(x);
    assert_string_equal(diary, "ab");
    exchange_resume(x);
    assert_string_equal(diary, "abBA");
}

/* Every order in which an upstream may end, an abort come, and the client be done. */
static void in_every_order_all_is_undone_and_settled_once(void **state)
{
    (void)state;
    static const enum when ends[] = {IN_START, LATER, IN_CANCEL, AFTER_CANCEL};
    for (size_t e = 0; e < sizeof ends / sizeof ends[0]; e++)
        for (unsigned bits = 0; bits < 32; bits++) {
            start_with(asking);
            upstream.ends = ends[e];
            upstream.aborts_in_start = bits & 1;
            upstream.aborts_in_cancel = bits & 2;
            client.aborts_in_push = bits & 4;
            client.releases_in_end = bits & 8;

            exchange_run(x);
            if (upstream.call && ends[e] == LATER)
                upstream_end();
            if (over == 0 && bits & 16)
                exchange_abort(x, FINISH_deadline);
            if (over == 0 && !x->released)
                exchange_release(x);
            if (upstream.call)
                upstream_end();

            assert_int_equal(over, 1);
            assert_int_equal(client.ended, 1);
            assert_int_equal(upstream.ended, 1);
            assert_in_range(upstream.cancelled, 0, 1);
            buf_done(&client.text);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_passes_the_sinks_and_is_complete),
        TEST(a_failure_that_no_stage_met_ends_it_too),
        TEST(what_the_upstream_says_in_failing_stays_in_the_log),
        TEST(a_completion_inside_run_is_remembered),
        TEST(an_abort_before_run_runs_nothing),
        TEST(an_abort_inside_run_cancels_when_it_has_returned),
        TEST(an_abort_before_completion_cancels_once),
        TEST(an_abort_inside_completion_stands),
        TEST(an_abort_from_a_sink_cancels),
        TEST(an_abort_after_completion_changes_nothing),
        TEST(a_completion_and_an_abort_inside_cancel_are_fine),
        TEST(a_client_that_leaves_ends_it),
        TEST(a_client_may_be_done_inside_the_end),
        cmocka_unit_test_setup_teardown(stages_are_undone_once_newest_first, start_diary, stop),
        cmocka_unit_test_setup_teardown(an_aborted_stage_is_not_run_again_but_undone, start_diary,
                                        stop),
        cmocka_unit_test(in_every_order_all_is_undone_and_settled_once),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
