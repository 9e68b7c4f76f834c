/*
 * The events of a stream say the same as a whole answer in small pieces: both are read by
 * the same walk, and what they add is judged at the end.
 */
#include "gateway/llm/appraise.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/llm/json_schema.h"

enum { CHOICES_MAX = 128, TEXT_BYTES = 1024 * 1024, BEGINNING_BYTES = 64 };

struct part {    /* text, or the arguments of one call of a tool */
    size_t tool; /* 0: text; else its index and 1 */
    struct buf text;
};

struct choice {
    struct part *parts;
    size_t n_parts;
    bool refused, cut;
};

struct appraisal {
    enum endpoint endpoint;
    bool wants_json;
    json_t *schema; /* NULL: none was asked for */
    unsigned min_percent;
    struct choice choices[CHOICES_MAX];
    size_t n_choices;
    double logprobs; /* the sum */
    size_t n_logprobs;
};

static void free_json(json_t **j)
{
    json_decref(*j);
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *s = json_string_value(json_object_get(object, member));
    return s ? s : "";
}

static void read_format(struct appraisal *a, struct str format)
{
    SCOPED(free_json) json_t *f = json_loadb(format.p, format.n, 0, NULL);
    const char *type = text_of(f, "type");
    a->wants_json = strcmp(type, "json_object") == 0 || strcmp(type, "json_schema") == 0;
    const json_t *named = json_object_get(f, "json_schema");
    a->schema = json_incref(json_object_get(named ? named : f, "schema"));
}

struct appraisal *appraisal_new(enum endpoint e, struct str format, unsigned min_percent)
{
    struct appraisal *a = NEW(struct appraisal);
    a->endpoint = e;
    a->min_percent = min_percent;
    if (format.n)
        read_format(a, format);
    return a;
}

void appraisal_free(struct appraisal *a)
{
    for (size_t i = 0; a && i < a->n_choices; i++) {
        for (size_t k = 0; k < a->choices[i].n_parts; k++)
            buf_done(&a->choices[i].parts[k].text);
        free(a->choices[i].parts);
    }
    if (a)
        json_decref(a->schema);
    free(a);
}

static void add_text(struct choice *c, size_t tool, const json_t *text)
{
    if (!json_is_string(text))
        return;
    size_t i = 0;
    while (i < c->n_parts && c->parts[i].tool != tool)
        i++;
    if (i == c->n_parts) {
        c->parts = mem_realloc(c->parts, ++c->n_parts * sizeof *c->parts);
        c->parts[i] = (struct part){tool, BUF_INIT(TEXT_BYTES)};
    }
    buf_add(&c->parts[i].text, (struct str){json_string_value(text), json_string_length(text)});
}

static void add_tool_calls(struct choice *c, const json_t *calls)
{
    size_t i;
    json_t *call;
    json_array_foreach(calls, i, call)
    {
        const json_t *index = json_object_get(call, "index");
        size_t tool = json_is_integer(index) ? (size_t)json_integer_value(index) : i;
        add_text(c, tool + 1, json_object_get(json_object_get(call, "function"), "arguments"));
        if (json_object_get(call, "custom")) /* of any form */
            add_text(c, 0, json_object_get(json_object_get(call, "custom"), "input"));
    }
}

static void add_finish(struct choice *c, const char *finish)
{
    c->cut |= strcmp(finish, "length") == 0 || strcmp(finish, "max_output_tokens") == 0;
    c->refused |= strcmp(finish, "content_filter") == 0;
}

static void add_logprob(struct appraisal *a, const json_t *value)
{
    if (!json_is_number(value))
        return;
    a->logprobs += json_number_value(value);
    a->n_logprobs++;
}

/* Chat tells {"content": [{"logprob": …}]}, completions {"token_logprobs": […]}. */
static void add_logprobs(struct appraisal *a, const json_t *told)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(told, "content"), i, each)
        add_logprob(a, json_object_get(each, "logprob"));
    json_array_foreach(json_object_get(told, "token_logprobs"), i, each) add_logprob(a, each);
}

static void add_message(struct choice *c, const json_t *m)
{
    size_t i;
    json_t *part;
    add_text(c, 0, json_object_get(m, "content"));
    json_array_foreach(json_object_get(m, "content"), i, part)
        add_text(c, 0, json_object_get(part, "text"));
    c->refused |= *text_of(m, "refusal") != '\0';
    add_tool_calls(c, json_object_get(m, "tool_calls"));
    add_text(c, 1, json_object_get(json_object_get(m, "function_call"), "arguments"));
}

static struct choice *choice_at(struct appraisal *a, size_t i)
{
    i = i < CHOICES_MAX ? i : CHOICES_MAX - 1;
    a->n_choices = i < a->n_choices ? a->n_choices : i + 1;
    return &a->choices[i];
}

