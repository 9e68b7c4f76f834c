#include "gateway/base/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

struct item {
    struct conf_word id;
    const char *text;
};

struct all {
    struct conf_word id;
    const char *text;
    struct conf_word word, secret;
    unsigned count, choice;
    bool flag;
    int64_t size, duration;
    struct conf_words words;
    struct conf_pairs pairs;
    struct conf_items map, list;
};

static const struct conf_row item_rows[] = {
    {"text", CONF_TYPE_TEXT, offsetof(struct item, text), conf_must, 1, 0, NULL, NULL, "a text"},
};
static const struct conf_table item_table = {"an item", item_rows, 1, sizeof(struct item)};

static const struct conf_row rows[] = {
    {"text", CONF_TYPE_TEXT, offsetof(struct all, text), "init", 0, 0, NULL, NULL, ""},
    {"word", CONF_TYPE_WORD, offsetof(struct all, word), NULL, 1, 0, NULL, NULL, ""},
    {"secret", CONF_TYPE_SECRET, offsetof(struct all, secret), NULL, 20, 0, NULL, NULL, ""},
    {"group.count", CONF_TYPE_COUNT, offsetof(struct all, count), "7", 1, 9, NULL, NULL, ""},
    {"group.choice", CONF_TYPE_ENUM, offsetof(struct all, choice), "two", 0, 0, "one|two|three",
     NULL, ""},
    {"group.flag", CONF_TYPE_BOOL, offsetof(struct all, flag), "on", 0, 0, NULL, NULL, ""},
    {"size", CONF_TYPE_SIZE, offsetof(struct all, size), "32M", 1024, 1 << 30, NULL, NULL, ""},
    {"duration", CONF_TYPE_DURATION, offsetof(struct all, duration), "15s", 0, 100000, NULL, NULL,
     ""},
    {"words", CONF_TYPE_WORDS, offsetof(struct all, words), "a b", 0, 0, NULL, NULL, ""},
    {"pairs", CONF_TYPE_PAIRS, offsetof(struct all, pairs), NULL, 0, 0, NULL, NULL, ""},
    {"map", CONF_TYPE_MAP, offsetof(struct all, map), NULL, 0, 0, NULL, &item_table, ""},
    {"list", CONF_TYPE_LIST, offsetof(struct all, list), NULL, 1, 2, NULL, &item_table, ""},
    {"off", CONF_TYPE_GROUP, 0, "off", 0, 0, NULL, NULL, ""},
    {"off.in", CONF_TYPE_TEXT, offsetof(struct all, text), NULL, 0, 0, NULL, NULL, ""},
    {"later", CONF_TYPE_LATER, 0, NULL, 0, 0, "off|sqlite", NULL, ""},
};
static const struct conf_table table = {NULL, rows, sizeof rows / sizeof rows[0],
                                        sizeof(struct all)};

struct lines {
    char text[16 * 1024];
};

static void add_line(void *arg, const char *line)
{
    struct lines *l = arg;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%s", n ? "\n" : "", line);
}

static struct conf *read_text(const char *text, struct all *all, struct lines *l)
{
    struct conf *c = conf_new("f");
    *all = (struct all){0};
    *l = (struct lines){""};
    struct conf_node *root = conf_parse(c, str_of(text));
    if (root) {
        conf_expand(c, root);
        conf_read(c, root, &table, all);
    }
    conf_report(c, add_line, l);
    return c;
}

static void assert_says(const char *text, const char *lines)
{
    struct all all;
    struct lines l;
    conf_free(read_text(text, &all, &l));
    assert_string_equal(l.text, lines);
}

static void an_empty_text_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n# nothing\n", "{}",
                                        "text:\nsize: ~\nduration: null\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct all all;
        struct lines l;
        struct conf *c = read_text(texts[i], &all, &l);
        assert_string_equal(l.text, "");
        assert_string_equal(all.text, "init");
        assert_int_equal(all.count, 7);
        assert_int_equal(all.choice, 1);
        assert_true(all.flag);
        assert_int_equal(all.size, 32 << 20);
        assert_int_equal(all.duration, 15000);
        assert_int_equal(all.words.n, 2);
        assert_string_equal(all.words.v[1].text, "b");
        assert_null(all.word.text);
        conf_free(c);
    }
}

