/* The JSON Schema cases are those of the draft 2020-12 core suite's spirit, written as one line
 * each. */
#include "gateway/llm/shape.h"

#include "gateway/llm/answer_text.h"
#include "gateway/llm/json_schema.h"
#include "tests/unit/test.h"

static enum schema_fit fit(const char *schema, const char *value)
{
    json_t *s = json_loads(schema, JSON_DECODE_ANY, NULL),
           *v = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(s);
    assert_non_null(v);
    enum schema_fit fits = json_schema_check(s, v);
    json_decref(s);
    json_decref(v);
    return fits;
}

static void values_fit_their_schemas(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *fits, *misfits;
    } cases[] = {
        {"{\"type\": \"object\"}", "{}", "[]"},
        {"{\"type\": \"integer\"}", "1.0", "1.5"},
        {"{\"type\": \"number\"}", "1", "\"1\""},
        {"{\"type\": [\"string\", \"null\"]}", "null", "0"},
        {"{\"type\": \"boolean\"}", "false", "null"},
        {"{\"enum\": [1, \"a\", null]}", "1.0", "\"b\""},
        {"{\"const\": {\"a\": [1]}}", "{\"a\": [1]}", "{\"a\": [2]}"},
        {"{\"required\": [\"a\"]}", "{\"a\": null}", "{\"b\": 1}"},
        {"{\"required\": [\"a\"]}", "12", "{}"},
        {"{\"properties\": {\"a\": {\"type\": \"string\"}}}", "{\"b\": 1}", "{\"a\": 1}"},
        {"{\"properties\": {\"a\": true}, \"additionalProperties\": false}", "{\"a\": 1}",
         "{\"a\": 1, \"b\": 1}"},
        {"{\"additionalProperties\": {\"type\": \"integer\"}}", "{\"x\": 1}", "{\"x\": \"1\"}"},
        {"{\"items\": {\"type\": \"integer\"}, \"minItems\": 1, \"maxItems\": 2}", "[1, 2]",
         "[1, 2, 3]"},
        {"{\"items\": {\"type\": \"integer\"}, \"minItems\": 1}", "[1]", "[]"},
        {"{\"items\": {\"type\": \"integer\"}}", "[]", "[\"a\"]"},
        {"{\"minLength\": 2, \"maxLength\": 2}", "\"\u00e4\u00f6\"", "\"\u00e4\""},
        {"{\"minimum\": 0, \"exclusiveMaximum\": 1}", "0", "1"},
        {"{\"exclusiveMinimum\": 0, \"maximum\": 1}", "1", "0"},
        {"{\"anyOf\": [{\"type\": \"string\"}, {\"minimum\": 3}]}", "4", "2"},
        {"{\"oneOf\": [{\"type\": \"integer\"}, {\"minimum\": 3}]}", "2", "4"},
        {"{\"allOf\": [{\"type\": \"integer\"}, {\"minimum\": 3}]}", "4", "3.5"},
        {"{\"not\": {\"type\": \"string\"}}", "1", "\"\""},
        {"{\"$defs\": {\"n\": {\"type\": \"integer\"}}, \"items\": {\"$ref\": \"#/$defs/n\"}}",
         "[1]", "[\"1\"]"},
        {"{\"$defs\": {\"a/b~c\": {\"const\": 1}}, \"$ref\": \"#/$defs/a~1b~0c\"}", "1", "2"},
        {"{\"properties\": {\"next\": {\"$ref\": \"#\"}}, \"additionalProperties\": false}",
         "{\"next\": {\"next\": {}}}", "{\"next\": {\"nest\": {}}}"},
        {"true", "1", NULL},
        {"false", NULL, "1"},
        {"{\"$ref\": \"#/nowhere\"}", NULL, "1"},
        {"{\"pattern\": \"^a\", \"unheard\": 1}", "\"b\"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].fits && fit(cases[i].schema, cases[i].fits) != SCHEMA_FITS)
            fail_msg("%s does not fit %s", cases[i].fits, cases[i].schema);
        if (cases[i].misfits && fit(cases[i].schema, cases[i].misfits) != SCHEMA_MISFITS)
            fail_msg("%s fits %s", cases[i].misfits, cases[i].schema);
    }
}

