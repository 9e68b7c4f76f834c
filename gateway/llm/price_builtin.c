/*
 * price_builtin.c - the catalogue that comes with the program, compiled in.
 *
 * Its rows are made from prices.json at build time, so that starting parses nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/llm/price.h"

enum { NAME_BYTES = 256 };

struct builtin_row {
    const char *name;
    unsigned price; /* its place in builtin_prices */
};

#include "gateway/llm/price_rows.h"

static int by_name(const void *name, const void *row)
{
    return strcmp(name, ((const struct builtin_row *)row)->name);
}

static const struct price *find(struct str dialect, struct str model)
{
    char name[NAME_BYTES];
    if (dialect.n + model.n + 2 > sizeof name)
        return NULL;
    snprintf(name, sizeof name, STR_FMT "/" STR_FMT, STR_ARG(dialect), STR_ARG(model));
    const struct builtin_row *row =
        bsearch(name, builtin_rows, sizeof builtin_rows / sizeof builtin_rows[0],
                sizeof builtin_rows[0], by_name);
    return row ? &builtin_prices[row->price] : NULL;
}

/* The name without the date of a snapshot at its end, "-20250929" or "-2025-09-29"; else as it is.
 */
static struct str without_date(struct str model)
{
    static const char *const shapes[] = {"-dddddddd", "-dddd-dd-dd"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t n = strlen(shapes[i]), k = 0;
        if (model.n <= n)
            continue;
        const char *end = model.p + model.n - n;
        while (k < n &&
               (shapes[i][k] == 'd' ? end[k] >= '0' && end[k] <= '9' : end[k] == shapes[i][k]))
            k++;
        if (k == n)
            return (struct str){model.p, model.n - n};
    }
    return model;
}

const struct price *price_builtin(struct str dialect, struct str model)
{
    const struct price *p = find(dialect, model);
    if (!p)
        p = find(dialect, without_date(model));
    return p ? p : find(dialect, STR("*"));
}

const char *price_builtin_version(void)
{
    return builtin_version;
}
