/*
 * rollouts.h - rollouts as they are kept: which there are, at which share, what their
 * units met with, and how they ended.
 *
 * What loops hand over (rollout_outcome(), rollout_latch()) is copied, never blocks, and
 * is committed with the rows of the ledger, in the order in which it was handed over.
 * The rest blocks and is on disk when it returns; from any thread but a loop.  Errors:
 * ERR_not_found, ERR_conflict, ERR_store.  Columns: README.md.
 */
#ifndef GATEWAY_STORE_ROLLOUTS_H
#define GATEWAY_STORE_ROLLOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"

enum rollout_state {
    ROLLOUT_running,
    ROLLOUT_paused,   /* everybody gets control; may go on */
    ROLLOUT_promoted, /* this and the next are for ever */
    ROLLOUT_rolled_back,
    ROLLOUT_state_count
};
const char *rollout_state_word(enum rollout_state s);

enum { ROLLOUT_REASON_BYTES = 64, ROLLOUT_VALUES_MAX = 8 };

struct rollout_row {
    int64_t id;
    struct str name;            /* of a prompt, or "model:" and that of a model */
    struct str control, canary; /* versions, or "PROVIDER/MODEL" */
    enum rollout_state state;
    struct str reason;            /* why it has that state; "" while it runs */
    unsigned stage;               /* from 1; a new one with each share */
    unsigned share;               /* of the canary, in hundredths of a percent */
    int64_t started_ms, ended_ms; /* wall clock; 0: not yet */
    struct str guard;             /* that rolled it back; "" */
    double log_e;                 /* of that guard, then */
    int64_t undone_ms;            /* a promotion that was taken back; 0: in force */
};

/* One that is neither ended has its name for itself, else ERR_conflict.  With `dry_run` only that
 * is looked at. */
bool rollout_insert(struct store *s, const struct rollout_row *r, bool dry_run, int64_t *id,
                    struct err *err);

/* A new share, and running. */
bool rollout_begin_stage(struct store *s, int64_t id, unsigned stage, unsigned share,
                         int64_t wall_ms, struct err *err);

/* From running or paused; ERR_conflict where it has ended. */
bool rollout_change(struct store *s, int64_t id, enum rollout_state to, struct str reason,
                    int64_t wall_ms, struct err *err);

bool rollout_undo(struct store *s, int64_t id, int64_t wall_ms,
                  struct err *err); /* its promotion */

/* Of a request that has ended. */
struct rollout_outcome {
    int64_t rollout;
    unsigned stage;
    const char *arm; /* static, as the names of guards are */
    int64_t seq;     /* of its unit's outcome, from 1; 0: the request is counted, and no more */
    uint64_t unit;
    unsigned n;
    struct {
        const char *guard;
        double value;
    } values[ROLLOUT_VALUES_MAX];
};
void rollout_outcome(struct store *s, const struct rollout_outcome *o);

/* A verdict, or a pause, that was reached by itself; a verdict survives a power failure from done()
 * on. */
struct rollout_latch {
    int64_t rollout;
    enum rollout_state state;
    char reason[ROLLOUT_REASON_BYTES];
    const char *guard; /* static; NULL: none */
    double log_e;
    int64_t wall_ms;
};
void rollout_latch(struct store *s, const struct rollout_latch *l);

/* What is on disk, the oldest first; from a connection that only reads. */
bool rollout_each(struct store *s,
                  bool (*each)(void *arg, const struct rollout_row *r, struct err *err), void *arg,
                  struct err *err);

struct rollout_event {
    unsigned stage;
    int64_t seq;
    uint64_t unit;
    struct str arm, guard;
    double value;
};
/* By stage and seq. */
bool rollout_event_each(struct store *s, int64_t id,
                        bool (*each)(void *arg, const struct rollout_event *e, struct err *err),
                        void *arg, struct err *err);

struct rollout_stage {
    unsigned stage, share;
    int64_t requests[2]; /* that have ended: control's, the canary's */
};
bool rollout_stage_each(struct store *s, int64_t id,
                        bool (*each)(void *arg, const struct rollout_stage *st, struct err *err),
                        void *arg, struct err *err);

#endif
