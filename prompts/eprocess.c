#include "prompts/eprocess.h"

#include <math.h>
#include <string.h>

/* .01 to .9, geometric; written out, so that no libm moves a bit of them. */
static const double bets[EPROCESS_BETS] = {
    0.01,
    0.013498416798059319,
    0.018220725605412998,
    0.024595094858493635,
    0.033199484158775279,
    0.044814047465571639,
    0.060491869109830003,
    0.081654446213813472,
    0.11022057484087708,
    0.14878032589238493,
    0.20082988502465082,
    0.27108854935690679,
    0.36592662284008048,
    0.49394300726016582,
    0.66674485864845578,
    0.9,
};

static void bet(struct eprocess *e, double d)
{
    for (unsigned i = 0; i < EPROCESS_BETS; i++)
        e->log_bets[i] += log1p(bets[i] * d);
    e->blocks++;
}

void eprocess_add(struct eprocess *e, bool canary, double value)
{
    e->open[canary].n++;
    e->open[canary].sum += value;
    if (!e->open[0].n || !e->open[1].n)
        return;
    double control = e->open[0].sum / (double)e->open[0].n;
    double d = e->open[1].sum / (double)e->open[1].n - control;
    eprocess_drop_block(e);
    bet(e, d);
}

void eprocess_drop_block(struct eprocess *e)
{
    memset(e->open, 0, sizeof e->open);
}

double eprocess_log(const struct eprocess *e)
{
    double most = e->log_bets[0], sum = 0;
    for (unsigned i = 1; i < EPROCESS_BETS; i++)
        most = fmax(most, e->log_bets[i]);
    for (unsigned i = 0; i < EPROCESS_BETS; i++)
        sum += exp(e->log_bets[i] - most);
    return most + log(sum / EPROCESS_BETS);
}
