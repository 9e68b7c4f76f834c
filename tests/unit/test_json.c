#include "gateway/base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/scope.h"
#include "tests/unit/json_texts.h"
#include "tests/unit/test.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/* What a scan reported, as "path=value" lines. */
struct report {
    const char *const *paths;
    struct buf lines;
    struct json_value last;
};

static bool note(void *arg, const struct json_hit *h, struct err *err)
{
    (void)err;
    struct report *r = arg;
    buf_addf(&r->lines, "%s#%zu=" STR_FMT "\n", r->paths[h->path], h->element,
             STR_ARG(h->value.raw));
    r->last = h->value;
    return true;
}

static bool scan(const char *const *paths, size_t n, struct str text, struct report *r,
                 struct err *err)
{
    struct json_plan *plan = json_plan_new(paths, n);
    const struct json_visitor v = {note, r};
    *r = (struct report){.paths = paths, .lines = BUF_INIT(1 << 20)};
    *err = (struct err){0};
    bool ok = json_scan(text, plan, JSON_MAX_DEPTH, &v, err);
    json_plan_free(plan);
    return ok;
}

static void expect(const char *const *paths, size_t n, const char *text, const char *lines)
{
    struct report r;
    struct err err;
    assert_true(scan(paths, n, str_of(text), &r, &err));
    assert_string_equal(r.lines.p, lines);
    buf_done(&r.lines);
}

static void a_wanted_value_is_found_where_it_stands(void **state)
{
    (void)state;
    static const char *const paths[] = {"model", "stream_options.include_usage", "n", ""};
    expect(paths, 3,
           " {\"x\" : [1, {\"model\": 2}], \"model\" : \"a\\n\" ,\n"
           "\"stream_options\": {\"model\":0, \"include_usage\":true}, \"include_usage\":1,"
           "\"n\":-1.50e+3}\n",
           "model#0=\"a\\n\"\nstream_options.include_usage#0=true\nn#0=-1.50e+3\n");
    expect(paths, 4, " [1, 2 ] ", "#0=[1, 2 ]\n");
    expect(paths, 4, "{\"n\":{}}", "n#0={}\n#0={\"n\":{}}\n");
}

static void elements_are_counted(void **state)
{
    (void)state;
    static const char *const paths[] = {"c[]", "c[].f", "c[].d[].e", "m[][]", "c[].g.h"};
    expect(paths, COUNT_OF(paths),
           "{\"c\":[{\"f\":1},2,{\"d\":[[],{\"e\":3}],\"f\":4,\"g\":{\"h\":5}}],\"m\":[[6],[7,8]]}",
           "c[].f#0=1\nc[]#0={\"f\":1}\nc[]#1=2\nc[].d[].e#1=3\nc[].f#2=4\nc[].g.h#2=5\n"
           "c[]#2={\"d\":[[],{\"e\":3}],\"f\":4,\"g\":{\"h\":5}}\n"
           "m[][]#0=6\nm[][]#0=7\nm[][]#1=8\n");
}

static void every_string_below_is_found_but_those_named(void **state)
{
    (void)state;
    static const char *const paths[] = {"**", "m[].role", "t.**", "t.x"};
    expect(paths, COUNT_OF(paths),
           "{\"m\":[{\"role\":\"r\",\"c\":\"1\",\"d\":[{\"e\":\"2\"}, 3]}],\"u\":\"4\","
           "\"t\":{\"x\":\"5\",\"y\":{\"z\":[\"6\"]}},\"v\":[\"7\"]}",
           "m[].role#0=\"r\"\n**#0=\"1\"\n**#0=\"2\"\n**#0=\"4\"\nt.x#0=\"5\"\n"
           "t.**#0=\"6\"\n**#0=\"7\"\n");
    expect(paths + 2, 1, "{\"t\":\"itself\",\"u\":\"other\"}", "");
    expect(paths, 1, "\"alone\"", "");
}

static void a_name_may_be_spelled_with_escapes(void **state)
{
    (void)state;
    static const char *const paths[] = {"model", "a\xC3\xA9"};
    expect(paths, 2,
           "{\"\\u006dode\\u006C\":1,\"a\\u00e9\":2,\"mode\\u006c2\":3,\"mode\\\\u006c\":4}",
           "model#0=1\na\xC3\xA9#0=2\n");
    char text[1024] = "{\"";
    for (int i = 0; i < 100; i++)
        strcat(text, "\\u006d");
    strcat(text, "\":5}");
    expect(paths, 2, text, "");
}

static void expect_error(const char *const *paths, size_t n, struct str text, enum err_code code,
                         const char *say, const char *param)
{
    struct report r;
    struct err err;
    assert_false(scan(paths, n, text, &r, &err));
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.say, say));
    assert_string_equal(err.param, param);
    buf_done(&r.lines);
}

