#include "gateway/store/book_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/fault.h"
#include "gateway/base/scope.h"

enum {
    PAYLOAD_MAX_BYTES = 64 * 1024 * 1024,
    SEQ_DIGITS = 20,
    HEAD_BYTES = SEQ_DIGITS + 1 + 64 + 1
};

bool book_init(struct book *b, sqlite3 *db, const struct hash *key, struct err *err)
{
    *b = (struct book){.db = db, .payload = BUF_INIT(PAYLOAD_MAX_BYTES)};
    b->insert = sql_prepare(db, "INSERT INTO ledger VALUES(?,?,?,?,?,?,?)", err);
    if (!b->insert || !derive_init(&b->derive, db, err)) {
        book_done(b);
        return false;
    }
    b->key = hmac_new(key);
    SCOPED(sql_finish)
    sqlite3_stmt *q = sql_prepare(db, "SELECT seq, mac FROM ledger ORDER BY seq DESC LIMIT 1", err);
    bool more;
    if (!q || !sql_step(q, &more, err)) {
        book_done(b);
        return false;
    }
    if (more) {
        b->last.seq = sqlite3_column_int64(q, 0);
        if (sqlite3_column_bytes(q, 1) == HASH_BYTES)
            memcpy(b->last.mac.bytes, sqlite3_column_blob(q, 1), HASH_BYTES);
    }
    return true;
}

void book_done(struct book *b)
{
    sql_finish(&b->insert);
    derive_done(&b->derive);
    hmac_free(b->key);
    b->key = NULL;
    buf_done(&b->payload);
}

static void put_number(uint8_t *at, uint64_t n)
{
    for (int i = 7; i >= 0; i--, n >>= 8)
        at[i] = (uint8_t)n;
}

/* Canonical bytes: six numbers of eight bytes, most significant first, then the three texts. */
struct hash book_mac(const struct hmac *key, const struct hash *previous,
                     const struct ledger_row *r)
{
    uint8_t numbers[6 * 8];
    put_number(numbers, (uint64_t)r->seq);
    put_number(numbers + 8, (uint64_t)r->time);
    put_number(numbers + 16, (uint64_t)r->schema);
    put_number(numbers + 24, r->kind.n);
    put_number(numbers + 32, r->request_id.p ? r->request_id.n : UINT64_MAX);
    put_number(numbers + 40, r->payload.n);
    const struct str parts[] = {
        {(const char *)previous->bytes, HASH_BYTES},
        {(const char *)numbers, sizeof numbers},
        r->kind,
        r->request_id,
        r->payload,
    };
    return hmac_of(key, parts, sizeof parts / sizeof parts[0]);
}

static bool insert(struct book *b, const struct ledger_row *r, const struct hash *mac,
                   struct err *err)
{
    sqlite3_stmt *q = b->insert;
    sqlite3_bind_int64(q, 1, r->seq);
    sql_bind_text(q, 2, r->kind);
    sqlite3_bind_int64(q, 3, r->time);
    sqlite3_bind_int64(q, 4, r->schema);
    sql_bind_text(q, 5, r->request_id);
    sql_bind_text(q, 6, r->payload);
    sqlite3_bind_blob(q, 7, mac->bytes, HASH_BYTES, SQLITE_STATIC);
    return sql_run(q, err);
}

bool book_append(struct book *b, const struct entry *e, int64_t wall_ms, struct err *err)
{
    buf_cut(&b->payload, 0);
    payload_write(&b->payload, e);
    if (!buf_ok(&b->payload)) {
        buf_done(&b->payload);
        return err_set(err, ERR_store, "a row of the ledger is too long");
    }
    struct ledger_row r = {
        .seq = b->last.seq + 1,
        .time = wall_ms,
        .schema = LEDGER_SCHEMA,
        .kind = entry_kind_word(e->kind),
        .request_id = e->request_id.n ? e->request_id : (struct str){0},
        .payload = buf_str(&b->payload),
    };
    struct hash mac = book_mac(b->key, &b->last.mac, &r);
    if (FAULT("book.append"))
        return err_set(err, ERR_store, "a fault for a test");
    if (!insert(b, &r, &mac, err) || !derive_entry(&b->derive, e, err))
        return false;
    b->last = (struct link){r.seq, mac};
    return true;
}

bool head_write(int fd, const struct link *l)
{
    char mac[HASH_HEX_BYTES], text[HEAD_BYTES + 1];
    hash_hex(&l->mac, mac);
    snprintf(text, sizeof text, "%0*" PRId64 " %s\n", SEQ_DIGITS, l->seq, mac);
    return pwrite(fd, text, HEAD_BYTES, 0) == HEAD_BYTES;
}

bool head_read(int fd, struct link *l)
{
    char text[HEAD_BYTES];
    if (pread(fd, text, sizeof text, 0) != HEAD_BYTES)
        return false;
    int64_t seq = 0;
    for (size_t i = 0; i < SEQ_DIGITS; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(seq, (int64_t)10, &seq) ||
            __builtin_add_overflow(seq, (int64_t)(text[i] - '0'), &seq))
            return false;
    }
    l->seq = seq;
    return hash_parse((struct str){text + SEQ_DIGITS + 1, 64}, &l->mac);
}
