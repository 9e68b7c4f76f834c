/*
 * The simulated upstream on a loop whose clock stands still until a test moves it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/net/transport.h"

#include "tests/unit/test.h"

enum { TIMERS = 8 };

struct loop {
    int64_t now_ms;
    struct timer *timers[TIMERS];
};

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

void timer_clear(struct loop *l, struct timer *t)
{
    if (t->place)
        l->timers[t->place - 1] = NULL;
    t->place = 0;
}

void timer_set(struct loop *l, struct timer *t, int64_t due_ms)
{
    t->due_ms = due_ms;
    for (unsigned i = 0; i < TIMERS && !t->place; i++)
        if (!l->timers[i]) {
            l->timers[i] = t;
            t->place = i + 1;
        }
    assert_int_not_equal(t->place, 0);
}

static struct timer *next_timer(struct loop *l)
{
    struct timer *next = NULL;
    for (unsigned i = 0; i < TIMERS; i++)
        if (l->timers[i] && (!next || l->timers[i]->due_ms < next->due_ms))
            next = l->timers[i];
    return next;
}

/* Fires what is due until ms have passed. */
static void pass_ms(struct loop *l, int64_t ms)
{
    int64_t end_ms = l->now_ms + ms;
    struct timer *t;
    while ((t = next_timer(l)) && t->due_ms <= end_ms) {
        if (t->due_ms > l->now_ms)
            l->now_ms = t->due_ms;
        timer_clear(l, t);
        t->fn(t);
    }
    l->now_ms = end_ms;
}

/* Who asks, and what became of it. */
struct asker {
    struct loop loop;
    struct transport *sim;
    struct call call;
    struct account memory;
    unsigned heads, ends, pieces;
    int status;
    bool is_stream;
    char retry_after_ms[16];
    struct buf all;  /* the pieces, a line each */
    struct buf text; /* content of the chunks */
    char finish[32];
    unsigned cancel_at_piece, pause_at_piece;
};

static void on_head(struct call *c, const struct call_head *h)
{
    struct asker *a = c->owner;
    assert_int_equal(a->pieces, 0);
    a->heads++;
    a->status = h->status;
    a->is_stream = h->is_stream;
    for (unsigned i = 0; i < h->n_headers; i++)
        if (str_eq(h->headers[i].name, STR("retry-after-ms")))
            memcpy(a->retry_after_ms, h->headers[i].value.p, h->headers[i].value.n);
}

static void read_chunk(struct asker *a, struct str data)
{
    json_t *doc = json_loadb(data.p, data.n, 0, NULL);
    assert_non_null(doc);
    json_t *choice = json_array_get(json_object_get(doc, "choices"), 0);
    const char *text =
        json_string_value(json_object_get(json_object_get(choice, "delta"), "content"));
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    buf_add(&a->text, str_of(text));
    if (finish)
        snprintf(a->finish, sizeof a->finish, "%s", finish);
    json_decref(doc);
}

static void on_piece(struct call *c, const struct call_piece *p)
{
    struct asker *a = c->owner;
    assert_int_equal(a->heads, 1);
    assert_int_equal(a->ends, 0);
    a->pieces++;
    buf_add(&a->all, p->name);
    buf_add(&a->all, STR("|"));
    buf_add(&a->all, p->data);
    buf_add(&a->all, STR("\n"));
    if (a->is_stream && p->data.n && p->data.p[0] == '{' && p->name.n == 0)
        read_chunk(a, p->data);
    if (a->pieces == a->pause_at_piece)
        a->sim->pause(a->sim, c, true);
    if (a->pieces == a->cancel_at_piece)
        a->sim->cancel(a->sim, c);
}

static void on_end(struct call *c)
{
    struct asker *a = c->owner;
    assert_int_equal(a->ends, 0);
    a->ends++;
    account_give(c->memory, c->charged);
}

static void asker_init(struct asker *a)
{
    *a = (struct asker){.loop.now_ms = 1000, .memory.max_bytes = 1024 * 1024};
    a->all = (struct buf)BUF_INIT(16 * 1024 * 1024);
    a->text = (struct buf)BUF_INIT(1024 * 1024);
    a->sim = sim_transport_new(&a->loop);
}