static void a_member_on_a_wanted_path_may_stand_once(void **state)
{
    (void)state;
    static const char *const paths[] = {"model", "o.u", "m[].c"};
#define TWICE(text, path)                                                                          \
    expect_error(paths, COUNT_OF(paths), STR(text), ERR_duplicate_member, "given twice", path)
    TWICE("{\"model\":1,\"model\":1}", "model");
    TWICE("{\"model\":1,\"\\u006dodel\":1}", "model");
    TWICE("{\"mode\\u006c\":1,\"x\":[],\"\\u006dodel\":1}", "model");
    TWICE("{\"o\":1,\"o\":1}", "o");
    TWICE("{\"o\":{\"u\":1,\"u\":2}}", "o.u");
    TWICE("{\"m\":[{\"c\":1},{\"c\":1,\"d\":2,\"c\":3}]}", "m[].c");
    TWICE("{\"m\":[],\"m\":{}}", "m");
#undef TWICE
    expect(paths, COUNT_OF(paths),
           "{\"x\":1,\"x\":2,\"o\":{\"v\":{\"u\":1,\"u\":2},\"w\":1,\"w\":2},"
           "\"m\":[{\"c\":1},{\"c\":2}],\"model\":3,\"y\":{\"model\":4,\"model\":5}}",
           "m[].c#0=1\nm[].c#1=2\nmodel#0=3\n");
}

static void an_error_names_reason_and_byte(void **state)
{
    (void)state;
    static const char *const paths[] = {"a"};
#define BAD(text, say) expect_error(paths, 1, STR(text), ERR_bad_json, say, "")
    BAD("", "a value is missing at byte 0");
    BAD("{\"a\":1}x", "something follows the value at byte 7");
    BAD("{\"a\" 1}", "a colon is missing at byte 5");
    BAD("{\"a\":1,}", "a name is missing at byte 7");
    BAD("[1 2]", "a comma or a bracket is missing at byte 3");
    BAD("[1,2", "the end comes too early at byte 4");
    BAD("[01]", "a comma or a bracket is missing at byte 2");
    BAD("[-]", "a number without a digit at byte 2");
    BAD("[nul]", "something that is no value at byte 1");
    BAD("[\"\x01\"]", "a control character in a string at byte 2");
    BAD("[\"a\xFF\"]", "a byte that is not UTF-8 at byte 3");
    BAD("[\"\\x\"]", "an escape that is none at byte 2");
    BAD("\xEF\xBB\xBF{}", "something that is no value at byte 0");
#undef BAD
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const char *const paths[] = {"a"};
    struct json_plan *plan = json_plan_new(paths, 1);
    struct report r = {.paths = paths, .lines = BUF_INIT(1024)};
    const struct json_visitor v = {note, &r};
    struct err err = {0};
    assert_true(json_scan(STR("[[{}]]"), plan, 3, &v, &err));
    assert_false(json_scan(STR("[[[[]]]]"), plan, 3, &v, &err));
    assert_int_equal(err.code, ERR_too_deep);

    SCOPED(buf_done) struct buf deep = BUF_INIT(1 << 20);
    for (int i = 0; i < JSON_MAX_DEPTH + 1; i++)
        buf_add(&deep, STR("["));
    err = (struct err){0};
    assert_false(json_scan(buf_str(&deep), plan, 100000, &v, &err));
    assert_int_equal(err.code, ERR_too_deep);
    json_plan_free(plan);
    buf_done(&r.lines);
}

static bool refuse(void *arg, const struct json_hit *h, struct err *err)
{
    (void)arg;
    return err_set(err, ERR_bad_request, "%zu", h->path);
}

static void the_visitor_can_end_it(void **state)
{
    (void)state;
    static const char *const paths[] = {"a"};
    struct json_plan *plan = json_plan_new(paths, 1);
    const struct json_visitor v = {refuse, NULL};
    struct err err = {0};
    assert_false(json_scan(STR("{\"a\":1,bad"), plan, 9, &v, &err));
    assert_int_equal(err.code, ERR_bad_request);
    json_plan_free(plan);
}

/*
 * jansson's judgement, but that it overlooks a NUL between tokens, which is never JSON.  It knows
 * less than the grammar allows in three places, all about what it can hold and not about what JSON
 * is: numbers past its types, NUL in a name, half a surrogate pair.
 */
static bool jansson_accepts(struct str text, bool *cannot_hold)
{
    json_error_t e;
    json_t *j = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    *cannot_hold = !j && (json_error_code(&e) == json_error_numeric_overflow ||
                          json_error_code(&e) == json_error_null_byte_in_key ||
                          strstr(e.text, "invalid Unicode '\\u"));
    json_decref(j);
    return j != NULL && !memchr(text.p, '\0', text.n);
}

