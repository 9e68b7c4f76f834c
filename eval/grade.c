/* The rules are those of promptfoo's AssertionsResult; README.md has them in words. */
#include "eval/grade.h"

#include <stdio.h>

#include "eval/mold.h"
#include "gateway/base/scope.h"
#include "eval/text.h"

struct sum { /* of assertions, or of a set's */
    double score, weight;
    const char *failed; /* the reason of the last that failed; NULL: none did */
    json_t *named, *named_weights, *components;
};

static void sum_init(struct sum *m)
{
    *m = (struct sum){
        .named = json_object(), .named_weights = json_object(), .components = json_array()};
}

static void sum_done(struct sum *m)
{
    json_decref(m->named);
    json_decref(m->named_weights);
    json_decref(m->components);
}

static void add_to(json_t *o, const char *name, double d)
{
    json_object_set_new(o, name, json_real(json_number_value(json_object_get(o, name)) + d));
}

static void sum_name(struct sum *m, const char *name, double score, double weight)
{
    add_to(m->named, name, score * weight);
    add_to(m->named_weights, name, weight);
}

/* `result` stays in components; so its reason lives as long as m. */
static void sum_add(struct sum *m, const struct assertion *a, json_t *result)
{
    double score = json_number_value(json_object_get(result, "score"));
    m->score += score * a->weight;
    m->weight += a->weight;
    json_array_append_new(m->components, result);
    if (a->metric)
        sum_name(m, a->metric, score, a->weight);
    if (json_is_false(json_object_get(result, "pass")))
        m->failed = json_string_value(json_object_get(result, "reason"));
}

static json_t *averages(const struct sum *m)
{
    json_t *all = json_object(), *v;
    const char *name;
    json_object_foreach(m->named, name, v)
    {
        double weight = json_number_value(json_object_get(m->named_weights, name));
        json_object_set_new(all, name, json_real(weight > 0 ? json_number_value(v) / weight : 0));
    }
    return all;
}

/* A score of 2/2 prints as 1. */
static json_t *number(double d)
{
    return d == (double)(json_int_t)d ? json_integer((json_int_t)d) : json_real(d);
}

static json_t *sum_result(const struct sum *m, bool has_threshold, double threshold)
{
    double score = m->weight > 0 ? m->score / m->weight : 0;
    bool pass = !m->failed;
    SCOPED(buf_done) struct buf reason = BUF_INIT(REASON_MAX_BYTES);
    buf_add(&reason, m->failed ? str_of(m->failed) : STR("All assertions passed"));
    if (has_threshold) {
        SCOPED(buf_done) struct buf limit = BUF_INIT(64);
        text_number(&limit, threshold);
        pass = score >= threshold;
        buf_cut(&reason, 0);
        buf_addf(&reason, "Aggregate score %.2f %s %s threshold", score, pass ? "≥" : "<", limit.p);
    }
    return json_pack("{s:b, s:o, s:o, s:o, s:O}", "pass", pass, "score", number(score), "reason",
                     text_json(buf_str(&reason)), "namedScores", averages(m), "componentResults",
                     m->components);
}

static json_t *verdict_result(const struct assertion *a, const struct finding *v)
{
    return json_pack("{s:b, s:o, s:o, s:O}", "pass", v->pass || a->weight == 0, "score",
                     number(v->score), "reason", text_json(buf_str(&v->reason)), "assertion",
                     a->source);
}

static bool run_check(struct checking *in, const struct assertion *a, json_t **result,
                      int64_t *cost_nusd, struct err *err)
{
    struct finding v;
    json_t *value = a->mold ? mold_fill(a->mold, in->vars, err) : json_incref((json_t *)a->value);
    if (a->mold && !value)
        return false;
    finding_init(&v);
    in->a = a;
    in->value = value;
    bool ok = a->check->run(in, &v, err);
    *cost_nusd += v.cost_nusd;
    if (ok)
        *result = verdict_result(a, &v);
    finding_done(&v);
    json_decref(value);
    return ok;
}

static bool sum_all(struct sum *m, struct checking *in, const struct assertion *all, size_t n,
                    int64_t *cost_nusd, struct err *err);

static void append_all(json_t *to, const json_t *from)
{
    for (size_t i = 0; i < json_array_size(from); i++)
        json_array_append(to, json_array_get(from, i));
}

/* A set is one component, and what is in it follows. */
static bool run_set(struct sum *m, struct checking *in, const struct assertion *a,
                    int64_t *cost_nusd, struct err *err)
{
    struct sum inner;
    sum_init(&inner);
    bool ok = sum_all(&inner, in, a->set, a->n_set, cost_nusd, err);
    if (ok) {
        json_t *result = sum_result(&inner, a->has_threshold, a->threshold), *v;
        const char *name;
        json_object_set(result, "assertion", (json_t *)a->source);
        sum_add(m, a, result);
        json_object_foreach(inner.named, name, v)
        {
            double weight = json_number_value(json_object_get(inner.named_weights, name));
            sum_name(m, name, weight > 0 ? json_number_value(v) / weight : 0, weight * a->weight);
        }
        append_all(m->components, inner.components);
    }
    sum_done(&inner);
    return ok;
}

static bool sum_all(struct sum *m, struct checking *in, const struct assertion *all, size_t n,
                    int64_t *cost_nusd, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        json_t *result = NULL;
        if (!all[i].check && !run_set(m, in, &all[i], cost_nusd, err))
            return false;
        if (all[i].check && !run_check(in, &all[i], &result, cost_nusd, err))
            return err_wrap(err, "%s", all[i].check->name);
        if (result)
            sum_add(m, &all[i], result);
    }
    return true;
}

bool grade(const struct suite *s, const struct suite_test *t, struct checking *in, json_t **grading,
           int64_t *cost_nusd, struct err *err)
{
    struct sum m;
    size_t n = t->n_asserts + (t->no_defaults ? 0 : s->n_defaults);
    if (n == 0) {
        *grading = json_pack("{s:b, s:i, s:s, s:{}, s:[]}", "pass", 1, "score", 1, "reason",
                             "No assertions", "namedScores", "componentResults");
        return true;
    }
    sum_init(&m);
    bool ok = (t->no_defaults || sum_all(&m, in, s->defaults, s->n_defaults, cost_nusd, err)) &&
              sum_all(&m, in, t->asserts, t->n_asserts, cost_nusd, err);
    if (ok)
        *grading = sum_result(&m, t->has_threshold, t->threshold);
    sum_done(&m);
    return ok;
}
