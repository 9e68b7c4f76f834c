#include "rag/manifest.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "gateway/base/conf.h"
#include "gateway/base/json.h"

#define MANY INT64_C(4000000000)
#define MANY_BYTES (INT64_C(1) << 40)

const char *const part_names[MANIFEST_FILES] = {
    "documents.jsonl", "texts.bin", "passages.bin", "headings.bin",
    "lexicon.bin",     "lsa.bin",   "vectors.bin",
};

struct file_spec {
    struct conf_word id;
    struct conf_word name, sha256;
    int64_t bytes;
};

struct spec {
    struct manifest m;
    unsigned format;
    struct conf_items files;
    struct conf_word collection;
};

/* clang-format off */
#define FILE_ROW(path, type, member, max) \
    {path, CONF_TYPE_##type, offsetof(struct file_spec, member), conf_must, 0, max, NULL, NULL, "ingest the collection anew"}
static const struct conf_row file_rows[] = {
    FILE_ROW("name", WORD, name, 64),
    FILE_ROW("bytes", SIZE, bytes, MANY_BYTES),
    FILE_ROW("sha256", WORD, sha256, HASH_HEX_BYTES),
};
static const struct conf_table file_table = {"a file", file_rows, 3, sizeof(struct file_spec)};

#define ROW(path, type, member, min, max) \
    {path, CONF_TYPE_##type, offsetof(struct spec, member), conf_must, min, max, NULL, NULL, "ingest the collection anew"}
static const struct conf_row rows[] = {
    ROW("format", COUNT, format, MANIFEST_FORMAT, MANIFEST_FORMAT),
    ROW("collection", WORD, collection, 1, 64),
    ROW("version", COUNT, m.version, 1, MANY),
    ROW("parent", COUNT, m.parent, 0, MANY),
    ROW("created", TEXT, m.created, 1, 32),
    ROW("tokens", COUNT, m.token_version, 1, 1000),
    ROW("chunks", COUNT, m.chunk_version, 1, 1000),
    ROW("documents", COUNT, m.documents, 0, MANY),
    ROW("passages", COUNT, m.passages, 0, MANY),
    {"embedder.kind", CONF_TYPE_ENUM, offsetof(struct spec, m.embedder), conf_must, 0, 0, "none|lsa|model", NULL, "ingest the collection anew"},
    ROW("embedder.model", TEXT, m.model, 0, 256),
    ROW("embedder.dimension", COUNT, m.dimension, 0, 65536),
    ROW("fusion.lexical_percent", COUNT, m.fusion.lexical_percent, 0, 100),
    ROW("fusion.questions", COUNT, m.fusion.questions, 0, 100000),
    ROW("fusion.lexical", COUNT, m.fusion.lexical, 0, 1000),
    ROW("fusion.dense", COUNT, m.fusion.dense, 0, 1000),
    ROW("fusion.fused", COUNT, m.fusion.fused, 0, 1000),
    {"files", CONF_TYPE_LIST, offsetof(struct spec, files), conf_must, 1, MANIFEST_FILES, NULL, &file_table, "ingest the collection anew"},
};
/* clang-format on */
static const struct conf_table table = {"a manifest", rows, sizeof rows / sizeof rows[0],
                                        sizeof(struct spec)};

static void take_file(struct conf *c, struct manifest *m, const struct file_spec *f)
{
    for (int i = 0; f->name.text && i < MANIFEST_FILES; i++) {
        if (strcmp(part_names[i], f->name.text) != 0)
            continue;
        if (m->files[i].there)
            conf_problem(c, f->name.at, "'%s' is listed twice; take one line out", part_names[i]);
        m->files[i].there = true;
        m->files[i].bytes = f->bytes;
        if (f->sha256.text && !hash_parse(str_of(f->sha256.text), &m->files[i].sha256))
            conf_problem(c, f->sha256.at, "not a SHA-256: 64 hexadecimal digits");
        return;
    }
    if (f->name.text)
        conf_problem(c, f->name.at, "an index has no file '%s'; ingest the collection anew",
                     conf_quote(c, str_of(f->name.text)));
}

static void check(struct conf *c, const struct conf_node *root, struct spec *s)
{
    for (size_t i = 0; i < s->files.n; i++)
        take_file(c, &s->m, &((const struct file_spec *)s->files.v)[i]);
    for (int i = 0; i < MANIFEST_FILES; i++) {
        bool needed = i < PART_lsa || (i == PART_lsa && s->m.embedder == EMBEDDER_lsa) ||
                      (i == PART_vectors && s->m.embedder != EMBEDDER_none);
        if (s->files.n && needed != s->m.files[i].there)
            conf_problem(
                c, conf_find(root, "files"),
                needed
                    ? "the file '%s' is missing from the list; ingest the collection anew"
                    : "'%s' does not belong to this kind of embedder; ingest the collection anew",
                part_names[i]);
    }
    if ((s->m.embedder == EMBEDDER_none) != (s->m.dimension == 0))
        conf_problem(c, conf_find(root, "embedder.dimension"),
                     "'dimension' is 0 where there is no embedder, and only there");
}

bool manifest_parse(struct manifest *m, const char *file, struct str text, struct arena *a,
                    void (*complain)(void *arg, const char *line), void *arg, struct err *err)
{
    struct conf *c = conf_new(file);
    struct conf_node *root = conf_parse(c, text);
    struct spec s = {0};
    if (root) {
        conf_read(c, root, &table, &s);
        if (conf_problems(c) == 0)
            check(c, root, &s);
    }
    bool ok = conf_report(c, complain, arg) == 0;
    if (ok) {
        *m = s.m;
        m->collection = arena_strdup(a, str_of(s.collection.text));
        m->created = arena_strdup(a, str_of(s.m.created));
        m->model = arena_strdup(a, str_of(s.m.model));
    }
    conf_free(c);
    return ok || err_set(err, ERR_bad_index, "%s is no manifest", file);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    buf_addf(out, "\"%s\": ", name);
    json_quote(out, str_of(text));
    buf_add(out, STR(","));
}

void manifest_write(const struct manifest *m, struct buf *out)
{
    static const char *const kinds[] = {"none", "lsa", "model"};
    buf_addf(out, "{\n \"format\": %d,\n ", MANIFEST_FORMAT);
    add_text(out, "collection", m->collection);
    buf_addf(out, "\n \"version\": %u,\n \"parent\": %u,\n ", m->version, m->parent);
    add_text(out, "created", m->created);
    buf_addf(out, "\n \"tokens\": %u,\n \"chunks\": %u,\n \"documents\": %u,\n \"passages\": %u,\n",
             m->token_version, m->chunk_version, m->documents, m->passages);
    buf_addf(out, " \"embedder\": {\"kind\": \"%s\", ", kinds[m->embedder]);
    add_text(out, "model", m->model);
    buf_addf(out, " \"dimension\": %u},\n", m->dimension);
    buf_addf(out,
             " \"fusion\": {\"lexical_percent\": %u, \"questions\": %u, \"lexical\": %u, "
             "\"dense\": %u, \"fused\": %u},\n",
             m->fusion.lexical_percent, m->fusion.questions, m->fusion.lexical, m->fusion.dense,
             m->fusion.fused);
    buf_add(out, STR(" \"files\": ["));
    const char *comma = "";
    for (int i = 0; i < MANIFEST_FILES; i++) {
        char hex[HASH_HEX_BYTES];
        if (!m->files[i].there)
            continue;
        hash_hex(&m->files[i].sha256, hex);
        buf_addf(out, "%s\n  {\"name\": \"%s\", \"bytes\": %" PRId64 ", \"sha256\": \"%s\"}", comma,
                 part_names[i], m->files[i].bytes, hex);
        comma = ",";
    }
    buf_add(out, STR("\n ]\n}\n"));
}
