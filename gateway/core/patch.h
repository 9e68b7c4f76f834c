/*
 * patch.h - ranges of a document that are to be replaced, collected while it is read.
 *
 *     size_t from = p.made.n;
 *     buf_add(&p.made, …);          what is to stand there
 *     patch_add(&p, range, from);
 *
 * Ranges come in order and do not overlap.  Owns its memory.
 */
#ifndef GATEWAY_CORE_PATCH_H
#define GATEWAY_CORE_PATCH_H

#include "gateway/base/str.h"

struct patch_place;

struct patch {
    struct str text; /* the document; borrowed */
    struct buf made; /* what stands in the ranges instead */
    struct patch_place *places;
    size_t n, room;
};

void patch_init(struct patch *p);
void patch_done(struct patch *p);
void patch_begin(struct patch *p, struct str text); /* keeps memory of the last one */

void patch_add(struct patch *p, struct str range,
               size_t made_from); /* range within p->text; p->made from there on */
void patch_write(const struct patch *p, struct buf *out);

#endif
