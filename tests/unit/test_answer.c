#include "gateway/llm/answer.h"

#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/llm/sse.h"
#include "tests/unit/golden.h"
#include "tests/unit/test.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

static struct answer read_answer(enum endpoint e, const char *text)
{
    struct answer a;
    struct err err = {0};
    if (!answer_scan(e, str_of(text), &a, &err))
        fail_msg("%s: %s", text, err.detail);
    return a;
}

static void a_chat_is_read(void **state)
{
    (void)state;
    struct answer a =
        read_answer(ENDPOINT_chat, "{\"id\":\"x\",\"model\":\"up-1\",\"choices\":[{\"index\":0,"
                                   "\"message\":{\"role\":\"assistant\","
                                   "\"content\":\"h\\u00e9\",\"refusal\":null},\"finish_reason\":"
                                   "\"stop\"},{\"finish_reason\":\"length\","
                                   "\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{"
                                   "\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                                   "\"index\":65}],\"usage\":{\"prompt_tokens\":5,\"completion_"
                                   "tokens\":7,\"total_tokens\":12}}");
    assert_true(json_text_is(&a.model, STR("up-1")));
    assert_int_equal(a.error.kind, VALUE_ABSENT);
    assert_true(a.counted && a.has_text && !a.no_choices);
    assert_int_equal(a.count.input, 5);
    assert_int_equal(a.count.output, 7);
    assert_int_equal(a.text_bytes, 3 + 2);
    assert_int_equal(a.begun[0], 1);
    assert_int_equal(a.begun[1], 2);
    assert_int_equal(a.finished[0], 1);
    assert_int_equal(a.finished[1], 2);
    assert_int_equal(a.reason, REASON_length);
}

static void an_event_of_a_chat_is_read(void **state)
{
    (void)state;
    struct answer a = read_answer(
        ENDPOINT_chat,
        "{\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
        "\"finish_reason\":null,\"index\":1}],\"usage\":null}");
    assert_int_equal(a.begun[0], 2);
    assert_int_equal(a.finished[0], 0);
    assert_int_equal(a.reason, REASON_none);
    assert_int_equal(a.usage.kind, VALUE_NULL);
    assert_false(a.counted || a.has_text || a.no_choices);
    a = read_answer(ENDPOINT_chat,
                    "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":0}}");
    assert_true(a.no_choices && a.counted);
    a = read_answer(ENDPOINT_chat,
                    "{\"choices\":[{\"finish_reason\":\"\"},{\"finish_reason\":\"tool_calls\"}]}");
    assert_int_equal(a.begun[0], 3);
    assert_int_equal(a.finished[0], 2);
    assert_int_equal(a.reason, REASON_tool_calls);
}

