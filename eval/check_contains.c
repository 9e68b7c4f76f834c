/* contains and its kin - the output holds a text, all of some, or one of them. */
#include <string.h>

#include "eval/check.h"
#include "eval/text.h"
#include "gateway/base/scope.h"

/* ---- lists written as one text: a, "b, c", d */

static size_t skip_space(struct str s, size_t i)
{
    while (i < s.n && text_is_space(s.p[i]))
        i++;
    return i;
}

/* From behind its opening quote; false: it does not end. */
static bool read_quoted(struct str s, size_t *i, struct buf *field)
{
    while (*i < s.n) {
        char c = s.p[*i], next = *i + 1 < s.n ? s.p[*i + 1] : '\0';
        bool escaped = (c == '\\' && (next == '"' || next == '\\')) || (c == '"' && next == '"');
        if (escaped)
            buf_add(field, (struct str){&s.p[*i + 1], 1});
        else if (c == '"') {
            ++*i;
            return true;
        } else
            buf_add(field, (struct str){&s.p[*i], 1});
        *i += escaped ? 2 : 1;
    }
    return false;
}

static bool read_field(struct str s, size_t *i, json_t *list)
{
    SCOPED(buf_done) struct buf field = BUF_INIT(s.n + 1);
    if (s.p[*i] == '"') {
        ++*i;
        if (!read_quoted(s, i, &field))
            return false;
        *i = skip_space(s, *i);
        if (*i < s.n && s.p[*i] != ',')
            return false;
    } else {
        size_t from = *i;
        while (*i < s.n && s.p[*i] != ',')
            ++*i;
        buf_add(&field, text_trim((struct str){s.p + from, *i - from}));
    }
    json_array_append_new(list, json_stringn(field.p, field.n));
    return true;
}

/* A new array; NULL: a quote is not closed, or something follows it. */
static json_t *split(struct str s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s.n;) {
        i = skip_space(s, i);
        if (i < s.n && s.p[i] == ',') {
            i++;
            continue;
        }
        if (i < s.n && !read_field(s, &i, list)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *list_of(const json_t *v)
{
    if (json_is_string(v))
        return split((struct str){json_string_value(v), json_string_length(v)});
    return json_incref((json_t *)v);
}

/* ---- */

static bool holds(struct str output, const json_t *v, bool fold)
{
    SCOPED(buf_done) struct buf what = BUF_INIT(CONF_TEXT_BYTES);
    SCOPED(buf_done) struct buf small = BUF_INIT(CONF_TEXT_BYTES);
    text_of(&what, v);
    if (fold)
        text_lower(&small, buf_str(&what));
    return text_contains(output, buf_str(fold ? &small : &what));
}

static void add_shown(struct buf *out, const json_t *v)
{
    if (out->n)
        buf_add(out, STR(", "));
    text_of(out, v);
}

static void run_one(const struct checking *in, struct str output, bool fold, struct finding *v)
{
    SCOPED(buf_done) struct buf room = BUF_INIT(CONF_TEXT_BYTES);
    finding_set(v, holds(output, in->value, fold) != in->a->inverted,
                "Expected output to %scontain \"%s\"", in->a->inverted ? "not " : "",
                check_shown(in->value, &room));
}

static void run_list(const struct checking *in, struct str output, bool fold, bool all,
                     json_t *list, struct finding *v)
{
    SCOPED(buf_done) struct buf shown = BUF_INIT(CONF_TEXT_BYTES);
    SCOPED(buf_done) struct buf missing = BUF_INIT(CONF_TEXT_BYTES);
    size_t found = 0, n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        bool there = holds(output, one, fold);
        found += there;
        add_shown(&shown, one);
        if (!there)
            add_shown(&missing, one);
    }
    const char *not = in->a->inverted ? "not " : "";
    if (all)
        finding_set(v, (found == n) != in->a->inverted,
                    "Expected output to %scontain all of [%s]. Missing: [%s]", not, shown.p,
                    missing.p);
    else
        finding_set(v, (found > 0) != in->a->inverted, "Expected output to %scontain one of \"%s\"",
                    not, shown.p);
}

static bool run(const struct checking *in, bool fold, bool listed, bool all, struct finding *v,
                struct err *err)
{
    SCOPED(buf_done) struct buf small = BUF_INIT(2 * REPLY_MAX_BYTES);
    struct str output = in->output;
    if (fold) {
        text_lower(&small, output);
        output = buf_str(&small);
    }
    if (!listed) {
        run_one(in, output, fold, v);
        return true;
    }
    json_t *list = list_of(in->value);
    if (!list)
        return err_say(err, ERR_bad_request, NULL,
                       "the list of '%s' has a quote that is not closed", in->a->check->name);
    run_list(in, output, fold, all, list, v);
    json_decref(list);
    return true;
}

static void prepare_list(struct assertion *a, struct conf *c, struct conf_place at)
{
    json_t *list = list_of(a->value);
    if (!list)
        conf_problem(c, at, "the list has a quote that is not closed, or something behind one");
    json_decref(list);
}

static bool run_contains(const struct checking *in, struct finding *v, struct err *err)
{
    return run(in, false, false, false, v, err);
}

static bool run_icontains(const struct checking *in, struct finding *v, struct err *err)
{
    return run(in, true, false, false, v, err);
}

static bool run_contains_all(const struct checking *in, struct finding *v, struct err *err)
{
    return run(in, false, true, true, v, err);
}

static bool run_contains_any(const struct checking *in, struct finding *v, struct err *err)
{
    return run(in, false, true, false, v, err);
}

static bool run_icontains_all(const struct checking *in, struct finding *v, struct err *err)
{
    return run(in, true, true, true, v, err);
}

static bool run_icontains_any(const struct checking *in, struct finding *v, struct err *err)
{
    return run(in, true, true, false, v, err);
}

/* clang-format off */
const struct check check_contains = {
    .name = "contains", .help = "the output holds this text", .need = VALUE_TEXT, .run = run_contains};
const struct check check_icontains = {
    .name = "icontains", .help = "the same, capitals or not", .need = VALUE_TEXT, .run = run_icontains};
const struct check check_contains_all = {
    .name = "contains-all", .help = "it holds all of these", .need = VALUE_TEXTS,
    .prepare = prepare_list, .run = run_contains_all};
const struct check check_contains_any = {
    .name = "contains-any", .help = "it holds one of these", .need = VALUE_TEXTS,
    .prepare = prepare_list, .run = run_contains_any};
const struct check check_icontains_all = {
    .name = "icontains-all", .help = "it holds all of these, capitals or not", .need = VALUE_TEXTS,
    .prepare = prepare_list, .run = run_icontains_all};
const struct check check_icontains_any = {
    .name = "icontains-any", .help = "it holds one of these, capitals or not", .need = VALUE_TEXTS,
    .prepare = prepare_list, .run = run_icontains_any};
/* clang-format on */
