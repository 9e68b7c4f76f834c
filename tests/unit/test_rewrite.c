/*
 * Streams through policy_out and restore, cut anywhere: each channel has the same text,
 * everything else stands in the same order, and nothing follows a channel's finish.
 */
#include "gateway/core/rewrite.h"

#include <jansson.h>

#include "gateway/base/mem.h"
#include "tests/unit/policy_parts.h"

enum { CHANNELS = 7, TEXT_BYTES = 64 * 1024 };

static const char rules[] = "version: 1\n"
                            "rules:\n"
                            "- {id: pii.email, request: {action: pseudonymise}, response: {action: flag}}\n"
                            "- {id: pii.card, response: {action: mask}}\n"
                            "- {id: pii.phone, response: {action: pseudonymise}}\n"
                            "- {id: own.staff, regex: '\\bE[0-9]{2}-[0-9]{6}\\b', response: {action: redact}}\n";

static const char blocking[] = "{version: 1, rules: [{id: pii.card, response: {action: block}}]}";

static struct policy *policy;
static struct policy_set *set;
static char names[2][PSEUDONYM_BYTES + 1];

/* What came out at the end of the chain. */
struct caught {
    struct sink sink;
    struct buf text[CHANNELS]; /* by channel */
    struct buf others;         /* finish reasons, what is no text, the end; a line each */
    bool finished[2];
    unsigned late;             /* pieces of text after their choice's finish */
};

static void add(struct caught *c, unsigned channel, const json_t *v)
{
    if (!json_is_string(v))
        return;
    buf_add(&c->text[channel], (struct str){json_string_value(v), json_string_length(v)});
    c->late += json_string_length(v) > 0 && c->finished[channel >= 5];
}

static void catch_event(struct caught *c, struct str data)
{
    json_t *doc = json_loadb(data.p, data.n, 0, NULL);
    assert_non_null(doc);
    const json_t *choice = json_array_get(json_object_get(doc, "choices"), 0), *delta = json_object_get(choice, "delta");
    const json_t *call = json_array_get(json_object_get(delta, "tool_calls"), 0);
    json_int_t index = json_integer_value(json_object_get(choice, "index"));
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    if (index == 0) {
        add(c, 0, json_object_get(delta, "content"));
        add(c, 1, json_object_get(delta, "reasoning_content"));
        add(c, 2, json_object_get(delta, "refusal"));
        add(c, 3 + (json_integer_value(json_object_get(call, "index")) == 1),
            json_object_get(json_object_get(call, "function"), "arguments"));
    } else {
        add(c, 5, json_object_get(delta, "content"));
        add(c, 6, json_object_get(delta, "reasoning_content"));
    }
    if (finish) {
        buf_addf(&c->others, "%d %s\n", (int)index, finish);
        c->finished[index] = true;
    }
    if (json_object_get(doc, "mark"))
        buf_addf(&c->others, "mark %d\n", (int)json_integer_value(json_object_get(doc, "mark")));
    json_decref(doc);
}

static void caught_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    struct caught *c = (struct caught *)s;
    (void)x;
    if (f->kind == FRAME_EVENT)
        catch_event(c, f->data);
    else
        buf_addf(&c->others, "kind %d\n", f->kind);
}

static void caught_end(struct sink *s, struct exchange *x, enum end how)
{
    (void)x;
    buf_addf(&((struct caught *)s)->others, "end %d\n", how);
}

static const struct sink_class caught_class = {.name = "caught", .push = caught_push, .end = caught_end};

static void caught_init(struct caught *c)
{
    *c = (struct caught){.sink.class = &caught_class, .others = BUF_INIT(TEXT_BYTES)};
    for (unsigned i = 0; i < CHANNELS; i++)
        c->text[i] = (struct buf)BUF_INIT(TEXT_BYTES);
}

static void caught_done(struct caught *c)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        buf_done(&c->text[i]);
    buf_done(&c->others);
}

/* ---- the stream */

struct flow {
    struct exchange *x;
    struct sink *first;
    struct parts parts;
};

static void flow_init(struct flow *w, const struct policy_set *of, struct caught *c)
{
    static const struct sink_class *const chain[] = {&sink_policy_out, &sink_restore, NULL};
    w->x = NEW(struct exchange);
    w->x->endpoint = ENDPOINT_chat;
    arena_init(&w->x->arena);
    w->parts = (struct parts){.team = "red", .conversation = "1"};
    w->x->policy.set = of;
    treatment_init(&w->x->policy.t, &w->x->arena, of, parts_keys, &w->parts);
    w->first = sink_chain(&w->x->arena, chain, &c->sink);
    static const char *const values[] = {"ada@example.org", "bob \"b\"@x.org"};
    for (unsigned i = 0; i < 2; i++) {
        SCOPED(buf_done) struct buf name = BUF_INIT(64);
        const struct found found = {&policy->rules[0], str_of(values[i]), false};
        treatment_apply(&w->x->policy.t, DIRECTION_request, &found, &name);
        memcpy(names[i], name.p, sizeof names[i]);
    }
}

