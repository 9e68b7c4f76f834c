/*
 * bench_rag [FOLDER] - how well retrieval finds: nDCG@10 of the lexical leg, the dense
 * one and their sum on every set below FOLDER (corpus.jsonl, queries.jsonl, qrels.tsv, as
 * BEIR has them), with the weight that was chosen; `make bench-rag`.  Ends with 1 where
 * a goal is missed, 77 where there is no data.
 *
 * nDCG as of Järvelin and Kekäläinen (2002) with the gain of the judgement, over the
 * first ten different documents.
 */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/str.h"
#include "rag/build.h"
#include "rag/index.h"
#include "rag/vectors.h"

enum { DEPTH = 10, PATH_BYTES = 1024, LEGS = 3 };

static const struct goal {
    const char *set;
    double lexical;
} goals[] = {{"scifact", 0.69},
             {"xquad-en", 0.94},
             {"xquad-de", 0.94},
             {"xquad-zh", 0.94},
             {"xquad-hi", 0.94}};

struct set {
    const char *name;
    json_t *judged; /* query -> document -> gain */
    struct index *index;
    double found[LEGS];
    double p99_us;
};

static void complain(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* The corpus with `id` for BEIR's `_id`. */
static void copy_corpus(const char *from, const char *to)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char *line = NULL;
    size_t room = 0;
    while (in && out && getline(&line, &room, in) > 0) {
        json_t *d = json_loads(line, 0, NULL);
        json_t *copy = json_pack("{s:O, s:O, s:O}", "id", json_object_get(d, "_id"), "title",
                                 json_object_get(d, "title"), "text", json_object_get(d, "text"));
        json_dumpf(copy, out, JSON_COMPACT);
        fputc('\n', out);
        json_decref(copy);
        json_decref(d);
    }
    free(line);
    if (in)
        fclose(in);
    if (out)
        fclose(out);
}

static bool build_index(struct set *s, const char *folder, struct built *made)
{
    char work[] = "/tmp/bench-rag-XXXXXX", path[PATH_BYTES], source[PATH_BYTES];
    struct err err = {0};
    struct corpus c;
    if (!mkdtemp(work))
        return false;
    snprintf(source, sizeof source, "%s/%s/corpus.jsonl", folder, s->name);
    snprintf(path, sizeof path, "%s/corpus.jsonl", work);
    copy_corpus(source, path);
    corpus_init(&c, complain, NULL);
    corpus_add(&c, path);
    snprintf(source, sizeof source, "%s/index", work);
    struct build b = {.folder = source, .collection = "bench", .corpus = &c};
    bool ok = c.problems == 0 && build_run(&b, made, &err);
    corpus_done(&c);
    snprintf(path, sizeof path, "%s/%u", source, made->version);
    s->index =
        ok ? index_open(path, "bench", made->version, &made->manifest, complain, NULL, &err) : NULL;
    if (!s->index)
        fprintf(stderr, "%s: %s\n", s->name, err.detail);
    snprintf(path, sizeof path, "rm -rf %s", work);
    return system(path) == 0 && s->index;
}

static json_t *read_judged(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[PATH_BYTES], query[PATH_BYTES / 4], document[PATH_BYTES / 4];
    int gain;
    json_t *judged = json_object();
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%255s %255s %d", query, document, &gain) == 3) {
            if (!json_object_get(judged, query))
                json_object_set_new(judged, query, json_object());
            json_object_set_new(json_object_get(judged, query), document, json_integer(gain));
        }
    if (f)
        fclose(f);
    return judged;
}

