/* /admin/v1/budgets */
#include "gateway/base/money.h"
#include "gateway/server/admin_priv.h"
#include "gateway/store/budgets.h"

enum { NUSD_PLACES = 9 };

bool admin_budgets_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment, (void)in;
    if (!store_flush(a->store, err))
        return false;
    *out = budget_list(a->store, err);
    return *out != NULL;
}

static bool read_owner(const json_t *in, struct budget_owner *o, struct err *err)
{
    o->team = admin_text(in, "team", "", err);
    o->key_id = o->team ? admin_text(in, "key", "", err) : NULL;
    return o->key_id != NULL;
}

static bool read_per(const json_t *in, enum period *per, struct err *err)
{
    const char *text = admin_text(in, "per", "", err);
    return text &&
           (period_find(str_of(text), per) ||
            err_say(err, ERR_bad_request, "per",
                    *text ? "there is no window '%.64s'; per is one of hour, day, month, total"
                          : "say per which window: hour, day, month or total%.0s",
                    text));
}

/* A decimal of dollars, as text or as a whole number. */
static bool read_usd(const json_t *in, int64_t *nusd, struct err *err)
{
    const json_t *v = json_object_get(in, "usd");
    *nusd = BUDGET_NONE;
    if (!v || json_is_null(v))
        return true;
    if (json_is_string(v) && money_parse(str_of(json_string_value(v)), NUSD_PLACES, nusd))
        return true;
    int64_t whole = json_is_integer(v) ? json_integer_value(v) : -1;
    return (whole >= 0 && !__builtin_mul_overflow(whole, INT64_C(1000000000), nusd)) ||
           err_say(err, ERR_bad_request, "usd",
                   "usd is no amount of dollars; write it as \"12.50\", with nine places at most");
}

static bool read_tokens(const json_t *in, int64_t *tokens, struct err *err)
{
    const json_t *v = json_object_get(in, "tokens");
    int64_t n = BUDGET_NONE;
    bool ok = !v || json_is_null(v) || (json_is_integer(v) && (n = json_integer_value(v)) >= 0) ||
              (json_is_string(v) && str_int(str_of(json_string_value(v)), &n) && n >= 0);
    *tokens = n;
    return ok || err_say(err, ERR_bad_request, "tokens", "tokens is a whole number, 0 or more");
}

bool admin_budgets_set(struct admin *a, const char *segment, json_t *in, json_t **out,
                       struct err *err)
{
    (void)segment;
    struct budget_spec b;
    if (!read_owner(in, &b.owner, err) || !read_per(in, &b.per, err) ||
        !read_usd(in, &b.limit.of[MEASURE_usd], err) ||
        !read_tokens(in, &b.limit.of[MEASURE_tokens], err))
        return false;
    if (b.limit.of[MEASURE_usd] == BUDGET_NONE && b.limit.of[MEASURE_tokens] == BUDGET_NONE)
        return err_say(err, ERR_bad_request, "usd",
                       "a budget limits usd or tokens: give one of them");
    if (!budget_set(a->store, &b, admin_dry_run(in), err))
        return false;
    *out = json_pack("{s:O?, s:O?, s:s}", "team", json_object_get(in, "team"), "key",
                     json_object_get(in, "key"), "per", period_name(b.per));
    return true;
}

bool admin_budgets_delete(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    (void)segment;
    struct budget_owner o;
    enum period per = PERIOD_count;
    if (!read_owner(in, &o, err) || (json_object_get(in, "per") && !read_per(in, &per, err)) ||
        !budget_delete(a->store, &o, per, admin_dry_run(in), err))
        return false;
    *out = json_pack("{s:b}", "deleted", 1);
    return true;
}

bool admin_budgets_release(struct admin *a, const char *segment, json_t *in, json_t **out,
                           struct err *err)
{
    (void)segment;
    struct budget_owner o;
    struct amount by;
    char usd[MONEY_TEXT_BYTES];
    if (!read_owner(in, &o, err) || !budget_release(a->store, &o, admin_dry_run(in), &by, err))
        return false;
    money_text(by.of[MEASURE_usd], usd);
    *out = json_pack("{s:s, s:I}", "released_usd", usd, "released_tokens",
                     (json_int_t)by.of[MEASURE_tokens]);
    return true;
}
