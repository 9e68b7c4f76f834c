/*
 * cite - resolves the marks [n] of an answer to the passages that the model was shown,
 * and takes out those that resolve to nothing.
 *
 * Reads:   rag, endpoint
 *
 * A mark may come in pieces, so a stream's text is held back as far as it may be the
 * beginning of one; what is held leaves before the event that ends its text.  Responses'
 * events repeat the text when it is whole: it is treated there again, from the start,
 * and so comes out the same.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/cite_text.h"
#include "gateway/core/rag.h"
#include "gateway/core/sink.h"

enum { EDITS_MAX = 512, CHANNELS_MAX = 128 };

enum role {
    AT_id,
    AT_object,
    AT_created,
    AT_model,
    AT_choice,
    AT_index,
    AT_delta,
    AT_delta_text,
    AT_finish,
    AT_message_text,
    AT_message,
    AT_message_notes,
    AT_type,
    AT_item_id,
    AT_output_index,
    AT_content_index,
    AT_sequence,
    AT_r_delta,
    AT_r_text,
    AT_part_text,
    AT_part_notes,
    AT_part,
    AT_none,
};

static const struct {
    const char *path;
    enum role role;
} chat_paths[] =
    {
        {"id", AT_id},
        {"object", AT_object},
        {"created", AT_created},
        {"model", AT_model},
        {"choices[]", AT_choice},
        {"choices[].index", AT_index},
        {"choices[].delta", AT_delta},
        {"choices[].delta.content", AT_delta_text},
        {"choices[].finish_reason", AT_finish},
        {"choices[].message", AT_message},
        {"choices[].message.content", AT_message_text},
        {"choices[].message.annotations", AT_message_notes},
},
  responses_paths[] = {
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

enum {
    N_CHAT = sizeof chat_paths / sizeof chat_paths[0],
    N_RESPONSES = sizeof responses_paths / sizeof responses_paths[0]
};
static struct json_plan *chat_plan, *responses_plan;

static void make_plans(void)
{
    const char *chat[N_CHAT], *responses[N_RESPONSES];
    for (size_t i = 0; i < N_CHAT; i++)
        chat[i] = chat_paths[i].path;
    for (size_t i = 0; i < N_RESPONSES; i++)
        responses[i] = responses_paths[i].path;
    chat_plan = json_plan_new(chat, N_CHAT);
    responses_plan = json_plan_new(responses, N_RESPONSES);
}

struct channel { /* the text of a choice, or of a part */
    int64_t key;
    struct cite_text text;
    unsigned told; /* marks that were told of */
};

struct cite {
    struct channel *channels[CHANNELS_MAX];
    unsigned n_channels;
    unsigned inserted;   /* events of ours so far */
    struct buf envelope; /* of chat: the members that every event has, `{"id":…,"model":…` */
};

/* One frame as it is read. */
struct reading {
    struct sink *sink;
    struct exchange *x;
    struct str data;
    struct json_value at[AT_none];
    struct json_edit edits[EDITS_MAX];
    struct buf made[EDITS_MAX]; /* what the edits put in */
    size_t n;
};

static void free_state(void *arg)
{
    struct cite *s = arg;
    for (unsigned i = 0; i < s->n_channels; i++) {
        cite_text_done(&s->channels[i]->text);
        free(s->channels[i]);
    }
    buf_done(&s->envelope);
}

static struct channel *channel_of(struct cite *s, int64_t key)
{
    for (unsigned i = 0; i < s->n_channels; i++)
        if (s->channels[i]->key == key)
            return s->channels[i];
    if (s->n_channels == CHANNELS_MAX)
        return NULL;
    struct channel *c = s->channels[s->n_channels++] = NEW(struct channel);
    c->key = key;
    cite_text_init(&c->text);
    return c;
}

static void add_citation(const struct exchange *x, unsigned mark, bool flat, struct buf *out)
{
    const struct rag_passage *p = &x->rag.passages[mark - 1];
    const struct index_document *d = index_document(x->rag.index, p->document);
    SCOPED(buf_done) struct buf inner = BUF_INIT(SIZE_MAX);
    char hex[HASH_HEX_BYTES];
    hash_hex(&d->version, hex);
    buf_add(&inner, STR("\"file_id\":"));
    json_quote(&inner, d->id);
    buf_add(&inner, STR(",\"filename\":"));
    json_quote(&inner, d->id);
    buf_addf(&inner, ",\"index\":%u,\"quote\":", mark);
    json_quote(&inner, (struct str){d->text.p + p->from, p->to - p->from});
    buf_addf(&inner, ",\"start\":%u,\"end\":%u,\"document_version\":\"%s\",\"index_version\":%u",
             p->from, p->to, hex, x->rag.version);
    buf_add(out, STR("{\"type\":\"file_citation\","));
    if (flat) { /* OpenAI's own shape in Responses has its members at the top */
        buf_add(out, buf_str(&inner));
        buf_add(out, STR(","));
    }
    buf_add(out, STR("\"file_citation\":{"));
    buf_add(out, buf_str(&inner));
    buf_add(out, STR("}}"));
}

