/*
 * Questions without labels: a sentence is cut out of a document, or its title taken away,
 * and has to find what is left.  They are asked of an index in which it is missing, made
 * like the real one: its words counted anew, its LSA trained anew.  With LSA that has
 * seen the sentence in its place, the dense leg finds 99 % and is worth nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "rag/build_priv.h"

enum {
    QUESTIONS = 300,         /* of the corpus's own vectors */
    QUESTIONS_BY_MODEL = 64, /* each costs two texts */
    SENTENCE_MIN_BYTES = 30,
    SENTENCE_MAX_BYTES = 400,
    LEXICAL_MIN = 30,
    GAIN_MIN = 3, /* thousandths by which the sum must beat the lexical leg */
    STEP_MIN = 2, /* and by which each smaller weight must beat the one before */
};

struct question {
    uint32_t document;
    struct str asked;
    bool is_title;
};

struct questions {
    struct question v[QUESTIONS];
    size_t n;
    int16_t *of; /* of each document: its question, or -1 */
};

/* The longest of its sentences that is fit to be asked; the passage must hold more than it. */
static struct str sentence_of(struct str text)
{
    struct str best = STR("");
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        struct str rest = {text.p + i, text.n - i};
        bool stop = i < text.n && (text.p[i] == '.' || text.p[i] == '?' || text.p[i] == '!');
        char after = i + 1 < text.n ? text.p[i + 1] : ' ';
        bool ends = i == text.n ||
                    (stop && (after == ' ' || after == '\n' || (after >= 'A' && after <= 'Z')));
        size_t mark = str_starts(rest, STR("。")) || str_starts(rest, STR("।")) ? 3 : ends;
        if (!mark)
            continue;
        struct str s = {text.p + from, i - from};
        from = i + mark;
        bool fit = s.n >= SENTENCE_MIN_BYTES && s.n <= SENTENCE_MAX_BYTES && 2 * s.n < text.n;
        if (fit && s.n > best.n)
            best = s;
    }
    return best;
}

/* A sentence is harder to find than a title, and so tells more. */
static bool make_question(const struct index *x, uint32_t document, struct question *q)
{
    const struct index_document *d = &x->documents[document];
    *q = (struct question){.document = document};
    if (d->n == 0)
        return false;
    const struct index_passage *p = &x->passages[d->first + d->n / 2];
    q->asked = sentence_of((struct str){d->text.p + p->from, p->to - p->from});
    q->is_title = q->asked.n == 0 && d->title.n >= SENTENCE_MIN_BYTES / 2;
    if (q->is_title)
        q->asked = d->title;
    return q->asked.n > 0;
}

/* Spread over the documents, and the same each time. */
static void make_questions(const struct index *x, size_t most, struct questions *qs)
{
    uint32_t n = x->manifest.documents;
    qs->of = mem_zalloc((n + 1) * sizeof *qs->of);
    for (uint32_t i = 0; i < n; i++)
        qs->of[i] = -1;
    for (uint32_t i = 0; i < n && qs->n < most; i++) {
        uint32_t document = (uint32_t)(((uint64_t)i * 2654435761u) % n);
        if (qs->of[document] >= 0 || !make_question(x, document, &qs->v[qs->n]))
            continue;
        qs->of[document] = (int16_t)qs->n++;
    }
}

/* A passage as the held-out index has it; true: it is not as it was. */
static bool left_of(const struct index *x, const struct questions *qs, uint32_t passage,
                    struct buf *title, struct buf *text)
{
    const struct index_passage *p = &x->passages[passage];
    const struct index_document *d = &x->documents[p->document];
    const struct question *q = qs->of[p->document] < 0 ? NULL : &qs->v[qs->of[p->document]];
    struct str whole = {d->text.p + p->from, p->to - p->from};
    passage_title(q && q->is_title ? STR("") : d->title, index_heading(x, passage), title);
    bool cut =
        q && !q->is_title && q->asked.p < whole.p + whole.n && q->asked.p + q->asked.n > whole.p;
    if (!cut) {
        buf_add(text, whole);
        return q && q->is_title;
    }
    const char *from = q->asked.p > whole.p ? q->asked.p : whole.p, *end = q->asked.p + q->asked.n;
    buf_add(text, (struct str){whole.p, (size_t)(from - whole.p)});
    if (end < whole.p + whole.n)
        buf_add(text, (struct str){end, (size_t)(whole.p + whole.n - end)});
    return true;
}

