/*
 * What the simulated upstream says: the words of `echo` or `chat`, a document where a
 * schema asks for one, or tool calls where the choice, or the text, names a tool.
 */
#include "config.h"

#include <jansson.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/net/sim_priv.h"

enum { LEAST_TOKENS = 12, MORE_TOKENS = 24 };

static struct sim_part *add_part(struct sim_choice *c, const char *tool, uint64_t seed)
{
    struct sim_part *p = &c->parts[c->n_parts++];
    p->tool = tool;
    p->text = (struct buf)BUF_INIT(SIM_TEXT_BYTES);
    struct buf id = BUF_INIT(sizeof p->call_id - 1);
    buf_addf(&id, "call_%016llx", (unsigned long long)sim_hash(seed + c->n_parts, str_of(tool)));
    memcpy(p->call_id, id.p, id.n);
    buf_done(&id);
    return p;
}

static void add_document(struct buf *out, const json_t *schema, uint64_t seed)
{
    json_t *made = sim_document(schema, seed);
    char *text = json_dumps(made, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_add(out, str_of(text));
    free(text);
    json_decref(made);
}

/* Chat has it within `function`, Responses beside `type`. */
static const json_t *spec_of(const json_t *tool)
{
    const json_t *inner = json_object_get(tool, "function");
    return inner ? inner : tool;
}

static void add_call(struct sim_choice *c, const json_t *spec, uint64_t seed)
{
    const char *name = json_string_value(json_object_get(spec, "name"));
    if (name && c->n_parts < SIM_CALLS) {
        const json_t *parameters = json_object_get(spec, "parameters");
        struct sim_part *p = add_part(c, name, seed);
        if (parameters)
            add_document(&p->text, parameters, seed);
        else
            buf_add(&p->text, STR("{}"));
    }
}

static bool mentions(const struct buf *text, const char *name)
{
    return name && memmem(text->p, text->n, name, strlen(name));
}

static void add_calls(struct sim_choice *c, const struct sim_request *r, uint64_t seed)
{
    const json_t *tools = json_object_get(r->doc, "tools"),
                 *choice = json_object_get(r->doc, "tool_choice");
    const char *word = json_string_value(choice);
    const char *named = json_string_value(json_object_get(spec_of(choice), "name"));
    size_t i;
    const json_t *tool;
    if (word && strcmp(word, "none") == 0)
        return;
    json_array_foreach(tools, i, tool)
    {
        const char *name = json_string_value(json_object_get(spec_of(tool), "name"));
        if (named ? name && strcmp(name, named) == 0
                  : !r->echo && !r->after_tool && mentions(&r->last_user, name))
            add_call(c, spec_of(tool), seed);
    }
    if (c->n_parts == 0 && word && strcmp(word, "required") == 0)
        add_call(c, spec_of(json_array_get(tools, 0)), seed);
}

/* False: no document is asked for.  *schema is NULL where any will do. */
static bool wants_document(const struct sim_request *r, const json_t **schema)
{
    const json_t *format = r->endpoint == ENDPOINT_responses
                               ? json_object_get(json_object_get(r->doc, "text"), "format")
                               : json_object_get(r->doc, "response_format");
    const json_t *inner = json_object_get(format, "json_schema");
    const char *type = json_string_value(json_object_get(format, "type"));
    *schema = json_object_get(inner ? inner : format, "schema");
    return type && strncmp(type, "json_", strlen("json_")) == 0;
}

static void add_text(struct sim_choice *c, const struct sim_request *r, uint64_t seed)
{
    struct buf *text = &add_part(c, NULL, seed)->text;
    const json_t *schema;
    int64_t tokens =
        r->set.tokens >= 0 ? r->set.tokens : LEAST_TOKENS + (int64_t)(seed % MORE_TOKENS);
    if (r->echo)
        buf_add(text, buf_str(&r->last_user));
    else if (wants_document(r, &schema) && schema)
        add_document(text, schema, seed);
    else if (wants_document(r, &schema))
        buf_add(text, STR("{\"answer\":\"still water\"}"));
    else
        sim_words(text, seed, tokens);
}

/* Counts the tokens of a choice, and cuts it where it has more than the most. */
static int64_t count_tokens(struct sim_choice *c, int64_t most)
{
    int64_t tokens = 0;
    for (unsigned i = 0; i < c->n_parts; i++) {
        struct buf *text = &c->parts[i].text;
        struct str rest = buf_str(text);
        for (size_t n; (n = sim_token(rest)) > 0; rest.p += n, rest.n -= n) {
            if (tokens == most) {
                c->cut = true;
                buf_cut(text, text->n - rest.n);
                c->n_parts = i + 1;
                for (unsigned k = i + 1; k < SIM_CALLS; k++)
                    buf_done(&c->parts[k].text);
                return tokens;
            }
            tokens++;
        }
    }
    return tokens;
}

static json_t *count_usage(const struct sim_request *r, int64_t output)
{
    json_int_t in = r->input_tokens, out = output;
    if (r->endpoint == ENDPOINT_embeddings)
        return json_pack("{s:I, s:I}", "prompt_tokens", in, "total_tokens", in);
    if (r->endpoint == ENDPOINT_responses)
        return json_pack("{s:I, s:{s:i}, s:I, s:{s:i}, s:I}", "input_tokens", in,
                         "input_tokens_details", "cached_tokens", 0, "output_tokens", out,
                         "output_tokens_details", "reasoning_tokens", 0, "total_tokens", in + out);
    return json_pack("{s:I, s:I, s:I, s:{s:i}, s:{s:i}}", "prompt_tokens", in, "completion_tokens",
                     out, "total_tokens", in + out, "prompt_tokens_details", "cached_tokens", 0,
                     "completion_tokens_details", "reasoning_tokens", 0);
}

static void write_usage(struct sim_answer *a, const struct sim_request *r)
{
    json_t *usage = count_usage(r, a->tokens);
    if (r->set.usage)
        json_object_update_recursive(usage, r->set.usage);
    char *text = json_dumps(usage, JSON_COMPACT);
    buf_add(&a->usage, str_of(text));
    free(text);
    json_decref(usage);
}

void sim_answer_make(struct sim_answer *a, const struct sim_request *r)
{
    bool has_text = r->endpoint != ENDPOINT_embeddings && r->endpoint != ENDPOINT_moderations;
    *a = (struct sim_answer){.n_choices = has_text ? r->choices : 0, .usage = BUF_INIT(64 * 1024)};
    a->choices = mem_zalloc(a->n_choices * sizeof *a->choices);
    for (unsigned i = 0; i < a->n_choices; i++) {
        struct sim_choice *c = &a->choices[i];
        uint64_t seed = sim_mix(r->seed + i);
        for (unsigned k = 0; k < SIM_CALLS; k++)
            c->parts[k].text = (struct buf)BUF_INIT(SIM_TEXT_BYTES);
        if (r->endpoint != ENDPOINT_completions)
            add_calls(c, r, seed);
        if (c->n_parts == 0)
            add_text(c, r, seed);
        a->tokens += count_tokens(c, r->max_tokens);
    }
    write_usage(a, r);
}

void sim_answer_done(struct sim_answer *a)
{
    for (unsigned i = 0; i < a->n_choices; i++)
        for (unsigned k = 0; k < SIM_CALLS; k++)
            buf_done(&a->choices[i].parts[k].text);
    free(a->choices);
    buf_done(&a->usage);
}
