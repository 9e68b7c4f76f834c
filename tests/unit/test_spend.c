/*
 * The stages limit and budget against a real store, with a stage behind them that waits:
 * however and whenever an exchange ends, nothing stays reserved and nobody stays counted.
 */
#include "gateway/base/mem.h"
#include "gateway/base/fault.h"
#include "gateway/core/exchange.h"
#include "gateway/core/stage.h"
#include "gateway/store/budgets.h"
#include "gateway/store/keys.h"
#include "tests/unit/ledger_rows.h"

static const char config_text[] =
    "{models: {m: {targets: [{provider: sim, model: echo}]}}, providers: {sim: {dialect: sim}},"
    " limits: {requests: {per_minute: 600, burst: 20}, tokens: {per_minute: 100000}, concurrent: "
    "2}}";
static const char body[] = "{\"model\": \"m\", \"max_tokens\": 10, \"messages\": [{\"role\": "
                           "\"user\", \"content\": \"Hi\"}]}";

static const struct price price = {
    .version = "v", .tiers = {{.output = INT64_C(1000000000000000)}}, .n_tiers = 1};
enum { TOKEN_NUSD = 1000000, BOUND_NUSD = 10 * TOKEN_NUSD };

static struct house {
    struct place place;
    struct gateway gateway;
    struct worker worker;
    struct config *config;
    const struct target target;
    unsigned asked;
} h;

/* Stands where stage call does: waits until the test resumes it. */
static void wait_cancelled(void *op)
{
    exchange_resume(op);
}

static enum step wait_run(struct exchange *x, struct err *err)
{
    (void)err;
    if (x->attempts)
        return STEP_ANSWER;
    h.asked++;
    x->attempts = 1;
    x->cost_nusd = 2 * TOKEN_NUSD;
    x->usage.output = 2;
    x->wait = (struct wait){.cancel = wait_cancelled, .op = x};
    return STEP_WAIT;
}

static const struct stage stage_wait = {.name = "wait", .run = wait_run};
static const struct stage *const table[] = {&stage_record, &stage_limit, &stage_budget, &stage_wait,
                                            NULL};

static void ignore_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    (void)s, (void)x, (void)f;
}

static void ignore_end(struct sink *s, struct exchange *x, enum end how)
{
    (void)s, (void)x, (void)how;
}

static const struct sink_class ignoring = {
    .name = "ignoring", .push = ignore_push, .end = ignore_end};
static struct sink sink = {.class = &ignoring};
static struct exchange ended;

static void count_over(struct exchange *x)
{
    ended = *x;
    config_unref(x->config);
    keyring_unref(x->keyring);
    free(x);
}