static void asker_done(struct asker *a)
{
    assert_int_equal(a->ends, 1);
    assert_int_equal(a->memory.used_bytes, 0);
    assert_null(next_timer(&a->loop));
    sim_transport_free(a->sim);
    buf_done(&a->all);
    buf_done(&a->text);
}

static void ask(struct asker *a, const char *url, const char *body)
{
    a->call.url = url;
    a->call.body[0] = str_of(body);
    a->call.n_body = 1;
    a->call.answer_bytes = 1024 * 1024;
    a->call.memory = &a->memory;
    a->call.on_head = on_head;
    a->call.on_piece = on_piece;
    a->call.on_end = on_end;
    a->call.owner = a;
    a->sim->start(a->sim, &a->call);
}

static const char CHAT[] = "/chat/completions";

/* The whole answer to one question, read as JSON; the caller drops it. */
static json_t *answer_of(const char *url, const char *body, int status)
{
    struct asker a;
    asker_init(&a);
    ask(&a, url, body);
    pass_ms(&a.loop, 60 * 1000);
    assert_int_equal(a.status, status);
    assert_int_equal(a.pieces, 1);
    assert_int_equal(a.call.err.code, ERR_none);
    json_t *doc = json_loadb(a.all.p + 1, a.all.n - 2, 0, NULL);
    assert_non_null(doc);
    asker_done(&a);
    return doc;
}

static json_t *message_of(json_t *doc)
{
    return json_object_get(json_array_get(json_object_get(doc, "choices"), 0), "message");
}

static void echo_answers_with_the_last_user_message(void **state)
{
    (void)state;
    json_t *doc = answer_of(
        CHAT,
        "{\"model\": \"echo\", \"messages\": [{\"role\": \"user\", \"content\": \"first\"},"
        "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"sec\\u00f6nd "
        "\\\"x\\\"\"}]},"
        "{\"role\": \"assistant\", \"content\": \"no\"}]}",
        200);
    assert_string_equal(json_string_value(json_object_get(message_of(doc), "content")),
                        "sec\u00f6nd \"x\"");
    json_t *usage = json_object_get(doc, "usage");
    /* 5 + 11 + 2 bytes make 5 tokens, and 3 messages 12 */
    assert_int_equal(json_integer_value(json_object_get(usage, "prompt_tokens")), 17);
    assert_int_equal(json_integer_value(json_object_get(usage, "completion_tokens")), 2);
    json_decref(doc);
}

static void the_same_question_has_the_same_answer_streamed_or_not(void **state)
{
    (void)state;
    json_t *doc = answer_of(
        CHAT, "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", 200);
    struct asker a;
    asker_init(&a);
    ask(&a, CHAT,
        "{\"stream\":true,\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
        "}");
    pass_ms(&a.loop, 1);
    assert_true(a.is_stream);
    assert_string_equal(a.text.p, json_string_value(json_object_get(message_of(doc), "content")));
    assert_string_equal(a.finish, "stop");
    assert_non_null(strstr(a.all.p, "\n|[DONE]\n"));
    assert_null(strstr(a.all.p, "usage"));
    json_decref(doc);
    asker_done(&a);
}

static void tokens_come_when_the_settings_say(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    ask(&a, CHAT,
        "{\"model\":\"chat?first_token_ms=50&token_ms=20&tokens=3\",\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true},\"messages\":[]}");
    assert_int_equal(a.heads, 0);
    pass_ms(&a.loop, 49);
    assert_int_equal(a.pieces, 0);
    pass_ms(&a.loop, 1);
    assert_int_equal(a.pieces, 2); /* the role, and the first token */
    pass_ms(&a.loop, 20);
    assert_int_equal(a.pieces, 3);
    pass_ms(&a.loop, 19);
    assert_int_equal(a.pieces, 3);
    pass_ms(&a.loop, 21);
    assert_int_equal(a.ends, 1);
    assert_int_equal(a.pieces, 7); /* the third token, its finish, usage and [DONE] */
    assert_non_null(strstr(a.all.p, "\"completion_tokens\":3"));
    asker_done(&a);
}