static void what_goes_on_for_ever_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(fit("{\"$ref\": \"#\"}", "1"), SCHEMA_UNKNOWN);
    assert_int_equal(fit("{\"allOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}", "1"),
                     SCHEMA_UNKNOWN);
    assert_int_equal(fit("{\"not\": {\"anyOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}}", "1"),
                     SCHEMA_UNKNOWN);
    struct buf deep = BUF_INIT(4096);
    for (unsigned i = 0; i < 2 * SCHEMA_DEPTH; i++)
        buf_add(&deep, STR("["));
    for (unsigned i = 0; i < 2 * SCHEMA_DEPTH; i++)
        buf_add(&deep, STR("]"));
    assert_int_equal(fit("{\"items\": {\"$ref\": \"#\"}}", deep.p), SCHEMA_UNKNOWN);
    buf_done(&deep);
}

static struct request request_of(enum endpoint e, const char *body)
{
    struct request r;
    struct err err = {0};
    assert_true(request_scan(e, str_of(body), 64, &r, &err));
    return r;
}

static void what_was_asked_is_found_in_chat_and_responses(void **state)
{
    (void)state;
    static const char any[] = "{\"model\": \"m\", \"messages\": []}";
    static const char text[] = "{\"model\": \"m\", \"response_format\": {\"type\": \"text\"}}";
    static const char object[] =
        "{\"model\": \"m\", \"response_format\": {\"type\": \"json_object\"}}";
    static const char schema[] =
        "{\"model\": \"m\", \"response_format\": {\"type\": \"json_schema\", \"json_schema\": "
        "{\"name\": \"n\", \"schema\": {\"type\": \"array\"}}}}";
    static const char responses[] =
        "{\"model\": \"m\", \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"n\", "
        "\"schema\": {\"type\": \"array\"}}}}";
    struct request r = request_of(ENDPOINT_chat, any);
    assert_false(shape_is_asked(&r));
    assert_int_equal(shape_check(&r, STR("{}")), SHAPE_unknown);
    r = request_of(ENDPOINT_chat, text);
    assert_false(shape_is_asked(&r));
    r = request_of(ENDPOINT_chat, object);
    assert_true(shape_is_asked(&r));
    assert_int_equal(shape_check(&r, STR(" {\"a\": 1}\n")), SHAPE_fits);
    assert_int_equal(shape_check(&r, STR("[1]")), SHAPE_misfits);
    assert_int_equal(shape_check(&r, STR("```json\n{}\n```")), SHAPE_misfits);
    assert_int_equal(shape_check(&r, STR("")), SHAPE_misfits);
    const struct request both[] = {request_of(ENDPOINT_chat, schema),
                                   request_of(ENDPOINT_responses, responses)};
    for (size_t i = 0; i < 2; i++) {
        assert_true(shape_is_asked(&both[i]));
        assert_int_equal(shape_check(&both[i], STR("[1]")), SHAPE_fits);
        assert_int_equal(shape_check(&both[i], STR("{}")), SHAPE_misfits);
        assert_int_equal(shape_check(&both[i], STR("[1")), SHAPE_misfits);
    }
}

/* What the scan found, handed in or not, makes no difference. */
static void add(struct answer_text *t, enum endpoint e, struct str data)
{
    struct answer read;
    struct err err = {0};
    struct answer_text other;
    answer_text_init(&other, t->keeps);
    for (size_t i = 0; i < ANSWER_TEXT_CHOICES; i++)
        buf_add(&other.choices[i], buf_str(&t->choices[i]));
    other.refused = t->refused, other.calls = t->calls, other.lost = t->lost;
    answer_text_add(t, e, data, NULL);
    bool is_read = answer_scan(e, data, &read, &err);
    answer_text_add(&other, e, data, is_read ? &read : NULL);
    for (size_t i = 0; i < ANSWER_TEXT_CHOICES; i++)
        assert_true(str_eq(buf_str(&t->choices[i]), buf_str(&other.choices[i])));
    assert_true(t->refused == other.refused && t->calls == other.calls && t->lost == other.lost);
    answer_text_done(&other);
}

static void a_text_is_put_together_from_its_pieces(void **state)
{
    (void)state;
    struct answer_text t;
    answer_text_init(&t, true);
    add(&t, ENDPOINT_chat,
        STR("{\"choices\": [{\"delta\": {\"content\": \"{\\\"a\"}, \"index\": 1}]}"));
    add(&t, ENDPOINT_chat,
        STR("{\"choices\": [{\"index\": 0, \"delta\": {\"content\": \"x\"}}, "
            "{\"index\": 1, \"delta\": {\"content\": \"\\\": 1}\"}}]}"));
    add(&t, ENDPOINT_chat, STR("no JSON"));
    assert_string_equal(t.choices[0].p, "x");
    assert_string_equal(t.choices[1].p, "{\"a\": 1}");
    assert_false(t.refused || t.calls || t.lost);
    add(&t, ENDPOINT_chat,
        STR("{\"choices\": [{\"index\": 99, \"message\": {\"content\": \"x\"}}]}"));
    assert_true(t.lost);
    answer_text_done(&t);
}

