/*
 * fastest and balanced on three upstreams whose latency and price shift, in simulated
 * time: against a random choice, and against each fixed one.  The same arrivals and the same
 * luck for all; the table is printed.
 */
#include <math.h>
#include <stdlib.h>

#include "gateway/router/health.h"
#include "gateway/router/strategy.h"
#include "tests/unit/test.h"

enum {
    UPSTREAMS = 3,
    PHASES = 5,
    REQUESTS = 9000, /* a phase */
    EVERY_US = 33333,
    SETTLING = 1800,     /* requests of the first minute */
    STREAM_US = 2000000, /* from the first token to the end */
    IN_AIR = 4096,
    SEEDS = 5,
};

/* Median time to the first token, and price of a request. */
static const struct {
    int64_t first_us[UPSTREAMS], nusd[UPSTREAMS];
} phases[PHASES] = {
    {{300000, 600000, 900000}, {40000, 20000, 10000}},
    {{1500000, 600000, 900000}, {40000, 20000, 10000}}, /* the first becomes slow */
    {{1500000, 600000, 250000}, {40000, 20000, 10000}}, /* the last becomes fast */
    {{1500000, 600000, 250000}, {5000, 20000, 90000}},  /* prices turn around */
    {{200000, 220000, 4000000}, {40000, 20000, 10000}}, /* two are close, one is ill */
};

enum policy { FIXED_FIRST, FIXED_LAST = UPSTREAMS - 1, RANDOM, STRATEGY, POLICIES };

struct event { /* of one that is in the air */
    int64_t at_us, begun_us;
    uint64_t ticket;
    unsigned upstream;
    bool is_end;
};

struct world {
    struct health *health[UPSTREAMS];
    struct event in_air[IN_AIR];
    size_t n;
    uint64_t dice;
    double first_us[REQUESTS], score[REQUESTS];
};

static uint64_t roll(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

/* Log-normal about the median: the slowest in a hundred takes 1.8 times as long. */
static int64_t draw_first_us(uint64_t *luck, int64_t median_us)
{
    double u = ((double)(roll(luck) >> 11) + 1) / 9007199254740994.0;
    double v = (double)(roll(luck) >> 11) / 9007199254740992.0;
    return (int64_t)((double)median_us *
                     exp(0.25 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)));
}

static size_t earliest(const struct world *w)
{
    size_t best = 0;
    for (size_t i = 1; i < w->n; i++)
        if (w->in_air[i].at_us < w->in_air[best].at_us)
            best = i;
    return best;
}

static void happen(struct world *w, size_t i)
{
    struct event *e = &w->in_air[i];
    struct health *h = w->health[e->upstream];
    if (!e->is_end) {
        health_first(h, true, e->begun_us, e->at_us);
        e->is_end = true;
        e->at_us += STREAM_US;
        return;
    }
    const struct health_report r = {
        .is_stream = true, .had_first = true, .begun_us = e->begun_us, .output_tokens = 100};
    health_end(h, e->ticket, &r, e->at_us);
    *e = w->in_air[--w->n];
}

static void catch_up(struct world *w, int64_t now_us)
{
    while (w->n > 0) {
        size_t next = earliest(w);
        if (w->in_air[next].at_us > now_us)
            return;
        happen(w, next);
    }
}

static unsigned choose(struct world *w, const struct strategy *s, unsigned phase, enum policy p,
                       int64_t now_us)
{
    uint64_t dice = roll(&w->dice);
    if (p <= FIXED_LAST)
        return p;
    if (p == RANDOM)
        return dice % UPSTREAMS;
    struct candidate c[UPSTREAMS];
    for (unsigned i = 0; i < UPSTREAMS; i++) {
        struct health_view v;
        health_look(w->health[i], now_us, &v);
        c[i] = (struct candidate){.target = i,
                                  .weight = 1,
                                  .expected_nusd = phases[phase].nusd[i],
                                  .first_us = v.first_us[1],
                                  .error_ppm = v.error_ppm,
                                  .in_flight = v.in_flight};
    }
    s->order(c, UPSTREAMS, dice);
    return c[0].target;
}

