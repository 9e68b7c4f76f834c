/*
 * guard_list.h - what is measured of a unit's outcome, one line each.
 *
 * GUARD(name, shown, kind, decides, help)
 *   name     in rollout_events
 *   shown    what `prompts rollout NAME --status` calls it
 *   kind     RATE: 0 or 1, 1 is bad; MEAN: any number
 *   decides  whether enough evidence of a rise rolls the canary back: of RATE only
 */
GUARD(error, errors, RATE, true,
      "it failed, was cut, ended with a 5xx, the version refused its inputs, or another target than the arm's had to answer")
GUARD(format, format_failures, RATE, true,
      "JSON was asked for, and the complete answer is none or does not fit the schema")
GUARD(refusal, refusals, RATE, false, "the model refused, or its answer was filtered")
GUARD(latency_us, latency_ms, MEAN, false, "from the request's head to the end of the answer")
GUARD(cost_nusd, cost_usd, MEAN, false, "what it cost; not known where unpriced")
#undef GUARD
