/*
 * prompts.h - the registry of a data directory, and the snapshot that is in force.
 *
 * A change is on disk and in the snapshot when the function returns true; with
 * `dry_run` everything is checked and nothing done.  All but prompts_current() block:
 * from any thread but a loop.
 */
#ifndef PROMPTS_PROMPTS_H
#define PROMPTS_PROMPTS_H

#include "gateway/store/registry.h"
#include "prompts/set.h"

struct prompts;
struct prompts *prompts_open(struct store *s,
                             struct err *err); /* the store is borrowed; NULL: *err */
void prompts_close(struct prompts *p);         /* NULL is fine */

struct prompt_set *prompts_current(struct prompts *p); /* a new reference */

/* Reads the registry again: after a change that was made to the store by itself. */
bool prompts_refresh(struct prompts *p, struct err *err);

struct pushed {
    char name[PROMPT_NAME_BYTES + 1];
    int64_t version;
    char hash[HASH_HEX_BYTES];
    bool made; /* false: it has that version already */
};

/* `file` is its name in complaints; the first of them is the error's words (ERR_bad_request). */
bool prompts_push(struct prompts *p, const char *file, struct str text, bool dry_run,
                  struct pushed *out, struct err *err);

bool prompts_label(struct prompts *p, const struct label_move *m, bool dry_run, struct err *err);

/* `production` goes back to the version it had before; *from and *to say what moved. */
bool prompts_rollback(struct prompts *p, struct str name, bool dry_run, int64_t *from, int64_t *to,
                      struct err *err);

/* ---- the inbox: a folder, with folders in it, of *.prompty and *.prompt */

/* Calls each() for every file, sorted by path.  False: it cannot be read, or each() returned false
 * and set *err. */
bool inbox_walk(const char *dir, bool (*each)(void *arg, const char *path, struct err *err),
                void *arg, struct err *err);

/*
 * Pushes every file whose content is new for its name.  False if one of them is wrong,
 * and then none was pushed: each problem went to complain().
 */
bool inbox_push(struct prompts *p, const char *dir, bool dry_run,
                void (*on_push)(void *arg, const struct pushed *one),
                void (*complain)(void *arg, const char *line), void *arg, struct err *err);

#endif
