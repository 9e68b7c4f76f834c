/*
 * metric_list.h - what /metrics shows without labels, one line each; the rest: series_list.h.
 *
 * METRIC(name, kind, help)
 *   name   without the prefix "penstock_"
 *   kind   COUNTER: only grows, kept a shard a loop; GAUGE: asked for when shown;
 *          HISTOGRAM: of microseconds, shown in seconds
 */
METRIC(connections_total, COUNTER, "connections accepted")
METRIC(connections_refused_total, COUNTER, "connections refused because of a limit")
METRIC(connections, GAUGE, "connections open")
METRIC(requests_in_flight, GAUGE, "exchanges running")
METRIC(unauthorised_total, COUNTER, "requests without a key that we know")
METRIC(rate_limited_total, COUNTER, "requests refused because of a limit of their key")
METRIC(over_budget_total, COUNTER, "requests refused because a budget is used up")
METRIC(budget_thresholds_total, COUNTER, "budgets that came to 80 or 95 % of a window")
METRIC(budgets_closed_total, COUNTER, "budgets closed because an upstream reported more than the bound")
METRIC(retries_total, COUNTER, "calls of an upstream that followed a failed one of the same request")
METRIC(breakers_opened_total, COUNTER, "upstreams left alone because they kept failing")
METRIC(keys_rested_total, COUNTER, "keys of providers left alone because they were turned down")
METRIC(escalations_total, COUNTER, "answers of a cascade that were not good enough")
METRIC(stream_events_total, COUNTER, "server-sent events relayed")
METRIC(passages_total, COUNTER, "passages shown to models")
METRIC(passages_blocked_total, COUNTER, "passages that a policy left out")
METRIC(citations_total, COUNTER, "marks in answers that cite a passage")
METRIC(citations_removed_total, COUNTER, "marks in answers that resolved to nothing, and were taken out")
METRIC(memory_in_flight_bytes, GAUGE, "bytes of bodies and answers held")
METRIC(ledger_queue_rows, GAUGE, "ledger rows not yet committed")
METRIC(ledger_head_seq, GAUGE, "the last committed row of the ledger")
METRIC(config_generation, GAUGE, "how often a config was loaded")
METRIC(request_seconds, HISTOGRAM, "from the request's head to the end of the answer")
METRIC(ttft_seconds, HISTOGRAM, "from the request's head to the first event or byte of the answer")
METRIC(overhead_seconds, HISTOGRAM, "what the gateway itself added")
#undef METRIC
