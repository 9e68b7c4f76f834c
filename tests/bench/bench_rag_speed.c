/*
 * bench_rag_speed [PASSAGES...] - how fast retrieval is, at 10,000 passages (its own LSA)
 * and at 100,000 with vectors of 384 numbers, beside FAISS's flat index alone and SQLite's
 * FTS5 over the same texts in the same run; `make bench-rag-speed`.  The embedding of
 * the question is not counted.  Ends with 1 where 10,000 passages take more than 5 ms (p99).
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "rag/build.h"
#include "rag/index.h"
#include "rag/vectors.h"

enum {
    QUERIES = 500,
    WORDS = 100,
    ASKED = 12,
    VOCABULARY = 60000,
    LARGE = 50000,
    LARGE_DIMENSION = 384,
    PATH_BYTES = 512
};

static uint64_t state = 88172645463325252u;

static uint64_t dice(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

/* About as often as words are: the square of an even chance, twice. */
static unsigned word(void)
{
    double u = (double)(dice() >> 11) * 0x1p-53;
    return (unsigned)(u * u * u * VOCABULARY);
}

static void add_words(struct buf *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_addf(out, "w%xq%s", word() * 2654435761u % 0xfffff, i % 12 == 11 ? ". " : " ");
}

static void complain(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void fill_row(float *row)
{
    for (unsigned i = 0; i < LARGE_DIMENSION; i++)
        row[i] = (float)(dice() >> 40) * 0x1p-24F - 0.5F;
}

static bool embed(void *arg, const struct str *texts, size_t n, struct buf *rows,
                  unsigned *dimension, struct err *err)
{
    float row[LARGE_DIMENSION];
    (void)arg, (void)texts, (void)err;
    *dimension = LARGE_DIMENSION;
    for (size_t i = 0; i < n; i++) {
        fill_row(row);
        buf_add(rows, (struct str){(const char *)row, sizeof row});
    }
    return true;
}

static void fill(struct corpus *c, unsigned n)
{
    c->documents = mem_zalloc(n * sizeof *c->documents);
    for (; c->n < n; c->n++) {
        struct buf text = BUF_INIT(8192);
        char id[32];
        struct section *whole = arena_alloc(&c->arena, sizeof *whole);
        add_words(&text, WORDS);
        snprintf(id, sizeof id, "d%zu", c->n);
        *whole = (struct section){STR(""), 0, text.n};
        c->documents[c->n] =
            (struct document){.id = {arena_strdup(&c->arena, str_of(id)), strlen(id)},
                              .title = STR(""),
                              .text = {arena_strdup(&c->arena, buf_str(&text)), text.n},
                              .version = crypto_sha256(buf_str(&text)),
                              .sections = whole,
                              .n_sections = 1};
        buf_done(&text);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double p99_of(const char *what, double *us)
{
    qsort(us, QUERIES, sizeof *us, by_value);
    printf("  %-34s p50 %8.0f us   p99 %8.0f us\n", what, us[QUERIES / 2],
           us[QUERIES - 1 - QUERIES / 100]);
    return us[QUERIES - 1 - QUERIES / 100];
}

static long rss_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static sqlite3 *fill_fts(const struct corpus *c)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    sqlite3_open(":memory:", &db);
    sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5(text); BEGIN", NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?)", -1, &q, NULL);
    for (size_t i = 0; i < c->n; i++) {
        sqlite3_bind_text(q, 1, c->documents[i].text.p, (int)c->documents[i].text.n, SQLITE_STATIC);
        sqlite3_step(q);
        sqlite3_reset(q);
    }
    sqlite3_finalize(q);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    return db;
}

static double ask_fts(sqlite3_stmt *q, const char *asked)
{
    struct buf match = BUF_INIT(4096);
    struct str rest = str_of(asked), one;
    while (rest.n && str_next(&rest, ' ', &one))
        if (one.n)
            buf_addf(&match, "%s\"" STR_FMT "\"", match.n ? " OR " : "", STR_ARG(one));
    int64_t from = clock_now_us();
    sqlite3_bind_text(q, 1, match.p, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW)
        ;
    sqlite3_reset(q);
    buf_done(&match);
    return (double)(clock_now_us() - from);
}

struct times {
    double ours[QUERIES], lexical[QUERIES], flat[QUERIES], fts[QUERIES];
};

static void ask(const struct index *x, const struct vectors *flat, sqlite3 *db, struct times *t)
{
    static const char *const everybody[] = {"*", NULL};
    sqlite3_stmt *q = NULL;
    sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10", -1, &q,
                       NULL);
    for (unsigned i = 0; i < QUERIES; i++) {
        struct buf text = BUF_INIT(4096);
        struct search_hit hits[SEARCH_MAX];
        float row[LARGE_DIMENSION], scores[10];
        uint32_t ids[10];
        add_words(&text, ASKED);
        fill_row(row);
        vector_normalise(row, LARGE_DIMENSION);
        struct search s = {.text = buf_str(&text),
                           .collection = {.teams = everybody},
                           .k = 10,
                           .vector = flat ? row : NULL};
        int64_t from = clock_now_us();
        index_search(x, &s, hits);
        t->ours[i] = (double)(clock_now_us() - from);
        s.legs = LEGS_lexical;
        from = clock_now_us();
        index_search(x, &s, hits);
        t->lexical[i] = (double)(clock_now_us() - from);
        from = clock_now_us();
        if (flat)
            vectors_search(flat, row, 10, NULL, ids, scores);
        t->flat[i] = (double)(clock_now_us() - from);
        t->fts[i] = ask_fts(q, text.p);
        buf_done(&text);
    }
    sqlite3_finalize(q);
}

