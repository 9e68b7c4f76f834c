#include "gateway/core/patch.h"

#include <stdlib.h>

#include "gateway/base/mem.h"

enum { PLACES_FIRST = 16 };

struct patch_place { /* of the text, and of what was made, which may still move */
    size_t from, to, made_from, made_to;
};

void patch_init(struct patch *p)
{
    *p = (struct patch){.made = BUF_INIT(SIZE_MAX)};
}

void patch_done(struct patch *p)
{
    buf_done(&p->made);
    free(p->places);
    patch_init(p);
}

void patch_begin(struct patch *p, struct str text)
{
    buf_empty_out(&p->made);
    p->text = text;
    p->n = 0;
}

void patch_add(struct patch *p, struct str range, size_t made_from)
{
    if (p->n == p->room) {
        p->room = p->room ? 2 * p->room : PLACES_FIRST;
        p->places = mem_realloc(p->places, p->room * sizeof *p->places);
    }
    size_t from = (size_t)(range.p - p->text.p);
    p->places[p->n++] = (struct patch_place){from, from + range.n, made_from, p->made.n};
}

void patch_write(const struct patch *p, struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct patch_place *place = &p->places[i];
        buf_add(out, (struct str){p->text.p + at, place->from - at});
        buf_add(out, (struct str){p->made.p + place->made_from, place->made_to - place->made_from});
        at = place->to;
    }
    buf_add(out, (struct str){p->text.p + at, p->text.n - at});
}