static void yaml_and_json_fill_the_same_struct(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "text: 0123\ngroup:\n  count: 3\n  choice: three\n  flag: no\nsize: 16K\nduration: "
        "500ms\nwords: [x, no, 1e3]\n"
        "pairs: {a: 1.50}\nmap: {k: {text: v}}\nlist:\n - text: w\n",
        "{\"text\": \"0123\", \"group\": {\"count\": 3, \"choice\": \"three\", \"flag\": false}, "
        "\"size\": \"16K\",\n"
        "\"duration\": \"500ms\", \"words\": [\"x\", \"no\", 1e3], \"pairs\": {\"a\": 1.50}, "
        "\"map\": {\"k\": {\"text\": \"v\"}},\n"
        "\"list\": [{\"text\": \"w\"}]}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct all all;
        struct lines l;
        struct conf *c = read_text(texts[i], &all, &l);
        assert_string_equal(l.text, "");
        assert_string_equal(all.text, "0123");
        assert_int_equal(all.count, 3);
        assert_int_equal(all.choice, 2);
        assert_false(all.flag);
        assert_int_equal(all.size, 16384);
        assert_int_equal(all.duration, 500);
        assert_int_equal(all.words.n, 3);
        assert_string_equal(all.words.v[1].text, "no");
        assert_string_equal(all.words.v[2].text, "1e3");
        assert_string_equal(all.pairs.v[0].value.text, "1.50");
        assert_int_equal(all.map.n, 1);
        assert_string_equal(((struct item *)all.map.v)->id.text, "k");
        assert_string_equal(((struct item *)all.map.v)->text, "v");
        assert_string_equal(((struct item *)all.list.v)->text, "w");
        conf_free(c);
    }
}

static void every_problem_is_said_with_its_place(void **state)
{
    (void)state;
    assert_says(
        "size: big\n"
        "tezt: x\n"
        "group: {count: 10, choice: tow, flag: maybe, cuont: 1}\n"
        "list: [{}, {text: a}, {text: b}]\n"
        "map: {k: {txet: a}, l: 3}\n"
        "off: on\n"
        "later: postgres\n"
        "text: [1]\n"
        "words: [a, {b: c}]\n",
        "f:1:7: 'size' must be a size such as 4096, 16K, 32M or 1G, not 'big'\n"
        "f:2:1: unknown option 'tezt'; did you mean 'text'?\n"
        "f:3:16: 'group.count' must be from 1 to 9, not '10'\n"
        "f:3:28: 'group.choice' must be one of one|two|three, not 'tow'; did you mean 'two'?\n"
        "f:3:39: 'group.flag' must be 'on' or 'off', not 'maybe'\n"
        "f:3:46: unknown option 'cuont' in 'group'; did you mean 'count'?\n"
        "f:4:7: 'list' must have 1 to 2 elements, not 3\n"
        "f:5:10: 'text' of an item is missing (a text)\n"
        "f:5:11: unknown option 'txet' of an item; did you mean 'text'?\n"
        "f:5:24: an item must be a map of its options\n"
        "f:6:6: 'off' must be 'off' or a map, as {in: …}\n"
        "f:7:8: 'later' is not built yet; leave it out, or write 'off|sqlite'\n"
        "f:8:7: 'text' must be a text, not a list\n"
        "f:9:12: 'words' must be a list of texts, not a map");
}

static void what_is_off_may_be_written(void **state)
{
    (void)state;
    assert_says("off: off\nlater: off\n", "");
    assert_says("off: false\nlater: []\n", "");
    assert_says("off: {in: x}\nlater: sqlite\n", "");
}

static void names_given_twice_are_refused(void **state)
{
    (void)state;
    assert_says("text: a\nsize: 1M\ntext: b\n", "f:3:1: 'text' is given twice; first at 1:1");
}