static void add_citations(const struct exchange *x, const unsigned *marks, unsigned n, bool flat,
                          struct buf *out)
{
    for (unsigned i = 0; i < n; i++) {
        buf_add(out, i ? STR(",") : STR(""));
        add_citation(x, marks[i], flat, out);
    }
}

static struct buf *edit_room(struct reading *r)
{
    r->made[r->n] = (struct buf)BUF_INIT(SIZE_MAX);
    return &r->made[r->n];
}

static void keep_edit(struct reading *r, struct json_edit e)
{
    struct json_edit edit = e;
    struct buf made = r->made[r->n];
    size_t i = r->n++;
    for (; i > 0 && r->edits[i - 1].from > edit.from; i--) {
        r->edits[i] = r->edits[i - 1];
        r->made[i] = r->made[i - 1];
    }
    r->edits[i] = edit;
    r->made[i] = made;
}

static void replace(struct reading *r, const struct json_value *v, struct str text)
{
    if (r->n == EDITS_MAX)
        return;
    struct buf *made = edit_room(r);
    json_quote(made, text);
    keep_edit(r, json_replace(r->data, v, buf_str(made)));
}

/* Ours go to the end of a list that is there, else the list is made. */
static void put_notes(struct reading *r, const struct json_value *object,
                      const struct json_value *notes, struct str ours)
{
    if (r->n == EDITS_MAX || ours.n == 0)
        return;
    struct buf *made = edit_room(r);
    if (notes->kind == VALUE_ARRAY) {
        struct str inner = {notes->raw.p + 1, notes->raw.n - 2};
        bool empty = str_trim(inner).n == 0;
        buf_add(made, STR("["));
        buf_add(made, empty ? STR("") : inner);
        buf_add(made, empty ? STR("") : STR(","));
        buf_add(made, ours);
        buf_add(made, STR("]"));
        keep_edit(r, json_replace(r->data, notes, buf_str(made)));
        return;
    }
    if (notes->kind != VALUE_ABSENT) {
        buf_addf(made, "[" STR_FMT "]", STR_ARG(ours));
        keep_edit(r, json_replace(r->data, notes, buf_str(made)));
        return;
    }
    buf_add(made, STR("\"annotations\":["));
    buf_add(made, ours);
    buf_add(made, STR("]"));
    struct str inner = {object->raw.p + 1, object->raw.n - 2};
    buf_add(made, str_trim(inner).n ? STR(",") : STR(""));
    size_t at = (size_t)(object->raw.p - r->data.p) + 1;
    keep_edit(r, (struct json_edit){at, at, buf_str(made)});
}

/* A text that is whole: changed where it stands, and its notes beside it. */
static void whole_text(struct reading *r, const struct json_value *text,
                       const struct json_value *object, const struct json_value *notes, bool flat,
                       bool counts)
{
    struct cite_text c;
    SCOPED(buf_done)
    struct buf given = BUF_INIT(SIZE_MAX),
               out = BUF_INIT(SIZE_MAX), ours = BUF_INIT(SIZE_MAX);
    if (text->kind != VALUE_STRING || !json_text(text, &given))
        return;
    cite_text_init(&c);
    cite_text_add(&c, buf_str(&given), true, r->x->rag.n_passages, &out);
    if (c.removed)
        replace(r, text, buf_str(&out));
    add_citations(r->x, c.marks, c.n_marks, flat, &ours);
    if (object)
        put_notes(r, object, notes, buf_str(&ours));
    if (counts) {
        metric_add(r->x->worker->metrics, METRIC_citations_total, c.n_marks);
        metric_add(r->x->worker->metrics, METRIC_citations_removed_total, c.removed);
    }
    cite_text_done(&c);
}

/* An event of our own, scanned as those of the upstream are. */
static void push_own(struct reading *r, struct str name, struct str data)
{
    struct answer a;
    struct err err = {0};
    struct cite *s = r->sink->state;
    if (!answer_scan(r->x->endpoint, data, &a, &err))
        return;
    s->inserted++;
    sink_push(r->sink->next, r->x, &(struct frame){FRAME_EVENT, name, data, &a});
}

