/*
 * At the start the head on disk is compared with the ledger.  It may be behind (we
 * were killed between the two writes).  If it is ahead, rows are gone: the power
 * failed in batched mode, or somebody cut the tail.  Then the ledger itself says so
 * from now on, in a row that verify reports.
 */
#include <inttypes.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/scope.h"
#include "gateway/store/store_priv.h"

static bool note_lost(struct store *s, const struct link *head, struct err *err)
{
    char mac[HASH_HEX_BYTES];
    hash_hex(&head->mac, mac);
    SCOPED(buf_done) struct buf note = BUF_INIT(256);
    buf_addf(&note, "{\"lost_after\":%" PRId64 ",\"head_seq\":%" PRId64 ",\"head_mac\":\"%s\"}",
             s->book.last.seq, head->seq, mac);
    LOG(store, F("error", "the ledger ends before its head: rows are lost"),
        F("last_seq", s->book.last.seq), F("head_seq", head->seq));
    struct entry e = {.kind = ENTRY_adjust, .document = buf_str(&note)};
    return sql_exec(s->db, "BEGIN IMMEDIATE", err) &&
           book_append(&s->book, &e, clock_wall_ms(), err) && sql_exec(s->db, "COMMIT", err);
}

bool head_check(struct store *s, struct err *err)
{
    struct link head;
    if (head_read(s->head_fd, &head) && head.seq > s->book.last.seq && !note_lost(s, &head, err))
        return false;
    return head_write(s->head_fd, &s->book.last) ||
           err_set(err, ERR_store, "write %s/ledger.head", s->dir);
}
