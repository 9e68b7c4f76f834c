#include "eval/row.h"

#include <string.h>

#include "eval/grade.h"
#include "eval/judge.h"
#include "eval/mold.h"
#include "gateway/base/scope.h"

const char *const row_state_words[ROW_STATES] = {"pass", "fail", "error"};

struct asked {
    struct suite_row at;
    json_t *prompt; /* messages, or a text; NULL: the registry's */
    json_t *output; /* a string, or tool calls */
    json_t *usage;
    int64_t latency_ms, cost_nusd; /* COST_UNKNOWN */
    bool cached;
};

/* ---- the question */

static json_t *with_ends(json_t *prompt, const struct suite_test *t)
{
    if (!json_is_string(prompt) || (!t->prefix && !t->suffix))
        return prompt;
    SCOPED(buf_done) struct buf text = BUF_INIT(2 * MOLD_MAX_BYTES);
    buf_add(&text, str_of(t->prefix));
    buf_add(&text, str_of(json_string_value(prompt)));
    buf_add(&text, str_of(t->suffix));
    json_decref(prompt);
    return json_stringn(text.p, text.n);
}

static json_t *messages_of(const json_t *prompt)
{
    if (json_is_array(prompt))
        return json_incref((json_t *)prompt);
    return json_pack("[{s:s, s:O}]", "role", "user", "content", prompt);
}

static json_t *body_of(const struct asked *a)
{
    json_t *body = json_object();
    if (a->at.prompt->registry) {
        json_object_set_new(body, "model", json_string(a->at.prompt->registry));
        json_object_set_new(body, "messages", json_array());
        json_object_set_new(body, "prompt_variables",
                            json_loadb(a->at.test->vars.p, a->at.test->vars.n, 0, NULL));
    } else {
        json_object_set_new(body, "model", json_string(a->at.provider->model));
        json_object_set_new(body, "messages", messages_of(a->prompt));
    }
    if (a->at.provider->options)
        json_object_update(body, (json_t *)a->at.provider->options);
    return body;
}

/* ---- the answer */

static bool read_answer(struct asked *a, const struct reply *r, struct err *err)
{
    json_t *doc = json_loadb(r->body.p, r->body.n, 0, NULL);
    const json_t *calls, *text = judge_text(doc, &calls);
    const json_t *why = json_object_get(json_object_get(doc, "error"), "message");
    if (r->status != 200)
        err_say(err, ERR_upstream_error, NULL, "status %d: %.200s", r->status,
                why ? json_string_value(why) : "no reason given");
    else if (!doc)
        err_say(err, ERR_bad_answer, NULL, "the answer is not JSON");
    else
        a->output = text    ? json_incref((json_t *)text)
                    : calls ? json_incref((json_t *)calls)
                            : json_string("");
    a->usage = json_incref(json_object_get(doc, "usage"));
    json_decref(doc);
    return a->output != NULL;
}

static bool ask_model(struct asked *a, const struct client *c, struct err *err)
{
    json_t *body = body_of(a);
    SCOPED(scope_free) char *text = json_dumps(body, JSON_COMPACT);
    struct reply r;
    reply_init(&r);
    json_decref(body);
    bool ok = c->ask(c->arg, &(struct question){"/v1/chat/completions", str_of(text)}, &r, err) &&
              read_answer(a, &r, err);
    a->latency_ms = r.latency_ms;
    a->cost_nusd = r.cost_nusd;
    a->cached = r.cached;
    reply_done(&r);
    return ok;
}

static json_t *as_text(const json_t *v)
{
    SCOPED(scope_free)
    char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    return text ? json_string(text) : json_incref((json_t *)v);
}

static bool find_output(struct asked *a, const struct client *c, struct err *err)
{
    const struct suite_test *t = a->at.test;
    if (a->at.prompt->mold) {
        a->prompt = mold_fill(a->at.prompt->mold, t->vars, err);
        if (!a->prompt)
            return false;
        a->prompt = with_ends(a->prompt, t);
    }
    if (t->has_output) {
        a->output = json_stringn(t->output.p, t->output.n);
        a->cost_nusd = 0;
        return true;
    }
    if (a->at.provider->model || a->at.prompt->registry)
        return ask_model(a, c, err);
    a->output = as_text(a->prompt);
    a->cost_nusd = 0;
    return true;
}

/* ---- the result */

