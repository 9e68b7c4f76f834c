#include "eval/judge.h"

#include <math.h>

#include "gateway/base/scope.h"

static json_t *post(const struct client *c, const char *path, json_t *body, int64_t *cost_nusd,
                    struct err *err)
{
    SCOPED(scope_free) char *text = json_dumps(body, JSON_COMPACT);
    struct reply r;
    reply_init(&r);
    json_decref(body);
    json_t *doc = NULL;
    if (c->ask(c->arg, &(struct question){path, str_of(text)}, &r, err)) {
        doc = json_loadb(r.body.p, r.body.n, 0, NULL);
        *cost_nusd += r.cost_nusd > 0 ? r.cost_nusd : 0;
        if (r.status != 200) {
            const json_t *why = json_object_get(json_object_get(doc, "error"), "message");
            err_say(err, ERR_upstream_error, NULL, "the judge answered with status %d: %.160s",
                    r.status, why ? json_string_value(why) : "");
            json_decref(doc);
            doc = NULL;
        } else if (!doc) {
            err_say(err, ERR_bad_answer, NULL, "the judge's answer is not JSON");
        }
    }
    reply_done(&r);
    return doc;
}

const json_t *judge_text(const json_t *answer, const json_t **calls)
{
    const json_t *message =
        json_object_get(json_array_get(json_object_get(answer, "choices"), 0), "message");
    const json_t *text = json_object_get(message, "content");
    if (calls)
        *calls = json_object_get(message, "tool_calls");
    if (!json_is_string(text))
        text = json_object_get(message, "refusal");
    return json_is_string(text) ? text : NULL;
}

bool judge_ask(const struct client *c, const char *model, const json_t *prompt, struct buf *answer,
               int64_t *cost_nusd, struct err *err)
{
    json_t *messages = json_is_array(prompt)
                           ? json_incref((json_t *)prompt)
                           : json_pack("[{s:s, s:O}]", "role", "user", "content", prompt);
    json_t *doc =
        post(c, "/v1/chat/completions",
             json_pack("{s:s, s:i, s:o}", "model", model, "temperature", 0, "messages", messages),
             cost_nusd, err);
    const json_t *text = judge_text(doc, NULL);
    if (text)
        buf_add(answer, (struct str){json_string_value(text), json_string_length(text)});
    bool ok = text || !doc;
    json_decref(doc);
    if (!ok)
        return err_say(err, ERR_bad_answer, NULL, "the judge answered without a text");
    return text != NULL;
}

/* A vector that holds something else than numbers, is zero or overflows has no angle. */
static bool cosine_of(const json_t *a, const json_t *b, double *cosine)
{
    double ab = 0, aa = 0, bb = 0;
    size_t n = json_array_size(a);
    if (n != json_array_size(b))
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *left = json_array_get(a, i), *right = json_array_get(b, i);
        if (!json_is_number(left) || !json_is_number(right))
            return false;
        double x = json_number_value(left), y = json_number_value(right);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    double lengths = sqrt(aa) * sqrt(bb);
    *cosine = ab / lengths;
    return lengths > 0 && isfinite(lengths) && isfinite(ab);
}

/* What is said to be of this index; an upstream may tell them in any order. */
static const json_t *vector_of(const json_t *data, size_t index)
{
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *one = json_array_get(data, i), *said = json_object_get(one, "index");
        if (said ? json_is_integer(said) && (size_t)json_integer_value(said) == index : i == index)
            return json_object_get(one, "embedding");
    }
    return NULL;
}

bool judge_similarity(const struct client *c, const char *model, struct str a, struct str b,
                      double *cosine, int64_t *cost_nusd, struct err *err)
{
    json_t *input = json_pack("[s%s%]", a.p ? a.p : "", a.n, b.p ? b.p : "", b.n);
    json_t *body = input ? json_pack("{s:s, s:o}", "model", model, "input", input) : NULL;
    if (!body)
        return err_say(err, ERR_bad_request, NULL, "a text is not UTF-8");
    json_t *doc = post(c, "/v1/embeddings", body, cost_nusd, err);
    if (!doc)
        return false;
    const json_t *data = json_object_get(doc, "data");
    bool ok = cosine_of(vector_of(data, 0), vector_of(data, 1), cosine);
    json_decref(doc);
    return ok || err_say(err, ERR_bad_answer, NULL,
                         "the judge's answer has no two embeddings to compare");
}