struct held_out {
    const struct index *x;
    const struct questions *qs;
    const struct embedder *model;
    struct lsa *lsa;
    float *rows;
    unsigned dimension;
};

static bool ask_model(const struct embedder *m, struct str text, float *row, unsigned dimension,
                      struct err *err)
{
    struct buf out = BUF_INIT(SIZE_MAX);
    unsigned got = 0;
    bool ok = m->embed(m->arg, &text, 1, &out, &got, err);
    if (ok && (got != dimension || out.n != dimension * sizeof *row))
        ok = err_set(err, ERR_bad_answer, "vectors of %u and of %u numbers: the model has changed",
                     dimension, got);
    if (ok)
        memcpy(row, out.p, dimension * sizeof *row);
    buf_done(&out);
    vector_normalise(row, dimension);
    return ok;
}

static void write_lexicon(const struct held_out *h, struct buf *out)
{
    struct lexicon_draft *d = lexicon_draft_new();
    for (uint32_t i = 0; i < h->x->manifest.passages; i++) {
        struct buf title = BUF_INIT(4096), text = BUF_INIT(SIZE_MAX);
        left_of(h->x, h->qs, i, &title, &text);
        lexicon_draft_add(d, buf_str(&title), buf_str(&text));
        buf_done(&title);
        buf_done(&text);
    }
    lexicon_draft_write(d, out);
    lexicon_draft_free(d);
}

static bool make_row(struct held_out *h, uint32_t passage, float *row, struct err *err)
{
    struct buf title = BUF_INIT(4096), text = BUF_INIT(SIZE_MAX);
    bool changed = left_of(h->x, h->qs, passage, &title, &text), ok = true;
    if (!h->model) {
        lsa_embed(h->lsa, buf_str(&title), buf_str(&text), row);
    } else if (!changed) {
        memcpy(row, vectors_row(h->x->vectors, passage), h->dimension * sizeof *row);
    } else {
        buf_add(&title, title.n ? STR("\n") : STR(""));
        buf_add(&title, buf_str(&text));
        ok = ask_model(h->model, buf_str(&title), row, h->dimension, err);
    }
    buf_done(&title);
    buf_done(&text);
    return ok;
}

static bool make_rows(struct held_out *h, struct err *err)
{
    uint32_t n = h->x->manifest.passages;
    bool ok = true;
    h->rows = mem_zalloc((n + 1) * h->dimension * sizeof *h->rows);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = make_row(h, i, h->rows + (size_t)i * h->dimension, err);
    return ok;
}

static struct str copied(struct str s)
{
    char *p = mem_zalloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct str){p, s.n};
}

/* The index without what is asked; NULL with *err, or where there is too little left to learn from.
 */
static struct index *make_index(struct held_out *h, struct err *err)
{
    struct manifest m = h->x->manifest;
    struct str parts[MANIFEST_FILES] = {0};
    struct buf words = BUF_INIT(SIZE_MAX), basis = BUF_INIT(SIZE_MAX);
    struct lexicon l;
    write_lexicon(h, &words);
    if (!h->model && lexicon_read(&l, buf_str(&words)))
        h->lsa = lsa_train(&l);
    h->dimension = h->lsa ? lsa_dimension(h->lsa) : m.dimension;
    struct index *x = NULL;
    if ((h->lsa || h->model) && make_rows(h, err)) {
        m.dimension = h->dimension;
        for (int i = PART_documents; i <= PART_headings; i++)
            parts[i] = copied(h->x->parts[i]);
        if (h->lsa)
            lsa_write(h->lsa, &basis);
        parts[PART_lexicon] = copied(buf_str(&words));
        parts[PART_lsa] = copied(buf_str(&basis));
        parts[PART_vectors] =
            (struct str){(char *)h->rows, m.passages * h->dimension * sizeof *h->rows};
        h->rows = NULL;
        x = index_make(&m, parts, err);
    }
    free(h->rows);
    lsa_free(h->lsa);
    buf_done(&words);
    buf_done(&basis);
    return x;
}

