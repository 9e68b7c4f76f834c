#include "rag/build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/fault.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "rag/blob.h"
#include "rag/build_priv.h"
#include "rag/chunk.h"
#include "rag/token.h"

enum { PATH_BYTES = 4096, FOLDER_MODE = 0700, FILE_MODE = 0600 };

static void tell(const struct build *b, const char *what, size_t done, size_t total)
{
    if (b->progress)
        b->progress(b->arg, what, done, total);
}

static struct str taken(struct buf *b)
{
    size_t n = b->n;
    return (struct str){buf_take(b), n};
}

static void add_names(struct buf *out, const char *name, const char *const *names)
{
    buf_addf(out, "\"%s\": [", name);
    for (size_t i = 0; names && names[i]; i++) {
        buf_add(out, i ? STR(", ") : STR(""));
        json_quote(out, str_of(names[i]));
    }
    buf_add(out, STR("]"));
}

static void add_document(struct buf *out, const struct item *d, size_t passages)
{
    char hex[HASH_HEX_BYTES];
    hash_hex(&d->version, hex);
    buf_add(out, STR("{\"id\": "));
    json_quote(out, d->id);
    buf_add(out, STR(", \"title\": "));
    json_quote(out, d->title);
    buf_addf(out, ", \"sha256\": \"%s\", \"bytes\": %zu, \"passages\": %zu", hex, d->text.n,
             passages);
    if (d->access) {
        buf_add(out, STR(", \"acl\": {"));
        add_names(out, "teams", d->access->teams);
        buf_add(out, STR(", "));
        add_names(out, "tags", d->access->tags);
        buf_add(out, STR("}"));
    }
    buf_add(out, STR("}\n"));
}

static void write_documents(const struct plan *p, struct str parts[MANIFEST_FILES])
{
    struct buf documents = BUF_INIT(SIZE_MAX), texts = BUF_INIT(SIZE_MAX),
               passages = BUF_INIT(SIZE_MAX), headings = BUF_INIT(SIZE_MAX);
    size_t at = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t from = at;
        while (at < p->n_passages && p->passages[at].document == i)
            at++;
        add_document(&documents, &p->items[i], at - from);
        buf_add(&texts, p->items[i].text);
    }
    if (p->n_passages)
        buf_add(&passages,
                (struct str){(const char *)p->passages, p->n_passages * sizeof *p->passages});
    buf_add(&headings, buf_str(&p->headings));
    parts[PART_documents] = taken(&documents);
    parts[PART_texts] = taken(&texts);
    parts[PART_passages] = taken(&passages);
    parts[PART_headings] = taken(&headings);
}

static void write_lexicon(const struct plan *p, struct str parts[MANIFEST_FILES])
{
    struct lexicon_draft *d = lexicon_draft_new();
    struct buf out = BUF_INIT(SIZE_MAX);
    for (size_t i = 0; i < p->n_passages; i++) {
        struct buf title = BUF_INIT(4096);
        plan_title(p, (uint32_t)i, &title);
        lexicon_draft_add(d, buf_str(&title), plan_text(p, (uint32_t)i));
        buf_done(&title);
        if (i % 4096 == 0)
            tell(p->b, "indexing", i, p->n_passages);
    }
    lexicon_draft_write(d, &out);
    lexicon_draft_free(d);
    parts[PART_lexicon] = taken(&out);
}

/* Hands the rows on to the parts. */
static void write_vectors(const struct plan *p, struct embedding *e, struct manifest *m,
                          struct str parts[MANIFEST_FILES])
{
    m->dimension = e->dimension;
    m->embedder = !e->dimension ? EMBEDDER_none : e->lsa ? EMBEDDER_lsa : EMBEDDER_model;
    m->model = p->b->embedder && e->dimension ? p->b->embedder->model : "";
    if (e->dimension) {
        parts[PART_vectors] =
            (struct str){(char *)e->rows, p->n_passages * e->dimension * sizeof *e->rows};
        e->rows = NULL;
    }
    if (e->lsa) {
        struct buf basis = BUF_INIT(SIZE_MAX);
        lsa_write(e->lsa, &basis);
        parts[PART_lsa] = taken(&basis);
    }
}

static void seal(struct manifest *m, const struct str parts[MANIFEST_FILES])
{
    for (int i = 0; i < MANIFEST_FILES; i++) {
        bool there = i < PART_lsa || (i == PART_lsa && m->embedder == EMBEDDER_lsa) ||
                     (i == PART_vectors && m->embedder != EMBEDDER_none);
        m->files[i] = (struct manifest_file){.there = there};
        if (there)
            m->files[i] =
                (struct manifest_file){true, (int64_t)parts[i].n, crypto_sha256(parts[i])};
    }
}

static bool write_files(const char *folder, const struct manifest *m,
                        const struct str parts[MANIFEST_FILES], struct hash *manifest,
                        struct err *err)
{
    char path[PATH_BYTES];
    struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
    bool ok = true;
    for (int i = 0; ok && i < MANIFEST_FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, part_names[i]);
        if (m->files[i].there)
            ok = blob_write(path, parts[i], err);
    }
    manifest_write(m, &text);
    *manifest = crypto_sha256(buf_str(&text));
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    ok = ok && blob_write(path, buf_str(&text), err) && blob_sync_folder(folder, err);
    buf_done(&text);
    return ok;
}

