/*
 * Words that look like a model's: drawn from a list by a sequence that a hash of the
 * request begins.  A token is a word with the white space before it, and of long words
 * TOKEN_BYTES at a time.
 */
#include <ctype.h>

#include "gateway/base/utf8.h"
#include "gateway/net/sim_priv.h"

enum { TOKEN_BYTES = 12, SENTENCE_WORDS = 9 };

static const char *const words[] = {
    "amber",  "and",    "answer",  "before", "bright", "calm",    "carries", "clear",
    "cloud",  "every",  "field",   "finds",  "from",   "garden",  "gives",   "grows",
    "harbor", "holds",  "into",    "island", "keeps",  "lantern", "light",   "long",
    "makes",  "meadow", "morning", "moves",  "near",   "north",   "of",      "old",
    "open",   "over",   "path",    "quiet",  "rain",   "reads",   "river",   "road",
    "rises",  "shore",  "silver",  "slow",   "small",  "song",    "stone",   "still",
    "sun",    "tells",  "the",     "three",  "time",   "to",      "tree",    "under",
    "warm",   "water",  "while",   "wind",   "winter", "with",    "wood",    "year",
};
enum { N_WORDS = sizeof words / sizeof words[0] };

/* splitmix64 (S. Vigna, 2015) */
uint64_t sim_mix(uint64_t seed)
{
    uint64_t z = seed + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* FNV-1a with the seed mixed in */
uint64_t sim_hash(uint64_t seed, struct str text)
{
    uint64_t h = 0xcbf29ce484222325u ^ sim_mix(seed);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.p[i]) * 0x100000001b3u;
    return sim_mix(h);
}

size_t sim_token(struct str text)
{
    size_t n = 0;
    while (n < text.n && n < TOKEN_BYTES && isspace((unsigned char)text.p[n]))
        n++;
    size_t end = n + TOKEN_BYTES;
    while (n < text.n && !isspace((unsigned char)text.p[n])) {
        size_t c = utf8_len((struct str){text.p + n, text.n - n});
        if (c == 0)
            c = 1;
        if (n + c > end)
            break;
        n += c;
    }
    return n;
}

void sim_words(struct buf *out, uint64_t seed, int64_t tokens)
{
    for (int64_t i = 0; i < tokens && buf_ok(out); i++) {
        seed = sim_mix(seed);
        size_t place = out->n;
        buf_addf(out, "%s%s", i ? " " : "", words[seed % N_WORDS]);
        if (i % SENTENCE_WORDS == 0 && buf_ok(out))
            out->p[place + (i != 0)] = (char)toupper((unsigned char)out->p[place + (i != 0)]);
        if (i % SENTENCE_WORDS == SENTENCE_WORDS - 1 || i == tokens - 1)
            buf_add(out, STR("."));
    }
}
