#include "eval/stats.h"

#include <math.h>

#define Z_975 1.959963984540054 /* of the normal distribution */
#define Z_800 0.8416212335729143

enum { FRACTION_STEPS = 300, BISECTIONS = 100 };

struct interval stats_wilson(int64_t k, int64_t n)
{
    if (n == 0)
        return (struct interval){0, 1};
    double z2 = Z_975 * Z_975, p = (double)k / (double)n, d = (double)n;
    double middle = p + z2 / (2 * d), half = Z_975 * sqrt(p * (1 - p) / d + z2 / (4 * d * d));
    struct interval i = {(middle - half) / (1 + z2 / d), (middle + half) / (1 + z2 / d)};
    i.low = k == 0 ? 0 : i.low;
    i.high = k == n ? 1 : i.high;
    return i;
}

struct interval stats_newcombe(int64_t k, int64_t n, int64_t l, int64_t m)
{
    double p = (double)k / (double)n, q = (double)l / (double)m, d = p - q;
    struct interval a = stats_wilson(k, n), b = stats_wilson(l, m);
    return (struct interval){d - hypot(p - a.low, b.high - q), d + hypot(a.high - p, q - b.low)};
}

/* Of so many of n, each with a chance of one half. */
static double half_chance(int64_t k, int64_t n)
{
    double d = (double)n, i = (double)k;
    return exp(lgamma(d + 1) - lgamma(i + 1) - lgamma(d - i + 1) - d * log(2));
}

struct mcnemar stats_mcnemar(int64_t b, int64_t c)
{
    int64_t n = b + c, least = b < c ? b : c;
    double tail = 0;
    if (n == 0)
        return (struct mcnemar){1, 1, 0, 1};
    for (int64_t k = 0; k <= least; k++)
        tail += half_chance(k, n);
    struct mcnemar m = {.exact = fmin(1, 2 * tail)};
    m.mid = b == c ? 1 - half_chance(least, n) : 2 * tail - half_chance(least, n);
    m.chi2 = (double)((b - c) * (b - c)) / (double)n;
    m.p = erfc(sqrt(m.chi2 / 2));
    return m;
}

struct interval stats_paired_rates(int64_t b, int64_t c, int64_t n)
{
    double d = (double)(c - b), all = (double)n + 2;
    double half = Z_975 * sqrt((double)(b + c) + 1 - d * d / all) / all;
    return (struct interval){fmax(d / all - half, -1), fmin(d / all + half, 1)};
}

struct paired stats_paired(const double *difference, const uint64_t *cluster, size_t n)
{
    struct paired p = {0};
    double squares = 0, sum = 0, of_clusters = 0, d = (double)n;
    for (size_t i = 0; i < n; i++)
        p.mean += difference[i] / d;
    for (size_t i = 0; i < n; i++) {
        double off = difference[i] - p.mean;
        squares += off * off;
        sum += off;
        if (i + 1 == n || !cluster || cluster[i] != cluster[i + 1]) {
            of_clusters += sum * sum;
            sum = 0;
            p.clusters++;
        }
    }
    double many = (double)p.clusters;
    p.sd = n > 1 ? sqrt(squares / (d - 1)) : 0;
    p.se = p.clusters > 1 ? sqrt(of_clusters * many / (many - 1)) / d : 0;
    return p;
}

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m < FRACTION_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double steps[] = {even, odd};
        double change = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + steps[k] * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + steps[k] / c;
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            value *= change;
        }
        if (fabs(change - 1) < 1e-15)
            break;
    }
    return value;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stats_t_p(double t, double df)
{
    return incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

double stats_t_quantile(double df)
{
    double low = 0, high = 1000;
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;
        if (stats_t_p(middle, df) > 0.05)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double stats_rows(double variance, double difference)
{
    double z = (Z_975 + Z_800) / difference;
    return z * z * variance;
}

double stats_mde(int64_t n, double discordant)
{
    return n > 0 ? (Z_975 + Z_800) * sqrt(discordant / (double)n) : 1;
}
