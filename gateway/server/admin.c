#include "gateway/server/admin.h"

#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/server/admin_priv.h"

enum { SEGMENT_BYTES = 128, HOUR_MS = 3600 * 1000, DAYS_MAX = 36500 };

const struct admin_op admin_ops[] = {
#define OP(method, path, changes, run, help) {method, path, help, changes, admin_##run},
#include "gateway/server/admin_list.h"
    {0},
};

bool admin_dry_run(const json_t *in)
{
    const json_t *v = json_object_get(in, "dry_run");
    return json_is_true(v) || (json_is_string(v) && strcmp(json_string_value(v), "true") == 0);
}

const char *admin_text(const json_t *in, const char *member, const char *otherwise, struct err *err)
{
    const json_t *v = json_object_get(in, member);
    if (!v || json_is_null(v))
        return otherwise;
    if (!json_is_string(v))
        err_say(err, ERR_bad_request, member, "%s is not a string", member);
    return json_string_value(v);
}

/* "30d", "12h" */
static bool parse_duration(struct str s, int64_t *ms)
{
    int64_t n = 0;
    if (s.n < 2 || (s.p[s.n - 1] != 'd' && s.p[s.n - 1] != 'h'))
        return false;
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || n > DAYS_MAX)
            return false;
        n = n * 10 + (s.p[i] - '0');
    }
    *ms = n * HOUR_MS * (s.p[s.n - 1] == 'd' ? 24 : 1);
    return true;
}

bool admin_time(const json_t *in, const char *member, int64_t now_ms, int64_t otherwise,
                int64_t *ms, struct err *err)
{
    const char *text = admin_text(in, member, "", err);
    *ms = otherwise;
    if (!text)
        return false;
    if (!*text || clock_parse(str_of(text), ms))
        return true;
    int64_t ahead_ms;
    if (!now_ms || !parse_duration(str_of(text), &ahead_ms))
        return err_say(err, ERR_bad_request, member,
                       "%s is no time; write 2026-01-31 or 2026-01-31T23:59:59Z%s", member,
                       now_ms ? ", or 30d or 12h from now" : "");
    *ms = now_ms + ahead_ms;
    return true;
}

/* "/keys/{}/rotate" against "/keys/key_1/rotate". */
static bool path_match(const char *pattern, struct str path, struct str *segment)
{
    struct str rest = str_of(pattern), part, given;
    *segment = (struct str){0};
    while (str_next(&rest, '/', &part)) {
        if (!str_next(&path, '/', &given))
            return false;
        if (str_eq(part, STR("{}")) && given.n)
            *segment = given;
        else if (!str_eq(part, given))
            return false;
    }
    return !path.p;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) % 16 : -1;
}

/* What stands in a path has its '/' and the like as %XX. */
static void decode(struct str s, char *text)
{
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
        *text++ = low >= 0 ? (char)(high * 16 + low) : s.p[i];
        i += low >= 0 ? 2 : 0;
    }
    *text = '\0';
}

static bool run(struct admin *a, const struct admin_op *op, struct str segment, json_t *in,
                json_t **out, struct err *err)
{
    char text[SEGMENT_BYTES];
    if (segment.n >= sizeof text)
        return err_set(err, ERR_no_path, "the path is too long");
    decode(segment, text);
    if (!op->run(a, text, in, out, err))
        return false;
    if (op->changes && !a->quiet && !admin_dry_run(in))
        LOG(admin, F("method", op->method), F("path", op->path), F("id", (const char *)text));
    return true;
}

bool admin_run(struct admin *a, const char *method, struct str path, json_t *in, json_t **out,
               struct err *err)
{
    bool known = false;
    struct str segment;
    for (const struct admin_op *op = admin_ops; op->method; op++) {
        if (!path_match(op->path, path, &segment))
            continue;
        known = true;
        if (strcmp(op->method, method) == 0)
            return run(a, op, segment, in, out, err);
    }
    return err_set(err, known ? ERR_bad_method : ERR_no_path, "no such operation");
}

bool admin_reload(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)segment;
    if (!a->reload)
        return err_say(err, ERR_bad_request, NULL, "no server runs that could read its config");
    if (admin_dry_run(in))
        return err_say(err, ERR_bad_request, "dry_run", "use: penstock check");
    if (!a->reload(a->reload_arg, err))
        return false;
    *out = json_object();
    return true;
}