static void complain(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

static int set_up(void **state)
{
    (void)state;
    struct err err = {0};
    h.place = place_new();
    h.gateway.store = place_open(&h.place, false);
    assert_true(team_create(h.gateway.store, "red", false, &err));
    struct key_spec spec = {.team = "red", .name = "", .secret = STR("secret-1")};
    char id[KEY_ID_BYTES];
    struct buf secret = BUF_INIT(KEY_SECRET_MAX);
    assert_true(key_create(h.gateway.store, &spec, false, id, &secret, &err));
    buf_done(&secret);
    h.gateway.memory.max_bytes = 1 << 20;
    h.gateway.metrics = metrics_new(1);
    h.worker = (struct worker){.gateway = &h.gateway, .loop = loop_new(0, &err)};
    h.worker.metrics = metrics_shard(h.gateway.metrics, 0);
    h.config = config_parse("c", str_of(config_text), NULL, complain, NULL);
    assert_non_null(h.config);
    h.asked = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(h.gateway.store);
    loop_free(h.worker.loop);
    metrics_free(h.gateway.metrics);
    config_unref(h.config);
    place_drop(&h.place);
    return 0;
}

static void set_budget(int64_t nusd)
{
    struct err err = {0};
    struct budget_spec b = {{.team = "red", .key_id = ""}, PERIOD_total, {{nusd, BUDGET_NONE}}};
    assert_true(budget_set(h.gateway.store, &b, false, &err));
}

static struct exchange *exchange_new(void)
{
    struct err err = {0};
    struct exchange *x = NEW(struct exchange);
    exchange_init(x, table, &sink);
    x->worker = &h.worker;
    x->on_over = count_over;
    x->config = config_ref(h.config);
    x->keyring = keyring_current(h.gateway.store);
    x->key = keyring_find(x->keyring, STR("secret-1"), 1);
    assert_non_null(x->key);
    x->started_ms = (int64_t)TIME_MS * 1000;
    memcpy(x->id, "req_zz1", sizeof "req_zz1");
    assert_true(request_scan(ENDPOINT_chat, str_of(body), 100, &x->request, &err));
    x->offers = arena_alloc(&x->arena, sizeof *x->offers);
    x->candidates = arena_alloc(&x->arena, sizeof *x->candidates);
    x->offers[0] = (struct offer){.target = &h.target, .model = STR("echo"), .price = &price};
    x->candidates[0] = (struct candidate){0};
    x->n_candidates = 1;
    return x;
}

static void stop(struct message *m)
{
    (void)m;
    loop_stop(h.worker.loop);
}

/* Until what the writer has posted is done. */
static void settle_down(void)
{
    struct message last = {.fn = stop};
    flush(h.gateway.store);
    loop_post(h.worker.loop, &last);
    loop_run(h.worker.loop);
}

static void assert_free(int64_t spent)
{
    struct keyring *k = keyring_current(h.gateway.store);
    const struct key *key = keyring_find(k, STR("secret-1"), 1);
    assert_int_equal(key->pace->concurrent, 0);
    for (unsigned i = 0; i < key->n_purses; i++) {
        struct purse_state s;
        purse_look(key->purses[i], (int64_t)TIME_MS * 1000, &s);
        assert_int_equal(s.reserved.of[MEASURE_usd], 0);
        assert_int_equal(s.reserved.of[MEASURE_tokens], 0);
        assert_int_equal(s.spent.of[MEASURE_usd], spent);
    }
    keyring_unref(k);
}

static void the_bound_is_held_while_it_runs_and_then_settled(void **state)
{
    (void)state;
    set_budget(100 * (int64_t)TOKEN_NUSD);
    struct exchange *x = exchange_new();
    exchange_run(x);
    assert_int_equal(h.asked, 0); /* the lease is empty: it waits for the disk */
    settle_down();
    assert_int_equal(h.asked, 1);
    assert_int_equal(x->budget.hold.held.of[MEASURE_usd], BOUND_NUSD);
    exchange_resume(x);
    assert_int_equal(x->finish, FINISH_complete);
    exchange_release(x);
    assert_free(2 * (int64_t)TOKEN_NUSD);
    flush(h.gateway.store); /* more was leased in the background */
    x = exchange_new();
    exchange_run(x);
    assert_int_equal(h.asked, 2); /* the lease has room: nobody waits */
    exchange_resume(x);
    exchange_release(x);
    assert_free(4 * (int64_t)TOKEN_NUSD);
}

static void one_that_is_aborted_while_a_lease_is_written_takes_nothing(void **state)
{
    (void)state;
    set_budget(100 * (int64_t)TOKEN_NUSD);
    struct exchange *x = exchange_new();
    exchange_run(x);
    exchange_abort(x, FINISH_client_gone);
    exchange_release(x);
    settle_down(); /* frees it: it could not before */
    assert_int_equal(ended.finish, FINISH_client_gone);
    assert_int_equal(h.asked, 0);
    assert_free(0);
}

static void one_that_is_aborted_while_it_runs_pays_what_it_used(void **state)
{
    (void)state;
    set_budget(100 * (int64_t)TOKEN_NUSD);
    struct exchange *x = exchange_new();
    exchange_run(x);
    settle_down();
    exchange_abort(x, FINISH_deadline);
    exchange_release(x);
    assert_free(2 * (int64_t)TOKEN_NUSD);
}

static void what_no_budget_has_is_refused_at_once(void **state)
{
    (void)state;
    set_budget(BOUND_NUSD - 1);
    struct exchange *x = exchange_new();
    exchange_run(x);
    assert_int_equal(x->finish, FINISH_failed);
    assert_int_equal(x->err.code, ERR_quota);
    assert_int_equal(exchange_status(x), 429);
    exchange_release(x);
    assert_free(0);
}

static void one_too_many_at_once_is_refused_and_counted_out_again(void **state)
{
    (void)state;
    struct exchange *x[3];
    for (int i = 0; i < 3; i++) {
        x[i] = exchange_new();
        exchange_run(x[i]);
    }
    assert_int_equal(h.asked, 2);
    assert_int_equal(x[2]->err.code, ERR_rate_limited);
    assert_true(x[2]->err.retry_after_ms > 0);
    exchange_release(x[2]);
    for (int i = 0; i < 2; i++) {
        exchange_resume(x[i]);
        exchange_release(x[i]);
    }
    assert_free(0);
    struct exchange *again = exchange_new();
    exchange_run(again);
    assert_int_equal(again->finish, FINISH_none);
    exchange_resume(again);
    exchange_release(again);
}

static void a_dry_run_takes_nothing(void **state)
{
    (void)state;
    set_budget(BOUND_NUSD);
    for (int i = 0; i < 100; i++) {
        struct exchange *x = exchange_new();
        x->dry_run = true;
        exchange_run(x);
        assert_int_equal(x->err.code, ERR_none);
        x->attempts = 1;
        exchange_abort(x, FINISH_client_gone);
        exchange_release(x);
    }
    assert_free(0);
}

#ifdef ENABLE_FAULTS
static void a_lease_that_the_disk_does_not_take_is_an_error_and_takes_nothing(void **state)
{
    (void)state;
    set_budget(100 * (int64_t)TOKEN_NUSD);
    struct exchange *x = exchange_new();
    fault_arm_anywhere(1); /* lease.write, on the writer's thread */
    exchange_run(x);
    settle_down();
    fault_arm_anywhere(0);
    assert_int_equal(h.asked, 0);
    assert_int_equal(x->finish, FINISH_failed);
    assert_int_equal(x->err.code, ERR_store);
    exchange_release(x);
    assert_free(0);
    x = exchange_new(); /* the next one asks the disk again */
    exchange_run(x);
    settle_down();
    assert_int_equal(h.asked, 1);
    exchange_resume(x);
    exchange_release(x);
    assert_free(2 * (int64_t)TOKEN_NUSD);
}

/* ---- a cascade, whose second try needs more than the first has reserved */

static const struct stage *const asking_table[] = {&stage_record, &stage_limit, &stage_budget,
                                                   &stage_call, NULL};
static const char cut_short[] =
    "{\"id\": \"1\", \"object\": \"chat.completion\", \"model\": \"echo\", \"choices\": "
    "[{\"index\": 0, \"message\": {\"content\": \"It\"}, \"finish_reason\": \"length\"}],"
    " \"usage\": {\"prompt_tokens\": 1, \"completion_tokens\": 5}}";
static struct call *started;

/* Behind book.append and ledger.commit of the attempt's row, which the writer puts first. */
enum { LEASE_WRITE = 3 };

static void start_call(struct transport *t, struct call *c)
{
    (void)t;
    h.asked++;
    started = c;
}

static void cancel_call(struct transport *t, struct call *c)
{
    (void)t, (void)c;
}

static void answer_call(void)
{
    started->connected = true;
    started->on_head(started, &(struct call_head){.status = 200, .is_json = true});
    started->on_piece(started, &(struct call_piece){.data = str_of(cut_short)});
    started->on_end(started);
}

static void say_nothing(struct exchange *x)
{
    (void)x;
}

static struct exchange *cascade_new(void)
{
    static struct transport transport = {.start = start_call, .cancel = cancel_call};
    static const struct front front = {.on_memory = say_nothing, .on_asking = say_nothing};
    static const char *const no_lines[] = {NULL};
    struct exchange *x = exchange_new();
    const struct model *m = config_model(h.config, STR("m"));
    x->stages = asking_table;
    x->front = &front;
    x->body = str_of(body);
    x->asked = STR("m");
    x->model = m;
    x->reason = "cascade";
    x->head.forward_lines = no_lines;
    x->offers = arena_alloc(&x->arena, 2 * sizeof *x->offers);
    x->candidates = arena_alloc(&x->arena, 2 * sizeof *x->candidates);
    for (unsigned i = 0; i < 2; i++) {
        x->offers[i] = (struct offer){
            .target = m->targets, .model = STR("echo"), .price = &price, .via = m};
        x->candidates[i] = (struct candidate){.target = i};
    }
    x->offers[0].escalates = 1;
    x->n_candidates = 2;
    for (unsigned i = 0; i < TRANSPORT_count; i++)
        h.worker.transports[i] = &transport;
    return x;
}

static const int64_t LIMIT_NUSD = 10000 * (int64_t)TOKEN_NUSD;

/* All that is leased, a hundredth of the limit, is taken, and more is not to be had. */
static struct hold take_the_lease(const struct key *k)
{
    struct hold all;
    struct hold_refusal why;
    flush(h.gateway.store); /* the reserve's row, so that the fault is the lease's */
    fault_arm_anywhere(1);
    hold_begin(&all, k->purses, k->n_purses, (int64_t)TIME_MS * 1000);
    assert_int_equal(hold_grow(&all, &(struct amount){{LIMIT_NUSD / 100 - BOUND_NUSD, 0}}, NULL, &why), HOLD_YES);
    flush(h.gateway.store);
    return all;
}

static void no_notice(void *arg, const struct purse_state *s, enum measure m, int percent)
{
    (void)arg, (void)s, (void)m, (void)percent;
}

static void run_cascade(bool disk_fails, unsigned asked, int64_t tokens, const char *reason)
{
    set_budget(LIMIT_NUSD);
    struct exchange *x = cascade_new();
    exchange_run(x);
    settle_down();
    assert_int_equal(h.asked, 1);
    struct hold others = take_the_lease(x->key);
    fault_arm_anywhere(disk_fails ? LEASE_WRITE : 0);
    answer_call();
    assert_int_equal(h.asked, 1); /* it waits for the disk */
    settle_down();
    fault_arm_anywhere(0);
    assert_int_equal(h.asked, asked);
    if (!disk_fails)
        answer_call();
    assert_int_equal(x->finish, FINISH_complete);
    assert_string_equal(x->reason, reason);
    assert_int_equal(x->attempts, asked);
    exchange_release(x);
    hold_settle(&others, &(struct amount){{0, 0}}, false, no_notice, NULL);
    assert_free(tokens * (int64_t)TOKEN_NUSD);
}

static void a_top_up_waits_for_the_disk_and_then_the_next_is_asked(void **state)
{
    (void)state;
    run_cascade(false, 2, 10, "cascade escalated:length");
}

static void a_top_up_that_the_disk_does_not_take_leaves_the_answer_that_was_turned_down(void **state)
{
    (void)state;
    run_cascade(true, 1, 5, "cascade escalated:length kept");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_bound_is_held_while_it_runs_and_then_settled, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_aborted_while_a_lease_is_written_takes_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_aborted_while_it_runs_pays_what_it_used, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_no_budget_has_is_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_too_many_at_once_is_refused_and_counted_out_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dry_run_takes_nothing, set_up, tear_down),
#ifdef ENABLE_FAULTS
        cmocka_unit_test_setup_teardown(
            a_lease_that_the_disk_does_not_take_is_an_error_and_takes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_top_up_waits_for_the_disk_and_then_the_next_is_asked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_top_up_that_the_disk_does_not_take_leaves_the_answer_that_was_turned_down, set_up,
            tear_down),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
