/* equals - the output is this text; or, as JSON, this value. */
#include "eval/check.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

/* json_equal() keeps 1 and 1.0 apart, JavaScript does not. */
static bool deep_equal(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *v;
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_array(a) && json_is_array(b)) {
        bool equal = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; equal && i < json_array_size(a); i++)
            equal = deep_equal(json_array_get(a, i), json_array_get(b, i));
        return equal;
    }
    if (!json_is_object(a) || !json_is_object(b))
        return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)a, name,
                        v) if (!json_object_get(b, name) ||
                               !deep_equal(v, json_object_get(b, name))) return false;
    return true;
}

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    (void)err;
    SCOPED(buf_done) struct buf expected = BUF_INIT(REASON_MAX_BYTES * 4);
    bool equal, inverted = in->a->inverted;
    text_of(&expected, in->value);
    if (json_is_array(in->value) || json_is_object(in->value)) {
        json_t *doc = json_loadb(in->output.p, in->output.n, JSON_DECODE_ANY, NULL);
        equal = doc && deep_equal(in->value, doc);
        json_decref(doc);
    } else {
        equal = str_eq(in->output, buf_str(&expected));
    }
    finding_set(v, equal != inverted, "Expected output \"%.*s\" to %sequal \"%s\"",
                (int)in->output.n, in->output.p, inverted ? "not " : "", expected.p);
    return true;
}

const struct check check_equals = {
    .name = "equals",
    .help = "the output is this text; of an object or list: as JSON it is equal to it",
    .need = VALUE_ANY,
    .run = run,
};