static void flow_done(struct flow *w)
{
    arena_done(&w->x->arena);
    free(w->x);
}

static void push(struct flow *w, const char *text)
{
    struct answer read;
    struct err err = {0};
    if (!answer_scan(ENDPOINT_chat, str_of(text), &read, &err))
        fail_msg("%s: %s", err.detail, text);
    sink_push(w->first, w->x, &(struct frame){.kind = FRAME_EVENT, .data = str_of(text), .read = &read});
}

static void push_piece(struct flow *w, unsigned channel, struct str text)
{
    static const char *const around[CHANNELS][2] = {
        {"\"content\":", ""}, {"\"reasoning_content\":", ""}, {"\"refusal\":", ""},
        {"\"tool_calls\":[{\"function\":{\"arguments\":", "},\"index\":0}]"},
        {"\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":", "}}]"},
        {"\"content\":", ""}, {"\"reasoning_content\":", ""}};
    SCOPED(buf_done) struct buf event = BUF_INIT(TEXT_BYTES);
    buf_addf(&event, "{\"id\":\"c\",\"created\":1,\"model\":\"m\",\"choices\":[{\"delta\":{%s", around[channel][0]);
    json_quote(&event, text);
    buf_addf(&event, "%s},\"finish_reason\":null,\"index\":%d}]}", around[channel][1], channel >= 5);
    push(w, event.p);
}

static void push_finish(struct flow *w, int index)
{
    char event[256];
    snprintf(event, sizeof event, "{\"choices\":[{\"index\":%d,\"delta\":{},\"finish_reason\":\"stop\"}]}", index);
    push(w, event);
}

static unsigned draw(uint32_t *seed, unsigned below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

/* The texts of all channels in pieces of up to `step` bytes (0: whole), in turns that draw() picks; then the ends. */
static void run(const struct policy_set *of, const struct buf *texts, uint32_t seed, unsigned step, enum end how,
                struct caught *c)
{
    struct flow w;
    size_t at[CHANNELS] = {0};
    flow_init(&w, of, c);
    for (unsigned left = CHANNELS; left > 0;) {
        unsigned channel = draw(&seed, CHANNELS);
        struct str rest = {texts[channel].p + at[channel], texts[channel].n - at[channel]};
        if (at[channel] > texts[channel].n)
            continue;
        size_t n = step ? 1 + draw(&seed, step) : rest.n;
        n = n < rest.n ? n : rest.n;
        while (n < rest.n && ((unsigned char)rest.p[n] & 0xC0) == 0x80)
            n++;
        push_piece(&w, channel, (struct str){rest.p, n});
        at[channel] += n;
        if (at[channel] == texts[channel].n) {
            at[channel]++;
            left--;
        }
    }
    push(&w, "{\"choices\":[],\"mark\":1}");
    if (how == END_COMPLETE) {
        push_finish(&w, 1);
        push(&w, "{\"choices\":[],\"mark\":2}");
        push_finish(&w, 0);
        sink_push(w.first, w.x, &(struct frame){.kind = FRAME_DONE});
    }
    sink_end(w.first, w.x, how);
    flow_done(&w);
}

static void make_texts(uint32_t *seed, struct buf *texts)
{
    const char *const bits[] = {"Hello ", "P", "PI", "PII", names[0], names[1], ", ", "\u00E9", "4111 1111 ", "1111 1111",
                                "+44 20 7946 0958", " and ", "E12-345674", " E12-3456", "\U0001F600", "x@y.org", "\n", "- "};
    for (unsigned i = 0; i < CHANNELS; i++) {
        bool document = i == 3 || i == 4;
        texts[i] = (struct buf)BUF_INIT(TEXT_BYTES);
        buf_add(&texts[i], document ? STR("{\"to\":\"") : STR(""));
        for (unsigned left = draw(seed, 14); left > 0; left--) {
            const char *bit = bits[draw(seed, sizeof bits / sizeof bits[0])];
            buf_add(&texts[i], document && *bit == '\n' ? STR("\\n\\u0050") : str_of(bit));
        }
        buf_add(&texts[i], document ? STR("\"}") : STR(""));
    }
}

static void compare(const struct caught *a, const struct caught *b, const struct buf *texts)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        if (strcmp(a->text[i].p, b->text[i].p) != 0)
            fail_msg("channel %u of\n%s\nis\n%s\nor\n%s", i, texts[i].p, a->text[i].p, b->text[i].p);
    assert_string_equal(a->others.p, b->others.p);
    assert_int_equal(a->late + b->late, 0);
}

