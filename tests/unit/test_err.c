#include "gateway/base/err.h"

#include <string.h>

#include "gateway/base/file.h"
#include "tests/unit/test.h"

static void the_first_error_is_kept_and_gains_context(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_set(&err, ERR_timeout, "no byte in %d ms", 500));
    assert_false(err_set(&err, ERR_internal, "and then some"));
    assert_false(err_say(&err, ERR_internal, "model", "and more"));
    assert_false(err_wrap(&err, "upstream %s", "a"));
    assert_int_equal(err.code, ERR_timeout);
    assert_string_equal(err.detail, "upstream a: no byte in 500 ms");
    assert_string_equal(err.param, "");
}

static void what_the_caller_reads_gains_no_context(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_say(&err, ERR_too_large, "messages", "more than %d bytes", 9));
    err_wrap(&err, "stage parse");
    err_wrap(&err, "exchange 7");
    assert_string_equal(err.say, "more than 9 bytes");
    assert_string_equal(err.param, "messages");
    assert_string_equal(err.detail, "exchange 7: stage parse");
}

static void a_path_reaches_the_log_and_not_the_caller(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(file_read("/no/such/file", 10, &err));
    err_wrap(&err, "config %s", "/etc/penstock.yaml");
    assert_non_null(strstr(err.detail, "/etc/penstock.yaml: open /no/such/file"));
    assert_string_equal(err.say, err_info(ERR_internal)->help);
    assert_null(strchr(err.say, '/'));
    assert_null(strchr(err.param, '/'));

    struct err large = {0};
    assert_null(file_read("/proc/self/maps", 1, &large));
    assert_int_equal(large.code, ERR_too_large);
    assert_null(strchr(large.say, '/'));
}

static void a_long_error_is_cut_not_overrun(void **state)
{
    (void)state;
    struct err err = {0};
    char big[1000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_say(&err, ERR_internal, big, "%s", big);
    err_wrap(&err, "%s", big);
    err_wrap(&err, "%s", big);
    assert_int_equal(strlen(err.say), sizeof err.say - 1);
    assert_int_equal(strlen(err.detail), sizeof err.detail - 1);
    assert_int_equal(strlen(err.param), sizeof err.param - 1);
}

static void every_row_is_complete_and_fit_for_callers(void **state)
{
    (void)state;
    for (enum err_code code = ERR_none + 1; code < ERR_count; code++) {
        const struct err_info *e = err_info(code);
        struct err err = {0};
        err_set(&err, code, "because");
        assert_string_equal(err.say, e->help);
        assert_in_range(e->status, 400, 599);
        assert_true(e->type[0] && e->code[0] && e->help[0]);
        assert_null(strchr(e->help, '/'));
    }
}

static void callers_find_the_codes_of_openai(void **state)
{
    (void)state;
    static const struct {
        enum err_code code;
        int status;
        const char *word;
        bool again;
    } cases[] = {
        {ERR_bad_key, 401, "invalid_api_key", false},
        {ERR_no_model, 404, "model_not_found", false},
        {ERR_upstream_busy, 429, "rate_limit_exceeded", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct err_info *e = err_info(cases[i].code);
        assert_int_equal(e->status, cases[i].status);
        assert_string_equal(e->code, cases[i].word);
        assert_int_equal(e->again, cases[i].again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_is_kept_and_gains_context),
        cmocka_unit_test(what_the_caller_reads_gains_no_context),
        cmocka_unit_test(a_path_reaches_the_log_and_not_the_caller),
        cmocka_unit_test(a_long_error_is_cut_not_overrun),
        cmocka_unit_test(every_row_is_complete_and_fit_for_callers),
        cmocka_unit_test(callers_find_the_codes_of_openai),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
