#include "tests/unit/ledger_rows.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "gateway/base/fault.h"
#include "gateway/base/log.h"

static void requests_that_come_whole_are_one_row_and_derive_the_same(void **state)
{
    (void)state;
    struct place whole = place_new(), apart = place_new();
    struct store *a = place_open(&whole, false), *b = place_open(&apart, false);
    for (unsigned i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "req_%u", i);
        put_request(a, id, i, false);
        put_request(b, id, i, true);
    }
    store_close(a);
    store_close(b);
    assert_int_equal(ask(&apart, "SELECT count(*) FROM ledger"), 4 + 4 + 6);
    assert_in_range(ask(&whole, "SELECT count(*) FROM ledger"), 4, 4 + 4 + 6);
    char sql[512];
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS b; CREATE TEMP TABLE differ AS"
             " SELECT * FROM (SELECT * FROM main.requests EXCEPT SELECT * FROM b.requests);"
             "CREATE TEMP TABLE two AS"
             " SELECT * FROM (SELECT * FROM main.attempts EXCEPT SELECT * FROM b.attempts);"
             "CREATE TABLE differences AS"
             " SELECT (SELECT count(*) FROM differ) + (SELECT count(*) FROM two) AS n",
             apart.db);
    tamper(&whole, sql);
    assert_int_equal(ask(&whole, "SELECT n FROM differences"), 0);
    assert_int_equal(ask(&whole, "SELECT count(*) FROM attempts"), 6);
    assert_int_equal(ask(&whole, "SELECT sum(cost_nusd) FROM requests"), 6 * 25);
    assert_whole(&whole);
    assert_whole(&apart);
    place_drop(&whole);
    place_drop(&apart);
}

static void rows_in_one_batch_are_coalesced(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    put_request(s, "req_1", 2, false);
    put_request(s, "req_2", 1, false);
    store_close(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM ledger WHERE kind = 'settle'"), 2);
    assert_int_equal(ask(&p, "SELECT count(*) FROM ledger"), 2);
    place_drop(&p);
}

static void a_running_request_shows_no_bound(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct ledger_request r = some_request("req_1");
    ledger_reserve(s, &r, NULL);
    flush(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests WHERE finish IS NULL AND status IS NULL"
                             " AND total_us IS NULL AND input_tokens IS NULL AND cost_nusd IS NULL"
                             " AND cost_source IS NULL AND team = 'red'"),
                     1);
    struct ledger_request end = settled("req_1", 0);
    ledger_settle(s, &end);
    store_close(s);
    place_drop(&p);
}

static struct place three_requests(void)
{
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    put_request(s, "req_1", 1, true); /* seq 1 to 3 */
    put_request(s, "req_2", 2, true); /* seq 4 to 7 */
    put_request(s, "req_3", 0, true); /* seq 8 and 9 */
    store_close(s);
    assert_int_equal(ask(&p, "SELECT max(seq) FROM ledger"), 9);
    assert_whole(&p);
    return p;
}

static void a_change_in_any_column_of_the_ledger_is_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE ledger SET kind = 'settlf' WHERE seq = 5",
        "UPDATE ledger SET kind = 'settle' WHERE seq = 5",
        "UPDATE ledger SET time = time + 1 WHERE seq = 5",
        "UPDATE ledger SET schema = 3 WHERE seq = 5",
        "UPDATE ledger SET request_id = 'req_1' WHERE seq = 5",
        "UPDATE ledger SET request_id = NULL WHERE seq = 5",
        "UPDATE ledger SET payload = replace(payload, '25', '24') WHERE seq = 5",
        "UPDATE ledger SET payload = payload || ' ' WHERE seq = 5",
        "UPDATE ledger SET mac = zeroblob(32) WHERE seq = 5",
        "UPDATE ledger SET mac = x'00' WHERE seq = 5",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct place p = three_requests();
        tamper(&p, changes[i]);
        assert_broken(&p, 5);
        place_drop(&p);
    }
}

