/* admin_job.h - an admin operation of a visit, worked on by the job pool. */
#ifndef GATEWAY_SERVER_ADMIN_JOB_H
#define GATEWAY_SERVER_ADMIN_JOB_H

#include "gateway/server/visit.h"

/* Starts `path` with v->body as its input; fills v->reply and wakes v when it is done. */
void admin_job_start(struct visit *v, struct str method, struct str path);

#endif