static void text_is_counted_once_wherever_it_stands(void **state)
{
    (void)state;
    static const struct {
        enum endpoint e;
        const char *text;
        int64_t bytes;
    } cases[] = {
        {ENDPOINT_completions, "{\"choices\":[{\"text\":\"abc\"},{\"text\":\"\\n\"}]}", 4},
        {ENDPOINT_chat, "{\"choices\":[{\"delta\":{\"reasoning_content\":\"abc\"}}]}", 3},
        {ENDPOINT_chat,
         "{\"choices\":[{\"delta\":{\"reasoning\":\"abc\",\"reasoning_content\":\"abc\"}}]}", 3},
        {ENDPOINT_chat, "{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}", 2},
        {ENDPOINT_chat, "{\"choices\":[{\"delta\":{\"function_call\":{\"arguments\":\"{\\\"\"}}}]}",
         2},
        {ENDPOINT_chat,
         "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"ab\"}]}}]}", 2},
        {ENDPOINT_chat,
         "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\"}"
         "]}}]}",
         1},
        {ENDPOINT_chat,
         "{\"obfuscation\":\"xxxx\",\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}", 0},
        {ENDPOINT_responses, "{\"type\":\"response.output_text.delta\",\"delta\":\"ab\"}", 2},
        {ENDPOINT_responses,
         "{\"delta\":\"ab\",\"type\":\"response.function_call_arguments.delta\"}", 2},
        {ENDPOINT_responses, "{\"type\":\"response.audio.delta\",\"delta\":\"UklGRg==\"}", 0},
        {ENDPOINT_responses, "{\"type\":\"response.output_text.done\",\"text\":\"ab\"}", 0},
        {ENDPOINT_responses,
         "{\"type\":\"response.completed\",\"response\":{\"output\":[{\"content\":[{\"text\":"
         "\"ab\"}]}]}}",
         0},
        {ENDPOINT_responses,
         "{\"status\":\"completed\",\"output\":[{\"content\":[{\"type\":\"output_text\",\"text\":"
         "\"ab\"},"
         "{\"refusal\":\"c\"}]},{\"type\":\"function_call\",\"arguments\":\"{}\"},{\"summary\":[{"
         "\"text\":\"d\"}]}]}",
         6},
        {ENDPOINT_embeddings, "{\"data\":[{\"embedding\":\"AAAA\"}]}", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a = read_answer(cases[i].e, cases[i].text);
        if (a.text_bytes != cases[i].bytes || a.has_text != (cases[i].bytes > 0))
            fail_msg("%s: %d", cases[i].text, (int)a.text_bytes);
    }
}

static void usage_has_one_form_whatever_the_vendor_calls_it(void **state)
{
    (void)state;
    static const struct {
        enum endpoint e;
        const char *text;
        struct usage want; /* input, cached, cache_write, audio_in, output, reasoning, audio_out */
    } cases[] = {
        {ENDPOINT_chat,
         "{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,\"prompt_tokens_details\":{"
         "\"cached_tokens\":10,"
         "\"cache_write_tokens\":20,\"audio_tokens\":30},\"completion_tokens_details\":{"
         "\"reasoning_tokens\":5,"
         "\"audio_tokens\":6,\"accepted_prediction_tokens\":1.5}}}",
         {100, 10, 20, 30, 50, 5, 6}},
        {ENDPOINT_responses,
         "{\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4,\"cache_"
         "write_tokens\":1},"
         "\"output_tokens\":3,\"output_tokens_details\":{\"reasoning_tokens\":2}}}",
         {9, 4, 1, 0, 3, 2, 0}},
        {ENDPOINT_responses,
         "{\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":9,\"output_"
         "tokens\":3}}}",
         {9, 0, 0, 0, 3, 0, 0}},
        {ENDPOINT_chat,
         "{\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":6,\"prompt_cache_hit_tokens\":8,"
         "\"prompt_cache_miss_tokens\":4}}",
         {12, 8, 0, 0, 6, 0, 0}},
        {ENDPOINT_chat,
         "{\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":6,\"prompt_cache_hit_tokens\":8,"
         "\"prompt_tokens_details\":{\"cached_tokens\":8}}}",
         {12, 8, 0, 0, 6, 0, 0}},
        {ENDPOINT_chat,
         "{\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":6,\"num_cached_tokens\":7}}",
         {12, 7, 0, 0, 6, 0, 0}},
        {ENDPOINT_chat,
         "{\"x_groq\":{\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":3}}}",
         {20, 0, 0, 0, 3, 0, 0}},
        {ENDPOINT_chat,
         "{\"x_groq\":{\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":3}},\"usage\":{"
         "\"prompt_tokens\":21,\"completion_tokens\":4}}",
         {21, 0, 0, 0, 4, 0, 0}},
        {ENDPOINT_embeddings,
         "{\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}",
         {8, 0, 0, 0, 0, 0, 0}},
        {ENDPOINT_chat,
         "{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":9223372036854775807,\"prompt_"
         "tokens_details\":null}}",
         {1, 0, 0, 0, INT64_MAX, 0, 0}},
        /* parts that exceed their total are cut */
        {ENDPOINT_chat,
         "{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"prompt_tokens_details\":{"
         "\"cached_tokens\":4,\"cache_write_tokens\":4,"
         "\"audio_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":3,\"audio_"
         "tokens\":1}}}",
         {5, 4, 1, 0, 2, 2, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a = read_answer(cases[i].e, cases[i].text);
        if (!a.counted || memcmp(&a.count, &cases[i].want, sizeof a.count) != 0)
            fail_msg("%s", cases[i].text);
    }
}

