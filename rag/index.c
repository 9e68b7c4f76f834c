#include "rag/index.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "rag/blob.h"
#include "rag/index_priv.h"

enum { PATH_BYTES = 4096, NAMES_MAX = 64 };

struct index *index_ref(struct index *x)
{
    atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
    return x;
}

void index_unref(struct index *x)
{
    if (!x || atomic_fetch_sub(&x->refs, 1) != 1)
        return;
    for (int i = 0; i < MANIFEST_FILES; i++)
        free((char *)x->parts[i].p);
    free(x->documents);
    free(x->groups);
    free(x->group_of);
    free(x->group_size);
    free(x->group_length);
    lsa_free(x->lsa);
    vectors_free(x->vectors);
    arena_done(&x->arena);
    free(x);
}

const struct manifest *index_manifest(const struct index *x)
{
    return &x->manifest;
}

const struct index_document *index_document(const struct index *x, uint32_t i)
{
    return &x->documents[i];
}

const struct index_passage *index_passage(const struct index *x, uint32_t i)
{
    return &x->passages[i];
}

struct str index_heading(const struct index *x, uint32_t passage)
{
    const struct index_passage *p = &x->passages[passage];
    return (struct str){x->parts[PART_headings].p + p->heading_at, p->heading_bytes};
}

const struct access *index_access(const struct index *x, uint32_t group)
{
    return &x->groups[group];
}

static const char *const *read_names(struct arena *a, const json_t *list)
{
    size_t n = json_array_size(list);
    const char **names = arena_alloc(a, (n + 1) * sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = arena_strdup(a, str_of(json_string_value(json_array_get(list, i))));
    return names;
}

static uint32_t group_of(struct index *x, const json_t *acl)
{
    if (!json_is_object(acl))
        return 0;
    struct access a = {read_names(&x->arena, json_object_get(acl, "teams")),
                       read_names(&x->arena, json_object_get(acl, "tags"))};
    for (uint32_t i = 1; i < x->n_groups; i++)
        if (access_equal(&x->groups[i], &a))
            return i;
    x->groups = mem_realloc(x->groups, (x->n_groups + 1) * sizeof *x->groups);
    x->groups[x->n_groups] = a;
    return x->n_groups++;
}

static struct str kept(struct index *x, const json_t *text)
{
    struct str s = {json_string_value(text), json_string_length(text)};
    return s.n ? (struct str){arena_strdup(&x->arena, s), s.n} : STR("");
}

static bool read_document(struct index *x, struct str line, struct index_document *d,
                          uint64_t *text_at, uint32_t *passage)
{
    json_t *root = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);
    struct str hex = {json_string_value(json_object_get(root, "sha256")),
                      json_string_length(json_object_get(root, "sha256"))};
    uint64_t bytes = (uint64_t)json_integer_value(json_object_get(root, "bytes"));
    uint32_t n = (uint32_t)json_integer_value(json_object_get(root, "passages"));
    bool ok = hash_parse(hex, &d->version) && bytes <= x->parts[PART_texts].n - *text_at &&
              n <= x->manifest.passages - *passage;
    if (ok) {
        d->id = kept(x, json_object_get(root, "id"));
        d->title = kept(x, json_object_get(root, "title"));
        d->text = (struct str){x->parts[PART_texts].p + *text_at, bytes};
        d->group = group_of(x, json_object_get(root, "acl"));
        d->first = *passage;
        d->n = n;
        *text_at += bytes;
        *passage += n;
    }
    json_decref(root);
    return ok;
}

static bool read_documents(struct index *x)
{
    struct str rest = x->parts[PART_documents], line;
    uint64_t text_at = 0;
    uint32_t n = 0, passage = 0;
    x->documents = mem_zalloc((x->manifest.documents + 1) * sizeof *x->documents);
    x->groups = mem_zalloc(sizeof *x->groups);
    x->n_groups = 1;
    while (rest.n && str_next(&rest, '\n', &line))
        if (line.n && (n >= x->manifest.documents ||
                       !read_document(x, line, &x->documents[n++], &text_at, &passage)))
            return false;
    return n == x->manifest.documents && passage == x->manifest.passages &&
           text_at == x->parts[PART_texts].n;
}

