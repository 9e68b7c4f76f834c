/*
 * trial.h - the evidence of one rollout, and what follows from it.
 *
 * A unit has one outcome a stage: that of its first uncached request that has ended,
 * unless its caller left.  Its arm is the one it was drawn for, whatever served it.
 * Outcomes are fed in one order, and the same ones in the same order give the same
 * verdict, bit by bit: the server feeds them as they come, a start and `--replay` from
 * the rows.
 *
 * The canary is rolled back as soon as the evidence of one deciding guard reaches
 * k / 0.05, with k such guards (Bonferroni): two, so 40.  Then nothing is fed any more.
 *
 * Pure: no I/O, no clock, no lock.  Units are their buckets, see bucket.h.
 */
#ifndef PROMPTS_TRIAL_H
#define PROMPTS_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "prompts/eprocess.h"
#include "prompts/interval.h"
#include "prompts/unit_set.h"

enum arm { ARM_control, ARM_canary, ARM_count };

enum guard {
#define GUARD(name, shown, kind, decides, help) GUARD_##name,
#include "prompts/guard_list.h"
    GUARD_count
};

enum guard_kind { GUARD_RATE, GUARD_MEAN };

struct guard_info {
    const char *name, *shown;
    enum guard_kind kind;
    bool decides;
    const char *help;
};
extern const struct guard_info guards[GUARD_count];
extern const char *const arm_words[ARM_count];

enum {
    TRIAL_LEFT_MAX = 20,
    TRIAL_UNITS_MAX = 200 * 1000, /* of a stage; with so many and no verdict, people are to decide */
};

/* What is known of a request that has ended; a guard that did not apply is not known. */
struct outcome {
    bool known[GUARD_count];
    double value[GUARD_count];
};

struct trial { /* zeroed is ready for stage 0, which has no outcomes */
    unsigned stage;
    int64_t seq;          /* outcomes of this stage */
    struct unit_set seen; /* units that have had theirs in this stage */
    struct eprocess harm[GUARD_count];
    struct trial_arm {
        int64_t units; /* outcomes, of all stages */
        struct rate_sequence rates[GUARD_count];
        struct mean_sequence means[GUARD_count];
        unsigned left; /* callers that left in a row, before their units had an outcome */
    } arms[ARM_count];
    bool harmful; /* the verdict */
    enum guard guilty;
};

void trial_done(struct trial *t);

/* What comes now is of that stage: units begin anew, blocks that are open are dropped. */
void trial_begin_stage(struct trial *t, unsigned stage);

/* False: the unit has had its outcome, or the verdict stands. */
bool trial_add(struct trial *t, uint64_t unit, enum arm arm, const struct outcome *o);

/*
 * A unit without an outcome whose caller left.  True: TRIAL_LEFT_MAX of that arm in a
 * row, so that nothing is known of it any more, and the rollout is to be paused.
 */
bool trial_left(struct trial *t, uint64_t unit, enum arm arm);

double trial_log_threshold(void); /* ln of what E has to reach */

#endif
