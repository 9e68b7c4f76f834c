/* /admin/v1/rag */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/core/collection.h"
#include "gateway/server/admin_priv.h"
#include "gateway/store/indexes.h"

enum { PATHS_MAX = 128, NAMES_MAX = 64, PROBLEM_BYTES = 1024 };

bool admin_rag_list(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)segment, (void)in;
    *out = index_list(a->store, err);
    return *out != NULL;
}

bool admin_rag_health(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    (void)segment, (void)in;
    *out = collection_health(a->store, err);
    return *out != NULL;
}

/* The labels as they are now are served from here on. */
static bool swap(struct admin *a, struct err *err)
{
    if (!a->shelf)
        return true;
    struct shelf *old = shelf_slot_get(a->shelf), *fresh = collection_shelf(a->store, old, err);
    shelf_unref(old);
    if (fresh)
        shelf_slot_put(a->shelf, fresh);
    return fresh != NULL;
}

static struct config *config_of(struct admin *a, struct err *err)
{
    SCOPED(buf_done) struct buf problem = BUF_INIT(PROBLEM_BYTES);
    struct config *c = a->config ? config_ref(a->config)
                                 : config_load(a->config_path, NULL, config_keep_first, &problem);
    if (!c)
        err_say(err, ERR_bad_config, NULL, "%s", problem.p);
    return c;
}

static const struct collection *find(const struct config *c, const char *name, struct err *err)
{
    const struct collection *found = config_collection(c, str_of(name));
    if (!found)
        err_say(err, ERR_not_found, "collection",
                "the config has no collection '%.64s'; add it to rag.collections", name);
    return found;
}

/* An array of strings, NULL-terminated, in `list`; false: it is none, or too long. */
static bool read_names(const json_t *in, const char *member, const char **list, size_t max,
                       struct err *err)
{
    const json_t *v = json_object_get(in, member);
    bool ok = !v || json_is_null(v) || (json_is_array(v) && json_array_size(v) <= max);
    for (size_t i = 0; ok && i < json_array_size(v); i++) {
        list[i] = json_string_value(json_array_get(v, i));
        ok = list[i] != NULL;
    }
    list[ok ? json_array_size(v) : 0] = NULL;
    return ok || err_say(err, ERR_bad_request, member, "%s is not an array of at most %zu strings",
                         member, max);
}

static json_t *told(const struct built *made, const char *collection, size_t skipped,
                    unsigned version)
{
    static const char *const kinds[] = {"none", "lsa", "model"};
    const struct fusion *f = &made->fusion;
    return json_pack(
        "{s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:{s:I, s:I, s:I, s:I, "
        "s:I}}",
        "collection", collection, "version", (json_int_t)version, "unchanged", made->version == 0,
        "documents", (json_int_t)made->documents, "passages", (json_int_t)made->passages, "kept",
        (json_int_t)made->kept, "changed", (json_int_t)made->changed, "added",
        (json_int_t)made->added, "removed", (json_int_t)made->removed, "embedded",
        (json_int_t)made->embedded, "resumed", (json_int_t)made->resumed, "skipped",
        (json_int_t)skipped, "embedder", kinds[made->embedder], "fusion", "lexical_percent",
        (json_int_t)f->lexical_percent, "questions", (json_int_t)f->questions, "lexical",
        (json_int_t)f->lexical, "dense", (json_int_t)f->dense, "fused", (json_int_t)f->fused);
}

/* The newest version is what a new one is made from, labelled or not. */
static struct index *newest(struct admin *a, const char *collection)
{
    struct err none = {0};
    json_t *rows = index_list(a->store, &none);
    char version[32] = "";
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(json_string_value(json_object_get(row, "collection")), collection) == 0)
            version[int_text(json_integer_value(json_object_get(row, "version")), version)] = '\0';
    }
    json_decref(rows);
    return *version ? collection_open(a->store, collection, str_of(version), &none) : NULL;
}

static bool is_labelled(struct admin *a, const char *collection, const char *label,
                        unsigned version)
{
    struct err none = {0};
    struct index *x = collection_open(a->store, collection, str_of(label), &none);
    bool there = x && index_manifest(x)->version == version;
    index_unref(x);
    return there;
}

struct first_problem {
    struct admin *admin;
    struct buf line;
};

