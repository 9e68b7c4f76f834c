/* fuzz.h - what every fuzz target includes. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "gateway/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant; as assert(), but also in a build without. */
static inline void check(bool holds)
{
    if (!holds)
        abort();
}

/* Cuts the first byte off, for choices that are not part of the text; 0 if there is none. */
static inline uint8_t fuzz_byte(struct str *text)
{
    if (text->n == 0)
        return 0;
    uint8_t b = (uint8_t)*text->p;
    *text = (struct str){text->p + 1, text->n - 1};
    return b;
}

#endif