static void run_phase(struct world *w, const struct strategy *s, unsigned phase, enum policy p,
                      uint64_t *luck)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        int64_t now_us = ((int64_t)phase * REQUESTS + i + 1) * EVERY_US, first_us[UPSTREAMS];
        for (unsigned k = 0; k < UPSTREAMS; k++)
            first_us[k] = draw_first_us(luck, phases[phase].first_us[k]);
        catch_up(w, now_us);
        unsigned up = choose(w, s, phase, p, now_us);
        uint64_t ticket = health_begin(w->health[up], true, now_us);
        assert_true(ticket && w->n < IN_AIR);
        w->in_air[w->n++] = (struct event){now_us + first_us[up], now_us, ticket, up, false};
        w->first_us[i] = (double)first_us[up];
        w->score[i] = (double)first_us[up] * (double)phases[phase].nusd[up];
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct result {
    double median, p99;
    double settled_p99; /* without the first minute, in which nobody can know that another has
                           become faster */
};

static double part(double *v, unsigned n, double share)
{
    qsort(v, n, sizeof *v, by_size);
    return v[(unsigned)(n * share)];
}

static struct result measure(double *v)
{
    struct result r;
    r.settled_p99 = part(v + SETTLING, REQUESTS - SETTLING, .99);
    r.median = part(v, REQUESTS, .5);
    r.p99 = part(v, REQUESTS, .99);
    return r;
}

static void simulate(const struct strategy *s, bool by_score, enum policy p, uint64_t seed,
                     struct result out[PHASES])
{
    static struct world w;
    w = (struct world){.dice = seed * 77 + 1};
    uint64_t luck = seed;
    for (unsigned i = 0; i < UPSTREAMS; i++)
        w.health[i] = health_new(0, 0);
    for (unsigned i = 0; i < PHASES; i++) {
        run_phase(&w, s, i, p, &luck);
        out[i] = measure(by_score ? w.score : w.first_us);
    }
    for (unsigned i = 0; i < UPSTREAMS; i++)
        health_unref(w.health[i]);
}

static void compare(const char *name, bool by_score, double unit, const char *unit_name)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct result r[POLICIES][PHASES];
        for (enum policy p = 0; p < POLICIES; p++)
            simulate(strategy_find(str_of(name)), by_score, p, seed, r[p]);
        for (unsigned i = 0; i < PHASES; i++) {
            struct result best = r[0][i];
            for (enum policy p = 1; p <= FIXED_LAST; p++)
                if (r[p][i].median < best.median)
                    best = r[p][i];
            print_message(
                "%-8s seed %d phase %u, %s: median %6.0f, best fixed %6.0f, random %6.0f; "
                "p99 %6.0f (settled %6.0f), best fixed %6.0f (%6.0f), random %6.0f\n",
                name, (int)seed, i + 1, unit_name, r[STRATEGY][i].median / unit, best.median / unit,
                r[RANDOM][i].median / unit, r[STRATEGY][i].p99 / unit,
                r[STRATEGY][i].settled_p99 / unit, best.p99 / unit, best.settled_p99 / unit,
                r[RANDOM][i].p99 / unit);
            assert_true(r[STRATEGY][i].median <= 1.1 * best.median);
            assert_true(r[STRATEGY][i].settled_p99 <= 1.1 * best.settled_p99);
            assert_true(r[STRATEGY][i].median < r[RANDOM][i].median);
        }
    }
}

static void fastest_is_as_fast_as_the_best_fixed_choice_in_each_phase(void **state)
{
    (void)state;
    compare("fastest", false, 1000, "ms");
}

static void balanced_costs_as_little_as_the_best_fixed_choice_in_each_phase(void **state)
{
    (void)state;
    compare("balanced", true, 1e9, "s * micro-USD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fastest_is_as_fast_as_the_best_fixed_choice_in_each_phase),
        cmocka_unit_test(balanced_costs_as_little_as_the_best_fixed_choice_in_each_phase),
    };
    return cmocka_run_group_tests_name("route_sim", tests, NULL, NULL);
}
