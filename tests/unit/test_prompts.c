/* The registry of a data directory, and the snapshots of it. */
#include "prompts/prompts.h"

#include "gateway/base/scope.h"
#include "tests/unit/ledger_rows.h"

#define FILE_OF(name, text) "---\nname: " name "\nmodel: {route: m}\n---\n" text "\n"

static int64_t push(struct prompts *p, const char *text)
{
    struct err err = {0};
    struct pushed one;
    if (!prompts_push(p, "f", str_of(text), false, &one, &err))
        fail_msg("%s %s", err.say, err.detail);
    return one.version;
}

static struct prompts *open_prompts(struct store *s)
{
    struct err err = {0};
    struct prompts *p = prompts_open(s, &err);
    assert_non_null(p);
    return p;
}

static enum err_code label(struct prompts *p, const char *name, const char *text, int64_t version,
                           int64_t expect)
{
    struct err err = {0};
    const struct label_move m = {str_of(name), str_of(text), version, expect, STR("label")};
    bool ok = prompts_label(p, &m, false, &err);
    assert_int_equal(ok, err.code == ERR_none);
    return err.code;
}

/* Which version a request gets; 0: none. */
static int64_t picked(struct prompts *p, const char *name, const char *pick)
{
    struct err err = {0};
    struct prompt_set *s = prompts_current(p);
    const struct prompt_version *v = prompt_set_pick(s, str_of(name), str_of(pick), &err);
    int64_t n = v ? v->version : 0;
    assert_int_equal(v == NULL, err.code == ERR_no_prompt);
    prompt_set_unref(s);
    return n;
}

static void equal_content_is_one_version(void **state)
{
    (void)state;
    struct place place = place_new();
    struct store *s = place_open(&place, false);
    struct prompts *p = open_prompts(s);
    assert_int_equal(push(p, FILE_OF("a", "one")), 1);
    assert_int_equal(push(p, FILE_OF("a", "two")), 2);
    assert_int_equal(push(p, FILE_OF("b", "one")), 1);
    assert_int_equal(push(p, FILE_OF("a", "one")), 1);
    assert_int_equal(push(p, FILE_OF("a", "three")), 3);
    prompts_close(p);
    store_close(s);
    s = place_open(&place, false);
    p = open_prompts(s);
    assert_int_equal(push(p, FILE_OF("a", "two")), 2);
    assert_int_equal(picked(p, "a", "latest"), 3);
    prompts_close(p);
    store_close(s);
    assert_int_equal(ask(&place, "SELECT count(*) FROM prompts"), 4);
    place_drop(&place);
}

static void a_request_gets_what_it_names_else_production_else_the_latest(void **state)
{
    (void)state;
    struct place place = place_new();
    struct store *s = place_open(&place, false);
    struct prompts *p = open_prompts(s);
    push(p, FILE_OF("a", "one"));
    push(p, FILE_OF("a", "two"));
    push(p, FILE_OF("a/b", "one"));
    assert_int_equal(picked(p, "a", ""), 2);
    assert_int_equal(label(p, "a", "production", 1, LABEL_EXPECT_ANY), ERR_none);
    assert_int_equal(picked(p, "a", ""), 1);
    assert_int_equal(picked(p, "a", "production"), 1);
    assert_int_equal(picked(p, "a", "latest"), 2);
    assert_int_equal(picked(p, "a", "2"), 2);
    assert_int_equal(picked(p, "a/b", ""), 1);
    assert_int_equal(picked(p, "a", "3"), 0);
    assert_int_equal(picked(p, "a", "beta"), 0);
    assert_int_equal(picked(p, "b", ""), 0);
    assert_int_equal(picked(p, "", ""), 0);
    prompts_close(p);
    store_close(s);
    place_drop(&place);
}