static void rows_deleted_inserted_swapped_or_cut_off_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t bad;
    } changes[] = {
        {"DELETE FROM ledger WHERE seq = 4", 4},
        {"DELETE FROM ledger WHERE seq = 1", 1},
        {"DELETE FROM ledger WHERE seq >= 8", 8},
        {"DELETE FROM ledger", 1},
        {"INSERT INTO ledger SELECT 10, kind, time, schema, request_id, payload, mac FROM ledger"
         " WHERE seq = 9",
         10},
        {"UPDATE ledger SET seq = 100 WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq = 4;"
         "UPDATE ledger SET seq = 4 WHERE seq = 100",
         3},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct place p = three_requests();
        tamper(&p, changes[i].sql);
        assert_broken(&p, changes[i].bad);
        place_drop(&p);
    }
}

/* Every column of both tables, one after the other. */
static void a_change_in_any_derived_column_is_found_and_rebuilt(void **state)
{
    (void)state;
    static const char *const tables[] = {"requests", "attempts"};
    for (size_t t = 0; t < 2; t++) {
        struct place p = three_requests();
        sqlite3 *db;
        sqlite3_stmt *q;
        char sql[256];
        assert_int_equal(sqlite3_open(p.db, &db), SQLITE_OK);
        snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s') WHERE pk = 0",
                 tables[t]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
        int columns = 0;
        for (; sqlite3_step(q) == SQLITE_ROW; columns++) {
            const char *name = (const char *)sqlite3_column_text(q, 0);
            bool text = strcmp((const char *)sqlite3_column_text(q, 1), "TEXT") == 0;
            snprintf(sql, sizeof sql,
                     text ? "UPDATE %s SET %s = coalesce(%s,'') || 'x' WHERE request_id = 'req_2'"
                          : "UPDATE %s SET %s = coalesce(%s,0) + 1 WHERE request_id = 'req_2'",
                     tables[t], name, name);
            tamper(&p, sql);
            assert_broken(&p, 7);
            struct store *s = place_open(&p, false);
            struct err err = {0};
            struct verify v;
            assert_true(ledger_rebuild(s, false, &v, &err));
            store_close(s);
            assert_whole(&p);
        }
        assert_int_equal(columns, t == 0 ? 48 : 16);
        sqlite3_finalize(q);
        sqlite3_close(db);
        place_drop(&p);
    }
}

static void a_derived_row_too_many_or_missing_is_found(void **state)
{
    (void)state;
    struct place p = three_requests();
    tamper(&p, "INSERT INTO requests(request_id, cost_nusd) VALUES('req_0', 5)");
    assert_broken(&p, 0);
    tamper(&p, "DELETE FROM requests WHERE request_id <= 'req_1'");
    assert_broken(&p, 3);
    place_drop(&p);
}

/* What a process leaves that is killed with requests in the air. */
static void crash(const struct place *p, void (*work)(struct store *s))
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err = {0};
        struct store *s = store_open(p->dir, &(struct store_options){.strict = false}, &err);
        work(s);
        store_flush(s, &err);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void reserve_two(struct store *s)
{
    struct ledger_request r = some_request("req_1");
    struct ledger_attempt a = some_attempt("req_1", 1, "failed");
    ledger_reserve(s, &r, NULL);
    ledger_attempt(s, &a);
    r = some_request("req_2");
    ledger_reserve(s, &r, NULL);
    put_request(s, "req_3", 1, false);
}

static void a_request_that_never_settled_is_booked_at_its_bound(void **state)
{
    (void)state;
    struct place p = place_new();
    crash(&p, reserve_two);
    struct store *s = place_open(&p, false);
    store_close(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests WHERE finish = 'orphan'"
                             " AND cost_source = 'bound' AND total_us IS NOT NULL"),
                     2);
    assert_int_equal(ask(&p, "SELECT cost_nusd FROM requests WHERE request_id = 'req_1'"),
                     6400); /* what was reserved, the attempt that was booked included */
    assert_int_equal(ask(&p, "SELECT output_tokens FROM requests WHERE request_id = 'req_2'"),
                     4096);
    assert_int_equal(ask(&p, "SELECT attempts FROM requests WHERE request_id = 'req_1'"), 2);
    assert_int_equal(ask(&p, "SELECT count(*) FROM attempts WHERE finish = 'orphan' AND"
                             " cost_source = 'bound' AND output_tokens = 4096"),
                     1);
    assert_int_equal(
        ask(&p, "SELECT cost_nusd FROM attempts WHERE finish = 'orphan' AND request_id = 'req_1'"),
        6400 - 25);
    assert_int_equal(ask(&p, "SELECT (SELECT sum(cost_nusd) FROM requests) ="
                             " (SELECT sum(cost_nusd) FROM attempts)"),
                     1);
    assert_whole(&p);
    place_drop(&p);
}

