#include "gateway/router/candidate.h"

enum { PPM = 1000 * 1000, MOST_ERRORS_PPM = 950 * 1000, NEAR = 20 };

#define MEASURING_US INT64_C(1000000000000) /* worse than anything that was measured */

int64_t candidate_us(const struct candidate *c)
{
    if (c->first_us == 0 && c->error_ppm == 0)
        return c->in_flight ? MEASURING_US : 0;
    int64_t first_us = c->first_us ? c->first_us : PPM; /* it has only failed yet */
    uint32_t errors = c->error_ppm < MOST_ERRORS_PPM ? c->error_ppm : MOST_ERRORS_PPM;
    if (first_us > MEASURING_US / PPM)
        return first_us / (PPM - errors) * PPM;
    return first_us * PPM / (PPM - errors);
}

void candidates_sort(struct candidate *c, size_t n)
{
    for (size_t i = 1; i < n; i++) { /* insertion: stable, and n is a handful */
        struct candidate moved = c[i];
        size_t to = i;
        for (; to > 0 && c[to - 1].score > moved.score; to--)
            c[to] = c[to - 1];
        c[to] = moved;
    }
}

static void to_front(struct candidate *c, size_t i)
{
    struct candidate first = c[i];
    for (; i > 0; i--)
        c[i] = c[i - 1];
    c[0] = first;
}

void candidates_draw(struct candidate *c, size_t n, uint64_t dice)
{
    size_t near = 1;
    candidates_sort(c, n);
    while (near < n && c[near].score - c[0].score <= c[0].score / NEAR)
        near++;
    if (near == 1)
        return;
    size_t one = dice % near, other = dice / near % (near - 1);
    other += other >= one;
    size_t better = one < other ? one : other, worse = one < other ? other : one;
    to_front(c, c[worse].in_flight < c[better].in_flight ? worse : better);
}
