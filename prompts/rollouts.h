/*
 * rollouts.h - the rollouts of this process: who draws, what came of it, and who decides.
 *
 * One canary a name at a time: a prompt, or "model:" and a public model.  The draw is
 * lock-free and sees a change as soon as it is made, on every loop; outcomes take one lock
 * for O(1) work.  A verdict that is reached by itself is in force at once in memory, and
 * its row follows those of the outcomes that it was made from; so what a crash leaves on
 * disk leads to the same verdict.  What a command decides is on disk before it is in force.
 *
 * Thread-safe.  What blocks says so.
 */
#ifndef PROMPTS_ROLLOUTS_H
#define PROMPTS_ROLLOUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"
#include "prompts/trial.h"

struct prompts;
struct rollouts;
struct rollout;

/* From the rows; whatever is under way goes on where it was.  Blocks.  NULL: ERR_store. */
struct rollouts *rollouts_open(struct store *s, int64_t wall_ms, struct err *err);
void rollouts_free(struct rollouts *rs); /* NULL is fine */

bool rollouts_are_none(const struct rollouts *rs); /* nor ever were; rs may be NULL */

struct draw {
    struct rollout *rollout; /* NULL: nothing was drawn */
    unsigned stage;
    enum arm arm;
    uint64_t unit;
    const char *chosen; /* what the arm asks for; also without a rollout, where one was promoted or
                           pauses; NULL: as configured.  Lives as long as rs */
};

/* Of "model:" and the name where `of_model`.  rs may be NULL. */
void rollouts_draw(const struct rollouts *rs, bool of_model, struct str name, struct str unit,
                   struct draw *d);

const char *rollouts_control(const struct draw *d); /* of its rollout; NULL: of none */

/*
 * The request of a draw has ended.  `o`: with an outcome; NULL: it tells nothing, because
 * its caller left (`left`) or it was served without asking a model.
 */
void rollouts_ended(struct rollouts *rs, const struct draw *d, const struct outcome *o, bool left,
                    int64_t wall_ms);

/* It cannot go on by itself, e.g. because its target is gone. */
void rollouts_stall(struct rollouts *rs, const struct draw *d, const char *reason, int64_t wall_ms);

/* What follows blocks; from any thread but a loop.  Errors: ERR_not_found, ERR_conflict,
 * ERR_bad_request, ERR_store. */

struct rollout_spec {
    struct str name, control, canary;
    unsigned share;
};

/* A new one; or, where one with this canary is under way, its next stage. */
bool rollouts_start(struct rollouts *rs, const struct rollout_spec *spec, bool dry_run,
                    int64_t wall_ms, struct err *err);

enum rollout_verb { ROLLOUT_PROMOTE, ROLLOUT_PAUSE, ROLLOUT_ROLL_BACK };

/* Of one under way; rolling back what was promoted takes that back. */
bool rollouts_decide(struct rollouts *rs, struct str name, enum rollout_verb verb, bool dry_run,
                     int64_t wall_ms, struct err *err);

bool rollouts_are_under_way(struct rollouts *rs, struct str name);

/*
 * Moves the label `production` of every prompt whose newest rollout was promoted to its
 * canary, unless it was moved since.  Right after a promotion, and at a start, for a crash
 * may have come between the two.
 */
bool rollouts_settle(struct rollouts *rs, struct prompts *p, struct err *err);

json_t *rollouts_list(struct rollouts *rs, struct err *err);

/* The newest of that name: each arm, with intervals, from the rows. */
json_t *rollouts_status(struct rollouts *rs, struct str name, struct err *err);

/* Its verdict and log E anew from the rows, beside those that stand. */
json_t *rollouts_replay(struct rollouts *rs, struct str name, struct err *err);

/* "20%", "0.5%", "20": hundredths of a percent, above 0 and up to 100 %. */
bool share_parse(struct str text, unsigned *share);

#endif