static void an_unclosed_bracket_is_named_where_it_was_opened(void **state)
{
    (void)state;
    struct all all;
    struct lines l;
    conf_free(read_text("text: a\nwords: [x,\nsize: 1M\n", &all, &l));
    assert_non_null(strstr(l.text, "is the '[' at 2:8 closed?"));
    conf_free(read_text("{\"text\": \"a\",\n \"words\": [1, 2", &all, &l));
    assert_non_null(strstr(l.text, "is the '[' at 2:11 closed?"));
}

static void what_is_no_yaml_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_says("group:\n\tcount: 1\n", "f:2:1: tab character may not be used as indentation");
    assert_says("text: \xff\n", "f:1:7: this is not UTF-8");
    assert_says("text: \"a\\0b\"\n", "f:1:7: a text may not hold a zero byte");
    assert_says("--- a\n--- b\n", "f:2:1: only one document may stand in a file");
    assert_says("text: !env X\n", "f:1:7: tags ('!…') have no meaning here");
    assert_says("- a\n", "f:1:1: a config is a map of options");
    assert_says("[a]: b\n", "f:1:1: a name must be a plain text");
}

static void aliases_stand_for_what_they_name(void **state)
{
    (void)state;
    struct all all;
    struct lines l;
    struct conf *c = read_text("map: {a: &x {text: same}, b: *x}\n", &all, &l);
    assert_string_equal(l.text, "");
    assert_string_equal(((struct item *)all.map.v)[1].text, "same");
    assert_string_equal(((struct item *)all.map.v)[1].id.text, "b");
    conf_free(c);
    assert_says("words: [*x]\n", "f:1:9: no '&x' stands before this alias");
    assert_says("words: &x [*x]\n", "f:1:12: an alias may not stand inside what it stands for");
}

static void aliases_that_explode_are_refused(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(4096);
    buf_add(&text, STR("a: &a [x, x, x, x, x, x, x, x, x]\n"));
    for (char ch = 'b'; ch < 'l'; ch++)
        buf_addf(&text, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", ch, ch, ch - 1,
                 ch - 1, ch - 1, ch - 1, ch - 1, ch - 1, ch - 1, ch - 1);
    struct all all;
    struct lines l;
    conf_free(read_text(text.p, &all, &l));
    assert_non_null(strstr(l.text, "this is too large"));
    buf_done(&text);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(4096);
    buf_add(&text, STR("words: "));
    for (int i = 0; i < CONF_DEPTH; i++)
        buf_add(&text, STR("["));
    struct all all;
    struct lines l;
    conf_free(read_text(text.p, &all, &l));
    assert_string_equal(l.text, "f:1:39: this is nested too deeply");
    buf_done(&text);
}

static void references_are_replaced_once_and_never_parsed_again(void **state)
{
    (void)state;
    setenv("CONF_TEST", "a: [${CONF_TEST}", 1);
    struct all all;
    struct lines l;
    struct conf *c = read_text(
        "text: x${CONF_TEST}y\nwords: [\"${CONF_NONE:-d}\", \"$${CONF_TEST}\", $5]\n", &all, &l);
    assert_string_equal(l.text, "");
    assert_string_equal(all.text, "xa: [${CONF_TEST}y");
    assert_string_equal(all.words.v[0].text, "d");
    assert_string_equal(all.words.v[1].text, "${CONF_TEST}");
    assert_string_equal(all.words.v[2].text, "$5");
    conf_free(c);
    unsetenv("CONF_TEST");
}

static void a_file_gives_its_text_less_one_line_end(void **state)
{
    (void)state;
    char path[] = "/tmp/penstock-conf-XXXXXX", text[128];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    close(fd);
    snprintf(text, sizeof text, "text: file:%s\n", path);
    struct all all;
    struct lines l;
    struct conf *c = read_text(text, &all, &l);
    assert_string_equal(all.text, "s3cret");
    conf_free(c);
    unlink(path);
    conf_free(read_text(text, &all, &l));
    assert_non_null(strstr(l.text, "f:1:7: cannot take this value from its file"));
}

