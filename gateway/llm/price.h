/*
 * price.h - what a token costs, and what an attempt did.
 *
 * Prices are int64_t in pico-USD per million tokens (1e-12), which holds every
 * price that is published and thirds of them to six places.  A cost is computed
 * exactly over all kinds of tokens of one attempt and rounded once, to the nearest
 * nano-USD, ties to even; a bound is rounded up.  No float is involved.
 *
 * A book does not change once loaded; any number of threads may read it.
 */
#ifndef GATEWAY_LLM_PRICE_H
#define GATEWAY_LLM_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/llm/capability.h"
#include "gateway/llm/usage.h"

enum { PRICE_TIERS = 4, PRICE_PLACES = 12 };

struct price_tier {
    int64_t above_input; /* holds for requests with more input tokens than this; 0 for the first */
    int64_t input, cached_input, cache_write, audio_input; /* pico-USD per million tokens */
    int64_t output, reasoning, audio_output;
};

struct price {
    const char *version;                  /* of the file it comes from */
    struct price_tier tiers[PRICE_TIERS]; /* by above_input, ascending */
    unsigned n_tiers;                     /* 1 or more */
    int64_t default_max_output;           /* tokens; 0: not known */
    int64_t context;                      /* tokens; 0: not known */
    int64_t image_tokens, audio_tokens;   /* the most that one of them becomes; 0: not known */
    unsigned lacks;                       /* bits of enum capability's CAN_; 0: nothing is known */
};

/* Kinds without a price of their own are loaded with that of `input` or `output`. */
int64_t price_cost_nusd(const struct price *p, const struct usage *u);

/* The most that this many tokens can cost, in the dearest tier that can apply; INT64_MAX if past
 * counting. */
int64_t price_bound_nusd(const struct price *p, int64_t input, int64_t output);

struct price_book;

/*
 * Reads the texts of price files, JSON or YAML, later ones win: {"version": …, "models":
 * {"PROVIDER/MODEL": {"input": …, "output": …, …}}}; see gateway/llm/PRICES.md.  Numbers
 * are read as they are written, never through a float.
 * NULL and *err (say: what is wrong; detail: the same after FILE:LINE:COLUMN).
 */
struct price_source {
    const char *name; /* of the file, for errors */
    struct str text;
};
struct price_book *price_book_new(const struct price_source *sources, size_t n, struct err *err);
void price_book_free(struct price_book *b); /* NULL is fine */

/* By PROVIDER/MODEL, else by "PROVIDER/" and a star.  NULL: unpriced.  Lives as long as the book.
 */
const struct price *price_find(const struct price_book *b, struct str provider, struct str model);

/* The same of the catalogue that comes with the program, where a vendor is its dialect's name.
 * Static. */
const struct price *price_builtin(struct str dialect, struct str model);
const char *price_builtin_version(void);

#endif