static void max_tokens_cut_the_text(void **state)
{
    (void)state;
    json_t *doc = answer_of(CHAT,
                            "{\"model\":\"echo\",\"max_completion_tokens\":2,"
                            "\"messages\":[{\"role\":\"user\",\"content\":\"one two three\"}]}",
                            200);
    assert_string_equal(json_string_value(json_object_get(message_of(doc), "content")), "one two");
    json_t *choice = json_array_get(json_object_get(doc, "choices"), 0);
    assert_string_equal(json_string_value(json_object_get(choice, "finish_reason")), "length");
    json_decref(doc);
}

static void faults_end_the_call_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        enum err_code code;
        bool has_head, connected;
        const char *end;
    } cases[] = {
        {"refuse", ERR_upstream_down, false, false, ""},
        {"reset", ERR_upstream_cut, false, true, ""},
        {"cut&at=0", ERR_upstream_cut, false, true, ""},
        {"cut&at=2", ERR_upstream_cut, true, true, "\"finish_reason\":null}]}\n"},
        {"garbage&at=1", ERR_none, true, true, "|<html>Bad gateway</html>\n"},
        {"no_done", ERR_none, true, true, "\"finish_reason\":\"stop\"}]}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asker a;
        asker_init(&a);
        char body[256];
        snprintf(body, sizeof body,
                 "{\"model\":\"chat?tokens=5&fault=%s\",\"stream\":true,\"messages\":[]}",
                 cases[i].fault);
        ask(&a, CHAT, body);
        pass_ms(&a.loop, 1);
        assert_int_equal(a.call.err.code, cases[i].code);
        assert_int_equal(a.heads, cases[i].has_head);
        assert_int_equal(a.call.connected, cases[i].connected);
        assert_true(a.all.n >= strlen(cases[i].end));
        assert_string_equal(a.all.p + a.all.n - strlen(cases[i].end), cases[i].end);
        asker_done(&a);
    }
}

static void a_stalled_answer_ends_at_its_timeout(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    a.call.timeouts = (struct call_timeouts){.first_token = 100, .idle = 30};
    ask(&a, CHAT,
        "{\"model\":\"chat\",\"sim\":{\"fault\":\"stall\",\"at\":1},\"stream\":true,\"messages\":[]"
        "}");
    pass_ms(&a.loop, 29);
    assert_int_equal(a.ends, 0);
    pass_ms(&a.loop, 1);
    assert_int_equal(a.call.err.code, ERR_timeout);
    asker_done(&a);
}

static void idle_time_does_not_count_while_paused(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    a.call.timeouts = (struct call_timeouts){.idle = 30};
    a.pause_at_piece = 2;
    ask(&a, CHAT, "{\"model\":\"chat?tokens=4\",\"stream\":true,\"messages\":[]}");
    pass_ms(&a.loop, 1000);
    assert_int_equal(a.pieces, 2);
    a.sim->pause(a.sim, &a.call, false);
    pass_ms(&a.loop, 1);
    assert_int_equal(a.call.err.code, ERR_none);
    assert_string_equal(a.finish, "stop");
    asker_done(&a);
}

static void a_cancelled_call_says_nothing_more(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= 6; at++) {
        struct asker a;
        asker_init(&a);
        a.cancel_at_piece = at;
        ask(&a, CHAT, "{\"model\":\"chat?tokens=4&token_ms=1\",\"stream\":true,\"messages\":[]}");
        pass_ms(&a.loop, 100);
        assert_int_equal(a.pieces, at);
        asker_done(&a);
    }
    struct asker waiting;
    asker_init(&waiting);
    ask(&waiting, CHAT, "{\"model\":\"chat?first_token_ms=1000\",\"messages\":[]}");
    waiting.sim->cancel(waiting.sim, &waiting.call);
    assert_int_equal(waiting.heads, 0);
    asker_done(&waiting);
}

static void a_status_comes_with_its_retry_after(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    ask(&a, CHAT,
        "{\"model\":\"chat?status=429&retry_after_ms=1500\",\"stream\":true,\"messages\":[]}");
    assert_int_equal(a.status, 429);
    assert_false(a.is_stream);
    assert_string_equal(a.retry_after_ms, "1500");
    assert_non_null(strstr(a.all.p, "\"code\":\"rate_limit_exceeded\""));
    asker_done(&a);
}

