/* What a version is to hold: each document, whether it is as before, and its passages. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "rag/build_priv.h"
#include "rag/chunk.h"
#include "rag/token.h"

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_id(const void *a, const void *b)
{
    return compare((*(const struct index_document *const *)a)->id,
                   (*(const struct index_document *const *)b)->id);
}

/* The parent's documents in the order of their ids. */
static const struct index_document **sorted_parent(const struct index *parent, size_t *n)
{
    *n = parent ? parent->manifest.documents : 0;
    const struct index_document **v = mem_zalloc((*n + 1) * sizeof *v);
    for (size_t i = 0; i < *n; i++)
        v[i] = &parent->documents[i];
    qsort(v, *n, sizeof *v, by_id);
    return v;
}

static long find(const struct index_document **v, size_t n, struct str id)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(v[middle]->id, id);
        if (order == 0)
            return (long)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static bool can_keep(const struct build *b, const struct document *d,
                     const struct index_document *before)
{
    const struct manifest *m = before ? &b->parent->manifest : NULL;
    return m && m->token_version == TOKEN_VERSION && m->chunk_version == CHUNK_VERSION &&
           hash_equal(&before->version, &d->version) && str_eq(before->title, d->title);
}

struct cutting {
    struct plan *p;
    uint32_t document;
    const struct section *last;
    uint32_t heading_at;
};

static void add_passage(struct plan *p, const struct index_passage *passage, uint32_t old)
{
    if (p->n_passages == p->room) {
        p->room = p->room ? 2 * p->room : 256;
        p->passages = mem_realloc(p->passages, p->room * sizeof *p->passages);
        p->old = mem_realloc(p->old, p->room * sizeof *p->old);
    }
    p->old[p->n_passages] = old;
    p->passages[p->n_passages++] = *passage;
}

static uint32_t add_heading(struct plan *p, struct str heading)
{
    size_t at = p->headings.n;
    buf_add(&p->headings, heading);
    return (uint32_t)at;
}

static void cut(void *arg, const struct section *s, size_t from, size_t to)
{
    struct cutting *c = arg;
    if (s != c->last) /* passages of one section share its heading's place: so they are known as
                         neighbours */
        c->heading_at = add_heading(c->p, s->heading);
    c->last = s;
    add_passage(c->p,
                &(struct index_passage){c->document, (uint32_t)from, (uint32_t)to, c->heading_at,
                                        (uint32_t)s->heading.n},
                NONE);
}

static void keep_passages(struct plan *p, uint32_t document, const struct index_document *before)
{
    const struct index *x = p->b->parent;
    uint32_t last_at = NONE, heading_at = 0;
    for (uint32_t i = before->first; i < before->first + before->n; i++) {
        struct index_passage passage = x->passages[i];
        if (passage.heading_at != last_at || i == before->first)
            heading_at = add_heading(p, index_heading(x, i));
        last_at = passage.heading_at;
        passage.document = document;
        passage.heading_at = heading_at;
        add_passage(p, &passage, i);
    }
}

static void add_passages(struct plan *p, uint32_t i)
{
    struct item *item = &p->items[i];
    struct cutting c = {.p = p, .document = i};
    if (item->same)
        keep_passages(p, i, item->before);
    else
        chunk(item->source, cut, &c);
}

static const struct access *access_before(const struct index *x, const struct index_document *d)
{
    return d->group ? &x->groups[d->group] : NULL;
}

void plan_make(struct plan *p, const struct build *b)
{
    size_t n_before;
    const struct index_document **before = sorted_parent(b->parent, &n_before);
    bool *used = mem_zalloc(n_before + 1);
    *p = (struct plan){.b = b, .headings = BUF_INIT(UINT32_MAX)};
    p->items = mem_zalloc((b->corpus->n + n_before + 1) * sizeof *p->items);
    for (size_t i = 0; i < b->corpus->n; i++) {
        const struct document *d = &b->corpus->documents[i];
        long at = find(before, n_before, d->id);
        const struct index_document *was = at >= 0 ? before[at] : NULL;
        if (at >= 0)
            used[at] = true;
        p->items[p->n++] = (struct item){
            d->id, d->title,           d->text, d->version, d->has_access ? &d->access : NULL, d,
            was,   can_keep(b, d, was)};
    }
    for (size_t i = 0; b->add && i < n_before; i++)
        if (!used[i]) {
            const struct index_document *d = before[i];
            p->items[p->n++] = (struct item){
                d->id, d->title, d->text, d->version, access_before(b->parent, d), NULL, d, true};
            p->kept_from_parent++;
        }
    free(before);
    free(used);
    for (size_t i = 0; i < p->n; i++)
        add_passages(p, (uint32_t)i);
}

void plan_done(struct plan *p)
{
    free(p->items);
    free(p->passages);
    free(p->old);
    buf_done(&p->headings);
}

static bool same_access(const struct access *a, const struct access *b)
{
    return (!a && !b) || (a && b && access_equal(a, b));
}

static bool same_embedder(const struct build *b)
{
    const struct manifest *m = &b->parent->manifest;
    if (b->lexical_only)
        return m->embedder == EMBEDDER_none;
    if (b->embedder)
        return m->embedder == EMBEDDER_model && strcmp(m->model, b->embedder->model) == 0;
    return m->embedder != EMBEDDER_model;
}

bool plan_is_unchanged(const struct plan *p)
{
    const struct index *x = p->b->parent;
    if (!x || p->n != x->manifest.documents || !same_embedder(p->b))
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (!p->items[i].same ||
            !same_access(p->items[i].access, access_before(x, p->items[i].before)))
            return false;
    return true;
}

void plan_count(const struct plan *p, struct built *out)
{
    size_t known = 0;
    out->documents = p->n;
    out->passages = p->n_passages;
    for (size_t i = 0; i < p->n; i++) {
        known += p->items[i].before != NULL;
        out->kept += p->items[i].same;
        out->changed += p->items[i].before && !p->items[i].same;
        out->added += !p->items[i].before;
    }
    out->removed = p->b->parent ? p->b->parent->manifest.documents - known : 0;
}

struct str plan_text(const struct plan *p, uint32_t passage)
{
    const struct index_passage *q = &p->passages[passage];
    return (struct str){p->items[q->document].text.p + q->from, q->to - q->from};
}

void plan_title(const struct plan *p, uint32_t passage, struct buf *out)
{
    const struct index_passage *q = &p->passages[passage];
    passage_title(p->items[q->document].title,
                  (struct str){p->headings.p + q->heading_at, q->heading_bytes}, out);
}