static void labels_move_by_compare_and_swap(void **state)
{
    (void)state;
    struct place place = place_new();
    struct store *s = place_open(&place, false);
    struct prompts *p = open_prompts(s);
    struct err err = {0};
    int64_t from, to;
    push(p, FILE_OF("a", "one"));
    push(p, FILE_OF("a", "two"));
    assert_int_equal(label(p, "a", "x", 1, 1), ERR_conflict);
    assert_int_equal(label(p, "a", "x", 1, LABEL_EXPECT_NONE), ERR_none);
    assert_int_equal(label(p, "a", "x", 2, LABEL_EXPECT_NONE), ERR_conflict);
    assert_int_equal(label(p, "a", "x", 3, LABEL_EXPECT_ANY), ERR_no_prompt);
    assert_int_equal(label(p, "b", "x", 1, LABEL_EXPECT_ANY), ERR_no_prompt);
    assert_int_equal(label(p, "a", "latest", 1, LABEL_EXPECT_ANY), ERR_bad_request);
    assert_int_equal(label(p, "a", "12", 1, LABEL_EXPECT_ANY), ERR_bad_request);
    assert_false(prompts_rollback(p, STR("a"), false, &from, &to, &err));
    label(p, "a", "production", 1, LABEL_EXPECT_ANY);
    label(p, "a", "production", 2, LABEL_EXPECT_ANY);
    label(p, "a", "production", 2, LABEL_EXPECT_ANY); /* it stays, and forgets nothing */
    assert_true(prompts_rollback(p, STR("a"), true, &from, &to, &err));
    assert_int_equal(picked(p, "a", ""), 2);
    assert_true(prompts_rollback(p, STR("a"), false, &from, &to, &err));
    assert_int_equal(from, 2);
    assert_int_equal(to, 1);
    assert_int_equal(picked(p, "a", ""), 1);
    prompts_close(p);
    store_close(s);
    assert_int_equal(ask(&place, "SELECT count(*) FROM prompt_moves WHERE label = 'production'"),
                     3);
    place_drop(&place);
}

static void who_holds_a_snapshot_sees_no_change_in_it(void **state)
{
    (void)state;
    struct place place = place_new();
    struct store *s = place_open(&place, false);
    struct prompts *p = open_prompts(s);
    struct err err = {0};
    push(p, FILE_OF("a", "one"));
    struct prompt_set *old = prompts_current(p);
    push(p, FILE_OF("a", "two"));
    const struct prompt_version *v = prompt_set_pick(old, STR("a"), STR(""), &err);
    assert_int_equal(v->version, 1);
    struct prompt_set *now = prompts_current(p);
    assert_ptr_equal(prompt_set_pick(now, STR("a"), STR("1"), &err), v); /* read once */
    prompt_set_unref(now);
    prompts_close(p);
    store_close(s);
    assert_string_equal(v->prompt->route, "m");
    prompt_set_unref(old);
    place_drop(&place);
}

static void a_dry_run_writes_nothing(void **state)
{
    (void)state;
    struct place place = place_new();
    struct store *s = place_open(&place, false);
    struct prompts *p = open_prompts(s);
    struct err err = {0};
    struct pushed one;
    assert_true(prompts_push(p, "f", STR(FILE_OF("a", "one")), true, &one, &err));
    assert_true(one.made && one.version == 1);
    assert_int_equal(picked(p, "a", ""), 0);
    assert_false(prompts_push(p, "f", STR("x"), false, &one, &err));
    assert_int_equal(err.code, ERR_bad_request);
    prompts_close(p);
    store_close(s);
    place_drop(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_content_is_one_version),
        cmocka_unit_test(a_request_gets_what_it_names_else_production_else_the_latest),
        cmocka_unit_test(labels_move_by_compare_and_swap),
        cmocka_unit_test(who_holds_a_snapshot_sees_no_change_in_it),
        cmocka_unit_test(a_dry_run_writes_nothing),
    };
    return cmocka_run_group_tests_name("prompts", tests, NULL, NULL);
}
