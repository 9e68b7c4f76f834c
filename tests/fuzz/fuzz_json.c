/*
 * fuzz_json.c - any bytes as JSON: accepted exactly when jansson accepts them, but for
 * what jansson cannot hold; every string survives being decoded and quoted again.
 */
#include <jansson.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "tests/fuzz/fuzz.h"

enum { TOP, STRINGS };

static const char *const paths[] = {[TOP] = "", [STRINGS] = "**"};

struct seen {
    struct str text;
    const struct json_plan *plan;
    struct json_value back;
};

static bool note_back(void *arg, const struct json_hit *h, struct err *err)
{
    (void)err;
    if (h->path == TOP)
        *(struct json_value *)arg = h->value;
    return true;
}

static void check_round_trip(struct seen *s, const struct json_value *v)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(SIZE_MAX), quoted = BUF_INIT(SIZE_MAX);
    struct json_value back = {0};
    const struct json_visitor again = {note_back, &back};
    struct err err = {0};
    check(json_text(v, &text) && text.n == json_text_bytes(v) && json_text_is(v, buf_str(&text)));
    json_quote(&quoted, buf_str(&text));
    check(json_scan(buf_str(&quoted), s->plan, 1, &again, &err));
    check(json_text_is(&back, buf_str(&text)));
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    (void)err;
    struct seen *s = arg;
    const struct str raw = h->value.raw;
    check(raw.n > 0 && raw.p >= s->text.p && raw.p + raw.n <= s->text.p + s->text.n);
    check(h->value.from <= (size_t)(raw.p - s->text.p));
    if (h->value.kind == VALUE_STRING)
        check_round_trip(s, &h->value);
    return true;
}

static bool jansson_accepts(struct str text, bool *cannot_hold)
{
    json_error_t e;
    json_t *j = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    *cannot_hold = !j && (json_error_code(&e) == json_error_numeric_overflow ||
                          json_error_code(&e) == json_error_null_byte_in_key ||
                          strstr(e.text, "invalid Unicode '\\u"));
    json_decref(j);
    return j && !memchr(text.p, '\0', text.n); /* it overlooks a NUL between tokens */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size ? (const char *)data : "", size};
    struct json_plan *plan = json_plan_new(paths, sizeof paths / sizeof paths[0]);
    struct seen s = {.text = text, .plan = plan};
    const struct json_visitor v = {on_hit, &s};
    struct err err = {0};
    bool cannot_hold, ours = json_scan(text, plan, JSON_MAX_DEPTH, &v, &err);
    check(ours == (err.code == ERR_none));
    bool theirs = jansson_accepts(text, &cannot_hold);
    check(ours == theirs || (ours && cannot_hold) || err.code == ERR_too_deep);
    json_plan_free(plan);
    return 0;
}
