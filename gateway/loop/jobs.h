/*
 * jobs.h - a few threads for what would block a loop: scans of the database, files.
 *
 * A job is worked on one of the threads and answered on the loop that asked.  It is
 * the caller's and stays where it is until done() is called.
 */
#ifndef GATEWAY_LOOP_JOBS_H
#define GATEWAY_LOOP_JOBS_H

#include "gateway/loop/loop.h"

struct jobs;

struct jobs *jobs_new(unsigned threads);
void jobs_free(struct jobs *j); /* waits for what is being worked on; NULL is fine */

struct job {
    void (*work)(struct job *job); /* on a thread of the pool; may block */
    void (*done)(struct job *job); /* on `loop` */
    struct loop *loop;
    struct message message; /* jobs.c's own */
    struct job *next;
};
void jobs_add(struct jobs *j, struct job *job); /* from any thread */

#endif
