/* route.h - which path is what.  A static table. */
#ifndef GATEWAY_SERVER_ROUTE_H
#define GATEWAY_SERVER_ROUTE_H

#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum route_kind {
    ROUTE_EXCHANGE,
    ROUTE_MODELS,
    ROUTE_MODEL,
    ROUTE_USAGE,
    ROUTE_FEEDBACK,
    ROUTE_HEALTH,
    ROUTE_READY,
    ROUTE_METRICS,
    ROUTE_ADMIN,
    ROUTE_NOT_BUILT,
};

enum route_access { ACCESS_OPEN, ACCESS_KEY, ACCESS_ADMIN };

struct route {
    const char *method;
    const char *path;
    enum route_kind kind;
    int arg;
    enum route_access access;
};

extern const struct route routes[]; /* ends with a row whose path is NULL */

/*
 * `target` is the raw request target; *rest is set to what "*" stood for, *query to
 * what follows the '?'.  NULL: ERR_bad_http for a target that nobody should send,
 * ERR_no_path, or ERR_bad_method (then *allow names the methods that exist).
 */
const struct route *route_find(struct str method, struct str target, struct str *rest, struct str *query,
                               const char **allow, struct err *err);

#endif
