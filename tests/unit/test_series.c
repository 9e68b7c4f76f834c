#include "gateway/base/series.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static void count(struct series_shard *s, const char *endpoint, const char *status,
                  const char *finish)
{
    const struct str values[] = {str_of(endpoint), str_of(status), str_of(finish)};
    series_add(s, FAMILY_requests, values, (const int64_t[]){1});
}

static bool shows(struct series_shard *const *shards, unsigned n, const char *line)
{
    struct buf out = BUF_INIT(4 * 1024 * 1024);
    series_show(shards, n, &out);
    assert_true(buf_ok(&out));
    bool found = strstr(out.p, line) != NULL;
    buf_done(&out);
    return found;
}

static void equal_labels_of_all_shards_are_one_line(void **state)
{
    (void)state;
    struct series_shard *s[] = {series_shard_new(), series_shard_new()};
    count(s[0], "chat", "2xx", "complete");
    count(s[0], "chat", "2xx", "complete");
    count(s[1], "chat", "2xx", "complete");
    count(s[1], "chat", "2xx", "cut");
    assert_true(
        shows(s, 2,
              "# TYPE penstock_requests_total counter\n"
              "penstock_requests_total{endpoint=\"chat\",status=\"2xx\",finish=\"complete\"} 3\n"
              "penstock_requests_total{endpoint=\"chat\",status=\"2xx\",finish=\"cut\"} 1\n"));
    series_shard_free(s[0]);
    series_shard_free(s[1]);
}

static void a_family_has_all_its_counters(void **state)
{
    (void)state;
    struct series_shard *s = series_shard_new();
    const struct str values[] = {STR("up"), STR("m")};
    series_add(s, FAMILY_spent, values, (const int64_t[]){1, 20, 300});
    series_add(s, FAMILY_spent, values, (const int64_t[]){1, 20, 300});
    assert_true(shows(&s, 1, "\npenstock_input_tokens_total{provider=\"up\",model=\"m\"} 2\n"));
    assert_true(shows(&s, 1, "\npenstock_output_tokens_total{provider=\"up\",model=\"m\"} 40\n"));
    assert_true(shows(&s, 1, "\npenstock_cost_nusd_total{provider=\"up\",model=\"m\"} 600\n"));
    series_shard_free(s);
}

static void values_are_escaped_cut_and_never_empty(void **state)
{
    (void)state;
    struct series_shard *s = series_shard_new();
    char name[SERIES_VALUE_BYTES + 2], line[256];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    count(s, "a\"b\\c\nd", "", "x");
    count(s, name, "2xx", "x");
    assert_true(shows(&s, 1, "{endpoint=\"a\\\"b\\\\c\\nd\",status=\"none\",finish=\"x\"} 1\n"));
    snprintf(line, sizeof line, "{endpoint=\"%.*s\",status=\"2xx\",finish=\"x\"} 1\n",
             SERIES_VALUE_BYTES, name);
    assert_true(shows(&s, 1, line));
    series_shard_free(s);
}

static void values_do_not_run_together(void **state)
{
    (void)state;
    struct series_shard *s = series_shard_new();
    count(s, "ab", "c", "d");
    count(s, "a", "bc", "d");
    assert_true(shows(&s, 1, "{endpoint=\"ab\",status=\"c\",finish=\"d\"} 1\n"));
    assert_true(shows(&s, 1, "{endpoint=\"a\",status=\"bc\",finish=\"d\"} 1\n"));
    series_shard_free(s);
}

static void past_the_most_they_are_counted_together(void **state)
{
    (void)state;
    struct series_shard *s = series_shard_new();
    for (unsigned i = 0; i < SERIES_MAX + 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%u", i);
        count(s, name, "2xx", "x");
    }
    count(s, "e0", "2xx", "x");
    assert_true(shows(&s, 1, "{endpoint=\"e0\",status=\"2xx\",finish=\"x\"} 2\n"));
    assert_true(shows(&s, 1, "{endpoint=\"other\",status=\"other\",finish=\"other\"} 100\n"));
    assert_false(shows(&s, 1, "{endpoint=\"e512\""));
    series_shard_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_labels_of_all_shards_are_one_line),
        cmocka_unit_test(a_family_has_all_its_counters),
        cmocka_unit_test(values_are_escaped_cut_and_never_empty),
        cmocka_unit_test(values_do_not_run_together),
        cmocka_unit_test(past_the_most_they_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
