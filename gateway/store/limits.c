#include "gateway/store/limits.h"

#include <string.h>

enum { RATE_MAX = 1000000000 };

static bool read_count(const json_t *v, const char *name, int64_t *n, struct err *err)
{
    int64_t got = json_is_integer(v) ? json_integer_value(v) : 0;
    if (got < 1 || got > RATE_MAX)
        return err_say(err, ERR_bad_request, "limits",
                       "limits: '%s' must be a whole number from 1 to %d, or null", name, RATE_MAX);
    *n = got;
    return true;
}

static bool unknown(const char *name, const char *known, struct err *err)
{
    return err_say(err, ERR_bad_request, "limits", "limits: there is no '%.64s'; %s", name, known);
}

static bool read_rate(json_t *v, const char *name, bool bursts, struct gcra_rate *r,
                      struct err *err)
{
    const char *member;
    json_t *value;
    if (json_is_null(v)) {
        *r = (struct gcra_rate){LIMIT_NONE, 0};
        return true;
    }
    if (!json_is_object(v) || !json_object_get(v, "per_minute"))
        return err_say(err, ERR_bad_request, "limits",
                       "limits: '%s' must be {\"per_minute\": N%s}, or null", name,
                       bursts ? ", \"burst\": N" : "");
    r->burst = 0;
    json_object_foreach(v, member, value)
    {
        bool is_rate = strcmp(member, "per_minute") == 0;
        if (!is_rate && !(bursts && strcmp(member, "burst") == 0))
            return unknown(member, bursts ? "it is one of per_minute, burst" : "it is per_minute",
                           err);
        if (!read_count(value, member, is_rate ? &r->per_minute : &r->burst, err))
            return false;
    }
    if (r->burst == 0)
        r->burst = r->per_minute;
    return true;
}

bool limits_read(const json_t *doc, struct limits *l, struct err *err)
{
    struct limits out = LIMITS_OPEN;
    const char *member;
    json_t *v;
    if (!json_is_object(doc))
        return err_say(err, ERR_bad_request, "limits",
                       "limits must be an object, as {\"concurrent\": 64}");
    json_object_foreach((json_t *)doc, member, v)
    {
        bool ok;
        if (strcmp(member, "requests") == 0)
            ok = read_rate(v, member, true, &out.requests, err);
        else if (strcmp(member, "tokens") == 0)
            ok = read_rate(v, member, false, &out.tokens, err);
        else if (strcmp(member, "concurrent") != 0)
            ok = unknown(member, "it is one of requests, tokens, concurrent", err);
        else if (json_is_null(v))
            ok = (out.concurrent = LIMIT_NONE, true);
        else
            ok = read_count(v, member, &out.concurrent, err);
        if (!ok)
            return false;
    }
    *l = out;
    return true;
}

void limits_inherit(struct limits *l, const struct limits *otherwise)
{
    if (l->requests.per_minute == LIMIT_OPEN)
        l->requests = otherwise->requests;
    if (l->tokens.per_minute == LIMIT_OPEN)
        l->tokens = otherwise->tokens;
    if (l->concurrent == LIMIT_OPEN)
        l->concurrent = otherwise->concurrent;
}

static void write_rate(json_t *out, const char *name, const struct gcra_rate *r, bool bursts)
{
    if (r->per_minute == LIMIT_NONE)
        json_object_set_new(out, name, json_null());
    if (r->per_minute <= LIMIT_NONE)
        return;
    json_t *rate = json_pack("{s:I}", "per_minute", (json_int_t)r->per_minute);
    if (bursts)
        json_object_set_new(rate, "burst", json_integer(r->burst));
    json_object_set_new(out, name, rate);
}

json_t *limits_write(const struct limits *l)
{
    json_t *out = json_object();
    write_rate(out, "requests", &l->requests, true);
    write_rate(out, "tokens", &l->tokens, false);
    if (l->concurrent == LIMIT_NONE)
        json_object_set_new(out, "concurrent", json_null());
    else if (l->concurrent > LIMIT_NONE)
        json_object_set_new(out, "concurrent", json_integer(l->concurrent));
    return out;
}
