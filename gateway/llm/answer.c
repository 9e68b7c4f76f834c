/*
 * Reads an answer: for every event of every stream, so all of it is one scan.  The
 * members of a choice come in any order; they are put together when it ends.
 */
#include "gateway/llm/answer.h"

#include "gateway/llm/answer_priv.h"

enum { BYTES_PER_TOKEN = 4 }; /* about */

struct notes {
    const struct answer_plan *plan;
    struct answer *a;
    struct json_value kept[ANSWER_READ_kept];
    struct tally own, elsewhere;
    int64_t reasoning, reasoning_too; /* bytes */
    size_t choices;
    struct json_value piece;
    unsigned pieces, others; /* that are text or calls */
    int64_t choice;          /* the last that ended */
};

static enum answer_reason reason_of(const struct json_value *v)
{
    static const struct {
        const char *word;
        enum answer_reason reason;
    } words[] = {
        {"stop", REASON_stop},
        {"length", REASON_length},
        {"max_output_tokens", REASON_length},
        {"tool_calls", REASON_tool_calls},
        {"function_call", REASON_tool_calls},
        {"content_filter", REASON_content_filter},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (json_text_is(v, str_of(words[i].word)))
            return words[i].reason;
    return REASON_other;
}

static bool end_choice(struct notes *t, size_t element, struct err *err)
{
    struct json_value *index = &t->kept[ANSWER_READ_index];
    struct json_value *finish = &t->kept[ANSWER_READ_finish];
    int64_t i = (int64_t)element;
    if (index->kind != VALUE_ABSENT && index->kind != VALUE_NULL && !json_int(index, &i))
        i = -1;
    if (i < 0 || i >= ANSWER_CHOICES)
        return err_set(err, ERR_bad_answer, "the index of a choice is none");
    uint64_t bit = (uint64_t)1 << i % 64;
    t->choices++;
    t->choice = i;
    t->a->begun[i / 64] |= bit;
    if (json_text_bytes(finish) > 0) {
        t->a->finished[i / 64] |= bit;
        t->a->reason = reason_of(finish);
    }
    index->kind = finish->kind = VALUE_ABSENT;
    return true;
}

static void on_text(struct notes *t, enum answer_read read, const struct json_value *v)
{
    t->a->text_bytes += (int64_t)json_text_bytes(v);
    if (read == ANSWER_READ_text) {
        t->others++;
        return;
    }
    t->piece = *v;
    t->pieces++;
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct notes *t = arg;
    const struct answer_member *m = t->plan->members[h->path];
    const struct json_value *v = &h->value;
    if (m->read < ANSWER_READ_kept)
        t->kept[m->read] = *v;
    else if (m->read == ANSWER_READ_piece || m->read == ANSWER_READ_text)
        on_text(t, m->read, v);
    else if (m->read == ANSWER_READ_calls)
        t->others++;
    else if (m->read == ANSWER_READ_reasoning)
        t->reasoning += (int64_t)json_text_bytes(v);
    else if (m->read == ANSWER_READ_reasoning_too)
        t->reasoning_too += (int64_t)json_text_bytes(v);
    else if (m->read == ANSWER_READ_count)
        tally_add(m->elsewhere ? &t->elsewhere : &t->own, m->field, v);
    else if (m->read == ANSWER_READ_choice)
        return end_choice(t, h->element, err);
    else
        t->a->no_choices = v->kind == VALUE_ARRAY && t->choices == 0;
    return true;
}

static enum answer_end ended_by(const struct json_value *word, const char *prefix)
{
    static const struct {
        const char *word;
        enum answer_end ended;
    } words[] = {
        {"completed", ANSWER_COMPLETED},
        {"incomplete", ANSWER_INCOMPLETE},
        {"failed", ANSWER_FAILED},
        {"cancelled", ANSWER_FAILED},
    };
    struct str raw = word->raw, start = str_of(prefix);
    if (word->kind != VALUE_STRING || !str_starts(raw, start))
        return ANSWER_OPEN;
    raw = (struct str){raw.p + start.n, raw.n - start.n - 1};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq(raw, str_of(words[i].word)))
            return words[i].ended;
    return ANSWER_OPEN;
}

/* An event adds text only as a delta; what others repeat is not counted again. */
static void settle_responses(struct notes *t)
{
    struct answer *a = t->a;
    const struct json_value *type = &t->kept[ANSWER_READ_type];
    if (type->kind != VALUE_STRING) {
        a->ended = ended_by(&t->kept[ANSWER_READ_status], "\"");
    } else {
        a->ended = ended_by(type, "\"response.");
        if (str_ends(type->raw, STR(".delta\"")) &&
            !json_text_is(type, STR("response.audio.delta")))
            a->text_bytes += (int64_t)json_text_bytes(&t->kept[ANSWER_READ_delta]);
    }
    if (a->ended == ANSWER_COMPLETED)
        a->reason = REASON_stop;
    else if (a->ended == ANSWER_INCOMPLETE)
        a->reason = reason_of(&t->kept[ANSWER_READ_finish]);
}

static bool is_truthy(const struct json_value *v)
{
    return v->kind != VALUE_ABSENT && v->kind != VALUE_NULL && v->kind != VALUE_FALSE &&
           (v->kind != VALUE_STRING || json_text_bytes(v) > 0);
}

static void settle(struct notes *t, enum endpoint e)
{
    struct answer *a = t->a;
    a->top = t->kept[ANSWER_READ_top];
    a->model = t->kept[ANSWER_READ_model];
    a->usage = t->kept[ANSWER_READ_usage];
    a->text_bytes += t->reasoning > t->reasoning_too ? t->reasoning : t->reasoning_too;
    if (e == ENDPOINT_responses)
        settle_responses(t);
    if (t->pieces == 1 && t->choices == 1 && t->others == 0 && t->piece.kind == VALUE_STRING) {
        a->said = t->piece;
        a->said_by = t->choice;
    }
    a->has_text = a->text_bytes > 0;
    a->counted = tally_usage(&t->own, e, &a->count) || tally_usage(&t->elsewhere, e, &a->count);

    if (is_truthy(&t->kept[ANSWER_READ_error]))
        a->error = t->kept[ANSWER_READ_error];
    else if (json_text_is(&t->kept[ANSWER_READ_type], STR("error")) ||
             json_text_is(&t->kept[ANSWER_READ_object], STR("error")))
        a->error = a->top;
}

bool answer_scan(enum endpoint e, struct str data, struct answer *a, struct err *err)
{
    *a = (struct answer){0};
    struct notes t = {.plan = answer_plan(e), .a = a};
    const struct json_visitor v = {on_hit, &t};
    struct err why = {0};
    if (!json_scan(data, t.plan->json, JSON_MAX_DEPTH, &v, &why))
        return err_set(err, ERR_bad_answer, "%s", why.detail[0] ? why.detail : why.say);
    settle(&t, e);
    return a->top.kind == VALUE_OBJECT || err_set(err, ERR_bad_answer, "the answer is no object");
}

int64_t answer_output_estimate(int64_t text_bytes)
{
    return (text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}