static void keep_problem(void *arg, const char *line)
{
    struct first_problem *p = arg;
    if (p->admin->complain)
        p->admin->complain(p->admin->progress_arg, line);
    if (p->line.n < PROBLEM_BYTES / 2) {
        buf_add(&p->line, p->line.n ? STR("\n") : STR(""));
        buf_add(&p->line, str_of(line));
    }
}

static void pass_progress(void *arg, const char *what, size_t done, size_t total)
{
    const struct first_problem *p = arg;
    if (p->admin->progress)
        p->admin->progress(p->admin->progress_arg, what, done, total);
}

static bool adopt(struct admin *a, const char *collection, const struct built *made,
                  const char *label, struct err *err)
{
    struct index_row row = {collection, made->version, (unsigned)made->documents,
                            (unsigned)made->passages, made->manifest};
    return index_adopt(a->store, &row, label, false, err) && swap(a, err);
}

static bool ingest(struct admin *a, struct config *config, const struct collection *c,
                   const json_t *in, json_t **out, struct err *err)
{
    const char *paths[PATHS_MAX + 1], *label = admin_text(in, "label", INDEX_LABEL, err);
    struct first_problem p = {a, BUF_INIT(PROBLEM_BYTES)};
    struct built made;
    size_t skipped = 0;
    if (!label || !read_names(in, "paths", paths, PATHS_MAX, err))
        return false;
    struct index *parent = newest(a, c->name);
    struct ingest i = {
        .config = config,
        .store = a->store,
        .collection = c,
        .paths = paths,
        .parent = parent,
        .add = json_is_true(json_object_get(in, "add")),
        .dry_run = admin_dry_run(in),
        .progress = pass_progress,
        .complain = keep_problem,
        .arg = &p,
    };
    bool ok = collection_ingest(&i, &made, &skipped, err);
    if (!ok && p.line.n && !a->complain)
        *err = (struct err){0}, err_say(err, ERR_bad_request, NULL, "%s", p.line.p);
    unsigned before = parent ? index_manifest(parent)->version : 0;
    if (ok && made.version && !i.dry_run)
        ok = adopt(a, c->name, &made, *label ? label : NULL, err);
    else if (ok && before && *label && !i.dry_run && !is_labelled(a, c->name, label, before))
        ok = index_label(a->store, c->name, label, before, false, err) && swap(a, err);
    if (ok)
        *out = told(&made, c->name, skipped, made.version ? made.version : before);
    index_unref(parent);
    buf_done(&p.line);
    return ok;
}

bool admin_rag_ingest(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    struct config *config = config_of(a, err);
    const struct collection *c = config ? find(config, segment, err) : NULL;
    bool ok = c && ingest(a, config, c, in, out, err);
    config_unref(config);
    return ok;
}

static json_t *hit_of(const struct index *x, const struct search_hit *h)
{
    const struct index_document *d = index_document(x, h->document);
    struct str heading = index_heading(x, h->passage);
    char hex[HASH_HEX_BYTES];
    hash_hex(&d->version, hex);
    return json_pack("{s:s#, s:s, s:I, s:I, s:I, s:f, s:s#, s:s#, s:s#}", "file_id", d->id.p,
                     (int)d->id.n, "document_version", hex, "index_version",
                     (json_int_t)index_manifest(x)->version, "start", (json_int_t)h->from, "end",
                     (json_int_t)h->to, "score", h->score, "title", d->title.p, (int)d->title.n,
                     "heading", heading.p, (int)heading.n, "text", d->text.p + h->from,
                     (int)(h->to - h->from));
}

struct asking {
    struct config *config;
    const struct collection *collection;
    struct store *store;
    const struct index *index;
    struct search search;
};

static json_t *hits_of(const struct asking *a, const char *query, struct err *err)
{
    struct search_hit hits[SEARCH_MAX];
    struct search s = a->search;
    SCOPED(buf_done) struct buf vector = BUF_INIT(SIZE_MAX);
    s.text = str_of(query);
    if (!collection_vector(a->store, a->config, a->index, s.text, &vector, err))
        return NULL;
    if (vector.n)
        s.vector = (const float *)(const void *)vector.p;
    size_t n = index_search(a->index, &s, hits);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, hit_of(a->index, &hits[i]));
    return list;
}

