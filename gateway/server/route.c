#include "gateway/server/route.h"

#include <stddef.h>
#include <string.h>

#include "gateway/llm/endpoint.h"

const struct route routes[] = {
#define ROUTE(method, path, kind, arg, access) {method, path, ROUTE_##kind, arg, ACCESS_##access},
#include "gateway/server/route_list.h"
    {0},
};

static bool is_escaped_nul(struct str s)
{
    return memmem(s.p, s.n, "%00", 3) != NULL;
}

/* "..", also with its dots escaped. */
static bool is_parent(struct str segment)
{
    unsigned dots = 0;
    for (size_t i = 0; i < segment.n; dots++) {
        struct str left = {segment.p + i, segment.n - i};
        if (left.p[0] == '.')
            i++;
        else if (left.n >= 3 && left.p[0] == '%' && left.p[1] == '2' && (left.p[2] == 'e' || left.p[2] == 'E'))
            i += 3;
        else
            return false;
    }
    return dots == 2;
}

/* Paths are not normalised; those that would have to be are refused. */
static bool check_target(struct str target, struct str path, struct err *err)
{
    for (size_t i = 0; i < target.n; i++)
        if ((unsigned char)target.p[i] <= ' ' || target.p[i] == 0x7F)
            return err_say(err, ERR_bad_http, NULL, "the URL has a control character in it");
    if (target.n == 0 || target.p[0] != '/')
        return err_say(err, ERR_bad_http, NULL, "the URL must begin with a slash");
    struct str rest = path, segment;
    bool bad = is_escaped_nul(target);
    while (!bad && str_next(&rest, '/', &segment))
        bad = is_parent(segment);
    if (bad)
        return err_say(err, ERR_bad_http, NULL, "the URL has '..' or %%00 in it");
    return true;
}

static bool path_matches(const char *pattern, struct str path, struct str *rest)
{
    size_t n = strlen(pattern);
    *rest = STR("");
    if (pattern[n - 1] != '*')
        return str_eq(path, str_of(pattern));
    if (path.n < n - 1 || memcmp(path.p, pattern, n - 1) != 0)
        return false;
    *rest = (struct str){path.p + n - 1, path.n - (n - 1)};
    return true;
}

const struct route *route_find(struct str method, struct str target, struct str *rest, struct str *query,
                               const char **allow, struct err *err)
{
    struct str left = target, path = target;
    str_next(&left, '?', &path);
    *query = left.p ? left : STR("");
    *allow = NULL;
    if (!check_target(target, path, err))
        return NULL;
    for (const struct route *r = routes; r->path; r++) {
        if (!path_matches(r->path, path, rest))
            continue;
        if (strcmp(r->method, "*") == 0 || str_eq(method, str_of(r->method)))
            return r;
        *allow = r->method;
    }
    err_set(err, *allow ? ERR_bad_method : ERR_no_path, " ");
    return NULL;
}