static void judge_alike(struct str text)
{
    static const char *const paths[] = {"**", "", "a", "a.b[]"};
    struct report r;
    struct err err;
    bool cannot_hold;
    bool theirs = jansson_accepts(text, &cannot_hold);
    bool ours = scan(paths, COUNT_OF(paths), text, &r, &err);
    buf_done(&r.lines);
    if (ours != theirs && !(ours && cannot_hold) && err.code != ERR_duplicate_member) {
        print_message("ours %d theirs %d: " STR_FMT "\n", ours, theirs, STR_ARG(text));
        fail();
    }
}

static void the_grammar_is_that_of_jansson(void **state)
{
    (void)state;
    assert_true(COUNT_OF(json_texts) >= 300);
    for (size_t i = 0; i < COUNT_OF(json_texts); i++) {
        /* a copy of just these bytes, so that reading past them is noticed */
        char *copy = malloc(json_texts[i].n ? json_texts[i].n : 1);
        memcpy(copy, json_texts[i].p, json_texts[i].n);
        judge_alike((struct str){copy, json_texts[i].n});
        free(copy);
    }
}

/* Every text with every byte left out, doubled, or replaced by one that JSON cares about. */
static void the_grammar_is_that_of_jansson_after_any_small_change(void **state)
{
    (void)state;
    static const char bytes[] = "\"\\{}[]:,0-.e tu\x01\x80\xC3\xEDx";
    static const struct str texts[] = {
        STR("{\"a\":[1,-2.5e+3,true,false,null],\"b\":{\"c\":\"d\\n\\u00e9\xC3\xA9\"}, \"\":0}"),
        STR("[\"0123456789abcdef\xE2\x82\xAC\xF0\x9F\x98\x80\\ud83d\\ude00\\\\\\\"\"]"),
        STR(" { \"model\" : \"m\" , \"n\" : 10 }\r\n"),
    };
    char text[256];
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        for (size_t i = 0; i < texts[t].n; i++) {
            size_t left = texts[t].n - i - 1;
            memcpy(text, texts[t].p, i);
            memcpy(text + i, texts[t].p + i + 1, left);
            judge_alike((struct str){text, i + left});
            judge_alike((struct str){texts[t].p, i});
            memcpy(text + i + 1, texts[t].p + i, left + 1);
            for (size_t b = 0; b < sizeof bytes - 1; b++) {
                text[i] = bytes[b];
                judge_alike((struct str){text, texts[t].n + 1});
                text[i + 1] = bytes[b];
                judge_alike((struct str){text, texts[t].n + 1});
                text[i + 1] = texts[t].p[i];
            }
        }
    }
}

/* The one value of a text. */
static struct json_value value_of(const char *text)
{
    static const char *const paths[] = {""};
    struct report r;
    struct err err;
    assert_true(scan(paths, 1, str_of(text), &r, &err));
    buf_done(&r.lines);
    return r.last;
}

static void a_string_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"abc\"", "abc"},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz"},
        {"\"\\u0041\\u00e9\\u20AC\"", "A\xC3\xA9\xE2\x82\xAC"},
        {"\"\\ud83D\\uDe00!\"", "\xF0\x9F\x98\x80!"},
        {"\"\\ud83d\"", "\xEF\xBF\xBD"},
        {"\"\\ud83dx\\ude00\"", "\xEF\xBF\xBDx\xEF\xBF\xBD"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
        {"\"\\udbff\\udfff\"", "\xF4\x8F\xBF\xBF"},
        {"\"\\ud83d\\n\"", "\xEF\xBF\xBD\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SCOPED(buf_done) struct buf out = BUF_INIT(64);
        struct json_value v = value_of(cases[i].raw);
        assert_true(json_text(&v, &out));
        assert_string_equal(out.p, cases[i].text);
        assert_int_equal(json_text_bytes(&v), strlen(cases[i].text));
        assert_true(json_text_is(&v, str_of(cases[i].text)));
        assert_false(json_text_is(&v, STR("something else")));
        buf_add(&out, STR("+"));
        assert_false(json_text_is(&v, buf_str(&out)));
    }
    SCOPED(buf_done) struct buf out = BUF_INIT(64);
    struct json_value v = value_of("12");
    assert_false(json_text(&v, &out));
    assert_false(json_text_is(&v, STR("12")));
    assert_int_equal(json_text_bytes(&v), 0);
}

static void an_integer_is_plain_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        bool ok;
        int64_t n;
    } cases[] = {
        {"0", true, 0},
        {"12", true, 12},
        {"-3", true, -3},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"-0", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t n = 7;
        struct json_value v = value_of(cases[i].raw);
        assert_int_equal(json_int(&v, &n), cases[i].ok);
        assert_int_equal(n, cases[i].ok ? cases[i].n : 7);
    }
}

