#include "gateway/llm/appraise.h"

#include "tests/unit/test.h"

#define SCHEMA                                                                                     \
    "{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\"}}, \"required\": "      \
    "[\"n\"]}"
#define WANTS_JSON "{\"type\": \"json_object\"}"
#define WANTS_CHAT                                                                                 \
    "{\"type\": \"json_schema\", \"json_schema\": {\"name\": \"n\", \"schema\": " SCHEMA "}}"
#define WANTS_RESPONSES "{\"type\": \"json_schema\", \"name\": \"n\", \"schema\": " SCHEMA "}"
#define MESSAGE(m, finish)                                                                         \
    "{\"choices\": [{\"index\": 0, \"message\": {" m "}, \"finish_reason\": \"" finish "\"}]}"
#define DELTA(index, d)                                                                            \
    "{\"choices\": [{\"index\": " index ", \"delta\": {" d "}, \"finish_reason\": null}]}"
#define FINISH(index)                                                                              \
    "{\"choices\": [{\"index\": " index ", \"delta\": {}, \"finish_reason\": \"stop\"}]}"
#define LOGPROBS(values)                                                                           \
    "{\"choices\": [{\"index\": 0, \"message\": {\"content\": \"x\"}, \"logprobs\": "              \
    "{\"content\": [" values "]}}]}"
#define OUTPUT(status, items) "{\"status\": \"" status "\", \"output\": [" items "]"

enum { PIECES = 4 };

