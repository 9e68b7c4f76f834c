/* eval.h - the commands of `penstock eval`, and the gateway they ask. */
#ifndef GATEWAY_CLI_EVAL_H
#define GATEWAY_CLI_EVAL_H

#include <stdatomic.h>

#include "eval/client.h"
#include "eval/output.h"
#include "gateway/cli/cli.h"

/* -c is the suite's here. */
/* clang-format off */
#define OPTION_GATEWAY {"config", 0, "FILE", "the gateway's config (environment: PENSTOCK_CONFIG)"}
/* clang-format on */

extern const struct command eval_run, eval_compare, eval_list, eval_show, eval_export;

enum { EXIT_INCONCLUSIVE = 3, EXIT_BELOW = 100 };

/* Reads a run's rows from the data directory's owner, or the directory itself. */
struct eval_reader {
    const struct args *args;
    const char *id;
    struct output_source source;
};
bool eval_reader_open(struct eval_reader *r, const struct args *a, const char *id, struct err *err);
void eval_reader_close(struct eval_reader *r);

/*
 * The gateway that a run asks, over a control socket or --gateway's URL; blocks.  Each
 * thread has a client of its own.
 */
struct eval_line {
    const char *socket, *url; /* one of them; the socket's path, or "http://host:8080" */
    const char *header_lines[6];
    struct fetch_line *line;
    atomic_bool *stop; /* set where the gateway is going away, or gone */
    bool gone;         /* this line found it so */
};

/* Of --gateway: without a slash or "/v1" at its end. */
bool eval_line_url(const char *text, struct buf *url, struct err *err);
bool eval_line_ask(void *line, const struct question *q, struct reply *r, struct err *err);

/* What is said of a run on a terminal: its rows, or of a long one those that did not pass, and its
 * sums. */
bool eval_print(const struct output_source *s, struct err *err);

#endif
