#include "gateway/base/glob.h"

#include <string.h>

#include "gateway/base/scope.h"
#include "tests/unit/test.h"

static void a_star_is_any_run_and_the_rest_is_itself(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "a", true},
        {"a", "A", false},
        {"a", "ab", false},
        {"*", "", true},
        {"*", "a/b", true},
        {"**", "", true},
        {"a*", "a", true},
        {"a*", "ab/c", true},
        {"a*", "ba", false},
        {"*a", "a", true},
        {"*a", "ba", true},
        {"*a", "ab", false},
        {"a*a", "a", false},
        {"a*a", "aa", true},
        {"a*b*c", "abc", true},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-c-b", false},
        {"ab*ba", "aba", false},
        {"ab*ba", "abba", true},
        {"*ab*ab*", "abab", true},
        {"*ab*ab*", "aab", false},
        {"prompt:*", "prompt:greet", true},
        {"prompt:*", "prompt", false},
        {"a.b", "axb", false},
        {"a?", "ab", false},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"a\\*", "a\\b", true},
        {"*/gpt-4*", "openai/gpt-4.1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (glob_match(str_of(cases[i].pattern), str_of(cases[i].text)) != cases[i].match)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
    assert_true(glob_match(STR("*"), (struct str){NULL, 0}));
    assert_false(glob_match(STR("*a"), (struct str){NULL, 0}));
    assert_false(glob_match(STR("*a*"), (struct str){NULL, 0}));
}

/* Trying every place of every star would take longer than anybody waits. */
static void many_stars_take_no_longer(void **state)
{
    (void)state;
    SCOPED(buf_done) struct buf text = BUF_INIT(1 << 20), pattern = BUF_INIT(1 << 20);
    for (int i = 0; i < 100000; i++)
        buf_add(&text, STR("a"));
    for (int i = 0; i < 1000; i++)
        buf_add(&pattern, STR("*a"));
    buf_add(&pattern, STR("*b*"));
    assert_false(glob_match(buf_str(&pattern), buf_str(&text)));
    buf_cut(&pattern, pattern.n - 2);
    assert_true(glob_match(buf_str(&pattern), buf_str(&text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_is_any_run_and_the_rest_is_itself),
        cmocka_unit_test(many_stars_take_no_longer),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
