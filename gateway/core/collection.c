#include "gateway/core/collection.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/log.h"
#include "gateway/base/scope.h"
#include "gateway/core/inner.h"
#include "gateway/llm/embedding.h"
#include "gateway/store/indexes.h"

enum { FOLDER_MODE = 0700 };

bool collection_folder(const char *data_dir, const char *collection,
                       char path[COLLECTION_PATH_BYTES], struct err *err)
{
    snprintf(path, COLLECTION_PATH_BYTES, "%s/indexes", data_dir);
    if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST)
        return err_set(err, ERR_bad_index, "%s: %s", path, strerror(errno));
    int n = snprintf(path, COLLECTION_PATH_BYTES, "%s/indexes/%s", data_dir, collection);
    return n < COLLECTION_PATH_BYTES - 64 ||
           err_set(err, ERR_bad_index, "the path of %s is too long", collection);
}

static void log_problem(void *arg, const char *line)
{
    (void)arg;
    LOG(warning, F("what", "an index"), F("detail", line));
}

static const char *text_of(const json_t *row, const char *member)
{
    return json_string_value(json_object_get(row, member));
}

static struct index *open_row(const char *data_dir, const json_t *row,
                              void (*complain)(void *arg, const char *line), void *arg,
                              struct err *err)
{
    char folder[COLLECTION_PATH_BYTES];
    struct hash manifest;
    const char *collection = text_of(row, "collection");
    unsigned version = (unsigned)json_integer_value(json_object_get(row, "version"));
    if (!hash_parse(str_of(text_of(row, "manifest")), &manifest)) {
        err_set(err, ERR_bad_index, "the store has no hash of %s@%u", collection, version);
        return NULL;
    }
    int n = snprintf(folder, sizeof folder, "%s/indexes/%s/%u", data_dir, collection, version);
    if (n >= (int)sizeof folder) {
        err_set(err, ERR_bad_index, "the path of %s is too long", collection);
        return NULL;
    }
    return index_open(folder, collection, version, &manifest, complain, arg, err);
}

static bool has_label(const json_t *row, struct str label)
{
    const json_t *labels = json_object_get(row, "labels");
    int64_t version;
    if (str_int(label, &version))
        return json_integer_value(json_object_get(row, "version")) == version;
    for (size_t i = 0; i < json_array_size(labels); i++)
        if (str_eq(str_of(json_string_value(json_array_get(labels, i))), label))
            return true;
    return false;
}

struct index *collection_open(struct store *s, const char *collection, struct str label,
                              struct err *err)
{
    json_t *rows = index_list(s, err);
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(rows) && !found; i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(text_of(row, "collection"), collection) == 0 && has_label(row, label))
            found = row;
    }
    struct index *x = found ? open_row(store_dir(s), found, log_problem, NULL, err) : NULL;
    if (rows && !found)
        err_say(err, ERR_not_found, "label",
                "there is no version '%.*s' of '%.64s'; make one with: penstock rag ingest %.64s",
                (int)(label.n < 64 ? label.n : 64), label.p, collection, collection);
    json_decref(rows);
    return x;
}

json_t *collection_health(struct store *s, struct err *err)
{
    json_t *rows = index_list(s, err);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        struct err why = {0};
        SCOPED(buf_done) struct buf line = BUF_INIT(4096);
        struct index *x = open_row(store_dir(s), row, config_keep_first, &line, &why);
        if (line.n == 0)
            buf_add(&line, str_of(why.detail[0] ? why.detail : why.say));
        json_object_set_new(row, "ok", json_boolean(x != NULL));
        json_object_set_new(row, "problem", x ? json_null() : json_string(line.p));
        if (x) {
            const struct manifest *m = index_manifest(x);
            json_object_set_new(row, "embedder",
                                json_string(m->embedder == EMBEDDER_none  ? "none"
                                            : m->embedder == EMBEDDER_lsa ? "lsa"
                                                                          : m->model));
            json_object_set_new(row, "lexical_percent", json_integer(m->fusion.lexical_percent));
        }
        index_unref(x);
    }
    return rows;
}

