#include "policy/detector.h"

#include <string.h>

#include "policy/scan_priv.h"

const struct detector detectors[] = {
#define SCAN(id, code, where, anchor, next, looks_back, scan, valid, cue, example, look_alike)     \
    {id,   code, ANCHOR_##where, anchor, next,    looks_back,                                      \
     scan, NULL, valid,          cue,    example, look_alike},
#define NUMBER(id, code, shape, valid, cue, example, look_alike)                                   \
    {id, code, ANCHOR_WORD, NULL, "", false, scan_number, shape, valid, cue, example, look_alike},
#define TOKEN(id, shape, valid, example, look_alike)                                               \
    {id, "SK", ANCHOR_WORD, NULL, "", false, scan_token, shape, valid, NULL, example, look_alike},
#include "policy/detector_list.h"
    {0},
};

const unsigned n_detectors = sizeof detectors / sizeof detectors[0] - 1;

_Static_assert(sizeof detectors / sizeof detectors[0] - 1 <= DETECTOR_MAX, "a bit for each");

bool detector_known(struct str id)
{
    for (unsigned i = 0; i < n_detectors; i++)
        if (str_eq(str_of(detectors[i].id), id))
            return true;
    return false;
}

/* "0-9a" as a set of bytes; "" is all. */
static void read_bytes(const char *bytes, bool in[256])
{
    memset(in, !*bytes, 256);
    for (const char *c = bytes; *c; c++) {
        unsigned char last = c[1] == '-' && c[2] ? (unsigned char)c[2] : (unsigned char)*c;
        for (unsigned b = (unsigned char)*c; b <= last; b++)
            in[b] = true;
        if (last != (unsigned char)*c)
            c += 2;
    }
}

void detector_set_add(struct detector_set *set, unsigned row, bool no_cue)
{
    const struct detector *d = &detectors[row];
    uint64_t bit = (uint64_t)1 << row % 64;
    bool first[256], next[256];
    int second = -1;
    if (d->anchor)
        read_bytes(d->anchor, first);
    else
        shape_first(d->shape, first, &second);
    read_bytes(d->next, next);
    for (unsigned b = 0; b < 256; b++) {
        if (!first[b])
            continue;
        set->flag[b] |= d->where == ANCHOR_ANYWHERE ? 1 : 2;
        set->asked[b].word[row / 64] |= bit;
        for (unsigned k = 0; k < 256; k++)
            if (second < 0 ? next[k] : k == (unsigned)second)
                set->pair[(b << 8 | k) / 64] |= (uint64_t)1 << k % 64;
    }
    if (d->looks_back)
        set->looks_back.word[row / 64] |= bit;
    if (no_cue)
        set->no_cue.word[row / 64] |= bit;
}
