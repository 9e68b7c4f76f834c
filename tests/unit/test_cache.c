#include <jansson.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/core/cache.h"
#include "gateway/core/cache_tier.h"
#include "gateway/llm/fold.h"
#include "tests/unit/test.h"


/* ---- canonical form */

static void canonical(const char *text, const char *expected)
{
    static const char *const without[] = {"stream", "user", NULL};
    struct buf out = BUF_INIT(4096);
    json_canonical(&out, str_of(text), without);
    assert_string_equal(out.p, expected);
    buf_done(&out);
}

static void what_means_the_same_has_one_form(void **state)
{
    (void)state;
    canonical("{}", "{}");
    canonical(" { \"b\" : [ 1 , 2.0 ,\n\"x y\" ] , \"a\":null}", "{\"a\":null,\"b\":[1,2.0,\"x y\"]}");
    canonical("{\"b\":{\"d\":1,\"c\":{\"z\":[],\"y\":{}}},\"a\":true}", "{\"a\":true,\"b\":{\"c\":{\"y\":{},\"z\":[]},\"d\":1}}");
    canonical("{\"stream\":true,\"a\":1}", "{\"a\":1}");
    canonical("{\"a\":1,\"stream\":true}", "{\"a\":1}");
    canonical("{\"str\\u0065am\":true,\"user\":\"u\"}", "{}");
    canonical("{\"a\":{\"stream\":true}}", "{\"a\":{\"stream\":true}}");
    canonical("{\"a\":2,\"b\":0,\"a\":1}", "{\"a\":2,\"a\":1,\"b\":0}");
    canonical("{\"ab\":1,\"a\":2,\"a\\\"\":3}", "{\"a\":2,\"a\\\"\":3,\"ab\":1}");
    canonical("[\"\\\\\",\"\\\"]\",-1e+5,false]", "[\"\\\\\",\"\\\"]\",-1e+5,false]");
}

static void many_members_are_put_in_order(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(64 * 1024), ordered = BUF_INIT(64 * 1024), out = BUF_INIT(64 * 1024);
    static const char *const none[] = {NULL};
    for (int i = 199; i >= 0; i--)
        buf_addf(&text, "%s\"m%03d\":%d", i == 199 ? "{" : ", ", i, i);
    for (int i = 0; i < 200; i++)
        buf_addf(&ordered, "%s\"m%03d\":%d", i ? "," : "{", i, i);
    buf_add(&text, STR("}"));
    buf_add(&ordered, STR("}"));
    json_canonical(&out, buf_str(&text), none);
    assert_string_equal(out.p, ordered.p);
    buf_done(&text);
    buf_done(&ordered);
    buf_done(&out);
}

/* ---- kept answers */

static struct kept *some_body(const char *data, int64_t expires_ms)
{
    struct kept *k = kept_new(1024);
    k->expires_ms = expires_ms;
    k->cost_nusd = 42;
    buf_add(&k->model, STR("m-1"));
    buf_add(&k->provider, STR("up"));
    kept_add(k, &(struct frame){.kind = FRAME_BODY, .data = str_of(data)});
    return k;
}

static struct hash key_of(unsigned char first, unsigned char n)
{
    struct hash key;
    memset(key.bytes, n, sizeof key.bytes);
    key.bytes[0] = first;
    return key;
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct kept *k = kept_new(1024), *back;
    struct buf bytes = BUF_INIT(4096);
    struct frame f;
    size_t at = 0;
    k->created_ms = 5;
    k->expires_ms = 7;
    k->cost_nusd = 9;
    buf_add(&k->model, STR("m/1"));
    kept_add(k, &(struct frame){.kind = FRAME_EVENT, .name = STR("e"), .data = STR("{\"a\":1}")});
    kept_add(k, &(struct frame){.kind = FRAME_EVENT, .data = STR("{}")});
    kept_write(k, &bytes);
    back = kept_read(buf_str(&bytes));
    assert_non_null(back);
    assert_true(back->is_stream && back->created_ms == 5 && back->expires_ms == 7 && back->cost_nusd == 9);
    assert_true(str_eq(buf_str(&back->model), STR("m/1")) && back->provider.n == 0);
    assert_true(kept_next(back, &at, &f) && str_eq(f.name, STR("e")) && str_eq(f.data, STR("{\"a\":1}")));
    assert_true(kept_next(back, &at, &f) && f.name.n == 0 && str_eq(f.data, STR("{}")));
    assert_false(kept_next(back, &at, &f));
    kept_unref(back);
    for (size_t n = 0; n < bytes.n; n++) { /* cut anywhere it is refused, or ends with a whole event */
        struct kept *cut = kept_read((struct str){bytes.p, n});
        at = 0;
        while (cut && kept_next(cut, &at, &f))
            assert_true(at <= cut->data.n);
        kept_unref(cut);
    }
    kept_unref(k);
    buf_done(&bytes);
}