static void put_row(struct shelf *fresh, const char *data_dir, const struct shelf *old,
                    const json_t *row)
{
    const json_t *labels = json_object_get(row, "labels");
    const char *collection = text_of(row, "collection");
    unsigned version = (unsigned)json_integer_value(json_object_get(row, "version"));
    if (json_array_size(labels) == 0)
        return;
    struct err err = {0};
    struct index *x = old ? shelf_index(old, collection, version) : NULL;
    x = x ? index_ref(x) : open_row(data_dir, row, log_problem, NULL, &err);
    if (!x)
        LOG(warning, F("what", "an index is refused"), F("collection", collection),
            F("version", (int)version), F("detail", err.detail));
    for (size_t i = 0; i < json_array_size(labels); i++)
        shelf_add(fresh, collection, json_string_value(json_array_get(labels, i)), version,
                  x ? index_ref(x) : NULL);
    index_unref(x);
}

struct shelf *collection_shelf(struct store *s, const struct shelf *old, struct err *err)
{
    json_t *rows = index_list(s, err);
    struct shelf *fresh = rows ? shelf_new() : NULL;
    for (size_t i = 0; i < json_array_size(rows); i++)
        put_row(fresh, store_dir(s), old, json_array_get(rows, i));
    json_decref(rows);
    return fresh;
}

struct asking { /* an embedder's */
    struct inner *inner;
    struct str model;
};

static bool embed(void *arg, const struct str *texts, size_t n, struct buf *rows,
                  unsigned *dimension, struct err *err)
{
    const struct asking *a = arg;
    SCOPED(buf_done) struct buf question = BUF_INIT(SIZE_MAX), answer = BUF_INIT(SIZE_MAX);
    embedding_ask(a->model, texts, n, &question);
    return inner_ask(a->inner, ENDPOINT_embeddings, buf_str(&question), &answer, err) &&
           embedding_read(buf_str(&answer), n, rows, dimension, err);
}

bool collection_vector(struct store *s, struct config *c, const struct index *x, struct str text,
                       struct buf *out, struct err *err)
{
    const struct manifest *m = index_manifest(x);
    unsigned dimension;
    if (m->embedder != EMBEDDER_model || m->fusion.lexical_percent == 100)
        return true;
    struct asking a = {inner_open(s, c, err), str_of(m->model)};
    bool ok = a.inner && embed(&a, &text, 1, out, &dimension, err);
    if (ok && dimension != m->dimension)
        ok = err_set(err, ERR_bad_answer, "the embedder gives %u numbers, the index has %u",
                     dimension, m->dimension);
    inner_close(a.inner);
    return ok;
}

bool collection_ingest(const struct ingest *i, struct built *made, size_t *skipped, struct err *err)
{
    char folder[COLLECTION_PATH_BYTES];
    const struct collection *c = i->collection;
    struct corpus corpus;
    corpus_init(&corpus, i->complain, i->arg);
    for (const char *const *path = i->paths; *path; path++)
        corpus_add(&corpus, *path);
    if (!*i->paths && c->dir)
        corpus_add(&corpus, c->dir);
    corpus_check(&corpus);
    *skipped = corpus.skipped;
    bool ok = true;
    if (!*i->paths && !c->dir)
        ok = err_say(err, ERR_bad_request, NULL,
                     "give a file or a folder; the config names no dir for '%s'", c->name);
    else if (corpus.problems)
        ok = err_say(err, ERR_bad_request, NULL, "%zu problem%s; nothing was changed",
                     corpus.problems, corpus.problems == 1 ? "" : "s");
    else if (corpus.n == 0)
        ok = err_say(err, ERR_bad_request, NULL, "there are no documents; nothing was changed");
    struct build b = {
        .folder = folder,
        .collection = c->name,
        .corpus = &corpus,
        .parent = i->parent,
        .lexical_only = c->lexical_only,
        .add = i->add,
        .dry_run = i->dry_run,
        .progress = i->progress,
        .arg = i->arg,
    };
    struct asking a = {.model = str_of(c->embedder)};
    if (ok && c->embedder && !i->dry_run) {
        a.inner = inner_open(i->store, i->config, err);
        ok = a.inner != NULL;
    }
    struct embedder model = {c->embedder, embed, &a};
    b.embedder = c->embedder ? &model : NULL;
    ok = ok && collection_folder(store_dir(i->store), c->name, folder, err) &&
         build_run(&b, made, err);
    inner_close(a.inner);
    corpus_done(&corpus);
    return ok;
}
