#include "gateway/base/account.h"

bool account_take(struct account *a, int64_t bytes)
{
    int64_t used = atomic_load_explicit(&a->used_bytes, memory_order_relaxed);
    do {
        if (bytes > a->max_bytes - used)
            return false;
    } while (!atomic_compare_exchange_weak(&a->used_bytes, &used, used + bytes));
    return true;
}

void account_give(struct account *a, int64_t bytes)
{
    atomic_fetch_sub(&a->used_bytes, bytes);
}
