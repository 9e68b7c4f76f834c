#include "prompts/interval.h"

#include <math.h>

#define ALPHA 0.05
#define LARGEST_BET 0.5

/* The bet on the next value is made before it is seen. */
static double next_bet(const struct rate_sequence *s)
{
    double t = (double)s->n + 1, spread = (0.25 + s->squares) / t;
    return fmin(LARGEST_BET, sqrt(2 * log(2 / ALPHA) / (spread * t * log(1 + t))));
}

void rate_add(struct rate_sequence *s, double value)
{
    double bet = next_bet(s), cost = -log1p(-bet) - bet;
    const double x[2] = {value, 1 - value};
    const double before[2] = {s->n ? s->sum / (double)s->n : 0,
                              s->n ? 1 - s->sum / (double)s->n : 0};
    for (unsigned i = 0; i < 2; i++) {
        s->side[i].weight += bet;
        s->side[i].weighted += bet * x[i];
        s->side[i].variance += (x[i] - before[i]) * (x[i] - before[i]) * cost;
    }
    s->n++;
    s->sum += value;
    double running = (0.5 + s->sum) / ((double)s->n + 1);
    s->squares += (value - running) * (value - running);
}

struct interval rate_interval(const struct rate_sequence *s)
{
    double low[2] = {0, 0};
    for (unsigned i = 0; i < 2 && s->n; i++)
        low[i] = (s->side[i].weighted - log(2 / ALPHA) - s->side[i].variance) / s->side[i].weight;
    return (struct interval){fmax(0, low[0]), 1 - fmax(0, low[1])};
}

void mean_add(struct mean_sequence *s, double value)
{
    double from = value - s->mean;
    s->n++;
    s->mean += from / (double)s->n;
    s->squares += from * (value - s->mean);
}

/* rho makes it tightest early on, as the paper suggests for alpha. */
double mean_margin(const struct mean_sequence *s)
{
    if (s->n < 2)
        return INFINITY;
    const double about = -2 * log(ALPHA), rho = sqrt(about + log(about) + 1) / 10;
    double n = (double)s->n, spread = s->squares * rho * rho + 1;
    return sqrt(spread / (n * n * rho * rho) * log(spread / (ALPHA * ALPHA)));
}
