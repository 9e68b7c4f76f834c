#include "gateway/llm/sse.h"

#include <stdint.h>

#include "gateway/base/scope.h"
#include "tests/unit/golden.h"
#include "tests/unit/test.h"

enum { MAX = 64 * 1024, ROUNDS = 50 };

/* Notes events so that no two lists of them read alike. */
static void note(void *arg, const struct sse_event *e)
{
    buf_addf(arg, "%zu:" STR_FMT "|%zu:" STR_FMT "\n", e->name.n, STR_ARG(e->name), e->data.n,
             STR_ARG(e->data));
}

static bool feed(struct sse *s, struct str bytes, struct buf *seen)
{
    struct err err = {0};
    /* a copy of just these bytes, so that reading past them is noticed */
    char *copy = malloc(bytes.n ? bytes.n : 1);
    for (size_t i = 0; i < bytes.n; i++)
        copy[i] = bytes.p[i];
    bool ok = sse_feed(s, (struct str){copy, bytes.n}, note, seen, &err);
    free(copy);
    assert_true(ok || err.code == ERR_bad_answer);
    return ok;
}

static void expect(const char *text, const char *want)
{
    SCOPED(buf_done) struct buf seen = BUF_INIT(MAX);
    SCOPED(sse_done) struct sse s;
    sse_init(&s, MAX);
    assert_true(feed(&s, str_of(text), &seen));
    assert_string_equal(seen.p, want);
}

static void events_are_read_as_the_standard_has_it(void **state)
{
    (void)state;
    expect("", "");
    expect("data: a\n\n", "0:|1:a\n");
    expect("data: a\n", "");
    expect("data: a", "");
    expect("data:a\r\n\r\ndata:b\r\rdata:c\n\n", "0:|1:a\n0:|1:b\n0:|1:c\n");
    expect("data:  a \n\n", "0:|3: a \n");
    expect("event: x\ndata: a\n\ndata: b\n\n", "1:x|1:a\n0:|1:b\n");
    expect("event: x\n\ndata: b\n\n", "0:|1:b\n");
    expect("event: x\nevent: yz\ndata: a\ndata: b\n\n", "2:yz|3:a\nb\n");
    expect("data\n\ndata:\ndata:\n\n", "0:|0:\n0:|1:\n\n");
    expect(": c\n\nid: 1\nretry: 2\n\n:\n\n", "");
    expect("\xEF\xBB\xBF"
           "data: a\n\n\xEF\xBB\xBF"
           "data: b\n\n",
           "0:|1:a\n");
    expect("\xEF\xBB\xBF\n\ndata: b\n\n", "0:|1:b\n");
}

static void cut(struct str text, const size_t *cuts, size_t n, struct str want)
{
    SCOPED(buf_done) struct buf seen = BUF_INIT(1 << 20);
    SCOPED(sse_done) struct sse s;
    sse_init(&s, MAX);
    size_t at = 0;
    for (size_t i = 0; i <= n; i++) {
        size_t to = i < n ? cuts[i] : text.n;
        assert_true(feed(&s, (struct str){text.p + at, to - at}, &seen));
        at = to;
    }
    assert_true(str_eq(buf_str(&seen), want));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void cut_everywhere(struct str text, struct str want, uint32_t seed)
{
    for (size_t i = 0; i <= text.n; i++)
        cut(text, &i, 1, want);
    for (int round = 0; round < ROUNDS; round++) {
        size_t cuts[4096], n = 0;
        uint32_t widest = 1 + next_random(&seed) % 60;
        for (size_t at = 0; n < 4096; n++) {
            at += next_random(&seed) % (widest + 1);
            if (at > text.n)
                break;
            cuts[n] = at;
        }
        cut(text, cuts, n, want);
    }
}

static void a_stream_says_the_same_however_it_is_cut(void **state)
{
    (void)state;
    json_t *index = golden_index("sse"), *entry, *event;
    size_t i, k;
    assert_true(json_array_size(index) >= 12);
    json_array_foreach(index, i, entry)
    {
        SCOPED(buf_done) struct buf text = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);
        golden_read(golden_member(entry, "folder"), golden_member(entry, "file"), &text);
        json_array_foreach(json_object_get(entry, "events"), k, event)
        {
            const struct sse_event e = {str_of(golden_member(event, "event")),
                                        str_of(golden_member(event, "data"))};
            note(&want, &e);
        }
        assert_true(want.n > 0);
        cut_everywhere(buf_str(&text), buf_str(&want), (uint32_t)i);
    }
    json_decref(index);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const struct sse_event events[] = {
        {STR(""), STR("{}")},       {STR("response.created"), STR("{\"a\":1}")},
        {STR("x"), STR("")},        {STR(""), STR("a\nb\n\nc\n")},
        {STR(""), STR(" leading")}, {STR(""), STR("\n")},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        SCOPED(buf_done) struct buf out = BUF_INIT(MAX), seen = BUF_INIT(MAX), want = BUF_INIT(MAX);
        SCOPED(sse_done) struct sse s;
        sse_init(&s, MAX);
        sse_write(&out, &events[i]);
        assert_true(feed(&s, buf_str(&out), &seen));
        note(&want, &events[i]);
        assert_string_equal(seen.p, want.p);
    }
}

static void lines_of_any_kind_are_written_as_lines(void **state)
{
    (void)state;
    SCOPED(buf_done) struct buf out = BUF_INIT(MAX);
    sse_write(&out, &(struct sse_event){STR("e"), STR("a\r\nb\rc\nd")});
    sse_write(&out, &(struct sse_event){{NULL, 0}, {NULL, 0}});
    assert_string_equal(out.p, "event: e\ndata: a\ndata: b\ndata: c\ndata: d\n\ndata: \n\n");
}

/* In one line, in many, in its name, whole or in small parts; a comment without end too. */
static void an_event_that_is_too_long_is_refused(void **state)
{
    (void)state;
    enum { LIMIT = 100 };
    static const char *const starts[] = {"data: ", "event: ", ": ", "", "data:\ndata: "};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        for (int small = 0; small < 2; small++) {
            SCOPED(buf_done) struct buf text = BUF_INIT(MAX), seen = BUF_INIT(MAX);
            SCOPED(sse_done) struct sse s;
            sse_init(&s, LIMIT);
            buf_add(&text, str_of(starts[i]));
            for (int k = 0; k < 2 * LIMIT; k++)
                buf_add(&text, STR("x"));
            buf_add(&text, STR("\ndata: y\n\n"));
            bool ok = true;
            if (!small)
                ok = feed(&s, buf_str(&text), &seen);
            for (size_t at = 0; small && ok && at < text.n; at++)
                ok = feed(&s, (struct str){text.p + at, 1}, &seen);
            assert_false(ok);
            assert_string_equal(seen.p, "");
        }
    }
    SCOPED(buf_done) struct buf text = BUF_INIT(MAX), seen = BUF_INIT(MAX);
    SCOPED(sse_done) struct sse s;
    sse_init(&s, LIMIT);
    for (int k = 0; k < LIMIT; k++)
        buf_add(&text, STR("data: x\n"));
    assert_false(feed(&s, buf_str(&text), &seen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read_as_the_standard_has_it),
        cmocka_unit_test(a_stream_says_the_same_however_it_is_cut),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(lines_of_any_kind_are_written_as_lines),
        cmocka_unit_test(an_event_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