static void a_reference_that_leads_nowhere_is_said_once(void **state)
{
    (void)state;
    assert_says("size: ${CONF_NONE}\n", "f:1:7: the environment variable 'CONF_NONE' is not set; "
                                        "set it, or write '${CONF_NONE:-default}'");
    assert_says("size: ${CONF_NONE\n", "f:1:7: a '${' is not closed by '}'");
    assert_says("list: [{text: \"${CONF_NONE}\"}]\n",
                "f:1:15: the environment variable 'CONF_NONE' is not set; set it, or write "
                "'${CONF_NONE:-default}'");
}

static void secrets_are_never_quoted(void **state)
{
    (void)state;
    setenv("CONF_TEST", "canary", 1);
    assert_says("size: ${CONF_TEST}\ngroup: {count: \"${CONF_TEST}\", choice: "
                "\"${CONF_TEST}\"}\nsecret: [canary]\n"
                "pairs: {a: [canary]}\n",
                "f:1:7: 'size' must be a size such as 4096, 16K, 32M or 1G\n"
                "f:2:16: 'group.count' must be a whole number\n"
                "f:2:40: 'group.choice' must be one of one|two|three\n"
                "f:3:9: 'secret' must be a text\n"
                "f:4:12: 'pairs' must be a map of names and texts");
    unsetenv("CONF_TEST");
}

static void quotes_are_cut_and_made_harmless(void **state)
{
    (void)state;
    struct conf *c = conf_new("f");
    assert_string_equal(conf_quote(c, STR("a\x1b[2Jb\xc2\x9b\xff")), "a?[2Jb??");
    char text[101];
    memset(text, 'x', 100);
    assert_int_equal(strlen(conf_quote(c, (struct str){text, 100})), 64 + strlen("…"));
    conf_free(c);
}

static void numbers_have_their_units_and_nothing_else(void **state)
{
    (void)state;
    int64_t n;
    assert_true(conf_parse_size(STR("1G"), &n) && n == 1 << 30);
    assert_true(conf_parse_duration(STR("90d"), &n) && n == INT64_C(7776000000));
    assert_true(conf_parse_duration(STR("off"), &n) && n == 0);
    static const char *const sizes[] = {
        "", "K", "-1", "1.5M", "1m", "1 M", "9223372036854775808", "9223372036854775807K"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_false(conf_parse_size(str_of(sizes[i]), &n));
    static const char *const durations[] = {
        "", "5", "1.5s", "-1s", "s", "1S", "99999999999999999d"};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        assert_false(conf_parse_duration(str_of(durations[i]), &n));
    char text[CONF_NUMBER_BYTES];
    conf_number_text(CONF_TYPE_DURATION, 90000, text);
    assert_string_equal(text, "90s");
}

static void the_nearest_word_is_one_that_could_be_meant(void **state)
{
    (void)state;
    static const struct {
        const char *text, *near;
    } cases[] = {{"listne", "listen"}, {"model", "models"}, {"timeouts", "timeout"},
                 {"xyz", ""},          {"lst", ""},         {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str near = conf_nearest(str_of(cases[i].text), STR("listen|models|timeout|"));
        assert_true(str_eq(near, str_of(cases[i].near)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_gives_the_defaults),
        cmocka_unit_test(yaml_and_json_fill_the_same_struct),
        cmocka_unit_test(every_problem_is_said_with_its_place),
        cmocka_unit_test(what_is_off_may_be_written),
        cmocka_unit_test(names_given_twice_are_refused),
        cmocka_unit_test(an_unclosed_bracket_is_named_where_it_was_opened),
        cmocka_unit_test(what_is_no_yaml_is_refused_with_its_place),
        cmocka_unit_test(aliases_stand_for_what_they_name),
        cmocka_unit_test(aliases_that_explode_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(references_are_replaced_once_and_never_parsed_again),
        cmocka_unit_test(a_file_gives_its_text_less_one_line_end),
        cmocka_unit_test(a_reference_that_leads_nowhere_is_said_once),
        cmocka_unit_test(secrets_are_never_quoted),
        cmocka_unit_test(quotes_are_cut_and_made_harmless),
        cmocka_unit_test(numbers_have_their_units_and_nothing_else),
        cmocka_unit_test(the_nearest_word_is_one_that_could_be_meant),
    };
    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
