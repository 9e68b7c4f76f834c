#include "gateway/llm/request.h"

#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/llm/leaf.h"
#include "tests/unit/golden.h"
#include "tests/unit/test.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

enum { DEPTH = 128 };

static const struct request_change usual = {.model = STR("up-model"), .ask_usage = true};

static struct request read_body(enum endpoint e, const char *body)
{
    struct request r;
    struct err err = {0};
    if (!request_scan(e, str_of(body), DEPTH, &r, &err))
        fail_msg("%s: %s", body, err.say);
    return r;
}

static void expect_written(enum endpoint e, const char *body, const struct request_change *change,
                           const char *want)
{
    struct request r = read_body(e, body);
    SCOPED(buf_done) struct buf out = BUF_INIT(1 << 20);
    request_write(&r, str_of(body), change, &out);
    assert_string_equal(out.p, want);
}

static void what_a_chat_says_is_read(void **state)
{
    (void)state;
    struct request r = read_body(
        ENDPOINT_chat,
        "{\"model\":\"m\\u0031\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"max_completion_tokens\":77,\"n\":3,\"user\":\"u\",\"prompt_cache_key\":\"k\","
        "\"safety_identifier\":\"s\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\n\\u00e9\"},"
        "{\"role\":\"assistant\",\"content\":null,\"name\":\"bob\",\"audio\":null}]}");
    assert_true(json_text_is(&r.model, STR("m1")));
    assert_true(json_text_is(&r.user, STR("u")));
    assert_true(json_text_is(&r.prompt_cache_key, STR("k")));
    assert_true(json_text_is(&r.safety_identifier, STR("s")));
    assert_true(r.stream && r.wants_usage && r.names_max_completion);
    assert_int_equal(r.max_output_tokens, 77);
    assert_int_equal(r.choices, 3);
    assert_int_equal(r.messages, 2);
    assert_int_equal(r.audios, 0);
    assert_int_equal(r.text_bytes, strlen("a\n\xC3\xA9") + strlen("bob"));
    assert_int_equal(request_input_bound(&r), r.text_bytes + 2 * 16);
    assert_int_equal(request_output_bound(&r, 5), 3 * 77);
    assert_int_equal(request_input_estimate(&r), 2 + 2 * 4);
}

static void what_is_not_sent_has_its_default(void **state)
{
    (void)state;
    struct request r = read_body(ENDPOINT_chat, "{\"stream\":null,\"n\":null,\"max_tokens\":null}");
    assert_int_equal(r.model.kind, VALUE_ABSENT);
    assert_false(r.stream || r.wants_usage);
    assert_int_equal(r.choices, 1);
    assert_int_equal(r.max_output_tokens, 0);
    assert_int_equal(request_output_bound(&r, 4096), 4096);
    r = read_body(ENDPOINT_completions, "{\"max_tokens\":0}");
    assert_int_equal(request_output_bound(&r, 4096), 0);
}

/* A minute of speech at 8 kbit/s, the least that a codec in use has, at Gemini's 32 tokens a
 * second. */
static void audio_in_the_body_is_bounded_by_its_bytes(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(1024 * 1024);
    buf_add(&body, STR("{\"messages\":[{\"content\":[{\"input_audio\":{\"data\":\""));
    for (unsigned i = 0; i < 60 * 1000 * 4 / 3; i++)
        buf_add(&body, STR("A"));
    buf_add(&body, STR("\"}}]}]}"));
    struct request r = read_body(ENDPOINT_chat, body.p);
    assert_int_equal(r.audios, 1);
    assert_in_range(request_media_bound(&r, 0, 0), 60 * 32, 6000);
    buf_done(&body);
}

