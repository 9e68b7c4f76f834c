/*
 * series_list.h - the counters of /metrics that are kept apart by labels.
 *
 * FAMILY(name, label...)       counters with the same labels, 1 to 4 of them
 * SERIES(family, name, help)   one of its counters; name without the prefix "penstock_"
 */
FAMILY(requests, "endpoint", "status", "finish")
SERIES(requests, requests_total, "exchanges that ended, by class of status")
FAMILY(attempts, "provider", "model", "status", "finish")
SERIES(attempts, attempts_total, "calls of an upstream; status: the class of its answer, none without one")
FAMILY(spent, "provider", "model")
SERIES(spent, input_tokens_total, "tokens read by models")
SERIES(spent, output_tokens_total, "tokens written by models")
SERIES(spent, cost_nusd_total, "what was spent, in nano-USD")
#undef FAMILY
#undef SERIES
