/* rollout_rows.h - a rollout's evidence from its rows, for the start, `--status` and `--replay`. */
#ifndef PROMPTS_ROLLOUT_ROWS_H
#define PROMPTS_ROLLOUT_ROWS_H

#include "gateway/store/rollouts.h"
#include "prompts/trial.h"

struct rollout_evidence {
    struct trial trial;
    int64_t requests[ARM_count]; /* that have ended, of all stages */
    int64_t outcomes;            /* of all stages */
    bool gap; /* rows are missing, or were drawn for another arm than stands there */
};

/* False: ERR_store.  Ended with trial_done(&ev->trial). */
bool rollout_rows_read(struct store *s, int64_t id, struct rollout_evidence *ev, struct err *err);

#endif
