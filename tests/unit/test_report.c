#include "gateway/store/report.h"

#include <inttypes.h>

#include "gateway/store/backup.h"
#include "gateway/store/prune.h"
#include "tests/unit/ledger_rows.h"

enum { REQUESTS = 600, DAYS = 3, DAY_MS = 24 * 3600 * 1000, TEAMS = 5, MODELS = 4 };

/* A small generator, so that every run has the same rows. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % below;
}

struct fact { /* what a row was made from, kept apart from the store */
    char id[16], team[8], model[8], tags[32];
    int day;
    int64_t cost, input, output, total_us;
    bool unpriced;
};

static void make_facts(struct fact *facts)
{
    uint64_t dice = 7;
    for (int i = 0; i < REQUESTS; i++) {
        struct fact *f = &facts[i];
        *f = (struct fact){.day = i * DAYS / REQUESTS};
        snprintf(f->id, sizeof f->id, "req_%05d", i);
        snprintf(f->team, sizeof f->team, "team%d", (int)draw(&dice, TEAMS));
        snprintf(f->model, sizeof f->model, "m%d", (int)draw(&dice, MODELS));
        if (draw(&dice, 3) == 0)
            snprintf(f->tags, sizeof f->tags, "{\"app\":\"a%d\"}", (int)draw(&dice, 3));
        f->input = (int64_t)draw(&dice, 10000);
        f->output = (int64_t)draw(&dice, 1000);
        f->cost = f->input * 7 / 3 + f->output;
        f->unpriced = draw(&dice, 20) == 0;
        f->total_us = (int64_t)draw(&dice, 1000000);
    }
}

static void put_facts(struct store *s, const struct fact *facts)
{
    for (int i = 0; i < REQUESTS; i++) {
        const struct fact *f = &facts[i];
        struct ledger_request r = settled(f->id, 0);
        r.started_ms = (int64_t)TIME_MS * 1000 / DAY_MS * DAY_MS + f->day * (int64_t)DAY_MS + i;
        r.team = str_of(f->team);
        r.model_asked = str_of(f->model);
        r.tags = str_of(f->tags);
        r.total_us = f->total_us;
        r.ttft_us = i % 2 ? LEDGER_NULL : f->total_us / 2;
        r.cost.tokens[TOKENS_INPUT] = f->input;
        r.cost.tokens[TOKENS_OUTPUT] = f->output;
        r.cost.cost_nusd = f->unpriced ? LEDGER_NULL : f->cost;
        ledger_settle(s, &r);
        if (i % (REQUESTS / DAYS) == REQUESTS / DAYS - 1)
            flush(s);
    }
}

static json_t *report(const struct place *p, const char *kind, const char *by)
{
    struct err err = {0};
    struct sqlite3 *db = store_read_open(p->dir, &err);
    assert_non_null(db);
    struct report_spec spec = {str_of(kind), str_of(by), INT64_MIN, INT64_MAX};
    json_t *doc = report_make(db, &spec, &err);
    if (!doc)
        fail_msg("%s %s", err.say, err.detail);
    store_read_close(db);
    return doc;
}

static int64_t nusd(const json_t *row)
{
    int64_t whole, rest;
    const char *text = json_string_value(json_object_get(row, "cost_usd"));
    assert_int_equal(sscanf(text, "%" SCNd64 ".%9" SCNd64, &whole, &rest), 2);
    return whole * 1000000000 + rest;
}

static int64_t number(const json_t *row, const char *member)
{
    return json_integer_value(json_object_get(row, member));
}

static const char *group_of(const struct fact *f, const char *by)
{
    if (strcmp(by, "team") == 0)
        return f->team;
    if (strcmp(by, "model") == 0)
        return f->model;
    return f->tags[0] ? "tagged" : NULL;
}

static void assert_row(const struct fact *facts, const char *by, const json_t *row)
{
    const char *name = json_string_value(json_object_get(row, by));
    int64_t requests = 0, cost = 0, input = 0, output = 0;
    for (int i = 0; i < REQUESTS; i++) {
        const char *group = group_of(&facts[i], by);
        if (!group || !name || strcmp(group, name) != 0)
            continue;
        requests++;
        cost += facts[i].unpriced ? 0 : facts[i].cost;
        input += facts[i].input;
        output += facts[i].output;
    }
    assert_int_equal(number(row, "requests"), requests);
    assert_int_equal(number(row, "input_tokens"), input);
    assert_int_equal(number(row, "output_tokens"), output);
    assert_int_equal(nusd(row), cost);
}

static int64_t all_cost(const struct fact *facts)
{
    int64_t sum = 0;
    for (int i = 0; i < REQUESTS; i++)
        sum += facts[i].unpriced ? 0 : facts[i].cost;
    return sum;
}