static void try_cuttings(unsigned rounds, unsigned step, enum end how)
{
    uint32_t seed = step + 7;
    for (unsigned round = 0; round < rounds; round++) {
        struct buf texts[CHANNELS];
        struct caught whole, cut;
        make_texts(&seed, texts);
        caught_init(&whole);
        caught_init(&cut);
        run(set, texts, 1, 0, how, &whole);
        run(set, texts, seed + round, step, how, &cut);
        compare(&whole, &cut, texts);
        caught_done(&whole);
        caught_done(&cut);
        for (unsigned i = 0; i < CHANNELS; i++)
            buf_done(&texts[i]);
    }
}

static void two_thousand_random_cuttings_change_nothing(void **state)
{
    (void)state;
    try_cuttings(2000, 11, END_COMPLETE);
}

static void every_byte_on_its_own_changes_nothing(void **state)
{
    (void)state;
    try_cuttings(200, 1, END_COMPLETE);
}

static void at_a_cut_what_is_held_is_decided_and_leaves(void **state)
{
    (void)state;
    try_cuttings(300, 5, END_CUT);
}

static void set_texts(struct buf *texts, unsigned channel, const char *text)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        texts[i] = (struct buf)BUF_INIT(TEXT_BYTES);
    buf_add(&texts[channel], str_of(text));
}

static void check(const struct policy_set *of, unsigned channel, const char *text, const char *expected, const char *others)
{
    struct buf texts[CHANNELS];
    struct caught c;
    set_texts(texts, channel, text);
    caught_init(&c);
    run(of, texts, 3, 2, END_COMPLETE, &c);
    assert_string_equal(c.text[channel].p, expected);
    if (others)
        assert_string_equal(c.others.p, others);
    caught_done(&c);
    for (unsigned i = 0; i < CHANNELS; i++)
        buf_done(&texts[i]);
}

static void values_come_back_and_findings_are_treated(void **state)
{
    (void)state;
    char text[256];
    snprintf(text, sizeof text, "{\"a\":\"%s\",\"b\":\"%s\"}", names[0], names[1]);
    check(set, 3, text, "{\"a\":\"ada@example.org\",\"b\":\"bob \\\"b\\\"@x.org\"}", NULL);
    snprintf(text, sizeof text, "%s, %s. %.14s", names[0], names[1], names[0]);
    char expected[256];
    snprintf(expected, sizeof expected, "ada@example.org, bob \"b\"@x.org. %.14s", names[0]);
    check(set, 0, text, expected, NULL);
    check(set, 5, "no. E12-345674, card 4111 1111 1111 1111", "no. [STAFF], card ***************1111", NULL);
    check(set, 2, "call +44 20 7946 0958", "call +44 20 7946 0958", NULL); /* a name in between, and back */
}

static void a_rule_that_blocks_ends_the_stream(void **state)
{
    (void)state;
    struct policy *p = parts_policy(blocking);
    struct policy_set *s = policy_set_new((const struct policy *const *)&p, 1);
    check(s, 0, "card: 4111 1111 1111 1111 and more", "card: ", "0 content_filter\n1 content_filter\nkind 1\nend 0\n");
    policy_set_free(s);
    policy_free(p);
}

static int make_set(void **state)
{
    (void)state;
    policy = parts_policy(rules);
    set = policy_set_new((const struct policy *const *)&policy, 1);
    struct caught c;
    struct flow w;
    caught_init(&c);
    flow_init(&w, set, &c); /* fills names[] */
    flow_done(&w);
    caught_done(&c);
    return 0;
}

static int free_set(void **state)
{
    (void)state;
    policy_set_free(set);
    policy_free(policy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thousand_random_cuttings_change_nothing),
        cmocka_unit_test(every_byte_on_its_own_changes_nothing),
        cmocka_unit_test(at_a_cut_what_is_held_is_decided_and_leaves),
        cmocka_unit_test(values_come_back_and_findings_are_treated),
        cmocka_unit_test(a_rule_that_blocks_ends_the_stream),
    };
    return cmocka_run_group_tests_name("rewrite", tests, make_set, free_set);
}
