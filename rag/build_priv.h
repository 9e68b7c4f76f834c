/* build_priv.h - what the steps of a build hand on. */
#ifndef RAG_BUILD_PRIV_H
#define RAG_BUILD_PRIV_H

#include "rag/build.h"
#include "rag/index_priv.h"

enum { EMBED_BATCH = 64 };

/* A document of the version that is made. */
struct item {
    struct str id, title, text;
    struct hash version;
    const struct access *access;         /* NULL: the collection's */
    const struct document *source;       /* NULL: it is kept from the parent */
    const struct index_document *before; /* as the parent has it; NULL: it is new */
    bool same;                           /* its passages and vectors can be kept */
};

struct plan {
    const struct build *b;
    struct item *items;
    size_t n, kept_from_parent;
    struct index_passage *passages;
    size_t n_passages, room;
    struct buf headings;
    uint32_t *old; /* of each passage: its place in the parent, or NONE */
};
#define NONE UINT32_MAX

void plan_make(struct plan *p, const struct build *b);
void plan_done(struct plan *p);
bool plan_is_unchanged(const struct plan *p);
void plan_count(const struct plan *p, struct built *out);
struct str plan_text(const struct plan *p, uint32_t passage);
void plan_title(const struct plan *p, uint32_t passage, struct buf *out);

/* Vectors that were paid for already, by the text that was embedded. */
struct journal;
struct journal *journal_open(const char *path, const char *model, struct err *err);
void journal_close(struct journal *j, bool done); /* done: the file goes too; NULL is fine */
const float *journal_find(const struct journal *j, struct str text, unsigned *dimension);
bool journal_add(struct journal *j, struct str text, const float *row, unsigned dimension,
                 struct err *err);

/* Rows for all passages; *lsa: the basis, where that is the embedder. */
struct embedding {
    float *rows;
    unsigned dimension; /* 0: there are none */
    struct lsa *lsa;
    size_t embedded, resumed;
    bool carried; /* from the parent, but for a few: its weight holds */
};
bool embed_passages(const struct plan *p, const struct lexicon *l, struct embedding *e,
                    struct err *err);
void embedding_done(struct embedding *e);

/* Measures the legs on questions made of the corpus, and sets the weight. */
bool calibrate(const struct index *x, const struct embedder *model, struct fusion *f,
               struct err *err);

#endif
