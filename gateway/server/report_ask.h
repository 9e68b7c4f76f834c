/*
 * report_ask.h - a report as it is asked for, over /admin/v1 or on the command line.
 */
#ifndef GATEWAY_SERVER_REPORT_ASK_H
#define GATEWAY_SERVER_REPORT_ASK_H

#include <jansson.h>

#include "gateway/base/err.h"

/*
 * `in`: by ("team,day"), from and to, all optional.  A `to` that is a date counts with
 * its whole day.  Reads data_dir's database; have its owner flush first.
 */
json_t *report_ask(const char *data_dir, const char *kind, const json_t *in, struct err *err);

#endif
