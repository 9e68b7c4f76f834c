/* regex - a pattern is found in the output. */
#include "eval/check.h"
#include "gateway/base/pattern.h"

static void prepare(struct assertion *a, struct conf *c, struct conf_place at)
{
    struct err err = {0};
    a->pattern = pattern_new(str_of(json_string_value(a->value)), &err);
    if (!a->pattern)
        conf_problem(c, at, "%s", err.say);
    else
        arena_defer(conf_arena(c), (void (*)(void *))pattern_free, a->pattern);
}

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    const char *value = json_string_value(in->value);
    struct pattern *made = in->a->pattern ? NULL : pattern_new(str_of(value), err);
    const struct pattern *p = in->a->pattern ? in->a->pattern : made;
    if (!p)
        return false;
    struct pattern_match m;
    enum pattern_answer found = pattern_find(p, &(struct pattern_text){.text = in->output}, 0, &m);
    pattern_free(made);
    if (found == PATTERN_LIMIT)
        return err_say(err, ERR_bad_pattern, NULL,
                       "the pattern takes too many steps on this output");
    finding_set(v, (found == PATTERN_YES) != in->a->inverted,
                "Expected output to %smatch regex \"%s\"", in->a->inverted ? "not " : "", value);
    return true;
}

const struct check check_regex = {
    .name = "regex",
    .help = "this pattern (PCRE) is found in the output",
    .need = VALUE_STRING_ONLY,
    .prepare = prepare,
    .run = run,
};
