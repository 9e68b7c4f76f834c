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

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/cite_priv.h"

static const struct {
    const char *path;
    enum role role;
} chat_paths[] = {
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
};

enum { N_CHAT = sizeof chat_paths / sizeof chat_paths[0] };
static struct json_plan *chat_plan;

static void make_plan(void)
{
    const char *chat[N_CHAT];
    for (size_t i = 0; i < N_CHAT; i++)
        chat[i] = chat_paths[i].path;
    chat_plan = json_plan_new(chat, N_CHAT);
}

static void free_state(void *arg)
{
    struct cite *s = arg;
    for (unsigned i = 0; i < s->n_channels; i++) {
        cite_text_done(&s->channels[i]->text);
        free(s->channels[i]);
    }
    buf_done(&s->envelope);
}

struct cite_channel *cite_channel_of(struct cite *s, int64_t key)
{
    for (unsigned i = 0; i < s->n_channels; i++)
        if (s->channels[i]->key == key)
            return s->channels[i];
    if (s->n_channels == CHANNELS_MAX)
        return NULL;
    struct cite_channel *c = s->channels[s->n_channels++] = NEW(struct cite_channel);
    c->key = key;
    cite_text_init(&c->text);
    return c;
}

void cite_add_citation(const struct exchange *x, unsigned mark, bool flat, struct buf *out)
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
        cite_add_citation(x, marks[i], flat, out);
    }
}

struct buf *cite_edit_room(struct reading *r)
{
    r->made[r->n] = (struct buf)BUF_INIT(SIZE_MAX);
    return &r->made[r->n];
}

void cite_keep_edit(struct reading *r, struct json_edit e)
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

void cite_replace(struct reading *r, const struct json_value *v, struct str text)
{
    if (r->n == EDITS_MAX)
        return;
    struct buf *made = cite_edit_room(r);
    json_quote(made, text);
    cite_keep_edit(r, json_replace(r->data, v, buf_str(made)));
}

/* Ours go to the end of a list that is there, else the list is made. */
static void put_notes(struct reading *r, const struct json_value *object,
                      const struct json_value *notes, struct str ours)
{
    if (r->n == EDITS_MAX || ours.n == 0)
        return;
    struct buf *made = cite_edit_room(r);
    if (notes->kind == VALUE_ARRAY) {
        struct str inner = {notes->raw.p + 1, notes->raw.n - 2};
        bool empty = str_trim(inner).n == 0;
        buf_add(made, STR("["));
        buf_add(made, empty ? STR("") : inner);
        buf_add(made, empty ? STR("") : STR(","));
        buf_add(made, ours);
        buf_add(made, STR("]"));
        cite_keep_edit(r, json_replace(r->data, notes, buf_str(made)));
        return;
    }
    if (notes->kind != VALUE_ABSENT) {
        buf_addf(made, "[" STR_FMT "]", STR_ARG(ours));
        cite_keep_edit(r, json_replace(r->data, notes, buf_str(made)));
        return;
    }
    buf_add(made, STR("\"annotations\":["));
    buf_add(made, ours);
    buf_add(made, STR("]"));
    struct str inner = {object->raw.p + 1, object->raw.n - 2};
    buf_add(made, str_trim(inner).n ? STR(",") : STR(""));
    size_t at = (size_t)(object->raw.p - r->data.p) + 1;
    cite_keep_edit(r, (struct json_edit){at, at, buf_str(made)});
}

/* A text that is whole: changed where it stands, and its notes beside it. */
void cite_whole_text(struct reading *r, const struct json_value *text,
                     const struct json_value *object, const struct json_value *notes, bool flat,
                     bool counts)
{
    struct cite_text c;
    SCOPED(buf_done)
    struct buf given = BUF_INIT(SIZE_MAX), out = BUF_INIT(SIZE_MAX), ours = BUF_INIT(SIZE_MAX);
    if (text->kind != VALUE_STRING || !json_text(text, &given))
        return;
    cite_text_init(&c);
    cite_text_add(&c, buf_str(&given), true, r->x->rag.n_passages, &out);
    if (c.removed)
        cite_replace(r, text, buf_str(&out));
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
void cite_push_own(struct reading *r, struct str name, struct str data)
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
    cite_push_own(r, (struct str){0}, buf_str(&event));
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

void cite_count(struct exchange *x, const struct cite_text *t)
{
    metric_add(x->worker->metrics, METRIC_citations_total, t->n_marks);
    metric_add(x->worker->metrics, METRIC_citations_removed_total, t->removed);
}

static void push_notes(struct reading *r, struct cite_channel *c)
{
    SCOPED(buf_done) struct buf member = BUF_INIT(SIZE_MAX);
    cite_count(r->x, &c->text);
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
    struct cite_channel *c = cite_channel_of(r->sink->state, index);
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
            cite_replace(r, text, STR(""));
    } else if (has_text && !str_eq(buf_str(&given), buf_str(&out))) {
        cite_replace(r, text, buf_str(&out));
    }
}

static void end_choice(struct reading *r, size_t element)
{
    if (r->at[AT_message].kind == VALUE_OBJECT)
        cite_whole_text(r, &r->at[AT_message_text], &r->at[AT_message], &r->at[AT_message_notes],
                        false, true);
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

static void scan(struct reading *r)
{
    struct err err = {0};
    if (r->x->endpoint == ENDPOINT_responses) {
        cite_responses(r);
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
    pthread_once(&once, make_plan);
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