/* The rows of every report add up to its total, and all totals are the same. */
static void assert_partitions(const struct place *p, int64_t cost)
{
    static const char *const bys[] = {"",         "team",     "model",
                                      "provider", "key",      "day",
                                      "tag.app",  "tag.none", "team,model,day,tag.app"};
    for (size_t i = 0; i < sizeof bys / sizeof bys[0]; i++) {
        json_t *doc = report(p, "cost", bys[i]), *rows = json_object_get(doc, "rows");
        int64_t sum = 0, requests = 0;
        for (size_t r = 0; r < json_array_size(rows); r++) {
            sum += nusd(json_array_get(rows, r));
            requests += number(json_array_get(rows, r), "requests");
        }
        assert_int_equal(sum, cost);
        assert_int_equal(requests, REQUESTS);
        assert_int_equal(nusd(json_object_get(doc, "total")), cost);
        assert_int_equal(number(json_object_get(doc, "total"), "requests"), REQUESTS);
        json_decref(doc);
    }
}

static struct place filled(struct fact *facts, struct store **s)
{
    struct place p = place_new();
    make_facts(facts);
    *s = place_open(&p, false);
    put_facts(*s, facts);
    return p;
}

static void reports_agree_with_a_computation_of_their_own(void **state)
{
    (void)state;
    static struct fact facts[REQUESTS];
    struct store *s;
    struct place p = filled(facts, &s);
    static const char *const bys[] = {"team", "model"};
    static const size_t sizes[] = {TEAMS, MODELS};
    for (size_t i = 0; i < 2; i++) {
        json_t *doc = report(&p, "cost", bys[i]), *rows = json_object_get(doc, "rows");
        assert_int_equal(json_array_size(rows), sizes[i]);
        for (size_t r = 0; r < json_array_size(rows); r++)
            assert_row(facts, bys[i], json_array_get(rows, r));
        json_decref(doc);
    }
    assert_partitions(&p, all_cost(facts));
    store_close(s);
    place_drop(&p);
}