static void a_schema_gets_a_document_that_it_allows(void **state)
{
    (void)state;
    json_t *doc = answer_of(
        CHAT,
        "{\"model\":\"chat\",\"messages\":[],\"response_format\":{\"type\":\"json_schema\",\"json_"
        "schema\":{\"name\":\"x\","
        "\"schema\":{\"type\":\"object\",\"$defs\":{\"n\":{\"type\":\"integer\",\"minimum\":3,"
        "\"maximum\":4}},"
        "\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
        "n\"},\"b\":{\"enum\":[\"x\",\"y\"]},\"c\":{\"type\":\"array\","
        "\"minItems\":2,\"items\":{\"type\":[\"boolean\",\"null\"]}},\"d\":{\"type\":\"string\","
        "\"format\":\"date\"},"
        "\"e\":{\"anyOf\":[{\"type\":\"number\",\"exclusiveMaximum\":0},{\"type\":\"null\"}]}}}}}}",
        200);
    json_t *made =
        json_loads(json_string_value(json_object_get(message_of(doc), "content")), 0, NULL);
    assert_int_equal(json_object_size(made), 5);
    json_int_t n = json_integer_value(json_object_get(made, "a"));
    assert_true(n == 3 || n == 4);
    const char *word = json_string_value(json_object_get(made, "b"));
    assert_true(strcmp(word, "x") == 0 || strcmp(word, "y") == 0);
    assert_int_equal(json_array_size(json_object_get(made, "c")), 2);
    assert_true(json_is_boolean(json_array_get(json_object_get(made, "c"), 1)));
    assert_string_equal(json_string_value(json_object_get(made, "d")), "2026-01-01");
    assert_true(json_number_value(json_object_get(made, "e")) < 0);
    json_decref(made);
    json_decref(doc);
}

static void a_schema_that_refers_to_itself_ends(void **state)
{
    (void)state;
    json_decref(answer_of(
        "/responses",
        "{\"model\":\"chat\",\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\","
        "\"name\":\"t\","
        "\"schema\":{\"type\":\"object\",\"properties\":{\"l\":{\"$ref\":\"#\"},\"r\":{\"type\":"
        "\"array\",\"items\":{\"$ref\":\"#\"}}}}}}}",
        200));
}

#define TOOLS                                                                                      \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_time\",\"parameters\":{"       \
    "\"type\":\"object\","                                                                         \
    "\"properties\":{\"zone\":{\"const\":\"UTC\"}}}}},{\"type\":\"function\",\"function\":{"       \
    "\"name\":\"other\"}}]"

static void tools_are_called_where_they_are_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *text, *choice, *called;
    } cases[] = {
        {"what does get_time say?", "\"auto\"", "get_time"},
        {"hello", "\"required\"", "get_time"},
        {"hello", "{\"type\":\"function\",\"function\":{\"name\":\"other\"}}", "other"},
        {"hello", "\"auto\"", NULL},
        {"get_time", "\"none\"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"tool_"
                 "choice\":%s," TOOLS "}",
                 cases[i].text, cases[i].choice);
        json_t *doc = answer_of(CHAT, body, 200);
        json_t *call = json_array_get(json_object_get(message_of(doc), "tool_calls"), 0);
        json_t *function = json_object_get(call, "function");
        if (!cases[i].called) {
            assert_null(call);
        } else {
            assert_string_equal(json_string_value(json_object_get(function, "name")),
                                cases[i].called);
            assert_string_equal(json_string_value(json_object_get(function, "arguments")),
                                strcmp(cases[i].called, "get_time") == 0 ? "{\"zone\":\"UTC\"}"
                                                                         : "{}");
        }
        json_decref(doc);
    }
}

static void responses_are_events_with_names_and_numbers(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    ask(&a, "http://x/v1/responses?beta=true",
        "{\"model\":\"echo\",\"stream\":true,\"input\":\"one two\"}");
    static const char *const events[] = {
        "created",           "in_progress",       "output_item.added", "content_part.added",
        "output_text.delta", "output_text.delta", "output_text.done",  "content_part.done",
        "output_item.done",  "completed",
    };
    struct str rest = buf_str(&a.all), line;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        char begin[128];
        snprintf(begin, sizeof begin,
                 "response.%s|{\"type\":\"response.%s\",\"sequence_number\":%zu,", events[i],
                 events[i], i);
        assert_true(str_next(&rest, '\n', &line));
        assert_true(line.n > strlen(begin));
        assert_memory_equal(line.p, begin, strlen(begin));
    }
    assert_int_equal(rest.n, 0);
    asker_done(&a);
}

