/*
 * set.h - the prompts that requests are answered with: an immutable snapshot of the
 * registry, counted, replaced whole when a version is pushed or a label moves.
 *
 * A version is read once and shared by all snapshots that have it.  Any thread.
 */
#ifndef PROMPTS_SET_H
#define PROMPTS_SET_H

#include "prompts/prompt.h"

struct prompt_version {
    const char *name;
    int64_t version; /* from 1 */
    const char *hash;
    struct str source;
    int64_t created_ms;
    const struct prompt *prompt; /* NULL: this program cannot read it */
};

struct prompt_label {
    const char *label;
    int64_t version;
    int64_t before; /* the version it had before; 0: none */
    int64_t moved_ms;
};

struct prompt_entry { /* of one name */
    const char *name;
    const struct prompt_version *const *versions; /* in order of their numbers */
    size_t n_versions;                            /* 1 or more */
    const struct prompt_label *labels;            /* sorted */
    size_t n_labels;
};

struct prompt_set;
struct prompt_set *prompt_set_ref(struct prompt_set *s);
void prompt_set_unref(struct prompt_set *s); /* NULL is fine */

size_t prompt_set_size(const struct prompt_set *s);
const struct prompt_entry *prompt_set_at(const struct prompt_set *s, size_t i); /* sorted by name */
const struct prompt_entry *prompt_set_find(const struct prompt_set *s,
                                           struct str name); /* NULL: there is none */

/* Of one entry; NULL: there is none.  "latest" is a label that no one moves. */
const struct prompt_version *prompt_version_find(const struct prompt_entry *e, int64_t version);
const struct prompt_label *prompt_label_find(const struct prompt_entry *e, struct str label);

/*
 * The version that "greet" with "2", "staging", or "" asks for: a number, a label, or
 * `production`, and where there is no such label the latest.  NULL: ERR_no_prompt, whose
 * words name what is unknown.
 */
const struct prompt_version *prompt_set_pick(const struct prompt_set *s, struct str name,
                                             struct str label_or_version, struct err *err);

/* The same error for a prompt that is unknown and one that a key may not use; false. */
bool prompt_unknown(struct str name, struct err *err);

#endif