static const struct {
    enum endpoint endpoint;
    const char *format;
    const char *said[PIECES];
    const char *fault;
} cases[] = {
    {ENDPOINT_chat, "", {MESSAGE("\"content\": \"Hello\"", "stop")}, NULL},
    {ENDPOINT_chat,
     "",
     {MESSAGE("\"content\": [{\"type\": \"text\", \"text\": \"Hello\"}]", "stop")},
     NULL},
    {ENDPOINT_chat, "", {MESSAGE("\"content\": \"Hello\"", "length")}, "length"},
    {ENDPOINT_chat, "", {MESSAGE("\"content\": \"Hello\"", "content_filter")}, "refusal"},
    {ENDPOINT_chat, "", {MESSAGE("\"content\": null, \"refusal\": \"No.\"", "stop")}, "refusal"},
    {ENDPOINT_chat,
     "",
     {MESSAGE("\"content\": \"\\n I\xe2\x80\x99m sorry, but I CAN'T do it\"", "stop")},
     "refusal"},
    {ENDPOINT_chat, "", {MESSAGE("\"content\": \"I can't wait to see it\"", "stop")}, NULL},
    {ENDPOINT_chat, "", {MESSAGE("\"content\": \"\"", "stop")}, "empty"},
    {ENDPOINT_chat, "", {MESSAGE("\"content\": null", "stop")}, "empty"},
    {ENDPOINT_chat, "", {"{\"choices\": []}"}, "empty"},
    {ENDPOINT_chat, "", {"no JSON"}, "empty"},
    {ENDPOINT_chat, WANTS_JSON, {MESSAGE("\"content\": \"{\\\"n\\\": 1}\"", "stop")}, NULL},
    {ENDPOINT_chat,
     WANTS_JSON,
     {MESSAGE("\"content\": \"```json {} ```\"", "stop")},
     "invalid_json"},
    {ENDPOINT_chat, WANTS_CHAT, {MESSAGE("\"content\": \"{\\\"n\\\": 1}\"", "stop")}, NULL},
    {ENDPOINT_chat, WANTS_CHAT, {MESSAGE("\"content\": \"{\\\"n\\\": 1.5}\"", "stop")}, "schema"},
    {ENDPOINT_chat, WANTS_CHAT, {MESSAGE("\"content\": \"{}\"", "stop")}, "schema"},
    {ENDPOINT_chat,
     WANTS_JSON,
     {DELTA("0", "\"content\": \"{\\\"n\\\"\""), DELTA("0", "\"content\": \": 1}\""), FINISH("0")},
     NULL},
    {ENDPOINT_chat,
     WANTS_JSON,
     {DELTA("0", "\"content\": \"{\\\"n\\\"\""), FINISH("0")},
     "invalid_json"},
    {ENDPOINT_chat,
     WANTS_JSON,
     {DELTA("0", "\"content\": \"{}\""), DELTA("1", "\"content\": \"{\""), FINISH("1")},
     "invalid_json"},
    {ENDPOINT_chat,
     WANTS_JSON,
     {MESSAGE(
         "\"content\": \"I look it up\", \"tool_calls\": [{\"function\": {\"arguments\": \"{}\"}}]",
         "tool_calls")},
     NULL},
    {ENDPOINT_chat,
     "",
     {MESSAGE("\"tool_calls\": [{\"function\": {\"arguments\": \"{\"}}]", "tool_calls")},
     "invalid_json"},
    {ENDPOINT_chat,
     "",
     {MESSAGE("\"tool_calls\": [{\"function\": {\"arguments\": \"\"}}]", "tool_calls")},
     NULL},
    {ENDPOINT_chat,
     "",
     {DELTA("0", "\"tool_calls\": [{\"index\": 0, \"function\": {\"arguments\": \"{\\\"a\\\"\"}}]"),
      DELTA("0", "\"tool_calls\": [{\"index\": 0, \"function\": {\"arguments\": \":1}\"}}]"),
      FINISH("0")},
     NULL},
    {ENDPOINT_chat, "", {LOGPROBS("{\"logprob\": -0.1}, {\"logprob\": -0.3}")}, NULL},
    {ENDPOINT_chat, "", {LOGPROBS("{\"logprob\": -0.1}, {\"logprob\": -2.9}")}, "unsure"},
    {ENDPOINT_completions,
     "",
     {"{\"choices\": [{\"text\": \"Hi\", \"finish_reason\": \"stop\", \"logprobs\": "
      "{\"token_logprobs\": [null, -2.0]}}]}"},
     "unsure"},
    {ENDPOINT_completions,
     "",
     {"{\"choices\": [{\"text\": \"Hi\", \"finish_reason\": \"length\"}]}"},
     "length"},
    {ENDPOINT_responses,
     "",
     {OUTPUT("completed", "{\"type\": \"message\", \"content\": [{\"type\": \"output_text\", "
                          "\"text\": \"Hi\"}]}") "}"},
     NULL},
    {ENDPOINT_responses,
     "",
     {OUTPUT("completed", "{\"type\": \"message\", \"content\": [{\"type\": \"refusal\", "
                          "\"refusal\": \"No\"}]}") "}"},
     "refusal"},
    {ENDPOINT_responses,
     "",
     {OUTPUT("incomplete",
             "{\"type\": \"message\", \"content\": [{\"type\": \"output_text\", \"text\": "
             "\"Hi\"}]}") ", \"incomplete_details\": {\"reason\": \"max_output_tokens\"}}"},
     "length"},
    {ENDPOINT_responses,
     WANTS_RESPONSES,
     {"{\"type\": \"response.output_text.delta\", \"delta\": \"{\"}",
      "{\"type\": \"response.completed\", \"response\": " OUTPUT(
          "completed", "{\"type\": \"message\", \"content\": [{\"type\": \"output_text\", "
                       "\"text\": \"{\\\"n\\\": true}\"}]}") "}}"},
     "schema"},
    {ENDPOINT_responses,
     "",
     {OUTPUT("completed", "{\"type\": \"function_call\", \"arguments\": \"{\\\"a\\\": 1}\"}") "}"},
     NULL},
    {ENDPOINT_embeddings, "", {"{\"data\": []}"}, NULL},
};

static void faults_are_found_and_others_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct appraisal *a = appraisal_new(cases[i].endpoint, str_of(cases[i].format), 35);
        for (size_t k = 0; k < PIECES && cases[i].said[k]; k++)
            appraisal_add(a, str_of(cases[i].said[k]));
        const char *fault = appraisal_fault(a);
        if ((fault == NULL) != (cases[i].fault == NULL))
            fail_msg("case %zu: %s", i, fault ? fault : "good");
        if (fault)
            assert_string_equal(fault, cases[i].fault);
        appraisal_free(a);
    }
}

static void zero_percent_is_never_unsure(void **state)
{
    (void)state;
    struct appraisal *a = appraisal_new(ENDPOINT_chat, STR(""), 0);
    appraisal_add(a, STR(LOGPROBS("{\"logprob\": -9}")));
    assert_null(appraisal_fault(a));
    appraisal_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_found_and_others_are_not),
        cmocka_unit_test(zero_percent_is_never_unsure),
    };
    return cmocka_run_group_tests_name("appraise", tests, NULL, NULL);
}