static void images_audio_and_data_are_no_text(void **state)
{
    (void)state;
    struct request r = read_body(
        ENDPOINT_chat,
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"123\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
        "{\"type\":\"image_url\",\"image_url\":\"https://example.com\"},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\",\"format\":\"wav\"}}]},"
        "{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\"},\"thinking_blocks\":"
        "[{\"type\":\"thinking\",\"signature\":\"SSSS\"}]}]}");
    assert_int_equal(r.images, 2);
    assert_int_equal(r.audios, 2);
    assert_int_equal(r.text_bytes, strlen("123") + strlen("thinking"));
    int64_t clip = (int64_t)strlen("UklG") / 16 + 64, named = 16384;
    assert_int_equal(r.clips, 1);
    assert_int_equal(request_media_bound(&r, 0, 0), 2 * 49152 + named + clip);
    assert_int_equal(request_media_bound(&r, 1445, 0), 2 * 1445 + named + clip);
    assert_int_equal(request_media_bound(&r, 1445, 500), 2 * 1445 + 2 * 500);
    r = read_body(
        ENDPOINT_responses,
        "{\"instructions\":\"12\",\"input\":[{\"role\":\"user\",\"content\":["
        "{\"type\":\"input_image\",\"file_id\":\"f\"},{\"type\":\"input_text\",\"text\":\"345\"},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"x\"}}]},"
        "{\"type\":\"computer_call_output\",\"output\":{\"image_url\":\"data:\"}}]}");
    assert_int_equal(r.images, 2);
    assert_int_equal(r.audios, 1);
    assert_int_equal(r.clips, 1);
    assert_int_equal(r.messages, 3);
    assert_int_equal(r.text_bytes, 5);
}

/* Names, numbers and brackets of a schema become tokens too. */
static void a_schema_counts_whole(void **state)
{
    (void)state;
    static const char tools[] =
        "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
        "{\"properties\":{\"city\":{\"maximum\":1e400}}}}}]";
    char body[512];
    snprintf(body, sizeof body, "{\"tools\":%s}", tools);
    struct request r = read_body(ENDPOINT_chat, body);
    assert_int_equal(r.text_bytes, strlen(tools));
}

static void a_token_given_as_a_number_is_one(void **state)
{
    (void)state;
    struct request r = read_body(ENDPOINT_embeddings, "{\"input\":[1,2,3]}");
    assert_int_equal(r.text_bytes, 3);
    assert_int_equal(r.messages, 1);
    r = read_body(ENDPOINT_embeddings, "{\"input\":[[1,2],[3],\"abcd\"]}");
    assert_int_equal(r.text_bytes, 7);
    assert_int_equal(r.messages, 3);
    assert_int_equal(request_output_bound(&r, 4096), 0);
    r = read_body(ENDPOINT_completions,
                  "{\"prompt\":[\"a\",\"b\"],\"max_tokens\":5,\"n\":2,\"best_of\":4}");
    assert_int_equal(request_output_bound(&r, 0), 2 * 4 * 5);
}

static void a_bound_past_counting_is_the_largest(void **state)
{
    (void)state;
    struct request r =
        read_body(ENDPOINT_chat, "{\"n\":9223372036854775807,\"max_tokens\":9223372036854775807}");
    assert_int_equal(request_output_bound(&r, 1), INT64_MAX);
}

static void a_conversation_is_its_id(void **state)
{
    (void)state;
    struct request r = read_body(ENDPOINT_responses, "{\"conversation\":\"c\"}");
    assert_true(json_text_is(&r.conversation, STR("c")));
    r = read_body(ENDPOINT_responses, "{\"conversation\":{\"x\":1,\"id\":\"d\"}}");
    assert_true(json_text_is(&r.conversation, STR("d")));
    r = read_body(ENDPOINT_responses, "{\"conversation\":null}");
    assert_int_equal(r.conversation.kind, VALUE_ABSENT);
}

