#include "gateway/store/migrate.h"

#include "gateway/base/fault.h"
#include "gateway/base/file.h"
#include "gateway/base/scope.h"
#include "tests/unit/ledger_rows.h"

static sqlite3 *memory(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static int version_of(sqlite3 *db)
{
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int version = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return version;
}

static void steps_are_taken_once_and_in_order(void **state)
{
    (void)state;
    static const char *const steps[] = {"CREATE TABLE t(a)", "ALTER TABLE t ADD b",
                                        "INSERT INTO t VALUES(1, 2)"};
    sqlite3 *db = memory();
    struct err err = {0};
    assert_true(migrate_run(db, steps, 1, &err));
    assert_int_equal(version_of(db), 1);
    assert_true(migrate_run(db, steps, 3, &err));
    assert_true(migrate_run(db, steps, 3, &err));
    assert_int_equal(version_of(db), 3);
    assert_int_equal(sqlite3_total_changes(db), 1);
    sqlite3_close(db);
}

static void a_step_that_fails_leaves_the_one_before(void **state)
{
    (void)state;
    static const char *const steps[] = {"CREATE TABLE t(a)",
                                        "CREATE TABLE u(a); INSERT INTO nothing VALUES(1)"};
    sqlite3 *db = memory();
    struct err err = {0};
    assert_false(migrate_run(db, steps, 2, &err));
    assert_int_equal(err.code, ERR_store);
    assert_int_equal(version_of(db), 1);
    assert_int_not_equal(sqlite3_exec(db, "SELECT * FROM u", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_database_of_a_newer_program_is_refused(void **state)
{
    (void)state;
    struct place p = place_new();
    store_close(place_open(&p, false));
    tamper(&p, "PRAGMA user_version = 1000");
    struct err err = {0};
    assert_null(store_open(p.dir, &(struct store_options){.strict = false}, &err));
    assert_int_equal(err.code, ERR_store);
    assert_non_null(strstr(err.detail, "1000"));
    place_drop(&p);
}

/* Made by the program of version 1: two requests, the second of them running. */
static struct place version_1(void)
{
    struct place p = place_new();
    const char *srcdir = getenv("srcdir");
    char path[512], name[64];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/tests/unit/data/store-1.sql", srcdir ? srcdir : ".");
    SCOPED(scope_free) char *sql = file_read(path, 1024 * 1024, &err);
    assert_non_null(sql);
    tamper(&p, sql);
    snprintf(name, sizeof name, "%s/master.key", p.dir);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_int_equal(fwrite("0123456789abcdef0123456789abcdef", 1, HASH_BYTES, f), HASH_BYTES);
    fclose(f);
    return p;
}

static void a_data_directory_of_version_1_opens_and_verifies(void **state)
{
    (void)state;
    struct place p = version_1();
    assert_int_equal(ask(&p, "PRAGMA user_version"), 1);
    struct store *s = place_open(&p, false);
    put_request(s, "req_3", 1, false);
    store_close(s);
    assert_int_equal(ask(&p, "PRAGMA user_version"), (int64_t)n_migrations);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests"), 3);
    assert_int_equal(ask(&p, "SELECT count(*) FROM requests WHERE finish = 'orphan'"), 1);
    assert_whole(&p);
    place_drop(&p);
}

#ifdef ENABLE_FAULTS
static void every_way_to_fail_to_open_is_reported(void **state)
{
    (void)state;
    unsigned nth = 0;
    for (struct store *s = NULL; !s;) {
        struct place p = place_new();
        struct err err = {0};
        fault_arm(++nth);
        s = store_open(p.dir, &(struct store_options){.strict = false}, &err);
        assert_int_equal(s == NULL, err.code != ERR_none);
        fault_arm(0);
        store_close(s);
        assert_false(store_is_owned(p.dir));
        place_drop(&p);
    }
    assert_int_equal(nth - 1, 1 + n_migrations); /* store.open, and each migrate.step */
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_taken_once_and_in_order),
        cmocka_unit_test(a_step_that_fails_leaves_the_one_before),
        cmocka_unit_test(a_database_of_a_newer_program_is_refused),
        cmocka_unit_test(a_data_directory_of_version_1_opens_and_verifies),
#ifdef ENABLE_FAULTS
        cmocka_unit_test(every_way_to_fail_to_open_is_reported),
#endif
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
