/* ledger_rows.h - a data directory to try things in, and rows to put there. */
#ifndef TESTS_UNIT_LEDGER_ROWS_H
#define TESTS_UNIT_LEDGER_ROWS_H

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/store/ledger.h"
#include "gateway/store/verify.h"
#include "tests/unit/test.h"

enum { TIME_MS = 1764000000 };

struct place {
    char dir[32], db[64];
};

static inline struct place place_new(void)
{
    struct place p = {.dir = "/tmp/test_store.XXXXXX"};
    assert_non_null(mkdtemp(p.dir));
    snprintf(p.db, sizeof p.db, "%s/penstock.db", p.dir);
    return p;
}

static inline void place_drop(const struct place *p)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    assert_int_equal(system(command), 0);
}

static inline struct store *place_open(const struct place *p, bool strict)
{
    struct err err = {0};
    struct store *s = store_open(p->dir, &(struct store_options){.strict = strict}, &err);
    assert_string_equal(err.detail, "");
    assert_non_null(s);
    return s;
}

static inline void flush(struct store *s)
{
    struct err err = {0};
    assert_true(store_flush(s, &err));
}

/* Behind the owner's back. */
static inline void tamper(const struct place *p, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 2000);
    sqlite3_exec(db, sql, NULL, NULL, &why);
    assert_null(why);
    sqlite3_close(db);
}

static inline int64_t ask(const struct place *p, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 2000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static inline struct ledger_request some_request(const char *id)
{
    return (struct ledger_request){
        .request_id = str_of(id),
        .started_ms = (int64_t)TIME_MS * 1000,
        .team = STR("red"),
        .key_id = STR("key_1"),
        .tags = STR("{\"app\":\"a \\\"b\\\"\"}"),
        .endpoint = STR("chat/completions"),
        .stream = true,
        .model_asked = STR("large"),
        .model_served = STR("gpt"),
        .provider = STR("up"),
        .ttft_us = LEDGER_NULL,
        .total_us = LEDGER_NULL,
        .overhead_us = LEDGER_NULL,
        .cost = {{100, 0, 0, 4096, 0, 0}, 6400, STR("bound"), STR("v1"), false},
    };
}

static inline struct ledger_attempt some_attempt(const char *id, unsigned n, const char *finish)
{
    return (struct ledger_attempt){
        .request_id = str_of(id),
        .attempt = n,
        .purpose = STR("chat"),
        .started_ms = (int64_t)TIME_MS * 1000 + n,
        .provider = STR("up"),
        .model = STR("gpt"),
        .status = 200,
        .finish = str_of(finish),
        .cost = {{10, 2, 0, 5, 1, 0}, 25, STR("reported"), STR("v1"), false},
    };
}

static inline struct ledger_request settled(const char *id, unsigned attempts)
{
    struct ledger_request r = some_request(id);
    r.attempts = attempts;
    r.status = 200;
    r.finish = STR("complete");
    r.ttft_us = 500;
    r.total_us = 1500;
    r.overhead_us = 50;
    r.cost = (struct ledger_cost){{10 * attempts, 2 * attempts, 0, 5 * attempts, attempts, 0},
                                  25 * attempts,
                                  STR("reported"),
                                  STR("v1"),
                                  false};
    return r;
}

/* A whole request; `apart`: each row committed before the next is handed over. */
static inline void put_request(struct store *s, const char *id, unsigned attempts, bool apart)
{
    struct ledger_request reserve = some_request(id), end = settled(id, attempts);
    ledger_reserve(s, &reserve, NULL);
    if (apart)
        flush(s);
    for (unsigned i = 1; i <= attempts; i++) {
        struct ledger_attempt a = some_attempt(id, i, i < attempts ? "failed" : "complete");
        ledger_attempt(s, &a);
        if (apart)
            flush(s);
    }
    ledger_settle(s, &end);
    if (apart)
        flush(s);
}

static inline void assert_whole(const struct place *p)
{
    struct err err = {0};
    struct verify v;
    if (!ledger_verify(p->dir, &v, &err))
        fail_msg("%s %s", err.say, err.detail);
}

static inline void assert_broken(const struct place *p, int64_t seq)
{
    struct err err = {0};
    struct verify v;
    assert_false(ledger_verify(p->dir, &v, &err));
    assert_int_equal(err.code, ERR_ledger_broken);
    assert_int_equal(v.bad_seq, seq);
}

#endif