static void push_delta(struct reading *r, int64_t index, struct str member)
{
    struct cite *s = r->sink->state;
    SCOPED(buf_done) struct buf event = BUF_INIT(SIZE_MAX);
    buf_add(&event, buf_str(&s->envelope));
    buf_addf(&event, "\"choices\":[{\"index\":%lld,\"delta\":{", (long long)index);
    buf_add(&event, member);
    buf_add(&event, STR("},\"finish_reason\":null}]}"));
    push_own(r, (struct str){0}, buf_str(&event));
}

static void push_text(struct reading *r, int64_t index, struct str text)
{
    SCOPED(buf_done) struct buf member = BUF_INIT(SIZE_MAX);
    if (text.n == 0)
        return;
    buf_add(&member, STR("\"content\":"));
    json_quote(&member, text);
    push_delta(r, index, buf_str(&member));
}

static void count(struct exchange *x, const struct cite_text *t)
{
    metric_add(x->worker->metrics, METRIC_citations_total, t->n_marks);
    metric_add(x->worker->metrics, METRIC_citations_removed_total, t->removed);
}

static void push_notes(struct reading *r, struct channel *c)
{
    SCOPED(buf_done) struct buf member = BUF_INIT(SIZE_MAX);
    count(r->x, &c->text);
    if (c->text.n_marks) {
        buf_add(&member, STR("\"annotations\":["));
        add_citations(r->x, c->text.marks, c->text.n_marks, false, &member);
        buf_add(&member, STR("]"));
        push_delta(r, c->key, buf_str(&member));
    }
    c->text.n_marks = c->text.removed = 0;
}

static void keep_envelope(struct reading *r)
{
    static const struct {
        enum role role;
        const char *name;
    } members[] = {
        {AT_id, "id"}, {AT_object, "object"}, {AT_created, "created"}, {AT_model, "model"}};
    struct cite *s = r->sink->state;
    if (s->envelope.n)
        return;
    buf_add(&s->envelope, STR("{"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (r->at[members[i].role].kind != VALUE_ABSENT) {
            buf_addf(&s->envelope, "\"%s\":", members[i].name);
            buf_add(&s->envelope, r->at[members[i].role].raw);
            buf_add(&s->envelope, STR(","));
        }
}

/* A choice of an event has been read. */
static void end_delta(struct reading *r, size_t element)
{
    const struct json_value *text = &r->at[AT_delta_text], *finish = &r->at[AT_finish];
    int64_t index = (int64_t)element;
    SCOPED(buf_done) struct buf given = BUF_INIT(SIZE_MAX), out = BUF_INIT(SIZE_MAX);
    json_int(&r->at[AT_index], &index);
    struct channel *c = channel_of(r->sink->state, index);
    bool ends = json_text_bytes(finish) > 0;
    if (!c)
        return;
    bool has_text = text->kind == VALUE_STRING && json_text(text, &given);
    if (has_text || ends)
        cite_text_add(&c->text, buf_str(&given), ends, r->x->rag.n_passages, &out);
    keep_envelope(r);
    if (ends) {
        push_text(r, index, buf_str(&out));
        push_notes(r, c);
        if (has_text && given.n)
            replace(r, text, STR(""));
    } else if (has_text && !str_eq(buf_str(&given), buf_str(&out))) {
        replace(r, text, buf_str(&out));
    }
}

static void end_choice(struct reading *r, size_t element)
{
    if (r->at[AT_message].kind == VALUE_OBJECT)
        whole_text(r, &r->at[AT_message_text], &r->at[AT_message], &r->at[AT_message_notes], false,
                   true);
    else if (r->at[AT_delta].kind == VALUE_OBJECT || r->at[AT_finish].kind != VALUE_ABSENT)
        end_delta(r, element);
    static const enum role own[] = {AT_index,   AT_delta,        AT_delta_text,   AT_finish,
                                    AT_message, AT_message_text, AT_message_notes};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        r->at[own[i]].kind = VALUE_ABSENT;
}

static bool chat_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct reading *r = arg;
    enum role role = chat_paths[h->path].role;
    (void)err;
    if (role != AT_choice)
        r->at[role] = h->value;
    return true;
}

/* Choices are treated in a second pass: what stands before them in the envelope may come after
 * them. */
static bool choice_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct reading *r = arg;
    enum role role = chat_paths[h->path].role;
    (void)err;
    if (role == AT_choice)
        end_choice(r, h->element);
    else if (role > AT_choice)
        r->at[role] = h->value;
    return true;
}

static bool responses_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct reading *r = arg;
    enum role role = responses_paths[h->path].role;
    (void)err;
    r->at[role] = h->value;
    if (role != AT_part)
        return true;
    whole_text(r, &r->at[AT_part_text], &r->at[AT_part], &r->at[AT_part_notes], true,
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
                 (long long)(sequence + ((const struct cite *)r->sink->state)->inserted));
}