static void reserve_twice(struct store *s)
{
    struct ledger_request r = some_request("req_1");
    struct ledger_attempt a = some_attempt("req_1", 1, "failed"),
                          more = some_attempt("req_2", 1, "complete");
    ledger_reserve(s, &r, NULL);
    flush(s);
    ledger_attempt(s, &a);
    r.cost.cost_nusd += 25;
    r.cost.tokens[TOKENS_OUTPUT] += 5;
    ledger_reserve(s, &r, NULL);
    r = some_request("req_2");
    ledger_reserve(s, &r, NULL);
    more.cost.cost_nusd = 7000; /* than was reserved */
    more.cost.tokens[TOKENS_INPUT] = 150;
    ledger_attempt(s, &more);
}

static void an_orphan_costs_what_it_reserved_last_unless_an_upstream_told_more(void **state)
{
    (void)state;
    struct place p = place_new();
    crash(&p, reserve_twice);
    store_close(place_open(&p, false));
    assert_int_equal(ask(&p, "SELECT cost_nusd FROM requests WHERE request_id = 'req_1'"), 6425);
    assert_int_equal(
        ask(&p, "SELECT cost_nusd FROM attempts WHERE request_id = 'req_1' AND attempt = 2"), 6400);
    assert_int_equal(ask(&p, "SELECT output_tokens FROM requests WHERE request_id = 'req_1'"),
                     4101);
    assert_int_equal(ask(&p, "SELECT cost_nusd FROM requests WHERE request_id = 'req_2'"), 7000);
    assert_int_equal(
        ask(&p, "SELECT cost_nusd FROM attempts WHERE request_id = 'req_2' AND attempt = 2"), 0);
    assert_int_equal(
        ask(&p, "SELECT input_tokens + output_tokens FROM requests WHERE request_id = 'req_2'"),
        100 + 4096); /* as many as were reserved */
    assert_int_equal(ask(&p, "SELECT count(*) FROM ledger WHERE kind = 'orphan'"), 2);
    assert_whole(&p);
    place_drop(&p);
}

static void a_tail_that_a_start_finds_missing_is_noted_for_ever(void **state)
{
    (void)state;
    struct place p = three_requests();
    tamper(&p,
           "DELETE FROM ledger WHERE seq >= 8; DELETE FROM requests WHERE request_id = 'req_3'");
    assert_broken(&p, 8);
    store_close(place_open(&p, false));
    struct err err = {0};
    struct verify v;
    assert_true(ledger_verify(p.dir, &v, &err));
    assert_int_equal(v.lost, 2);
    place_drop(&p);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int called;
    bool ok;
};

static void on_durable(void *arg, bool ok)
{
    struct waiter *w = arg;
    pthread_mutex_lock(&w->lock);
    w->called++;
    w->ok = ok;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void wait_for(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->called)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void a_strict_reserve_is_there_when_its_call_back_comes(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, true);
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    struct ledger_request r = some_request("req_1");
    ledger_reserve(s, &r, &(struct ledger_durable){on_durable, &w});
    wait_for(&w);
    assert_true(w.ok);
    assert_int_equal(ask(&p, "SELECT count(*) FROM ledger WHERE kind = 'reserve'"), 1);
    struct ledger_request end = settled("req_1", 0);
    ledger_settle(s, &end);
    store_close(s);
    assert_int_equal(w.called, 1);
    place_drop(&p);
}