struct trial {
    struct candidate_passage c[2 * SEARCH_CANDIDATES];
    size_t n;
    uint32_t wanted; /* the document */
};

static bool run_trial(const struct index *x, const struct embedder *model, const struct question *q,
                      const struct scope_of *scope, struct trial *t, struct err *err)
{
    struct search s = {.text = q->asked};
    float *asked = mem_zalloc(x->manifest.dimension * sizeof *asked);
    bool ok = true;
    if (model)
        ok = ask_model(model, q->asked, asked, x->manifest.dimension, err);
    else
        lsa_embed(x->lsa, STR(""), q->asked, asked);
    t->wanted = q->document;
    t->n = ok ? index_candidates(x, &s, scope, asked, t->c) : 0;
    free(asked);
    return ok;
}

static double reciprocal_rank(const struct index *x, const struct trial *t, unsigned percent)
{
    struct candidate_passage c[2 * SEARCH_CANDIDATES];
    memcpy(c, t->c, t->n * sizeof *c);
    candidates_fuse(c, t->n, percent);
    for (size_t i = 0; i < t->n; i++)
        if (x->passages[c[i].passage].document == t->wanted)
            return c[i].score > 0 ? 1.0 / (double)(i + 1) : 0;
    return 0;
}

static unsigned measure(const struct index *x, const struct trial *trials, size_t n,
                        unsigned percent)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += reciprocal_rank(x, &trials[i], percent);
    return (unsigned)lround(1000 * sum / (double)n);
}

/* From the lexical leg down: less weight for it must be worth more than chance, step by step. */
static void choose(const struct index *x, const struct trial *trials, size_t n, struct fusion *f)
{
    static const unsigned weights[] = {95, 90, 85, 80, 75, 70, 60, 50, 40, LEXICAL_MIN};
    *f = (struct fusion){100, (unsigned)n, measure(x, trials, n, 100), measure(x, trials, n, 0), 0};
    f->fused = f->lexical;
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        unsigned found = measure(x, trials, n, weights[i]);
        unsigned step = f->lexical_percent == 100 ? GAIN_MIN : STEP_MIN;
        if (found >= f->fused + step) {
            f->fused = found;
            f->lexical_percent = weights[i];
        }
    }
}

/* The builder reads all of it. */
static void open_all(const struct index *x, bool *open, struct scope_of *scope)
{
    *scope = (struct scope_of){
        .group = x->group_of, .open = open, .n = x->manifest.passages, .all = true};
    for (uint32_t g = 0; g < x->n_groups; g++)
        scope->mean_length += x->group_length[g] / (scope->n ? scope->n : 1);
}

static bool ask_all(const struct index *x, const struct embedder *model, const struct questions *qs,
                    struct fusion *f, struct err *err)
{
    struct trial *trials = mem_zalloc(QUESTIONS * sizeof *trials);
    bool *open = mem_zalloc(x->n_groups * sizeof *open), ok = true;
    struct scope_of scope;
    open_all(x, open, &scope);
    for (size_t i = 0; ok && i < qs->n; i++)
        ok = run_trial(x, model, &qs->v[i], &scope, &trials[i], err);
    if (ok)
        choose(x, trials, qs->n, f);
    free(open);
    free(trials);
    return ok;
}

bool calibrate(const struct index *x, const struct embedder *model, struct fusion *f,
               struct err *err)
{
    struct questions *qs = NEW(struct questions);
    struct err why = {0};
    bool ok = true;
    *f = (struct fusion){.lexical_percent = 100};
    make_questions(x, model ? QUESTIONS_BY_MODEL : QUESTIONS, qs);
    if (qs->n) {
        struct held_out h = {.x = x, .qs = qs, .model = model};
        struct index *without = make_index(&h, &why);
        ok = without ? ask_all(without, model, qs, f, &why) : why.code == ERR_none;
        index_unref(without);
    }
    free(qs->of);
    free(qs);
    if (!ok)
        *err = why;
    return ok;
}