static void usage_that_is_no_plain_integers_is_missing(void **state)
{
    (void)state;
    static const char *const usages[] = {
        "null",
        "{}",
        "[]",
        "5",
        "\"5\"",
        "{\"prompt_tokens\":5}",
        "{\"completion_tokens\":5}",
        "{\"prompt_tokens\":5,\"completion_tokens\":1.0}",
        "{\"prompt_tokens\":5e0,\"completion_tokens\":1}",
        "{\"prompt_tokens\":\"5\",\"completion_tokens\":1}",
        "{\"prompt_tokens\":-5,\"completion_tokens\":1}",
        "{\"prompt_tokens\":-0,\"completion_tokens\":1}",
        "{\"prompt_tokens\":null,\"completion_tokens\":1}",
        "{\"prompt_tokens\":9223372036854775808,\"completion_tokens\":1}",
        "{\"prompt_tokens\":1e400,\"completion_tokens\":1}",
        "{\"prompt_tokens\":{},\"completion_tokens\":1}",
        "{\"prompt_tokens\":5,\"completion_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":"
        "1.5}}",
        "{\"prompt_tokens\":5,\"completion_tokens\":1,\"completion_tokens_details\":{\"reasoning_"
        "tokens\":true}}",
    };
    for (size_t i = 0; i < COUNT_OF(usages); i++) {
        char text[512];
        snprintf(text, sizeof text, "{\"usage\":%s}", usages[i]);
        struct answer a = read_answer(ENDPOINT_chat, text);
        if (a.counted)
            fail_msg("%s", text);
        assert_int_not_equal(a.usage.kind, VALUE_ABSENT);
    }
}

static void an_error_is_one_that_is_truthy(void **state)
{
    (void)state;
    static const struct {
        enum endpoint e;
        const char *text, *error;
    } cases[] = {
        {ENDPOINT_chat, "{\"error\":{\"message\":\"m\"}}", "{\"message\":\"m\"}"},
        {ENDPOINT_chat, "{\"error\":\"bad\"}", "\"bad\""},
        {ENDPOINT_chat, "{\"object\":\"error\",\"message\":\"m\"}",
         "{\"object\":\"error\",\"message\":\"m\"}"},
        {ENDPOINT_chat, "{\"error\":null}", ""},
        {ENDPOINT_chat, "{\"error\":false}", ""},
        {ENDPOINT_chat, "{\"error\":\"\"}", ""},
        {ENDPOINT_chat, "{\"type\":\"error\"}", ""},
        {ENDPOINT_responses, "{\"type\":\"error\",\"code\":\"c\"}",
         "{\"type\":\"error\",\"code\":\"c\"}"},
        {ENDPOINT_responses, "{\"type\":\"error\",\"error\":{\"a\":1}}", "{\"a\":1}"},
        {ENDPOINT_responses, "{\"status\":\"completed\",\"error\":null}", ""},
        {ENDPOINT_responses,
         "{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"c\"}}}", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a = read_answer(cases[i].e, cases[i].text);
        assert_true(str_eq(a.error.raw, str_of(cases[i].error)));
        assert_int_equal(a.error.kind != VALUE_ABSENT, *cases[i].error != '\0');
    }
}

static void responses_say_how_they_ended(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum answer_end ended;
        enum answer_reason reason;
    } cases[] = {
        {"{\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\"}}", ANSWER_OPEN,
         REASON_none},
        {"{\"type\":\"response.completed\"}", ANSWER_COMPLETED, REASON_stop},
        {"{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":\"max_"
         "output_tokens\"}}}",
         ANSWER_INCOMPLETE, REASON_length},
        {"{\"response\":{\"incomplete_details\":{\"reason\":\"content_filter\"}},\"type\":"
         "\"response.incomplete\"}",
         ANSWER_INCOMPLETE, REASON_content_filter},
        {"{\"type\":\"response.failed\"}", ANSWER_FAILED, REASON_none},
        {"{\"type\":\"response.mcp_call.completed\"}", ANSWER_OPEN, REASON_none},
        {"{\"type\":\"error\"}", ANSWER_OPEN, REASON_none},
        {"{\"status\":\"completed\"}", ANSWER_COMPLETED, REASON_stop},
        {"{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}",
         ANSWER_INCOMPLETE, REASON_length},
        {"{\"status\":\"failed\"}", ANSWER_FAILED, REASON_none},
        {"{\"status\":\"queued\"}", ANSWER_OPEN, REASON_none},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a = read_answer(ENDPOINT_responses, cases[i].text);
        if (a.ended != cases[i].ended || a.reason != cases[i].reason)
            fail_msg("%s: %d %d", cases[i].text, (int)a.ended, (int)a.reason);
    }
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[DONE]",
        "[]",
        "null",
        "\"text\"",
        "{",
        "<html>",
        "{\"choices\":[{\"index\":128}]}",
        "{\"choices\":[{\"index\":-1}]}",
        "{\"choices\":[{\"index\":0.0}]}",
        "{\"model\":\"a\",\"model\":\"b\"}",
        "{\"a\":\"\xFF\"}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct answer a;
        struct err err = {0};
        if (answer_scan(ENDPOINT_chat, str_of(texts[i]), &a, &err))
            fail_msg("%s", texts[i]);
        assert_int_equal(err.code, ERR_bad_answer);
    }
}

