/*
 * Records of one size after a header: SHA-256 of model and text, the vector, and 8 bytes
 * of the SHA-256 of both.  A record that was cut, and all after it, is dropped.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "rag/blob.h"
#include "rag/build_priv.h"

enum { CHECK_BYTES = 8, DIMENSION_MAX = 65536, FILE_MODE = 0600 };
#define JOURNAL_MAX_BYTES ((size_t)8 << 30)

struct journal {
    char *path, *model;
    int fd;
    unsigned dimension; /* 0: no record yet */
    struct str bytes;   /* what was there at the start */
    size_t *slots;      /* by key: 1 + the place of a record, or 0 */
    size_t n_slots;
};

static size_t record_bytes(const struct journal *j)
{
    return HASH_BYTES + j->dimension * sizeof(float) + CHECK_BYTES;
}

static struct hash key_of(const struct journal *j, struct str text)
{
    SCOPED(buf_done) struct buf both = BUF_INIT(SIZE_MAX);
    buf_add(&both, str_of(j->model));
    buf_add(&both, (struct str){"\0", 1});
    buf_add(&both, text);
    return crypto_sha256(buf_str(&both));
}

static bool is_whole(const char *record, size_t n)
{
    struct hash h = crypto_sha256((struct str){record, n - CHECK_BYTES});
    return memcmp(h.bytes, record + n - CHECK_BYTES, CHECK_BYTES) == 0;
}

static size_t slot_of(const struct journal *j, const void *key)
{
    uint64_t n;
    memcpy(&n, key, sizeof n);
    size_t at = (size_t)n & (j->n_slots - 1);
    while (j->slots[at] && memcmp(j->bytes.p + j->slots[at] - 1, key, HASH_BYTES) != 0)
        at = (at + 1) & (j->n_slots - 1);
    return at;
}

/* Returns how many bytes of the file are good. */
static size_t index_records(struct journal *j)
{
    uint32_t dimension = 0;
    if (j->bytes.n < sizeof dimension)
        return 0;
    memcpy(&dimension, j->bytes.p, sizeof dimension);
    if (dimension == 0 || dimension > DIMENSION_MAX)
        return 0;
    j->dimension = dimension;
    size_t n = record_bytes(j), at = sizeof dimension;
    for (j->n_slots = 1024; j->n_slots < 2 * (j->bytes.n / n); j->n_slots *= 2)
        ;
    j->slots = mem_zalloc(j->n_slots * sizeof *j->slots);
    for (; at + n <= j->bytes.n && is_whole(j->bytes.p + at, n); at += n)
        j->slots[slot_of(j, j->bytes.p + at)] = at + 1;
    return at;
}

struct journal *journal_open(const char *path, const char *model, struct err *err)
{
    struct journal *j = NEW(struct journal);
    struct err none = {0};
    j->path = mem_zalloc(strlen(path) + 1);
    j->model = mem_zalloc(strlen(model) + 1);
    memcpy(j->path, path, strlen(path));
    memcpy(j->model, model, strlen(model));
    if (!blob_read(path, JOURNAL_MAX_BYTES, &j->bytes, &none))
        j->bytes = (struct str){0};
    size_t good = index_records(j);
    j->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, FILE_MODE);
    if (j->fd >= 0 && ftruncate(j->fd, (off_t)good) == 0)
        return j;
    err_set(err, ERR_bad_index, "%s cannot be written", path);
    journal_close(j, false);
    return NULL;
}

void journal_close(struct journal *j, bool done)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    if (done)
        unlink(j->path);
    free((char *)j->bytes.p);
    free(j->slots);
    free(j->path);
    free(j->model);
    free(j);
}

const float *journal_find(const struct journal *j, struct str text, unsigned *dimension)
{
    if (!j->slots)
        return NULL;
    struct hash key = key_of(j, text);
    size_t at = j->slots[slot_of(j, key.bytes)];
    *dimension = j->dimension;
    return at ? (const float *)(const void *)(j->bytes.p + at - 1 + HASH_BYTES) : NULL;
}

bool journal_add(struct journal *j, struct str text, const float *row, unsigned dimension,
                 struct err *err)
{
    SCOPED(buf_done) struct buf record = BUF_INIT(SIZE_MAX);
    uint32_t head = dimension;
    struct hash key = key_of(j, text);
    if (!j->dimension && write(j->fd, &head, sizeof head) != sizeof head)
        return err_set(err, ERR_bad_index, "%s cannot be written", j->path);
    j->dimension = dimension;
    buf_add(&record, (struct str){(const char *)key.bytes, HASH_BYTES});
    buf_add(&record, (struct str){(const char *)row, dimension * sizeof *row});
    struct hash check = crypto_sha256(buf_str(&record));
    buf_add(&record, (struct str){(const char *)check.bytes, CHECK_BYTES});
    return write(j->fd, record.p, record.n) == (ssize_t)record.n ||
           err_set(err, ERR_bad_index, "%s cannot be written", j->path);
}