static void embeddings_are_unit_vectors_of_their_text(void **state)
{
    (void)state;
    json_t *doc =
        answer_of("/embeddings",
                  "{\"model\":\"embed\",\"input\":[\"a b\",\"a b\",\"c\"],\"dimensions\":8}", 200);
    json_t *data = json_object_get(doc, "data");
    json_t *first = json_object_get(json_array_get(data, 0), "embedding");
    assert_int_equal(json_array_size(first), 8);
    double square = 0;
    for (size_t i = 0; i < 8; i++)
        square += json_number_value(json_array_get(first, i)) *
                  json_number_value(json_array_get(first, i));
    assert_true(square > 0.999 && square < 1.001);
    assert_true(json_equal(first, json_object_get(json_array_get(data, 1), "embedding")));
    assert_false(json_equal(first, json_object_get(json_array_get(data, 2), "embedding")));
    json_decref(doc);
    doc = answer_of(
        "/embeddings",
        "{\"model\":\"embed\",\"input\":[1,2],\"dimensions\":3,\"encoding_format\":\"base64\"}",
        200);
    data = json_object_get(doc, "data");
    assert_int_equal(json_array_size(data), 1);
    assert_int_equal(json_string_length(json_object_get(json_array_get(data, 0), "embedding")), 16);
    json_decref(doc);
}

static void usage_is_what_the_settings_make_it(void **state)
{
    (void)state;
    json_t *doc =
        answer_of(CHAT,
                  "{\"model\":\"chat\",\"messages\":[],\"sim\":{\"usage\":{\"prompt_tokens\":77,"
                  "\"prompt_tokens_details\":{\"cached_tokens\":7}}}}",
                  200);
    json_t *usage = json_object_get(doc, "usage");
    assert_int_equal(json_integer_value(json_object_get(usage, "prompt_tokens")), 77);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(usage, "prompt_tokens_details"), "cached_tokens")),
                     7);
    json_decref(doc);
}

static void what_it_does_not_know_is_an_error_of_the_caller(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"model\":\"gpt\",\"messages\":[]}", 404},
        {"{\"model\":\"chat?speed=9\",\"messages\":[]}", 400},
        {"{\"model\":\"chat?tokens=-1\",\"messages\":[]}", 400},
        {"{\"model\":\"chat\",\"sim\":{\"fault\":\"fire\"}}", 400},
        {"{\"model\":", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        json_decref(answer_of(CHAT, cases[i].body, cases[i].status));
}

static void memory_and_length_are_bounded(void **state)
{
    (void)state;
    struct asker a;
    asker_init(&a);
    a.memory.max_bytes = 10;
    ask(&a, CHAT, "{\"model\":\"chat\",\"messages\":[]}");
    assert_int_equal(a.call.err.code, ERR_busy);
    asker_done(&a);
    asker_init(&a);
    ask(&a, CHAT, "{\"model\":\"chat?tokens=1000000\",\"messages\":[]}");
    assert_int_equal(a.call.err.code, ERR_answer_too_large);
    asker_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_answers_with_the_last_user_message),
        cmocka_unit_test(the_same_question_has_the_same_answer_streamed_or_not),
        cmocka_unit_test(tokens_come_when_the_settings_say),
        cmocka_unit_test(max_tokens_cut_the_text),
        cmocka_unit_test(faults_end_the_call_as_they_should),
        cmocka_unit_test(a_stalled_answer_ends_at_its_timeout),
        cmocka_unit_test(idle_time_does_not_count_while_paused),
        cmocka_unit_test(a_cancelled_call_says_nothing_more),
        cmocka_unit_test(a_status_comes_with_its_retry_after),
        cmocka_unit_test(a_schema_gets_a_document_that_it_allows),
        cmocka_unit_test(a_schema_that_refers_to_itself_ends),
        cmocka_unit_test(tools_are_called_where_they_are_asked_for),
        cmocka_unit_test(responses_are_events_with_names_and_numbers),
        cmocka_unit_test(embeddings_are_unit_vectors_of_their_text),
        cmocka_unit_test(usage_is_what_the_settings_make_it),
        cmocka_unit_test(what_it_does_not_know_is_an_error_of_the_caller),
        cmocka_unit_test(memory_and_length_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