/* One more than the last: versions are never renumbered. */
static unsigned next_version(const char *folder)
{
    unsigned last = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        int64_t n;
        if (str_int(str_of(e->d_name), &n) && n > last && n < UINT32_MAX)
            last = (unsigned)n;
    }
    if (d)
        closedir(d);
    return last + 1;
}

static void remove_folder(const char *folder)
{
    char path[PATH_BYTES];
    for (int i = -1; i < MANIFEST_FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, i < 0 ? "manifest.json" : part_names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static bool publish(const struct build *b, const struct manifest *m,
                    const struct str parts[MANIFEST_FILES], struct hash *manifest, struct err *err)
{
    char draft[PATH_BYTES], final[PATH_BYTES], journal[PATH_BYTES];
    snprintf(draft, sizeof draft, "%s/.draft", b->folder);
    snprintf(final, sizeof final, "%s/%u", b->folder, m->version);
    snprintf(journal, sizeof journal, "%s/embedding.part", b->folder);
    remove_folder(draft); /* of a build that was killed */
    if (mkdir(draft, FOLDER_MODE) != 0)
        return err_set(err, ERR_bad_index, "%s: %s", draft, strerror(errno));
    bool ok = write_files(draft, m, parts, manifest, err);
    if (ok && (FAULT("build.rename") || rename(draft, final) != 0))
        ok = err_set(err, ERR_bad_index, "%s: %s", final, strerror(errno));
    if (!ok)
        remove_folder(draft);
    else
        unlink(journal);
    return ok && blob_sync_folder(b->folder, err);
}

static bool measure(const struct plan *p, const struct embedding *e, struct manifest *m,
                    struct str parts[MANIFEST_FILES], struct err *err)
{
    m->fusion = (struct fusion){.lexical_percent = 100};
    if (m->embedder == EMBEDDER_none)
        return true;
    if (e->carried && p->b->parent) {
        m->fusion = p->b->parent->manifest.fusion;
        return true;
    }
    struct str copies[MANIFEST_FILES] = {0};
    for (int i = 0; i < MANIFEST_FILES; i++)
        if (m->files[i].there) {
            copies[i] = (struct str){mem_zalloc(parts[i].n + 1), parts[i].n};
            memcpy((char *)copies[i].p, parts[i].p, parts[i].n);
        }
    tell(p->b, "measuring", 0, 1);
    struct index *x = index_make(m, copies, err);
    bool ok = x && calibrate(x, p->b->embedder, &m->fusion, err);
    index_unref(x);
    return ok;
}

static bool make(const struct plan *p, struct built *out, struct err *err)
{
    const struct build *b = p->b;
    char created[CLOCK_TEXT_BYTES];
    struct str parts[MANIFEST_FILES] = {0};
    struct embedding e = {0};
    struct lexicon l;
    clock_text(clock_wall_ms(), created);
    struct manifest m = {
        .collection = b->collection,
        .version = next_version(b->folder),
        .parent = b->parent ? b->parent->manifest.version : 0,
        .created = created,
        .token_version = TOKEN_VERSION,
        .chunk_version = CHUNK_VERSION,
        .documents = (unsigned)p->n,
        .passages = (unsigned)p->n_passages,
    };
    write_documents(p, parts);
    write_lexicon(p, parts);
    bool ok = lexicon_read(&l, parts[PART_lexicon]) && embed_passages(p, &l, &e, err);
    if (ok) {
        write_vectors(p, &e, &m, parts);
        seal(&m, parts);
        ok = measure(p, &e, &m, parts, err) && publish(b, &m, parts, &out->manifest, err);
    }
    if (ok) {
        out->version = m.version;
        out->embedded = e.embedded;
        out->resumed = e.resumed;
        out->fusion = m.fusion;
        out->embedder = m.embedder;
    }
    for (int i = 0; i < MANIFEST_FILES; i++)
        free((char *)parts[i].p);
    embedding_done(&e);
    return ok;
}

static bool make_folder(const char *path, struct err *err)
{
    return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST ||
           err_set(err, ERR_bad_index, "%s: %s", path, strerror(errno));
}

static int lock(const char *folder, struct err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    err_say(err, ERR_conflict, NULL,
            "the collection is being ingested already; wait until that has ended");
    return -1;
}

bool build_run(const struct build *b, struct built *out, struct err *err)
{
    struct plan p;
    *out = (struct built){0};
    if (!make_folder(b->folder, err))
        return false;
    int fd = lock(b->folder, err);
    if (fd < 0)
        return false;
    tell(b, "reading", 0, b->corpus->n);
    plan_make(&p, b);
    plan_count(&p, out);
    bool ok = true;
    if (plan_is_unchanged(&p) || b->dry_run) {
        out->fusion =
            b->parent ? b->parent->manifest.fusion : (struct fusion){.lexical_percent = 100};
        out->embedder = b->parent ? b->parent->manifest.embedder : EMBEDDER_none;
    } else {
        ok = make(&p, out, err);
    }
    plan_done(&p);
    close(fd);
    return ok;
}
