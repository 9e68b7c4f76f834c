/* policy_bench.h - how fast policies scan. */
#ifndef GATEWAY_CLI_POLICY_BENCH_H
#define GATEWAY_CLI_POLICY_BENCH_H

#include <jansson.h>

#include "policy/policy.h"

/* Appends a row for a text: {text, bytes, findings, mb_per_s, ns_per_2kb}. */
void policy_bench_text(const struct policy_set *set, enum direction d, const char *name,
                       struct str text, json_t *rows);

/* The same for documents, code and dense personal data, made up here. */
void policy_bench(const struct policy_set *set, enum direction d, json_t *rows);

#endif