static void what_is_quoted_reads_back(void **state)
{
    (void)state;
    static const struct str texts[] = {
        STR(""),
        STR("plain"),
        STR("q\"b\\s/"),
        STR("\x01\n\t\x1f\x7f"),
        STR("\xC3\xA9\xF0\x9F\x98\x80"),
        STR("nul\0inside"),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        SCOPED(buf_done) struct buf out = BUF_INIT(256), back = BUF_INIT(256);
        json_quote(&out, texts[i]);
        struct json_value v = value_of(out.p);
        assert_true(json_text(&v, &back));
        assert_true(str_eq(buf_str(&back), texts[i]));
    }
    SCOPED(buf_done) struct buf out = BUF_INIT(64);
    json_quote(&out, STR("a\xFFz\xC3"));
    assert_string_equal(out.p, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
}

static void edits_change_what_they_name_and_nothing_else(void **state)
{
    (void)state;
    static const char *const paths[] = {"b", "o", ""};
    static const struct {
        const char *text, *replaced, *renamed, *removed, *inserted;
    } cases[] = {
        {"{\"b\":1}", "{\"b\":X}", "{\"n\":1}", "{}", "{\"i\":0,\"b\":1}"},
        {"{ \"a\":0, \"b\" : 1 }", "{ \"a\":0, \"b\" : X }", "{ \"a\":0, \"n\" : 1 }",
         "{ \"a\":0 }", "{\"i\":0, \"a\":0, \"b\" : 1 }"},
        {"{\"b\": [1,2] ,\"c\":3}", "{\"b\": X ,\"c\":3}", "{\"n\": [1,2] ,\"c\":3}", "{\"c\":3}",
         "{\"i\":0,\"b\": [1,2] ,\"c\":3}"},
        {"{\"a\":0,\"b\":\"s\",\"c\":3}", "{\"a\":0,\"b\":X,\"c\":3}",
         "{\"a\":0,\"n\":\"s\",\"c\":3}", "{\"a\":0,\"c\":3}",
         "{\"i\":0,\"a\":0,\"b\":\"s\",\"c\":3}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = str_of(cases[i].text);
        struct report r;
        struct err err;
        assert_true(scan(paths, 1, text, &r, &err));
        struct json_value b = r.last;
        buf_done(&r.lines);
        assert_true(scan(paths + 2, 1, text, &r, &err));
        struct json_value top = r.last;
        buf_done(&r.lines);
        SCOPED(buf_done) struct buf room = BUF_INIT(64);
        const struct json_edit edits[] = {
            json_replace(text, &b, STR("X")),
            json_rename(text, &b, STR("\"n\"")),
            json_remove(text, &b),
            json_insert(text, &top, STR("\"i\":0"), &room),
        };
        const char *const want[] = {cases[i].replaced, cases[i].renamed, cases[i].removed,
                                    cases[i].inserted};
        for (size_t e = 0; e < COUNT_OF(edits); e++) {
            SCOPED(buf_done) struct buf out = BUF_INIT(256);
            json_splice(&out, text, &edits[e], 1);
            assert_string_equal(out.p, want[e]);
        }
    }
}

static void an_empty_object_takes_a_member(void **state)
{
    (void)state;
    struct str text = STR("{ }");
    struct json_value top = value_of(text.p);
    top.raw = text;
    SCOPED(buf_done) struct buf room = BUF_INIT(64), out = BUF_INIT(64);
    struct json_edit e = json_insert(text, &top, STR("\"i\":0"), &room);
    json_splice(&out, text, &e, 1);
    assert_string_equal(out.p, "{\"i\":0 }");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wanted_value_is_found_where_it_stands),
        cmocka_unit_test(elements_are_counted),
        cmocka_unit_test(every_string_below_is_found_but_those_named),
        cmocka_unit_test(a_name_may_be_spelled_with_escapes),
        cmocka_unit_test(a_member_on_a_wanted_path_may_stand_once),
        cmocka_unit_test(an_error_names_reason_and_byte),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_visitor_can_end_it),
        cmocka_unit_test(the_grammar_is_that_of_jansson),
        cmocka_unit_test(the_grammar_is_that_of_jansson_after_any_small_change),
        cmocka_unit_test(a_string_is_decoded),
        cmocka_unit_test(an_integer_is_plain_or_none),
        cmocka_unit_test(what_is_quoted_reads_back),
        cmocka_unit_test(edits_change_what_they_name_and_nothing_else),
        cmocka_unit_test(an_empty_object_takes_a_member),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