static bool read_passages(struct index *x)
{
    uint32_t n = x->manifest.passages;
    if (x->parts[PART_passages].n != n * sizeof *x->passages)
        return false;
    x->passages = (const void *)x->parts[PART_passages].p;
    x->group_of = mem_zalloc((n + 1) * sizeof *x->group_of);
    x->group_size = mem_zalloc(x->n_groups * sizeof *x->group_size);
    x->group_length = mem_zalloc(x->n_groups * sizeof *x->group_length);
    for (uint32_t i = 0; i < n; i++) {
        const struct index_passage *p = &x->passages[i];
        const struct index_document *d =
            p->document < x->manifest.documents ? &x->documents[p->document] : NULL;
        if (!d || p->from > p->to || p->to > d->text.n || i < d->first || i - d->first >= d->n ||
            p->heading_at > x->parts[PART_headings].n ||
            p->heading_bytes > x->parts[PART_headings].n - p->heading_at)
            return false;
        x->group_of[i] = d->group;
        x->group_size[d->group]++;
        x->group_length[d->group] += x->lexicon.lengths[i];
    }
    return true;
}

static bool read_vectors(struct index *x, struct err *err)
{
    const struct manifest *m = &x->manifest;
    struct str *rows = &x->parts[PART_vectors];
    if (m->embedder == EMBEDDER_none || !vectors_built())
        return true;
    if (rows->n != (uint64_t)m->passages * m->dimension * sizeof(float))
        return false;
    if (m->embedder == EMBEDDER_lsa) {
        x->lsa = lsa_read(x->parts[PART_lsa]);
        if (!x->lsa || lsa_dimension(x->lsa) != m->dimension)
            return false;
    }
    x->vectors = vectors_new((const float *)(const void *)rows->p, m->passages, m->dimension, err);
    free((char *)rows->p); /* FAISS has a copy */
    *rows = (struct str){0};
    return x->vectors != NULL;
}

struct index *index_make(const struct manifest *m, struct str parts[MANIFEST_FILES],
                         struct err *err)
{
    struct index *x = NEW(struct index);
    x->refs = 1;
    arena_init(&x->arena);
    x->manifest = *m;
    x->manifest.collection = arena_strdup(&x->arena, str_of(m->collection));
    x->manifest.created = arena_strdup(&x->arena, str_of(m->created));
    x->manifest.model = arena_strdup(&x->arena, str_of(m->model));
    memcpy(x->parts, parts, sizeof x->parts);
    struct err why = {0};
    bool ok = lexicon_read(&x->lexicon, x->parts[PART_lexicon]) &&
              x->lexicon.n_passages == m->passages && read_documents(x) && read_passages(x) &&
              read_vectors(x, &why);
    if (ok)
        return x;
    err_set(err, ERR_bad_index, "the files of %s@%u do not fit together%s%s", m->collection,
            m->version, why.detail[0] ? ": " : "", why.detail);
    index_unref(x);
    return NULL;
}

static bool read_part(const char *folder, int i, const struct manifest_file *f, struct str *part,
                      struct err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, part_names[i]);
    if (!blob_read(path, (size_t)f->bytes, part, err))
        return false;
    struct hash found = crypto_sha256(*part);
    return ((int64_t)part->n == f->bytes && hash_equal(&found, &f->sha256)) ||
           err_set(err, ERR_bad_index,
                   "%s is not the file that was made: its SHA-256 differs from the manifest's",
                   path);
}

static bool read_manifest(const char *folder, const struct hash *expected, struct arena *a,
                          struct manifest *m, void (*complain)(void *arg, const char *line),
                          void *arg, struct err *err)
{
    char path[PATH_BYTES];
    struct str text;
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    if (!blob_read(path, MANIFEST_MAX_BYTES, &text, err))
        return false;
    struct hash found = crypto_sha256(text);
    bool ok = manifest_parse(m, path, text, a, complain, arg, err);
    if (ok && expected && !hash_equal(&found, expected))
        ok = err_set(err, ERR_bad_index,
                     "%s is not the one that was made: its SHA-256 differs from the store's", path);
    free((char *)text.p);
    return ok;
}

struct index *index_open(const char *folder, const char *collection, unsigned version,
                         const struct hash *manifest, void (*complain)(void *arg, const char *line),
                         void *arg, struct err *err)
{
    struct arena a;
    struct manifest m;
    struct str parts[MANIFEST_FILES] = {0};
    arena_init(&a);
    bool ok = read_manifest(folder, manifest, &a, &m, complain, arg, err);
    if (ok && (strcmp(m.collection, collection) != 0 || m.version != version))
        ok = err_set(err, ERR_bad_index, "%s holds %s@%u, not %s@%u", folder, m.collection,
                     m.version, collection, version);
    for (int i = 0; ok && i < MANIFEST_FILES; i++)
        if (m.files[i].there)
            ok = read_part(folder, i, &m.files[i], &parts[i], err);
    struct index *x = ok ? index_make(&m, parts, err) : NULL;
    for (int i = 0; !ok && i < MANIFEST_FILES; i++)
        free((char *)parts[i].p);
    arena_done(&a);
    return x;
}