static json_t *usage_of(const struct asked *a)
{
    json_int_t in = json_integer_value(json_object_get(a->usage, "prompt_tokens"));
    json_int_t out = json_integer_value(json_object_get(a->usage, "completion_tokens"));
    return json_pack("{s:I, s:I, s:I, s:i}", "total", in + out, "prompt", in, "completion", out,
                     "numRequests", a->usage ? 1 : 0);
}

static json_t *test_case(const struct asked *a)
{
    const struct suite_test *t = a->at.test;
    json_t *all = json_array(), *doc = json_object();
    for (size_t i = 0; i < t->n_asserts; i++)
        json_array_append(all, (json_t *)t->asserts[i].source);
    json_object_set_new(doc, "vars", json_loadb(t->vars.p, t->vars.n, 0, NULL));
    json_object_set_new(doc, "assert", all);
    if (t->description)
        json_object_set_new(doc, "description", json_string(t->description));
    if (t->has_threshold)
        json_object_set_new(doc, "threshold", json_real(t->threshold));
    if (t->metadata)
        json_object_set(doc, "metadata", (json_t *)t->metadata);
    return doc;
}

static json_t *result_of(const struct asked *a, json_t *grading, const struct row_result *r,
                         const struct err *err)
{
    const struct suite_provider *p = a->at.provider;
    const char *raw = a->at.prompt->registry;
    json_t *doc = json_pack(
        "{s:I, s:I, s:o, s:{s:s, s:s}, s:{s:o, s:s}, s:o, s:{s:o, s:o, s:b}, s:b, s:f, s:o, s:I, "
        "s:f, s:o, s:i}",
        "promptIdx", (json_int_t)a->at.prompt_index, "testIdx", (json_int_t)a->at.test_index,
        "testCase", test_case(a), "provider", "id", p->id, "label", p->label ? p->label : "",
        "prompt", "raw",
        raw         ? json_string(raw)
        : a->prompt ? as_text(a->prompt)
                    : json_string(""),
        "label", a->at.prompt->label, "vars",
        json_loadb(a->at.test->vars.p, a->at.test->vars.n, 0, NULL), "response", "output",
        a->output ? json_incref(a->output) : json_null(), "tokenUsage", usage_of(a), "cached",
        a->cached, "success", r->state == ROW_PASSED, "score", r->score, "namedScores",
        grading ? json_incref(json_object_get(grading, "namedScores")) : json_object(), "latencyMs",
        (json_int_t)r->latency_ms, "cost", (double)r->cost_nusd / 1e9, "gradingResult",
        grading ? json_incref(grading) : json_null(), "failureReason", (int)r->state);
    if (r->state == ROW_ERROR)
        json_object_set_new(doc, "error", json_string(*err->say ? err->say : err->detail));
    else if (r->state == ROW_FAILED)
        json_object_set(doc, "error", json_object_get(grading, "reason"));
    return doc;
}

static bool grade_output(struct asked *a, const struct suite *s, const struct client *c,
                         json_t **grading, int64_t *cost_nusd, struct err *err)
{
    json_t *text = as_text(a->output);
    struct checking in = {
        .output = {json_string_value(text), json_string_length(text)},
        .vars = a->at.test->vars,
        .latency_ms = a->latency_ms,
        .cached = a->cached,
        .cost_nusd = a->cost_nusd,
        .client = c,
    };
    bool ok = grade(s, a->at.test, &in, grading, cost_nusd, err);
    json_decref(text);
    return ok;
}

void row_run(const struct suite *s, const struct client *c, size_t row, struct row_result *out)
{
    struct asked a = {.at = suite_row(s, row), .cost_nusd = COST_UNKNOWN};
    json_t *grading = NULL;
    struct err err = {0};
    *out = (struct row_result){.state = ROW_ERROR};
    bool ok = find_output(&a, c, &err) && grade_output(&a, s, c, &grading, &out->cost_nusd, &err);
    if (ok)
        out->state = json_is_true(json_object_get(grading, "pass")) ? ROW_PASSED : ROW_FAILED;
    out->score = json_number_value(json_object_get(grading, "score"));
    out->latency_ms = a.latency_ms;
    out->cost_nusd += a.cost_nusd > 0 ? a.cost_nusd : 0;
    out->doc = result_of(&a, grading, out, &err);
    json_decref(grading);
    json_decref(a.prompt);
    json_decref(a.output);
    json_decref(a.usage);
}
