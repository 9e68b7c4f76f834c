/*
 * Tokens in normal form.  Money follows from them, so a usage object with a count
 * that is none counts as missing altogether, and parts never exceed their total,
 * whatever the upstream says.
 */
#include <stddef.h>

#include "gateway/llm/answer_priv.h"

void tally_add(struct tally *t, size_t field, const struct json_value *v)
{
    int64_t n;
    if (v->kind == VALUE_NULL)
        return;
    if (!json_int(v, &n) || n < 0) {
        t->broken = true;
        return;
    }
    int64_t *sum = (int64_t *)((char *)&t->sum + field);
    if (n > *sum)
        *sum = n;
    t->has_input |= field == offsetof(struct usage, input);
    t->has_output |= field == offsetof(struct usage, output);
}

/* Takes at most what is left of a total. */
static void fit(int64_t *part, int64_t *left)
{
    if (*part > *left)
        *part = *left;
    *left -= *part;
}

bool tally_usage(const struct tally *t, enum endpoint e, struct usage *u)
{
    bool writes = e != ENDPOINT_embeddings && e != ENDPOINT_moderations;
    if (t->broken || !t->has_input || (writes && !t->has_output))
        return false;
    *u = t->sum;
    int64_t input = u->input, output = u->output;
    fit(&u->cached, &input);
    fit(&u->cache_write, &input);
    fit(&u->audio_in, &input);
    fit(&u->reasoning, &output);
    fit(&u->audio_out, &output);
    return true;
}
