/*
 * account.h - how many bytes all exchanges together may hold.
 *
 * Thread-safe; one atomic.
 */
#ifndef GATEWAY_BASE_ACCOUNT_H
#define GATEWAY_BASE_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct account {
    _Atomic int64_t used_bytes;
    int64_t max_bytes;
};

bool account_take(struct account *a, int64_t bytes); /* all of it, or nothing and false */
void account_give(struct account *a, int64_t bytes);

#endif