static json_t *answer_all(const struct asking *a, const json_t *queries, struct err *err)
{
    json_t *all = json_array();
    for (size_t i = 0; i < json_array_size(queries); i++) {
        const json_t *q = json_array_get(queries, i);
        const char *text = json_string_value(json_object_get(q, "query"));
        json_t *hits = NULL;
        if (text)
            hits = hits_of(a, text, err);
        else
            err_say(err, ERR_bad_request, "queries",
                    "query %zu is not {\"id\": \"…\", \"query\": \"…\"}", i + 1);
        if (!hits) {
            json_decref(all);
            return NULL;
        }
        json_array_append_new(
            all, json_pack("{s:O, s:o}", "id",
                           json_object_get(q, "id") ? json_object_get(q, "id") : json_null(),
                           "hits", hits));
    }
    return all;
}

static struct index *index_of(struct admin *a, const char *collection, struct str label,
                              struct err *err)
{
    if (!a->shelf)
        return collection_open(a->store, collection, label, err);
    struct shelf *s = shelf_slot_get(a->shelf);
    const struct shelf_place *p = shelf_find(s, str_of(collection), label);
    struct index *x = p && p->index ? index_ref(p->index) : NULL;
    shelf_unref(s);
    return x ? x : collection_open(a->store, collection, label, err);
}

static bool search(struct admin *a, struct config *config, const struct collection *c,
                   const json_t *in, json_t **out, struct err *err)
{
    const char *team = admin_text(in, "team", "", err), *query = admin_text(in, "query", "", err);
    const char *label = admin_text(in, "label", INDEX_LABEL, err), *tags[NAMES_MAX + 1];
    const json_t *queries = json_object_get(in, "queries"), *k = json_object_get(in, "k");
    if (!team || !query || !label || !read_names(in, "tags", tags, NAMES_MAX, err))
        return false;
    if (!*team && !*tags)
        return err_say(err, ERR_bad_request, "team", "say who reads: a team, or tags of a key");
    if (k && (json_integer_value(k) < 1 || json_integer_value(k) > SEARCH_MAX))
        return err_say(err, ERR_bad_request, "k", "k is a number from 1 to %d", SEARCH_MAX);
    struct index *x = index_of(a, c->name, str_of(label), err);
    if (!x)
        return false;
    struct asking ask = {config,
                         c,
                         a->store,
                         x,
                         {.reader = {team, tags},
                          .collection = c->access,
                          .k = k ? (unsigned)json_integer_value(k) : c->k}};
    json_t *found = queries ? answer_all(&ask, queries, err) : hits_of(&ask, query, err);
    if (found)
        *out = queries ? found : json_pack("{s:o}", "hits", found);
    index_unref(x);
    return found != NULL;
}

bool admin_rag_search(struct admin *a, const char *segment, json_t *in, json_t **out,
                      struct err *err)
{
    struct config *config = config_of(a, err);
    const struct collection *c = config ? find(config, segment, err) : NULL;
    bool ok = c && search(a, config, c, in, out, err);
    config_unref(config);
    return ok;
}

bool admin_rag_label(struct admin *a, const char *segment, json_t *in, json_t **out,
                     struct err *err)
{
    const char *label = admin_text(in, "label", "", err);
    json_int_t version = json_integer_value(json_object_get(in, "version"));
    if (!label)
        return false;
    if (version < 1 || version > UINT32_MAX)
        return err_say(err, ERR_bad_request, "version",
                       "version is a number, as penstock rag list shows it");
    if (!index_label(a->store, segment, label, (unsigned)version, admin_dry_run(in), err) ||
        (!admin_dry_run(in) && !swap(a, err)))
        return false;
    *out = json_pack("{s:s, s:s, s:I}", "collection", segment, "label", label, "version", version);
    return true;
}

bool admin_rag_rollback(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    const char *label = admin_text(in, "label", INDEX_LABEL, err);
    unsigned version;
    if (!label || !index_rollback(a->store, segment, label, admin_dry_run(in), &version, err) ||
        (!admin_dry_run(in) && !swap(a, err)))
        return false;
    *out = json_pack("{s:s, s:s, s:I}", "collection", segment, "label", label, "version",
                     (json_int_t)version);
    return true;
}