static void what_one_event_says_is_taken_from_its_one_scan(void **state)
{
    (void)state;
    static const char *const events[] = {
        "{\"choices\": [{\"index\": 2, \"delta\": {\"content\": \"\\u00e9\\n\"}}]}",
        "{\"choices\": [{\"delta\": {\"content\": \"\", \"refusal\": null}}]}",
        "{\"choices\": [{\"delta\": {\"content\": \"a\", \"refusal\": \"b\"}}]}",
        "{\"choices\": [{\"delta\": {\"content\": \"a\", \"reasoning\": \"b\"}}]}",
        "{\"choices\": [{\"delta\": {\"content\": \"a\"}, \"message\": {\"content\": \"b\"}}]}",
        "{\"choices\": [{\"delta\": {\"content\": [{\"type\": \"text\", \"text\": \"a\"}]}}]}",
        "{\"choices\": [{\"delta\": {\"content\": \"a\", \"tool_calls\": null}}]}",
        "{\"choices\": [{\"delta\": {\"content\": \"a\", \"tool_calls\": [{\"index\": 0}]}}]}",
        "{\"choices\": [{\"index\": 8, \"delta\": {\"content\": \"a\"}}]}",
    };
    struct answer read;
    struct err err = {0};
    struct answer_text t;
    assert_true(answer_scan(ENDPOINT_chat, str_of(events[0]), &read, &err));
    assert_int_equal(read.said_by, 2);
    assert_true(read.said.kind == VALUE_STRING);
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        answer_text_init(&t, keeps);
        for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
            add(&t, ENDPOINT_chat, str_of(events[i]));
        assert_true(t.calls && t.refused && t.lost == (keeps == 1));
        answer_text_done(&t);
    }
}

static void refusals_and_calls_are_seen(void **state)
{
    (void)state;
    struct answer_text t;
    answer_text_init(&t, false);
    add(&t, ENDPOINT_chat,
        STR("{\"choices\": [{\"message\": {\"content\": \"x\", \"refusal\": null}}]}"));
    assert_false(t.refused || t.calls);
    assert_int_equal(t.choices[0].n, 0); /* nobody wants it */
    add(&t, ENDPOINT_chat, STR("{\"choices\": [{\"delta\": {\"refusal\": \"no\"}}]}"));
    assert_true(t.refused);
    add(&t, ENDPOINT_chat, STR("{\"choices\": [{\"delta\": {\"tool_calls\": []}}]}"));
    assert_true(t.calls);
    answer_text_done(&t);
}

static void responses_have_deltas_or_a_body(void **state)
{
    (void)state;
    struct answer_text t;
    answer_text_init(&t, true);
    add(&t, ENDPOINT_responses,
        STR("{\"type\": \"response.output_text.delta\", \"delta\": \"[1\"}"));
    add(&t, ENDPOINT_responses,
        STR("{\"type\": \"response.output_text.delta\", \"delta\": \"]\"}"));
    add(&t, ENDPOINT_responses,
        STR("{\"type\": \"response.completed\", \"response\": {\"output\": "
            "[{\"content\": [{\"text\": \"[1]\"}]}]}}"));
    assert_string_equal(t.choices[0].p, "[1]");
    answer_text_done(&t);
    add(&t, ENDPOINT_responses,
        STR("{\"output\": [{\"content\": [{\"type\": \"output_text\", \"text\": \"[2]\"}]}]}"));
    assert_string_equal(t.choices[0].p, "[2]");
    answer_text_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_fit_their_schemas),
        cmocka_unit_test(what_goes_on_for_ever_is_given_up),
        cmocka_unit_test(what_was_asked_is_found_in_chat_and_responses),
        cmocka_unit_test(a_text_is_put_together_from_its_pieces),
        cmocka_unit_test(what_one_event_says_is_taken_from_its_one_scan),
        cmocka_unit_test(refusals_and_calls_are_seen),
        cmocka_unit_test(responses_have_deltas_or_a_body),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
