/*
 * registry.h - prompts as they are kept: numbered versions that never change, and
 * labels that move.
 *
 * A version is the text of a file and the hash of what in it shapes an answer; equal
 * content of one name is one version.  A label names one version of its prompt and
 * moves by compare-and-swap; every move is kept.  What the text means is not known
 * here (prompts/).
 *
 * Each change is on disk when the function returns true; with `dry_run` everything is
 * checked and nothing is written.  Errors: ERR_no_prompt, ERR_conflict, ERR_store.
 * All of it blocks; from any thread but a loop.
 */
#ifndef GATEWAY_STORE_REGISTRY_H
#define GATEWAY_STORE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"
#include "gateway/store/store.h"

struct registry_version {
    int64_t seq; /* over all prompts, in the order in which they were pushed */
    struct str name;
    int64_t version; /* from 1, of its name */
    struct str hash; /* hex */
    struct str source;
    int64_t created_ms; /* wall clock */
};

struct registry_label {
    struct str name, label;
    int64_t version;
    int64_t before;   /* the version it had before; 0: it is new */
    int64_t moved_ms; /* wall clock */
};

enum { LABEL_EXPECT_ANY = -1, LABEL_EXPECT_NONE = 0 };

struct label_move {
    struct str name, label;
    int64_t version;
    int64_t expect; /* the version it must have now, or one of the above */
    struct str why; /* "label", "rollback", ... */
};

/* Fills seq, version and created_ms of *v from name, hash and source; *made: it is new. */
bool registry_push(struct store *s, struct registry_version *v, bool dry_run, bool *made,
                   struct err *err);

bool registry_move(struct store *s, const struct label_move *m, bool dry_run, struct err *err);

/*
 * Gives every version after the one with this seq, oldest first, then every label.  The
 * texts are borrowed for the call; it runs on the writer thread while the caller waits.
 */
struct registry_reader {
    int64_t after_seq;
    void (*on_version)(void *arg, const struct registry_version *v);
    void (*on_label)(void *arg, const struct registry_label *l);
    void *arg;
};
bool registry_read(struct store *s, const struct registry_reader *r, struct err *err);

#endif
