/* Vectors for the passages of a plan: those of the version before, those in the journal, and new
 * ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "rag/build_priv.h"

enum { PATH_BYTES = 4096, RETRAIN_PERCENT = 20 };

void embedding_done(struct embedding *e)
{
    free(e->rows);
    lsa_free(e->lsa);
    *e = (struct embedding){0};
}

static size_t count_new(const struct plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_passages; i++)
        n += p->old[i] == NONE;
    return n;
}

/* The parent's vectors fit: made by the same embedder, and most of them are still there. */
static bool can_carry(const struct plan *p, enum embedder_kind kind)
{
    const struct index *x = p->b->parent;
    if (!x || !x->vectors || x->manifest.embedder != kind)
        return false;
    if (kind == EMBEDDER_model)
        return strcmp(x->manifest.model, p->b->embedder->model) == 0;
    return count_new(p) * 100 <= p->n_passages * RETRAIN_PERCENT;
}

static void carry(const struct plan *p, struct embedding *e)
{
    for (size_t i = 0; i < p->n_passages; i++)
        if (p->old[i] != NONE)
            memcpy(e->rows + i * e->dimension, vectors_row(p->b->parent->vectors, p->old[i]),
                   e->dimension * sizeof *e->rows);
}

static void tell(const struct plan *p, size_t done, size_t total)
{
    if (p->b->progress)
        p->b->progress(p->b->arg, "embedding", done, total);
}

static bool embed_lsa(const struct plan *p, const struct lexicon *l, struct embedding *e)
{
    e->carried = can_carry(p, EMBEDDER_lsa);
    if (e->carried) {
        struct buf basis = BUF_INIT(SIZE_MAX);
        lsa_write(p->b->parent->lsa, &basis);
        e->lsa = lsa_read(buf_str(&basis));
        buf_done(&basis);
    } else {
        e->lsa = lsa_train(l);
    }
    if (!e->lsa)
        return false;
    e->dimension = lsa_dimension(e->lsa);
    e->rows = mem_zalloc((p->n_passages + 1) * e->dimension * sizeof *e->rows);
    if (e->carried)
        carry(p, e);
    for (size_t i = 0; i < p->n_passages; i++) {
        if (e->carried && p->old[i] != NONE)
            continue;
        struct buf title = BUF_INIT(4096);
        plan_title(p, (uint32_t)i, &title);
        lsa_embed(e->lsa, buf_str(&title), plan_text(p, (uint32_t)i), e->rows + i * e->dimension);
        buf_done(&title);
        if (e->embedded++ % 1024 == 0)
            tell(p, i, p->n_passages);
    }
    return true;
}

/* The rows' room is made when their dimension is known. */
static bool put_row(const struct plan *p, struct embedding *e, size_t passage, const float *row,
                    unsigned dimension, struct err *err)
{
    if (!e->dimension) {
        e->dimension = dimension;
        e->rows = mem_zalloc((p->n_passages + 1) * dimension * sizeof *e->rows);
    }
    if (dimension != e->dimension)
        return err_set(err, ERR_bad_answer,
                       "vectors of %u and of %u numbers: the model has changed", e->dimension,
                       dimension);
    memcpy(e->rows + passage * dimension, row, dimension * sizeof *row);
    vector_normalise(e->rows + passage * dimension, dimension);
    return true;
}

struct batch {
    size_t passages[EMBED_BATCH];
    struct buf texts[EMBED_BATCH];
    size_t n;
};

static bool send_batch(const struct plan *p, struct embedding *e, struct journal *j,
                       struct batch *b, struct err *err)
{
    struct str texts[EMBED_BATCH];
    struct buf rows = BUF_INIT(SIZE_MAX);
    unsigned dimension = 0;
    for (size_t i = 0; i < b->n; i++)
        texts[i] = buf_str(&b->texts[i]);
    const struct embedder *m = p->b->embedder;
    bool ok = m->embed(m->arg, texts, b->n, &rows, &dimension, err);
    if (ok && (dimension == 0 || rows.n != b->n * dimension * sizeof(float)))
        ok = err_set(err, ERR_bad_answer, "%zu texts gave %zu bytes of vectors", b->n, rows.n);
    for (size_t i = 0; ok && i < b->n; i++) {
        const float *row = (const float *)(const void *)rows.p + i * dimension;
        ok = put_row(p, e, b->passages[i], row, dimension, err) &&
             journal_add(j, texts[i], row, dimension, err);
    }
    e->embedded += ok ? b->n : 0;
    for (size_t i = 0; i < b->n; i++)
        buf_done(&b->texts[i]);
    b->n = 0;
    buf_done(&rows);
    return ok;
}

static bool embed_new(const struct plan *p, struct embedding *e, struct journal *j, struct err *err)
{
    struct batch b = {.n = 0};
    size_t done = 0, total = count_new(p);
    bool ok = true;
    for (size_t i = 0; ok && i < p->n_passages; i++) {
        unsigned dimension = 0;
        if (e->carried && p->old[i] != NONE)
            continue;
        struct buf *text = &b.texts[b.n];
        *text = (struct buf)BUF_INIT(SIZE_MAX);
        plan_title(p, (uint32_t)i, text);
        buf_add(text, text->n ? STR("\n") : STR(""));
        buf_add(text, plan_text(p, (uint32_t)i));
        const float *known = journal_find(j, buf_str(text), &dimension);
        if (known) {
            ok = put_row(p, e, i, known, dimension, err);
            e->resumed++;
            e->embedded++;
            buf_done(text);
        } else {
            b.passages[b.n++] = i;
        }
        if (b.n == EMBED_BATCH)
            ok = ok && send_batch(p, e, j, &b, err);
        if (++done % EMBED_BATCH == 0)
            tell(p, done, total);
    }
    return (b.n == 0 || send_batch(p, e, j, &b, err)) && ok;
}

static bool embed_by_model(const struct plan *p, struct embedding *e, struct err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/embedding.part", p->b->folder);
    e->carried = can_carry(p, EMBEDDER_model);
    if (e->carried) {
        e->dimension = p->b->parent->manifest.dimension;
        e->rows = mem_zalloc((p->n_passages + 1) * e->dimension * sizeof *e->rows);
        carry(p, e);
    }
    struct journal *j = journal_open(path, p->b->embedder->model, err);
    bool ok = j && embed_new(p, e, j, err);
    journal_close(j, false);
    return ok;
}

bool embed_passages(const struct plan *p, const struct lexicon *l, struct embedding *e,
                    struct err *err)
{
    *e = (struct embedding){0};
    if (p->b->lexical_only || !vectors_built() || p->n_passages == 0)
        return true;
    if (p->b->embedder)
        return embed_by_model(p, e, err);
    embed_lsa(p, l, e); /* too little to learn from: lexical only */
    return true;
}
