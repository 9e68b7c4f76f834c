/* report_priv.h - how both kinds of report find their groups. */
#ifndef GATEWAY_STORE_REPORT_PRIV_H
#define GATEWAY_STORE_REPORT_PRIV_H

#include "gateway/store/report.h"
#include "gateway/store/sql_priv.h"

struct groups {
    size_t n;
    struct str names[REPORT_MAX_BY]; /* as asked: "team", "tag.app" */
    char tags[REPORT_MAX_BY][128];   /* the path within tags, or "" */
};

/* Appends "expression AS gI, …" for each group, from columns named as in requests. */
void groups_select(struct buf *sql, const struct groups *g);
void groups_list(struct buf *sql, const struct groups *g); /* "g0,g1" */

/* The paths of tags are the parameters after those of the times. */
enum { PARAMETER_FROM = 1, PARAMETER_TO, PARAMETER_TAGS };
void groups_bind(sqlite3_stmt *q, const struct report_spec *r, const struct groups *g);

json_t *groups_row(sqlite3_stmt *q, const struct groups *g); /* of the first columns */

json_t *report_latency(sqlite3 *db, const struct report_spec *r, const struct groups *g,
                       struct err *err);

#endif