/* Vectors by which both legs are worked through, whatever calibration says of random ones. */
static double measure(const char *folder, const struct corpus *c, bool large)
{
    char path[PATH_BYTES];
    struct err err = {0};
    struct built made;
    struct times *t = NEW(struct times);
    struct embedder e = {"bench", embed, NULL};
    struct build b = {
        .folder = folder, .collection = "bench", .corpus = c, .embedder = large ? &e : NULL};
    int64_t from = clock_now_ms();
    if (!build_run(&b, &made, &err)) {
        fprintf(stderr, "%s\n", err.detail);
        return 1e9;
    }
    int64_t build_ms = clock_now_ms() - from;
    long before = rss_kib();
    snprintf(path, sizeof path, "%s/%u", folder, made.version);
    from = clock_now_ms();
    struct index *x = index_open(path, "bench", made.version, &made.manifest, complain, NULL, &err);
    printf("%zu passages, %s: built in %lld ms, loaded in %lld ms, %ld MiB resident\n",
           made.passages, large ? "100 words each, 384 numbers" : "100 words each, LSA",
           (long long)build_ms, (long long)(clock_now_ms() - from), (rss_kib() - before) / 1024);
    ((struct manifest *)index_manifest(x))->fusion.lexical_percent = 80;
    float *rows = large ? mem_zalloc(made.passages * LARGE_DIMENSION * sizeof *rows) : NULL;
    for (size_t i = 0; large && i < made.passages; i++)
        fill_row(rows + i * LARGE_DIMENSION);
    struct vectors *flat = large ? vectors_new(rows, made.passages, LARGE_DIMENSION, &err) : NULL;
    free(rows);
    sqlite3 *db = fill_fts(c);
    ask(x, flat, db, t);
    double p99 = p99_of("both legs", t->ours);
    p99_of("lexical leg", t->lexical);
    if (flat)
        p99_of("FAISS Flat alone", t->flat);
    p99_of("SQLite FTS5", t->fts);
    sqlite3_close(db);
    vectors_free(flat);
    index_unref(x);
    free(t);
    return p99;
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"10000", "100000"};
    bool slow = false;
    for (int i = 0; i < (argc > 1 ? argc - 1 : 2); i++) {
        int64_t n;
        char folder[] = "/tmp/bench-rag-XXXXXX", command[PATH_BYTES];
        struct corpus c;
        if (!str_int(str_of(argc > 1 ? argv[i + 1] : usual[i]), &n) || n < 1 || !mkdtemp(folder))
            return 2;
        corpus_init(&c, complain, NULL);
        fill(&c, (unsigned)n);
        double p99 = measure(folder, &c, n > LARGE);
        slow |= n <= 10000 && p99 > 5000;
        corpus_done(&c);
        snprintf(command, sizeof command, "rm -rf %s", folder);
        if (system(command) != 0)
            return 1;
    }
    return slow;
}
