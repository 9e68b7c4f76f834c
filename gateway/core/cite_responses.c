/* The part of sink cite for Responses, whose events repeat a text when it is whole. */
#include <pthread.h>

#include "gateway/base/scope.h"
#include "gateway/core/cite_priv.h"

static const struct {
    const char *path;
    enum role role;
} responses_paths[] = {
    {"type", AT_type},
    {"item_id", AT_item_id},
    {"output_index", AT_output_index},
    {"content_index", AT_content_index},
    {"sequence_number", AT_sequence},
    {"delta", AT_r_delta},
    {"text", AT_r_text},
    {"part", AT_part},
    {"part.text", AT_part_text},
    {"part.annotations", AT_part_notes},
    {"item.content[]", AT_part},
    {"item.content[].text", AT_part_text},
    {"item.content[].annotations", AT_part_notes},
    {"output[].content[]", AT_part},
    {"output[].content[].text", AT_part_text},
    {"output[].content[].annotations", AT_part_notes},
    {"response.output[].content[]", AT_part},
    {"response.output[].content[].text", AT_part_text},
    {"response.output[].content[].annotations", AT_part_notes},
};

enum { N_RESPONSES = sizeof responses_paths / sizeof responses_paths[0] };
static struct json_plan *responses_plan;

static void make_plan(void)
{
    const char *paths[N_RESPONSES];
    for (size_t i = 0; i < N_RESPONSES; i++)
        paths[i] = responses_paths[i].path;
    responses_plan = json_plan_new(paths, N_RESPONSES);
}

static bool responses_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct reading *r = arg;
    enum role role = responses_paths[h->path].role;
    (void)err;
    r->at[role] = h->value;
    if (role != AT_part)
        return true;
    cite_whole_text(r, &r->at[AT_part_text], &r->at[AT_part], &r->at[AT_part_notes], true,
                    r->at[AT_type].kind == VALUE_ABSENT);
    r->at[AT_part_text].kind = r->at[AT_part_notes].kind = VALUE_ABSENT;
    return true;
}

static int64_t responses_key(const struct reading *r)
{
    int64_t output = 0, content = 0;
    json_int(&r->at[AT_output_index], &output);
    json_int(&r->at[AT_content_index], &content);
    return (output << 20) + content;
}

static void add_place(const struct reading *r, struct buf *out)
{
    static const struct {
        enum role role;
        const char *name;
    } members[] = {{AT_item_id, "item_id"},
                   {AT_output_index, "output_index"},
                   {AT_content_index, "content_index"}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (r->at[members[i].role].kind != VALUE_ABSENT) {
            buf_addf(out, ",\"%s\":", members[i].name);
            buf_add(out, r->at[members[i].role].raw);
        }
    int64_t sequence;
    if (json_int(&r->at[AT_sequence], &sequence))
        buf_addf(out, ",\"sequence_number\":%lld",
                 (long long)sequence + ((const struct cite *)r->sink->state)->inserted);
}

static void responses_text_ends(struct reading *r)
{
    struct cite_channel *c = cite_channel_of(r->sink->state, responses_key(r));
    SCOPED(buf_done) struct buf text = BUF_INIT(SIZE_MAX), event = BUF_INIT(SIZE_MAX);
    if (!c)
        return;
    cite_text_add(&c->text, STR(""), true, r->x->rag.n_passages, &text);
    if (text.n) {
        buf_add(&event, STR("{\"type\":\"response.output_text.delta\""));
        add_place(r, &event);
        buf_add(&event, STR(",\"delta\":"));
        json_quote(&event, buf_str(&text));
        buf_add(&event, STR("}"));
        cite_push_own(r, STR("response.output_text.delta"), buf_str(&event));
    }
    cite_count(r->x, &c->text);
    for (unsigned i = 0; i < c->text.n_marks; i++) {
        buf_empty_out(&event);
        buf_add(&event, STR("{\"type\":\"response.output_text.annotation.added\""));
        add_place(r, &event);
        buf_addf(&event, ",\"annotation_index\":%u,\"annotation\":", c->told++);
        cite_add_citation(r->x, c->text.marks[i], true, &event);
        buf_add(&event, STR("}"));
        cite_push_own(r, STR("response.output_text.annotation.added"), buf_str(&event));
    }
    c->text.n_marks = c->text.removed = 0;
}

static void responses_event(struct reading *r)
{
    const struct json_value *type = &r->at[AT_type];
    SCOPED(buf_done) struct buf given = BUF_INIT(SIZE_MAX), out = BUF_INIT(SIZE_MAX);
    int64_t sequence;
    if (json_text_is(type, STR("response.output_text.delta")) &&
        json_text(&r->at[AT_r_delta], &given)) {
        struct cite_channel *c = cite_channel_of(r->sink->state, responses_key(r));
        if (c)
            cite_text_add(&c->text, buf_str(&given), false, r->x->rag.n_passages, &out);
        if (c && !str_eq(buf_str(&given), buf_str(&out)))
            cite_replace(r, &r->at[AT_r_delta], buf_str(&out));
    } else if (json_text_is(type, STR("response.output_text.done"))) {
        responses_text_ends(r);
        cite_whole_text(r, &r->at[AT_r_text], NULL, NULL, true, false);
    }
    unsigned inserted = ((const struct cite *)r->sink->state)->inserted;
    if (inserted && r->n < EDITS_MAX && json_int(&r->at[AT_sequence], &sequence)) {
        struct buf *made = cite_edit_room(r);
        buf_addf(made, "%lld", (long long)sequence + inserted);
        cite_keep_edit(r, json_replace(r->data, &r->at[AT_sequence], buf_str(made)));
    }
}

void cite_responses(struct reading *r)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct json_visitor v = {responses_hit, r};
    struct err err = {0};
    pthread_once(&once, make_plan);
    if (json_scan(r->data, responses_plan, JSON_MAX_DEPTH, &v, &err))
        responses_event(r);
}