static void only_model_and_usage_change(void **state)
{
    (void)state;
    static const struct {
        enum endpoint e;
        const char *text, *shown, *hidden;
    } cases[] = {
        {ENDPOINT_chat, "{\"id\":1.0,\"model\":\"/models/x.gguf\" ,\"x\":1e400,\"usage\":null}",
         "{\"id\":1.0,\"model\":\"asked\" ,\"x\":1e400,\"usage\":null}",
         "{\"id\":1.0,\"model\":\"asked\" ,\"x\":1e400}"},
        {ENDPOINT_chat,
         "{ \"usage\" : {\"a\":[1,\"}\"]} , \"model\" : null, \"x\" : 1, \"x\" : 2 }",
         "{ \"usage\" : {\"a\":[1,\"}\"]} , \"model\" : \"asked\", \"x\" : 1, \"x\" : 2 }",
         "{  \"model\" : \"asked\", \"x\" : 1, \"x\" : 2 }"},
        {ENDPOINT_chat, "{\"usage\":{}}", "{\"usage\":{}}", "{}"},
        {ENDPOINT_chat, "{\"choices\":[{\"model\":\"inner\",\"usage\":1}]}",
         "{\"choices\":[{\"model\":\"inner\",\"usage\":1}]}",
         "{\"choices\":[{\"model\":\"inner\",\"usage\":1}]}"},
        {ENDPOINT_responses,
         "{\"type\":\"response.created\",\"response\":{\"model\":\"up\",\"tools\":[{\"model\":"
         "\"t\"}]}}",
         "{\"type\":\"response.created\",\"response\":{\"model\":\"asked\",\"tools\":[{\"model\":"
         "\"t\"}]}}",
         "{\"type\":\"response.created\",\"response\":{\"model\":\"asked\",\"tools\":[{\"model\":"
         "\"t\"}]}}"},
        {ENDPOINT_embeddings, "{\"object\":\"list\",\"\\u006dodel\":\"up\",\"data\":[]}",
         "{\"object\":\"list\",\"\\u006dodel\":\"asked\",\"data\":[]}",
         "{\"object\":\"list\",\"\\u006dodel\":\"asked\",\"data\":[]}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer a = read_answer(cases[i].e, cases[i].text);
        for (int hide = 0; hide < 2; hide++) {
            const struct answer_change change = {STR("asked"), hide};
            SCOPED(buf_done) struct buf out = BUF_INIT(1024);
            answer_write(&a, str_of(cases[i].text), &change, &out);
            assert_string_equal(out.p, hide ? cases[i].hidden : cases[i].shown);
        }
    }
}

/* What the events of one recorded stream come to. */
struct total {
    enum endpoint e;
    struct answer last;
    struct usage count;
    bool counted, error;
    int64_t text_bytes;
    uint64_t begun, finished;
    enum answer_end ended;
};

static void add_event(void *arg, const struct sse_event *e)
{
    struct total *t = arg;
    struct err err = {0};
    if (str_eq(e->data, STR("[DONE]")))
        return;
    if (!answer_scan(t->e, e->data, &t->last, &err))
        fail_msg("%s", err.detail);
    if (t->last.counted) {
        t->counted = true;
        t->count = t->last.count;
    }
    t->error |= t->last.error.kind != VALUE_ABSENT;
    t->text_bytes += t->last.text_bytes;
    t->begun |= t->last.begun[0];
    t->finished |= t->last.finished[0];
    t->ended = t->last.ended;
}

static void recorded_streams_come_to_what_their_vendors_say(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum endpoint e;
        int64_t input, cached, output, reasoning, text_bytes;
        uint64_t begun, finished;
        bool error;
    } cases[] = {
        {"openai-chat-usage.sse", ENDPOINT_chat, 14, 0, 3, 0, 12, 1, 1, false},
        {"openai-tool-calls.sse", ENDPOINT_chat, -1, 0, 0, 0, 18, 1, 1, false},
        {"llama-cpp-timings.sse", ENDPOINT_chat, 16, 0, 3, 0, 5, 1, 1, false},
        {"openrouter-comments.sse", ENDPOINT_chat, 8, 0, 4, 0, 2, 1, 1, false},
        {"groq.sse", ENDPOINT_chat, 20, 0, 3, 0, 4, 1, 1, false},
        {"deepseek-reasoning.sse", ENDPOINT_chat, 12, 8, 6, 4, 4, 1, 1, false},
        {"error-event.sse", ENDPOINT_chat, -1, 0, 0, 0, 4, 1, 0, true},
        {"responses.sse", ENDPOINT_responses, 9, 4, 3, 1, 4, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct total t = {.e = cases[i].e};
        struct err err = {0};
        SCOPED(buf_done) struct buf text = BUF_INIT(1 << 20);
        SCOPED(sse_done) struct sse s;
        golden_read("sse", cases[i].file, &text);
        sse_init(&s, 1 << 20);
        assert_true(sse_feed(&s, buf_str(&text), add_event, &t, &err));
        assert_int_equal(t.counted, cases[i].input >= 0);
        if (t.counted) {
            assert_int_equal(t.count.input, cases[i].input);
            assert_int_equal(t.count.cached, cases[i].cached);
            assert_int_equal(t.count.output, cases[i].output);
            assert_int_equal(t.count.reasoning, cases[i].reasoning);
        }
        assert_int_equal(t.text_bytes, cases[i].text_bytes);
        assert_int_equal(t.begun, cases[i].begun);
        assert_int_equal(t.finished, cases[i].finished);
        assert_int_equal(t.error, cases[i].error);
        assert_int_equal(t.ended,
                         cases[i].e == ENDPOINT_responses ? ANSWER_COMPLETED : ANSWER_OPEN);
    }
}

static void tokens_are_estimated_from_bytes(void **state)
{
    (void)state;
    assert_int_equal(answer_output_estimate(0), 0);
    assert_int_equal(answer_output_estimate(1), 1);
    assert_int_equal(answer_output_estimate(4), 1);
    assert_int_equal(answer_output_estimate(5), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chat_is_read),
        cmocka_unit_test(an_event_of_a_chat_is_read),
        cmocka_unit_test(text_is_counted_once_wherever_it_stands),
        cmocka_unit_test(usage_has_one_form_whatever_the_vendor_calls_it),
        cmocka_unit_test(usage_that_is_no_plain_integers_is_missing),
        cmocka_unit_test(an_error_is_one_that_is_truthy),
        cmocka_unit_test(responses_say_how_they_ended),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(only_model_and_usage_change),
        cmocka_unit_test(recorded_streams_come_to_what_their_vendors_say),
        cmocka_unit_test(tokens_are_estimated_from_bytes),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