static void responses_text_ends(struct reading *r)
{
    struct channel *c = channel_of(r->sink->state, responses_key(r));
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
        push_own(r, STR("response.output_text.delta"), buf_str(&event));
    }
    count(r->x, &c->text);
    for (unsigned i = 0; i < c->text.n_marks; i++) {
        buf_empty_out(&event);
        buf_add(&event, STR("{\"type\":\"response.output_text.annotation.added\""));
        add_place(r, &event);
        buf_addf(&event, ",\"annotation_index\":%u,\"annotation\":", c->told++);
        add_citation(r->x, c->text.marks[i], true, &event);
        buf_add(&event, STR("}"));
        push_own(r, STR("response.output_text.annotation.added"), buf_str(&event));
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
        struct channel *c = channel_of(r->sink->state, responses_key(r));
        if (c)
            cite_text_add(&c->text, buf_str(&given), false, r->x->rag.n_passages, &out);
        if (c && !str_eq(buf_str(&given), buf_str(&out)))
            replace(r, &r->at[AT_r_delta], buf_str(&out));
    } else if (json_text_is(type, STR("response.output_text.done"))) {
        responses_text_ends(r);
        whole_text(r, &r->at[AT_r_text], NULL, NULL, true, false);
    }
    unsigned inserted = ((const struct cite *)r->sink->state)->inserted;
    if (inserted && r->n < EDITS_MAX && json_int(&r->at[AT_sequence], &sequence)) {
        struct buf *made = edit_room(r);
        buf_addf(made, "%lld", (long long)(sequence + inserted));
        keep_edit(r, json_replace(r->data, &r->at[AT_sequence], buf_str(made)));
    }
}

static void scan(struct reading *r)
{
    struct err err = {0};
    if (r->x->endpoint == ENDPOINT_responses) {
        const struct json_visitor v = {responses_hit, r};
        if (json_scan(r->data, responses_plan, JSON_MAX_DEPTH, &v, &err))
            responses_event(r);
    } else {
        const struct json_visitor first = {chat_hit, r}, second = {choice_hit, r};
        if (json_scan(r->data, chat_plan, JSON_MAX_DEPTH, &first, &err)) {
            for (int i = AT_choice; i < AT_none; i++)
                r->at[i].kind = VALUE_ABSENT;
            json_scan(r->data, chat_plan, JSON_MAX_DEPTH, &second, &err);
        }
    }
}

static void push_changed(struct reading *r, const struct frame *f)
{
    SCOPED(buf_done) struct buf data = BUF_INIT(SIZE_MAX);
    struct answer a;
    struct err err = {0};
    struct frame out = *f;
    json_splice(&data, r->data, r->edits, r->n);
    for (size_t i = 0; i < r->n; i++)
        buf_done(&r->made[i]);
    if (!answer_scan(r->x->endpoint, buf_str(&data), &a, &err)) {
        sink_push(r->sink->next, r->x, f);
        return;
    }
    out.data = buf_str(&data);
    out.read = &a;
    sink_push(r->sink->next, r->x, &out);
}

static void cite_push(struct sink *s, struct exchange *x, const struct frame *f)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct cite *state = s->state;
    if (!rag_is_on(x) || x->dry_run || (f->kind != FRAME_EVENT && f->kind != FRAME_BODY)) {
        sink_push(s->next, x, f);
        return;
    }
    pthread_once(&once, make_plans);
    if (!state->envelope.max) {
        state->envelope = (struct buf)BUF_INIT(SIZE_MAX);
        arena_defer(&x->arena, free_state, state);
    }
    struct reading *r = NEW(struct reading);
    r->sink = s;
    r->x = x;
    r->data = f->data;
    scan(r);
    if (r->n)
        push_changed(r, f);
    else
        sink_push(s->next, x, f);
    free(r);
}

/* A text that was cut: what is held was the upstream's, and goes out. */
static void cite_end(struct sink *s, struct exchange *x, enum end how)
{
    struct cite *state = s->state;
    for (unsigned i = 0; i < state->n_channels && x->endpoint == ENDPOINT_chat; i++) {
        struct reading r = {.sink = s, .x = x};
        SCOPED(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
        cite_text_add(&state->channels[i]->text, STR(""), true, x->rag.n_passages, &out);
        push_text(&r, state->channels[i]->key, buf_str(&out));
    }
    sink_end(s->next, x, how);
}

const struct sink_class sink_cite = {
    .name = "cite",
    .help = "resolves the marks [n] of an answer to passages, and takes out those that resolve to "
            "nothing",
    .state_bytes = sizeof(struct cite),
    .push = cite_push,
    .end = cite_end,
};
