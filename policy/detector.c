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
static void read_bytes(struct str bytes, bool in[256])
{
    memset(in, bytes.n == 0, 256);
    for (size_t i = 0; i < bytes.n; i++) {
        bool is_range = i + 2 < bytes.n && bytes.p[i + 1] == '-';
        unsigned char first = (unsigned char)bytes.p[i],
                      last = is_range ? (unsigned char)bytes.p[i + 2] : first;
        for (unsigned b = first; b <= last; b++)
            in[b] = true;
        i += is_range ? 2 : 0;
    }
}

/* Which bytes may stand at place k of what the row looks for. */
static void read_head(unsigned row, unsigned k, struct str *rest, bool in[256])
{
    const struct detector *d = &detectors[row];
    struct str set = STR("");
    if (!d->anchor) {
        const uint8_t *head = shape_head(row);
        for (unsigned b = 0; b < 256; b++)
            in[b] = head[b] >> k & 1;
        return;
    }
    if (k == 0)
        set = str_of(d->anchor);
    else if (rest->n)
        str_next(rest, '|', &set);
    read_bytes(set, in);
}

void detector_set_add(struct detector_set *set, unsigned row, bool no_cue)
{
    const struct detector *d = &detectors[row];
    uint64_t bit = (uint64_t)1 << row % 64;
    struct str rest = str_of(d->next);
    bool in[256];
    for (unsigned k = 0; k < DETECTOR_HEAD_BYTES; k++) {
        read_head(row, k, &rest, in);
        for (unsigned b = 0; b < 256; b++) {
            if (!in[b])
                continue;
            set->head[k][b].word[row / 64] |= bit;
            if (k == 0)
                set->flag[b] |= d->where == ANCHOR_ANYWHERE ? 1 : 2;
        }
    }
    if (d->looks_back)
        set->looks_back.word[row / 64] |= bit;
    if (no_cue)
        set->no_cue.word[row / 64] |= bit;
}