static void add_choices(struct appraisal *a, const json_t *choices)
{
    size_t i;
    json_t *each;
    json_array_foreach(choices, i, each)
    {
        const json_t *index = json_object_get(each, "index");
        struct choice *c =
            choice_at(a, json_is_integer(index) ? (size_t)json_integer_value(index) : i);
        const json_t *delta = json_object_get(each, "delta");
        add_message(c, delta ? delta : json_object_get(each, "message"));
        add_text(c, 0, json_object_get(each, "text"));
        add_finish(c, text_of(each, "finish_reason"));
        add_logprobs(a, json_object_get(each, "logprobs"));
    }
}

static void add_item(struct appraisal *a, struct choice *c, size_t place, const json_t *item)
{
    size_t i;
    json_t *part;
    add_text(c, place + 1, json_object_get(item, "arguments"));
    add_text(c, 0, json_object_get(item, "input"));
    if (strcmp(text_of(item, "type"), "message") != 0)
        return;
    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        add_text(c, 0, json_object_get(part, "text"));
        c->refused |= *text_of(part, "refusal") != '\0';
        size_t k;
        json_t *each;
        json_array_foreach(json_object_get(part, "logprobs"), k, each)
            add_logprob(a, json_object_get(each, "logprob"));
    }
}

/* The last event of a stream holds all of the answer; those before it are passed over. */
static void add_response(struct appraisal *a, const json_t *top)
{
    const json_t *response = json_object_get(top, "response");
    if (!response)
        response = top;
    const char *status = text_of(response, "status");
    if (strcmp(status, "completed") != 0 && strcmp(status, "incomplete") != 0)
        return;
    struct choice *c = choice_at(a, 0);
    add_finish(c, text_of(json_object_get(response, "incomplete_details"), "reason"));
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(response, "output"), i, item) add_item(a, c, i, item);
}

void appraisal_add(struct appraisal *a, struct str data)
{
    SCOPED(free_json) json_t *top = json_loadb(data.p, data.n, JSON_ALLOW_NUL, NULL);
    if (a->endpoint == ENDPOINT_responses)
        add_response(a, top);
    else
        add_choices(a, json_object_get(top, "choices"));
}

static bool begins_as_refusal(struct str text)
{
    static const char *const beginnings[] = {
#define REFUSAL(beginning) beginning,
#include "gateway/llm/refusal_list.h"
    };
    static const char typographic[] = "\xe2\x80\x99"; /* U+2019 */
    char plain[BEGINNING_BYTES + 1];
    size_t n = 0, i = 0;
    while (i < text.n && strchr(" \t\r\n", text.p[i]))
        i++;
    for (; i < text.n && n < BEGINNING_BYTES; i++) {
        bool is_apostrophe = text.n - i >= 3 && memcmp(text.p + i, typographic, 3) == 0;
        char ch = is_apostrophe ? '\'' : text.p[i];
        plain[n++] = (char)(ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch);
        i += is_apostrophe ? 2 : 0;
    }
    for (size_t k = 0; k < sizeof beginnings / sizeof beginnings[0]; k++)
        if (str_starts((struct str){plain, n}, str_of(beginnings[k])))
            return true;
    return false;
}

static const char *json_fault(struct str text, const json_t *schema)
{
    SCOPED(free_json)
    json_t *v = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!v)
        return "invalid_json";
    return schema && json_schema_check(schema, v) == SCHEMA_MISFITS ? "schema" : NULL;
}

static const char *part_fault(const struct appraisal *a, const struct part *p)
{
    struct str text = buf_str(&p->text);
    if (p->tool)
        return text.n ? json_fault(text, NULL) : NULL; /* a tool without parameters */
    if (begins_as_refusal(text))
        return "refusal";
    return a->wants_json ? json_fault(text, a->schema) : NULL;
}

static const char *choice_fault(const struct appraisal *a, const struct choice *c)
{
    bool any = false, calls = false;
    const char *fault = NULL;
    for (size_t i = 0; i < c->n_parts; i++)
        calls |= c->parts[i].tool > 0;
    for (size_t i = 0; i < c->n_parts; i++) {
        any |= c->parts[i].tool > 0 || c->parts[i].text.n > 0;
        bool is_aside = calls && c->parts[i].tool == 0; /* what it says beside its calls */
        if (!fault && !is_aside && (c->parts[i].tool || c->parts[i].text.n))
            fault = part_fault(a, &c->parts[i]);
    }
    if (c->refused)
        return "refusal";
    if (c->cut)
        return "length";
    return any ? fault : "empty";
}

const char *appraisal_fault(const struct appraisal *a)
{
    if (a->endpoint != ENDPOINT_chat && a->endpoint != ENDPOINT_completions &&
        a->endpoint != ENDPOINT_responses)
        return NULL;
    if (a->n_choices == 0)
        return "empty";
    for (size_t i = 0; i < a->n_choices; i++) {
        const char *fault = choice_fault(a, &a->choices[i]);
        if (fault)
            return fault;
    }
    bool unsure = a->n_logprobs && exp(a->logprobs / (double)a->n_logprobs) * 100 < a->min_percent;
    return unsure ? "unsure" : NULL;
}
