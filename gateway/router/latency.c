#include "gateway/router/latency.h"

enum { RISE = 4, LEAST_FALL = 16, MOST_HALVES = 40 };

int64_t latency_halve(int64_t v, int64_t age_us, int64_t half_us)
{
    if (age_us <= 0)
        return v;
    int64_t halves = age_us / half_us;
    if (halves >= MOST_HALVES)
        return 0;
    v >>= halves;
    return v - (int64_t)((double)v * (double)(age_us % half_us) / (2.0 * (double)half_us));
}

void latency_add(struct latency *l, int64_t sample_us, int64_t now_us)
{
    int64_t was = l->us;
    if (sample_us < 1)
        sample_us = 1; /* 0 says that nothing is known */
    if (was == 0) {
        l->us = sample_us;
    } else if (sample_us > was) {
        int64_t above = (sample_us - was) / RISE;
        l->us = was + (above < was ? above : was);
    } else {
        int64_t above = was - sample_us;
        int64_t left = latency_halve(above, now_us - l->at_us, LATENCY_HALF_US);
        int64_t most = above - above / LEAST_FALL;
        l->us = sample_us + (left < most ? left : most);
    }
    l->at_us = now_us;
}

int64_t latency_faded_us(const struct latency *l, int64_t now_us)
{
    int64_t us = latency_halve(l->us, now_us - l->at_us, LATENCY_HALF_US);
    return l->us && us < 1 ? 1 : us;
}