static void the_form_of_a_cost_report_is_what_scripts_rely_on(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    put_request(s, "req_1", 1, false);
    flush(s);
    json_t *doc = report(&p, "cost", "team");
    char *text = json_dumps(doc, 0);
    assert_string_equal(text,
                        "{\"rows\": [{\"team\": \"red\", \"requests\": 1, \"input_tokens\": 10,"
                        " \"output_tokens\": 5, \"cost_usd\": \"0.000000025\"}],"
                        " \"total\": {\"requests\": 1, \"input_tokens\": 10,"
                        " \"output_tokens\": 5, \"cost_usd\": \"0.000000025\"}}");
    free(text);
    json_decref(doc);
    store_close(s);
    place_drop(&p);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_of_the_nearest_rank(void **state)
{
    (void)state;
    static struct fact facts[REQUESTS];
    struct store *s;
    struct place p = filled(facts, &s);
    int64_t all[REQUESTS];
    size_t n = 0;
    for (int i = 0; i < REQUESTS; i++)
        if (strcmp(facts[i].team, "team1") == 0)
            all[n++] = facts[i].total_us;
    qsort(all, n, sizeof all[0], by_size);
    json_t *doc = report(&p, "latency", "team");
    const json_t *row = json_array_get(json_object_get(doc, "rows"), 1);
    assert_string_equal(json_string_value(json_object_get(row, "team")), "team1");
    assert_int_equal(number(row, "requests"), n);
    /* the smallest value that at least so many percent do not exceed */
    static const int percents[] = {50, 90, 99};
    for (size_t i = 0; i < 3; i++) {
        size_t rank = 1;
        while (rank * 100 < n * (size_t)percents[i])
            rank++;
        char member[32];
        snprintf(member, sizeof member, "total_us_p%d", percents[i]);
        assert_int_equal(number(row, member), all[rank - 1]);
    }
    assert_int_equal(number(json_object_get(doc, "total"), "requests"), REQUESTS);
    json_decref(doc);
    store_close(s);
    place_drop(&p);
}

static void a_time_range_cuts_where_it_says(void **state)
{
    (void)state;
    static struct fact facts[REQUESTS];
    struct store *s;
    struct place p = filled(facts, &s);
    struct err err = {0};
    struct sqlite3 *db = store_read_open(p.dir, &err);
    int64_t day = (int64_t)TIME_MS * 1000 / DAY_MS * DAY_MS + DAY_MS;
    struct report_spec spec = {STR("usage"), STR("day"), day, day + DAY_MS};
    json_t *doc = report_make(db, &spec, &err);
    assert_int_equal(json_array_size(json_object_get(doc, "rows")), 1);
    assert_int_equal(number(json_object_get(doc, "total"), "requests"), REQUESTS / DAYS);
    json_decref(doc);
    spec.by = STR("nonsense");
    assert_null(report_make(db, &spec, &err));
    assert_int_equal(err.code, ERR_bad_request);
    store_read_close(db);
    store_close(s);
    place_drop(&p);
}

static void pruning_changes_no_total_and_still_verifies(void **state)
{
    (void)state;
    static struct fact facts[REQUESTS];
    struct store *s;
    struct place p = filled(facts, &s);
    struct err err = {0};
    struct prune pr;
    assert_true(ledger_prune(s, INT64_MAX, true, &pr, &err));
    assert_int_equal(pr.rows, REQUESTS);
    assert_int_equal(ask(&p, "SELECT count(*) FROM ledger"), REQUESTS);
    for (int round = 1; round <= 2; round++) {
        char sql[128];
        /* as if a third of the rows had been written earlier */
        snprintf(sql, sizeof sql, "SELECT min(time) FROM ledger WHERE seq > %d",
                 round * REQUESTS / DAYS);
        assert_true(ledger_prune(s, ask(&p, sql), false, &pr, &err));
        assert_partitions(&p, all_cost(facts));
        flush(s);
        assert_whole(&p);
    }
    assert_true(pr.last_seq >= REQUESTS / DAYS);
    assert_true(ask(&p, "SELECT count(*) FROM requests") < REQUESTS);
    assert_int_equal(ask(&p, "SELECT sum(requests) FROM pruned") +
                         ask(&p, "SELECT count(*) FROM requests"),
                     REQUESTS);
    struct verify v;
    assert_true(ledger_rebuild(s, false, &v, &err));
    store_close(s);
    assert_whole(&p);
    tamper(&p, "UPDATE pruned SET cost_nusd = cost_nusd + 1");
    struct err broken = {0};
    assert_false(ledger_verify(p.dir, &v, &broken));
    place_drop(&p);
}

static void pruning_keeps_a_request_that_goes_on(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    put_request(s, "req_1", 1, true); /* 1 to 3 */
    struct ledger_request running = some_request("req_2");
    ledger_reserve(s, &running, NULL); /* 4 */
    flush(s);
    put_request(s, "req_3", 1, true); /* 5 to 7 */
    struct err err = {0};
    struct prune pr;
    assert_true(ledger_prune(s, INT64_MAX, false, &pr, &err));
    assert_int_equal(pr.last_seq, 3);
    assert_int_equal(pr.requests, 1);
    assert_true(ledger_prune(s, 0, false, &pr, &err));
    assert_int_equal(pr.rows, 0);
    struct ledger_request end = settled("req_2", 0);
    ledger_settle(s, &end);
    store_close(s);
    assert_whole(&p);
    place_drop(&p);
}

static void a_backup_beside_the_owner_verifies_and_restores(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    put_request(s, "req_1", 1, true);
    struct place to = place_new(), back = place_new();
    struct err err = {0};
    assert_true(store_backup(p.dir, to.dir, true, false, &err));
    put_request(s, "req_2", 1, true);
    store_close(s);
    assert_whole(&to);
    assert_true(store_restore(to.dir, back.dir, true, &err));
    assert_true(store_restore(to.dir, back.dir, false, &err));
    assert_whole(&back);
    assert_int_equal(ask(&back, "SELECT count(*) FROM requests"), 1);
    assert_false(store_restore(to.dir, back.dir, false, &err));
    assert_int_equal(err.code, ERR_conflict);
    store_close(place_open(&back, false));
    place_drop(&p);
    place_drop(&to);
    place_drop(&back);
}

static void a_backup_without_its_secret_needs_the_old_one(void **state)
{
    (void)state;
    struct place p = place_new(), to = place_new(), back = place_new();
    store_close(place_open(&p, false));
    struct err err = {0}, none = {0};
    assert_true(store_backup(p.dir, to.dir, false, false, &none));
    assert_false(store_restore(to.dir, back.dir, false, &err));
    assert_int_equal(err.code, ERR_store);
    char command[128];
    snprintf(command, sizeof command, "cp '%s/master.key' '%s'", p.dir, back.dir);
    assert_int_equal(system(command), 0);
    assert_true(store_restore(to.dir, back.dir, false, &none));
    assert_whole(&back);
    place_drop(&p);
    place_drop(&to);
    place_drop(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_agree_with_a_computation_of_their_own),
        cmocka_unit_test(the_form_of_a_cost_report_is_what_scripts_rely_on),
        cmocka_unit_test(percentiles_are_of_the_nearest_rank),
        cmocka_unit_test(a_time_range_cuts_where_it_says),
        cmocka_unit_test(pruning_changes_no_total_and_still_verifies),
        cmocka_unit_test(pruning_keeps_a_request_that_goes_on),
        cmocka_unit_test(a_backup_beside_the_owner_verifies_and_restores),
        cmocka_unit_test(a_backup_without_its_secret_needs_the_old_one),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