static void a_maximum_is_sent_where_the_caller_sent_none(void **state)
{
    (void)state;
    const struct request_change c = {.model = STR("m"), .max_output_tokens = 9};
    const struct request_change r = {
        .model = STR("m"), .max_output_tokens = 9, .rename_max_completion = true};
    static const struct {
        enum endpoint e;
        const char *body, *plain, *renamed;
    } cases[] = {
        {ENDPOINT_chat, "{\"model\":\"a\"}", "{\"max_completion_tokens\":9,\"model\":\"m\"}",
         "{\"max_tokens\":9,\"model\":\"m\"}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_tokens\":3}", "{\"model\":\"m\",\"max_tokens\":3}",
         "{\"model\":\"m\",\"max_tokens\":3}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_tokens\": null}",
         "{\"model\":\"m\",\"max_tokens\": 9}", "{\"model\":\"m\",\"max_tokens\": 9}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_completion_tokens\" : null}",
         "{\"model\":\"m\",\"max_completion_tokens\" : 9}", "{\"model\":\"m\",\"max_tokens\" : 9}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_completion_tokens\":3}",
         "{\"model\":\"m\",\"max_completion_tokens\":3}", "{\"model\":\"m\",\"max_tokens\":3}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_completion\\u005ftokens\":3}",
         "{\"model\":\"m\",\"max_completion\\u005ftokens\":3}",
         "{\"model\":\"m\",\"max_tokens\":3}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_tokens\":null,\"max_completion_tokens\":3}",
         "{\"model\":\"m\",\"max_tokens\":null,\"max_completion_tokens\":3}",
         "{\"model\":\"m\",\"max_tokens\":3,\"max_completion_tokens\":3}"},
        {ENDPOINT_chat, "{\"model\":\"a\",\"max_completion_tokens\":null,\"max_tokens\":null}",
         "{\"model\":\"m\",\"max_completion_tokens\":null,\"max_tokens\":9}",
         "{\"model\":\"m\",\"max_completion_tokens\":null,\"max_tokens\":9}"},
        {ENDPOINT_completions, "{\"model\":\"a\"}", "{\"max_tokens\":9,\"model\":\"m\"}",
         "{\"max_tokens\":9,\"model\":\"m\"}"},
        {ENDPOINT_responses, "{\"model\":\"a\"}", "{\"max_output_tokens\":9,\"model\":\"m\"}",
         "{\"max_output_tokens\":9,\"model\":\"m\"}"},
        {ENDPOINT_responses, "{\"model\":\"a\",\"max_output_tokens\":1}",
         "{\"model\":\"m\",\"max_output_tokens\":1}", "{\"model\":\"m\",\"max_output_tokens\":1}"},
        {ENDPOINT_embeddings, "{\"model\":\"a\"}", "{\"model\":\"m\"}", "{\"model\":\"m\"}"},
        {ENDPOINT_chat, "{\"max_completion_tokens\":3}",
         "{\"model\":\"m\",\"max_completion_tokens\":3}", "{\"model\":\"m\",\"max_tokens\":3}"},
        {ENDPOINT_chat, "{\"penstock\":{}}", "{\"model\":\"m\",\"max_completion_tokens\":9}",
         "{\"model\":\"m\",\"max_tokens\":9}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_written(cases[i].e, cases[i].body, &c, cases[i].plain);
        expect_written(cases[i].e, cases[i].body, &r, cases[i].renamed);
    }
}

static void both_names_of_the_maximum_bound_by_the_larger(void **state)
{
    (void)state;
    struct request r = read_body(ENDPOINT_chat, "{\"max_completion_tokens\":3,\"max_tokens\":8}");
    assert_int_equal(request_output_bound(&r, 1), 8);
    r = read_body(ENDPOINT_chat, "{\"max_tokens\":3,\"max_completion_tokens\":null}");
    assert_int_equal(request_output_bound(&r, 1), 3);
    assert_false(r.names_max_completion);
}

static void a_model_name_is_quoted(void **state)
{
    (void)state;
    const struct request_change c = {.model = STR("a\"b\\c\n\xC3\xA9")};
    expect_written(ENDPOINT_chat, "{\"model\":\"x\"}", &c,
                   "{\"model\":\"a\\\"b\\\\c\\n\xC3\xA9\"}");
}

static void usage_is_not_asked_where_it_is_not_wanted(void **state)
{
    (void)state;
    const struct request_change c = {.model = STR("m")};
    expect_written(ENDPOINT_chat, "{\"model\":\"x\",\"stream\":true}", &c,
                   "{\"model\":\"m\",\"stream\":true}");
}

/* Splits a body of tests/golden/request into what is sent and what arrives. */
static void split(struct str marked, struct buf *sent, struct buf *arrives)
{
    while (marked.n > 0) {
        const char *open = memmem(marked.p, marked.n, "@{", 2);
        struct str plain = {marked.p, open ? (size_t)(open - marked.p) : marked.n};
        buf_add(sent, plain);
        buf_add(arrives, plain);
        if (!open)
            return;
        struct str rest = {open + 2, marked.n - plain.n - 2};
        const char *bar = memchr(rest.p, '|', rest.n), *close = memmem(rest.p, rest.n, "}@", 2);
        assert_true(bar && close && bar < close);
        buf_add(sent, (struct str){rest.p, (size_t)(bar - rest.p)});
        buf_add(arrives, (struct str){bar + 1, (size_t)(close - bar - 1)});
        marked = (struct str){close + 2, rest.n - (size_t)(close - rest.p) - 2};
    }
}

static void expect_spliced(const char *name, enum endpoint e, struct str sent, struct str arrives)
{
    struct request r;
    struct err err = {0};
    SCOPED(buf_done) struct buf out = BUF_INIT(arrives.n + 1024);
    if (!request_scan(e, sent, DEPTH, &r, &err))
        fail_msg("%s: %s", name, err.say);
    request_write(&r, sent, &usual, &out);
    if (!str_eq(buf_str(&out), arrives))
        fail_msg("%s: " STR_FMT, name, STR_ARG(buf_str(&out)));
    if (!request_scan(e, buf_str(&out), DEPTH, &r, &err) || !json_text_is(&r.model, usual.model))
        fail_msg("%s: what was written does not read back", name);
}

static void an_odd_body_passes_but_for_what_is_spliced(void **state)
{
    (void)state;
    json_t *index = golden_index("request"), *entry;
    size_t i;
    assert_true(json_array_size(index) >= 200);
    json_array_foreach(index, i, entry)
    {
        const char *name = golden_member(entry, "file");
        SCOPED(buf_done) struct buf marked = BUF_INIT(1 << 20);
        SCOPED(buf_done) struct buf sent = BUF_INIT(1 << 20), arrives = BUF_INIT(1 << 20);
        golden_read("request", name, &marked);
        split(buf_str(&marked), &sent, &arrives);
        expect_spliced(name, golden_endpoint(entry), buf_str(&sent), buf_str(&arrives));
    }
    json_decref(index);
}

/* What would be too big for a file: 10 MB as one string, and as a million small values. */
static void a_big_body_passes_but_for_what_is_spliced(void **state)
{
    (void)state;
    enum { BIG = 10 * 1000 * 1000 };
    for (int many = 0; many < 2; many++) {
        SCOPED(buf_done) struct buf tail = BUF_INIT(3 * BIG);
        SCOPED(buf_done) struct buf sent = BUF_INIT(3 * BIG), arrives = BUF_INIT(3 * BIG);
        buf_add(&tail, STR(",\"x\":["));
        while (tail.n < BIG)
            buf_add(&tail,
                    many ? STR("1.0,{\"a\":null} ,") : STR("\"0123456789 \\u00e9 \xE2\x82\xAC\","));
        buf_add(&tail, STR("1e400]}\n"));
        buf_add(&sent, STR("{\"model\":\"small\""));
        buf_add(&sent, buf_str(&tail));
        buf_add(&arrives, STR("{\"model\":\"up-model\""));
        buf_add(&arrives, buf_str(&tail));
        expect_spliced(many ? "many" : "text", ENDPOINT_chat, buf_str(&sent), buf_str(&arrives));
    }
}

static void what_could_be_read_otherwise_is_refused(void **state)
{
    (void)state;
    json_t *index = golden_index("smuggle"), *entry;
    size_t i;
    assert_true(json_array_size(index) >= 40);
    json_array_foreach(index, i, entry)
    {
        const char *name = golden_member(entry, "file");
        SCOPED(buf_done) struct buf body = BUF_INIT(1 << 20);
        struct request r;
        struct err err = {0};
        golden_read("smuggle", name, &body);
        if (request_scan(golden_endpoint(entry), buf_str(&body), DEPTH, &r, &err))
            fail_msg("%s passes", name);
        assert_string_equal(err_info(err.code)->code, golden_member(entry, "code"));
        assert_string_equal(err.param, golden_member(entry, "param"));
        assert_int_equal(err_info(err.code)->status,
                         json_integer_value(json_object_get(entry, "status")));
    }
    json_decref(index);
}

static bool note_leaf(void *arg, const struct leaf *l, struct err *err)
{
    (void)err;
    static const char kinds[] = "tdio";
    buf_addf(arg, "%c" STR_FMT " ", kinds[l->kind], STR_ARG(l->value.raw));
    return true;
}

static void every_string_is_text_unless_the_table_knows_better(void **state)
{
    (void)state;
    static const struct {
        enum endpoint e;
        const char *body, *leaves;
    } cases[] = {
        {ENDPOINT_chat,
         "{\"model\":\"m\",\"new\":{\"deep\":[\"x\"]},\"messages\":[{\"role\":\"r\",\"content\":"
         "\"c\"},"
         "{\"content\":[{\"type\":\"t\",\"text\":\"p\",\"odd\":\"q\"},"
         "{\"image_url\":{\"url\":\"u\",\"detail\":\"d\"}}]},"
         "{\"tool_calls\":[{\"id\":\"i\",\"function\":{\"name\":\"f\",\"arguments\":\"a\"}}]}],"
         "\"tools\":[{\"function\":{\"description\":\"s\",\"parameters\":{\"enum\":[\"e\"]}}}],"
         "\"user\":\"z\"}",
         "i\"m\" t\"x\" i\"r\" t\"c\" i\"t\" t\"p\" t\"q\" o\"u\" i\"d\" i\"i\" i\"f\" d\"a\" "
         "t\"s\" i\"e\" i\"z\" "},
        {ENDPOINT_responses,
         "{\"instructions\":\"a\",\"input\":[{\"type\":\"b\",\"encrypted_content\":\"c\"},"
         "{\"content\":\"d\"},{\"output\":\"e\",\"call_id\":\"f\"}],\"text\":{\"format\":"
         "{\"schema\":{\"const\":\"g\"}}},\"metadata\":{\"k\":\"h\"}}",
         "t\"a\" i\"b\" o\"c\" t\"d\" t\"e\" i\"f\" i\"g\" t\"h\" "},
        {ENDPOINT_embeddings, "{\"input\":[\"a\",\"b\"],\"user\":\"c\"}", "t\"a\" t\"b\" i\"c\" "},
        {ENDPOINT_completions, "{\"prompt\":\"a\",\"suffix\":\"b\"}", "t\"a\" t\"b\" "},
        {ENDPOINT_moderations, "{\"input\":[{\"type\":\"a\",\"text\":\"b\"}]}", "i\"a\" t\"b\" "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SCOPED(buf_done) struct buf out = BUF_INIT(4096);
        struct err err = {0};
        assert_true(leaf_walk(cases[i].e, str_of(cases[i].body), DEPTH, note_leaf, &out, &err));
        assert_string_equal(out.p, cases[i].leaves);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_chat_says_is_read),
        cmocka_unit_test(what_is_not_sent_has_its_default),
        cmocka_unit_test(audio_in_the_body_is_bounded_by_its_bytes),
        cmocka_unit_test(images_audio_and_data_are_no_text),
        cmocka_unit_test(a_schema_counts_whole),
        cmocka_unit_test(a_token_given_as_a_number_is_one),
        cmocka_unit_test(a_bound_past_counting_is_the_largest),
        cmocka_unit_test(a_conversation_is_its_id),
        cmocka_unit_test(a_maximum_is_sent_where_the_caller_sent_none),
        cmocka_unit_test(both_names_of_the_maximum_bound_by_the_larger),
        cmocka_unit_test(a_model_name_is_quoted),
        cmocka_unit_test(usage_is_not_asked_where_it_is_not_wanted),
        cmocka_unit_test(an_odd_body_passes_but_for_what_is_spliced),
        cmocka_unit_test(a_big_body_passes_but_for_what_is_spliced),
        cmocka_unit_test(what_could_be_read_otherwise_is_refused),
        cmocka_unit_test(every_string_is_text_unless_the_table_knows_better),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
