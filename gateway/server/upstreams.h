/*
 * upstreams.h - the state of every upstream, for /metrics and /admin/v1/upstreams.
 */
#ifndef GATEWAY_SERVER_UPSTREAMS_H
#define GATEWAY_SERVER_UPSTREAMS_H

#include "gateway/core/config.h"

/* In the order of the config's models; targets that share their state once.  `t` is the first of
 * them. */
void upstreams_each(const struct config *c,
                    void (*each)(void *arg, const struct target *t, const struct health_view *v),
                    void *arg);

/* Appends them in Prometheus' text format. */
void upstreams_metrics(const struct config *c, struct buf *out);

#endif
