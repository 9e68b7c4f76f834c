#include "gateway/base/gcra.h"

__extension__ typedef __int128 wide;

enum { MINUTE_US = 60 * 1000 * 1000 };

/* Rounded up, so that the rate is never exceeded. */
static int64_t time_of(const struct gcra_rate *r, int64_t n)
{
    wide us = ((wide)n * MINUTE_US + r->per_minute - 1) / r->per_minute;
    return us > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)us;
}

/* Where the schedule stands after n more; false if that is too far ahead. */
static bool advance(const struct gcra_rate *r, int64_t tat_us, int64_t n, int64_t now_us,
                    int64_t *next_us, int64_t *wait_us)
{
    *next_us = (tat_us > now_us ? tat_us : now_us) + time_of(r, n < r->burst ? n : r->burst);
    *wait_us = *next_us - time_of(r, r->burst) - now_us;
    if (*wait_us <= 0)
        *wait_us = 0;
    return *wait_us == 0;
}

bool gcra_take(_Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t n, int64_t now_us,
               int64_t *wait_us)
{
    int64_t tat = atomic_load_explicit(tat_us, memory_order_relaxed), next;
    do {
        if (!advance(r, tat, n, now_us, &next, wait_us))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(tat_us, &tat, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

bool gcra_would_take(const _Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t n,
                     int64_t now_us, int64_t *wait_us)
{
    int64_t next;
    return advance(r, atomic_load_explicit(tat_us, memory_order_relaxed), n, now_us, &next,
                   wait_us);
}

void gcra_correct(_Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t n)
{
    int64_t us = n < 0 ? -time_of(r, -n) : time_of(r, n);
    atomic_fetch_add_explicit(tat_us, us, memory_order_relaxed);
}

int64_t gcra_left(const _Atomic int64_t *tat_us, const struct gcra_rate *r, int64_t now_us,
                  int64_t *full_us)
{
    int64_t ahead_us = atomic_load_explicit(tat_us, memory_order_relaxed) - now_us;
    *full_us = ahead_us > 0 ? ahead_us : 0;
    int64_t used = (int64_t)(((wide)*full_us * r->per_minute + MINUTE_US - 1) / MINUTE_US);
    return used < r->burst ? r->burst - used : 0;
}