static void a_tier_holds_the_freshest_that_fit(void **state)
{
    (void)state;
    struct tier t;
    struct kept *k = some_body("{}", 100), *large = some_body("{\"a\":\"0123456789\"}", 100);
    int64_t bytes = kept_bytes(k) + 256;
    struct hash a = key_of(0, 1), b = key_of(0, 2), c = key_of(0, 3);
    struct kept *found;
    tier_init(&t, 2 * bytes);
    tier_put(&t, &a, k);
    tier_put(&t, &b, k);
    kept_unref(found = tier_find(&t, &a, 0)); /* used last */
    assert_ptr_equal(found, k);
    tier_put(&t, &c, large);
    assert_null(tier_find(&t, &b, 0));
    kept_unref(found = tier_find(&t, &c, 99));
    assert_ptr_equal(found, large);
    assert_null(tier_find(&t, &c, 100)); /* expired */
    for (unsigned i = 4; i < 250; i++) {
        struct hash more = key_of(0, (unsigned char)i);
        tier_put(&t, &more, k);
        assert_true(t.bytes <= t.max_bytes);
    }
    tier_done(&t);
    kept_unref(k);
    kept_unref(large);
}

static void a_tier_knows_what_the_file_may_have(void **state)
{
    (void)state;
    struct tier t;
    tier_init(&t, 1 << 20);
    for (unsigned i = 0; i < 250; i += 2) {
        struct hash key = key_of(1, (unsigned char)i);
        tier_note_file(&t, &key);
    }
    for (unsigned i = 0; i < 250; i += 2) {
        struct hash in = key_of(9, (unsigned char)i);
        assert_true(tier_may_be_in_file(&t, &in)); /* whatever its first byte: that chose the shard */
    }
    struct hash never = key_of(1, 252);
    assert_false(tier_may_be_in_file(&t, &never));
    tier_done(&t);
}

/* ---- flights */

static unsigned told;

static void count_told(struct waiter *w)
{
    told++;
    kept_unref(w->kept);
}

static void run_loop_once(struct loop *l)
{
    loop_stop(l);
    loop_run(l);
}

static void a_flight_tells_all_who_wait(void **state)
{
    (void)state;
    struct err err = {0};
    struct loop *l = loop_new(0, &err);
    const struct cache_sizes sizes = {1 << 20, 0};
    struct cache *c = cache_new(NULL, &sizes, NULL);
    struct hash key = key_of(3, 3);
    struct waiter leader = {.loop = l}, w[3];
    struct flight *flight, *none = NULL;
    struct kept *kept;
    assert_int_equal(cache_look(c, &key, 0, false, &leader, &kept, &flight), CACHE_LEAD);
    for (int i = 0; i < 3; i++) {
        w[i] = (struct waiter){.told = count_told, .loop = l};
        assert_int_equal(cache_look(c, &key, 0, false, &w[i], &kept, &none), CACHE_WAIT);
    }
    assert_int_equal(cache_look(c, &key, 0, false, NULL, &kept, &none), CACHE_WAIT); /* one that only looks */
    assert_true(waiter_leave(&w[1]));
    assert_false(flight_is_forsaken(flight));
    struct kept *k = some_body("{}", 100);
    cache_put(c, &key, k, l);
    flight_end(flight, k);
    assert_false(waiter_leave(&w[0]));
    run_loop_once(l);
    assert_int_equal(told, 2);
    assert_int_equal(cache_look(c, &key, 0, false, &leader, &kept, &flight), CACHE_HIT);
    assert_ptr_equal(kept, k);
    kept_unref(kept);
    kept_unref(k);
    cache_free(c);
    loop_free(l);
}

