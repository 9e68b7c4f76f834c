/* starts-with - the output begins with this text. */
#include "eval/check.h"

static bool run(const struct checking *in, struct finding *v, struct err *err)
{
    (void)err;
    const char *value = json_string_value(in->value);
    finding_set(v, str_starts(in->output, str_of(value)) != in->a->inverted,
                "Expected output to %sstart with \"%s\"", in->a->inverted ? "not " : "", value);
    return true;
}

const struct check check_starts_with = {
    .name = "starts-with",
    .help = "the output begins with this text",
    .need = VALUE_STRING_ONLY,
    .run = run,
};