static void a_locked_database_keeps_rows_and_refuses_the_strict(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, true);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(p.db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    struct ledger_request r = some_request("req_1");
    ledger_reserve(s, &r, &(struct ledger_durable){on_durable, &w});
    wait_for(&w);
    assert_false(w.ok);
    struct err err = {0};
    assert_false(store_flush(s, &err));
    assert_int_equal(err.code, ERR_store);
    struct err refused = {0};
    assert_false(ledger_ready(s, &refused));
    assert_int_equal(refused.code, ERR_store);
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    struct ledger_request end = settled("req_1", 0);
    ledger_settle(s, &end);
    flush(s);
    struct err none = {0};
    assert_true(ledger_ready(s, &none));
    store_close(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests WHERE finish = 'complete'"), 1);
    assert_int_equal(w.called, 1);
    assert_whole(&p);
    place_drop(&p);
}

static void a_queue_past_its_bound_refuses_until_it_is_written(void **state)
{
    (void)state;
    enum { ROWS = 2000, TAG_BYTES = 40 * 1024 };
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(p.db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    char *tags = malloc(TAG_BYTES + 1);
    memset(tags, 'x', TAG_BYTES);
    tags[TAG_BYTES] = '\0';
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "req_%04d", i);
        struct ledger_request end = settled(id, 0);
        end.tags = str_of(tags);
        ledger_settle(s, &end);
    }
    struct err err = {0};
    assert_false(ledger_ready(s, &err));
    assert_int_equal(err.code, ERR_store);
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    flush(s);
    struct err none = {0};
    assert_true(ledger_ready(s, &none));
    struct ledger_head h;
    ledger_head(s, &h);
    assert_int_equal(h.queued, 0);
    assert_int_equal(h.written, ROWS);
    store_close(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests"), ROWS);
    free(tags);
    place_drop(&p);
}

#ifdef ENABLE_FAULTS
/* The points are hit on the writer's thread: book.append and ledger.commit. */
static void a_commit_that_fails_is_tried_again_and_loses_nothing(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth <= 3; nth++) {
        struct place p = place_new();
        struct store *s = place_open(&p, false);
        fault_arm_anywhere(nth);
        put_request(s, "req_1", 1, false);
        put_request(s, "req_2", 2, false);
        struct err err = {0};
        assert_false(store_flush(s, &err));
        assert_int_equal(err.code, ERR_store);
        fault_arm_anywhere(0);
        flush(s);
        store_close(s);
        assert_int_equal(ask(&p, "SELECT count(*) FROM requests"), 2);
        assert_int_equal(ask(&p, "SELECT max(seq) FROM ledger"), 2);
        assert_whole(&p);
        place_drop(&p);
    }
}
#endif

static void odd_texts_are_mended_and_still_verify(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct ledger_request r = settled("req_\xff\x01\"\\", 1);
    r.model_asked = (struct str){"a\0b\x80 \xc3\xa9", 7};
    struct ledger_attempt a = some_attempt("req_\xff\x01\"\\", 1, "complete");
    a.provider = STR("");
    a.cost.tokens[TOKENS_CACHED] = 0;
    a.cost.cost_nusd = LEDGER_NULL;
    a.cost.over_bound = true;
    ledger_attempt(s, &a);
    ledger_settle(s, &r);
    store_close(s);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests WHERE"
                             " model_asked = 'a' || char(0xfffd) || 'b' || char(0xfffd) || ' é'"),
                     1);
    assert_int_equal(ask(&p, "SELECT count(*) FROM attempts WHERE provider IS NULL AND"
                             " cost_nusd IS NULL AND over_bound = 1 AND cached_tokens = 0"),
                     1);
    assert_whole(&p);
    place_drop(&p);
}

static int quiet(void **state) /* no thread of the log: tests fork */
{
    (void)state;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_never_settled_is_booked_at_its_bound),
        cmocka_unit_test(an_orphan_costs_what_it_reserved_last_unless_an_upstream_told_more),
        cmocka_unit_test(requests_that_come_whole_are_one_row_and_derive_the_same),
        cmocka_unit_test(rows_in_one_batch_are_coalesced),
        cmocka_unit_test(a_running_request_shows_no_bound),
        cmocka_unit_test(a_change_in_any_column_of_the_ledger_is_found),
        cmocka_unit_test(rows_deleted_inserted_swapped_or_cut_off_are_found),
        cmocka_unit_test(a_change_in_any_derived_column_is_found_and_rebuilt),
        cmocka_unit_test(a_derived_row_too_many_or_missing_is_found),
        cmocka_unit_test(a_tail_that_a_start_finds_missing_is_noted_for_ever),
        cmocka_unit_test(a_strict_reserve_is_there_when_its_call_back_comes),
        cmocka_unit_test(a_locked_database_keeps_rows_and_refuses_the_strict),
        cmocka_unit_test(a_queue_past_its_bound_refuses_until_it_is_written),
#ifdef ENABLE_FAULTS
        cmocka_unit_test(a_commit_that_fails_is_tried_again_and_loses_nothing),
#endif
        cmocka_unit_test(odd_texts_are_mended_and_still_verify),
    };
    return cmocka_run_group_tests_name("ledger", tests, quiet, NULL);
}
