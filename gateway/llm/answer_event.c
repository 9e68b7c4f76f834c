/* answer_event.c - events and bodies of ours, in the envelope of the upstream's. */
#include "gateway/base/scope.h"
#include "gateway/llm/answer_leaf.h"

static struct str or_null(struct str raw)
{
    return raw.n ? raw : STR("null");
}

static void write_envelope(enum endpoint e, const struct answer_leaves *l, struct buf *out)
{
    buf_add(out, STR("{\"id\":"));
    buf_add(out, or_null(l->id));
    buf_add(out, e == ENDPOINT_chat ? STR(",\"object\":\"chat.completion.chunk\",\"created\":")
                                    : STR(",\"object\":\"text_completion\",\"created\":"));
    buf_add(out, or_null(l->created));
    buf_add(out, STR(",\"model\":"));
    buf_add(out, or_null(l->model));
}

/* The member of a delta that carries this part; what follows its text goes to *tail. */
static void write_part(const struct answer_channel *c, struct buf *head, struct buf *tail)
{
    static const struct {
        const char *head, *tail;
    } parts[] = {
        [PART_content] = {"\"content\":", ""},
        [PART_refusal] = {"\"refusal\":", ""},
        [PART_reasoning] = {"\"reasoning_content\":", ""},
        [PART_reasoning_too] = {"\"reasoning\":", ""},
        [PART_reasoning_details] = {"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":",
                                    "}]"},
        [PART_transcript] = {"\"audio\":{\"transcript\":", "}"},
        [PART_arguments] = {"\"function\":{\"arguments\":", "}}]"},
        [PART_tool_input] = {"\"custom\":{\"input\":", "}}]"},
        [PART_function_call] = {"\"function_call\":{\"arguments\":", "}"},
        [PART_code] = {"\"content\":", ""},
    };
    if (c->part == PART_arguments || c->part == PART_tool_input)
        buf_addf(head, "\"tool_calls\":[{\"index\":%u,", c->index);
    buf_add(head, str_of(parts[c->part].head));
    buf_add(tail, str_of(parts[c->part].tail));
}

void answer_event_around(enum endpoint e, const struct answer_leaves *l, struct str data,
                         const struct answer_leaf *leaf, struct buf *head, struct buf *tail)
{
    struct str raw = leaf->value.raw;
    buf_cut(head, 0);
    buf_cut(tail, 0);
    if (e == ENDPOINT_responses) {
        buf_add(head, (struct str){data.p, (size_t)(raw.p - data.p)});
        buf_add(tail, (struct str){raw.p + raw.n, (size_t)(data.p + data.n - raw.p) - raw.n});
        return;
    }
    write_envelope(e, l, head);
    buf_addf(head, ",\"choices\":[{\"index\":%u,", leaf->channel.choice);
    if (e == ENDPOINT_completions) {
        buf_add(head, STR("\"text\":"));
        buf_add(tail, STR(",\"logprobs\":null,\"finish_reason\":null}]}"));
        return;
    }
    buf_add(head, STR("\"delta\":{"));
    write_part(&leaf->channel, head, tail);
    buf_add(tail, STR("},\"finish_reason\":null}]}"));
}

void answer_event_blocked(enum endpoint e, const struct answer_leaves *l, unsigned choice,
                          struct buf *out)
{
    write_envelope(e, l, out);
    buf_addf(out, ",\"choices\":[{\"index\":%u,%s,\"finish_reason\":\"content_filter\"}]}", choice,
             e == ENDPOINT_chat ? "\"delta\":{}" : "\"text\":\"\",\"logprobs\":null");
}

/* Members of an object that are to have another value. */
struct replacing {
    const char *const *with; /* by path */
    struct json_edit edits[3];
    size_t n;
    struct str text;
};

static bool on_member(void *arg, const struct json_hit *h, struct err *err)
{
    struct replacing *r = arg;
    (void)err;
    r->edits[r->n++] = json_replace(r->text, &h->value, str_of(r->with[h->path]));
    return true;
}

static void replace(struct str text, const char *const *paths, const char *const *with, size_t n,
                    struct buf *out)
{
    struct replacing r = {.with = with, .text = text};
    const struct json_visitor v = {on_member, &r};
    struct err ignored = {0};
    struct json_plan *plan = json_plan_new(paths, n);
    if (json_scan(text, plan, JSON_MAX_DEPTH, &v, &ignored))
        json_splice(out, text, r.edits, r.n);
    json_plan_free(plan);
}

void answer_response_blocked(struct str response, struct buf *out)
{
    static const char *const paths[] = {"status", "incomplete_details", "output"};
    static const char *const with[] = {"\"incomplete\"", "{\"reason\":\"content_filter\"}", "[]"};
    if (response.n)
        replace(response, paths, with, 3, out);
    else
        buf_add(out, STR("{\"object\":\"response\",\"status\":\"incomplete\",\"incomplete_"
                         "details\":{\"reason\":"
                         "\"content_filter\"},\"output\":[]}"));
}

void answer_body_blocked(enum endpoint e, struct str data, const uint64_t choices[2],
                         struct buf *out)
{
    static const char *const paths[] = {"choices"};
    if (e == ENDPOINT_responses) {
        answer_response_blocked(data, out);
        return;
    }
    SCOPED(buf_done) struct buf list = BUF_INIT(64 * 1024);
    for (unsigned i = 0; i < 128; i++)
        if (choices[i / 64] >> i % 64 & 1)
            buf_addf(&list, "%s{\"index\":%u,%s,\"finish_reason\":\"content_filter\"}",
                     list.n ? "," : "[", i,
                     e == ENDPOINT_chat ? "\"message\":{\"role\":\"assistant\",\"content\":\"\","
                                          "\"refusal\":null},\"logprobs\":null"
                                        : "\"text\":\"\",\"logprobs\":null");
    buf_add(&list, list.n ? STR("]") : STR("[]"));
    const char *with[] = {list.p};
    replace(data, paths, with, 1, out);
}