static int descending(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

static double ideal(json_t *judged)
{
    int gains[256];
    size_t n = 0;
    const char *id;
    json_t *gain;
    double sum = 0;
    json_object_foreach(judged, id, gain) if (n < 256) gains[n++] = (int)json_integer_value(gain);
    qsort(gains, n, sizeof gains[0], descending);
    for (size_t i = 0; i < n && i < DEPTH; i++)
        sum += gains[i] / log2((double)i + 2);
    return sum;
}

static double ndcg(const struct index *x, const struct search_hit *hits, size_t n, json_t *judged)
{
    double sum = 0, best = ideal(judged);
    size_t rank = 0;
    for (size_t i = 0; i < n && rank < DEPTH; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = hits[k].document == hits[i].document;
        if (seen)
            continue;
        struct str id = index_document(x, hits[i].document)->id;
        sum += (double)json_integer_value(json_object_getn(judged, id.p, id.n)) /
               log2((double)rank++ + 2);
    }
    return best > 0 ? sum / best : 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(struct set *s, const char *queries)
{
    static const char *const everybody[] = {"*", NULL};
    static const enum search_legs legs[LEGS] = {LEGS_lexical, LEGS_dense, LEGS_both};
    static double times[100000];
    FILE *f = fopen(queries, "r");
    char *line = NULL;
    size_t room = 0, n = 0;
    while (f && getline(&line, &room, f) > 0) {
        json_t *q = json_loads(line, 0, NULL);
        json_t *judged = json_object_get(s->judged, json_string_value(json_object_get(q, "_id")));
        for (int i = 0; judged && i < LEGS; i++) {
            struct search_hit hits[SEARCH_MAX];
            struct search ask = {.text = str_of(json_string_value(json_object_get(q, "text"))),
                                 .collection = {.teams = everybody},
                                 .k = 2 * DEPTH,
                                 .legs = legs[i]};
            int64_t from = clock_now_us();
            size_t found = index_search(s->index, &ask, hits);
            times[n] = (double)(clock_now_us() - from);
            s->found[i] += ndcg(s->index, hits, found, judged);
        }
        n += judged != NULL;
        json_decref(q);
    }
    for (int i = 0; i < LEGS; i++)
        s->found[i] /= n ? (double)n : 1;
    qsort(times, n, sizeof times[0], by_value);
    s->p99_us = n ? times[n - 1 - n / 100] : 0;
    free(line);
    if (f)
        fclose(f);
}

/* Prints the set's line; whether it reaches its goals.  *gain: the sum over the lexical leg. */
static bool run_set(const char *folder, const char *name, double *gain)
{
    char path[PATH_BYTES];
    struct set s = {.name = name};
    struct built made;
    int64_t from = clock_now_ms();
    if (!build_index(&s, folder, &made))
        return false;
    int64_t build_ms = clock_now_ms() - from;
    snprintf(path, sizeof path, "%s/%s/qrels.tsv", folder, name);
    s.judged = read_judged(path);
    snprintf(path, sizeof path, "%s/%s/queries.jsonl", folder, name);
    ask(&s, path);
    bool dense = made.embedder != EMBEDDER_none;
    double better = dense && s.found[1] > s.found[0] ? s.found[1] : s.found[0], least = 0;
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++)
        if (strcmp(goals[i].set, name) == 0)
            least = goals[i].lexical;
    bool ok = s.found[0] >= least && s.found[2] >= 0.995 * better;
    *gain = s.found[2] / s.found[0];
    printf("%-10s %9zu  %7.4f %7.4f %7.4f  %4u%% %8.4f  %7u %5u %5u  %6lld  %6.0f  %s\n", name,
           made.passages, s.found[0], s.found[1], s.found[2], made.fusion.lexical_percent, *gain,
           made.fusion.lexical, made.fusion.dense, made.fusion.fused, (long long)build_ms, s.p99_us,
           ok ? "ok" : "MISSED");
    json_decref(s.judged);
    index_unref(s.index);
    return ok;
}

static int is_set(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "../shared/data/rag";
    struct dirent **sets;
    int n = scandir(folder, &sets, is_set, alphasort), missed = 0;
    double best = 0, gain = 0;
    if (n <= 0) {
        printf("there is no %s: the data of the measurement is not here\n", folder);
        return 77;
    }
    printf("%-10s %9s  %7s %7s %7s  %5s %8s  %7s %5s %5s  %6s  %6s\n", "set", "passages", "lexical",
           "dense", "fused", "w", "f/l", "own:lex", "dense", "fused", "ms", "p99 us");
    for (int i = 0; i < n; i++) {
        missed += !run_set(folder, sets[i]->d_name, &gain);
        best = gain > best ? gain : best;
        free(sets[i]);
    }
    free(sets);
    if (vectors_built() && best < 1.01)
        printf("MISSED: the sum is 1.01 times the lexical leg on no set\n");
    return missed || (vectors_built() && best < 1.01);
}