static void a_forsaken_flight_takes_nobody_on(void **state)
{
    (void)state;
    struct err err = {0};
    struct loop *l = loop_new(0, &err);
    const struct cache_sizes sizes = {1 << 20, 0};
    struct cache *c = cache_new(NULL, &sizes, NULL);
    struct hash key = key_of(3, 4);
    struct waiter w = {.loop = l};
    struct flight *flight, *other;
    struct kept *kept;
    assert_int_equal(cache_look(c, &key, 0, false, &w, &kept, &flight), CACHE_LEAD);
    assert_true(flight_is_forsaken(flight));
    assert_int_equal(cache_look(c, &key, 0, false, &w, &kept, &other), CACHE_LEAD);
    flight_end(flight, NULL);
    flight_end(other, NULL);
    cache_free(c);
    loop_free(l);
}

/* ---- the other form */

static void add_to_fold(void *fold, const struct sse_event *e)
{
    assert_true(fold_event(fold, e->data));
}

/* A body told as events, and those put together again. */
static void there_and_back(enum endpoint e, const char *body)
{
    struct fold *f = fold_new(e);
    struct buf back = BUF_INIT(64 * 1024);
    assert_true(unfold(e, str_of(body), add_to_fold, f));
    assert_true(fold_body(f, &back));
    json_t *was = json_loads(body, 0, NULL), *is = json_loads(back.p, 0, NULL);
    assert_non_null(was);
    if (!json_equal(was, is))
        assert_string_equal(back.p, body);
    json_decref(was);
    json_decref(is);
    fold_free(f);
    buf_done(&back);
}

static void a_body_told_as_a_stream_says_the_same(void **state)
{
    (void)state;
    there_and_back(ENDPOINT_chat,
                   "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":["
                   "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9 \\\"x\\\"\"},"
                   "\"logprobs\":null,\"finish_reason\":\"stop\"},"
                   "{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
                   "{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
                   "{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"[1]\"}}]},"
                   "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],"
                   "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}");
    there_and_back(ENDPOINT_completions,
                   "{\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"choices\":["
                   "{\"index\":0,\"text\":\"abc\",\"logprobs\":null,\"finish_reason\":\"length\"}]}");
    there_and_back(ENDPOINT_responses,
                   "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":["
                   "{\"id\":\"o\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":["
                   "{\"type\":\"output_text\",\"text\":\"hello\",\"annotations\":[]}]},"
                   "{\"id\":\"f\",\"type\":\"function_call\",\"call_id\":\"x\",\"name\":\"g\",\"arguments\":\"{}\"}],"
                   "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}");
}

static void deltas_grow_into_a_message(void **state)
{
    (void)state;
    static const char *const chunks[] = {
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}",
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\ud83d\\ude00\"}}]}",
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\",\"reasoning_content\":\"why\"}}]}",
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
        "{\"id\":\"c\",\"choices\":[],\"usage\":{\"total_tokens\":5}}"};
    struct fold *f = fold_new(ENDPOINT_chat);
    struct buf body = BUF_INIT(4096);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++)
        assert_true(fold_event(f, str_of(chunks[i])));
    assert_true(fold_body(f, &body));
    json_t *is = json_loads(body.p, 0, NULL);
    json_t *choice = json_array_get(json_object_get(is, "choices"), 0), *message = json_object_get(choice, "message");
    assert_string_equal(json_string_value(json_object_get(message, "content")), "a\xF0\x9F\x98\x80" "b");
    assert_string_equal(json_string_value(json_object_get(message, "reasoning_content")), "why");
    assert_string_equal(json_string_value(json_object_get(choice, "finish_reason")), "stop");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(is, "usage"), "total_tokens")), 5);
    json_decref(is);
    assert_false(fold_event(f, STR("[1]")));
    fold_free(f);
    buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_the_same_has_one_form),
        cmocka_unit_test(many_members_are_put_in_order),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_tier_holds_the_freshest_that_fit),
        cmocka_unit_test(a_tier_knows_what_the_file_may_have),
        cmocka_unit_test(a_flight_tells_all_who_wait),
        cmocka_unit_test(a_forsaken_flight_takes_nobody_on),
        cmocka_unit_test(a_body_told_as_a_stream_says_the_same),
        cmocka_unit_test(deltas_grow_into_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
