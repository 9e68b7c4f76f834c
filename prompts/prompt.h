/*
 * prompt.h - one version of a prompt: a file of YAML front matter and a template.
 *
 * Read whole or refused whole, then never changed; counted, and used by any number of
 * threads.  README.md has the format.  Rendering gives the messages as JSON, and says
 * which of its bytes the author wrote.
 */
#ifndef PROMPTS_PROMPT_H
#define PROMPTS_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/arena.h"
#include "gateway/base/conf.h"
#include "gateway/base/crypto.h"
#include "gateway/base/err.h"
#include "prompts/schema.h"
#include "prompts/template.h"

enum { PROMPT_FILE_BYTES = 1024 * 1024, PROMPT_NAME_BYTES = 64 };

struct input {
    struct str name;
    struct conf_place at; /* in the file */
    struct schema schema;
    struct datum initial; /* its default; undefined: none */
    bool is_thread;       /* messages, spliced where the template has `{{ name }}` */
    bool required;
    bool strict;    /* a value that looks as if it began a message is refused */
    bool untrusted; /* may not stand in a system message */
};

struct prompt_option { /* a member that goes upstream */
    struct str name;
    struct str json;
    bool may_override; /* the caller's own goes before it */
};

struct prompt {
    const char *name;
    const char *description;    /* "" if none */
    const char *route;          /* the public model that is asked */
    struct conf_place route_at; /* in its file */
    const char *rag;            /* COLLECTION[@LABEL] or "off"; NULL: the model's own counts */
    struct conf_place rag_at;   /* in its file */
    bool is_public;             /* its key need not have the model */
    bool callers_system;        /* callers may send messages of the roles system and developer */
    const struct prompt_option *options;
    size_t n_options;
    struct str output_schema; /* JSON; "" if none */
    bool output_strict;
    struct str tools; /* JSON array; "" if none */
    const struct input *inputs;
    size_t n_inputs;
    const struct input *thread;          /* NULL: none */
    const struct message_plan *messages; /* messages.c's own */
    char hash[HASH_HEX_BYTES];           /* of all that shapes an answer: not the description */

    struct conf *conf; /* owns it all */
};

/*
 * `file` is its name in complaints, lines "FILE:LINE:COLUMN: what is wrong; what to do".
 * NULL: there was at least one.
 */
struct prompt *prompt_parse(const char *file, struct str text,
                            void (*complain)(void *arg, const char *line), void *arg);
void prompt_free(struct prompt *p); /* NULL is fine */

/* Names: letters, digits and . _ - in parts with '/' between; labels the same without '/', not a
 * number. */
bool prompt_name_ok(struct str name);
bool prompt_label_ok(struct str label);

const struct prompt_option *prompt_option_find(const struct prompt *p, struct str name);

/* ---- rendering */

struct author_range { /* bytes start..end-1 */
    size_t start, end;
};

struct author_ranges { /* sorted, apart from each other */
    struct author_range *v;
    size_t n, cap;
};

void author_ranges_add(struct author_ranges *r, size_t start, size_t end, struct arena *a);

/*
 * Checks the caller's variables (a JSON object that was scanned before, or "") against
 * the inputs.  *out has room for n_inputs bindings, in the arena.  False:
 * ERR_prompt_input, or ERR_duplicate_member.
 */
bool prompt_bind(const struct prompt *p, struct str variables, struct binding **out,
                 struct arena *a, struct err *err);

/*
 * Appends the messages as a JSON array.  `thread` is the caller's own messages as they
 * stand between the brackets of an array, "" if there are none: they go where the
 * template has its thread, else behind everything.  What is not in *author is theirs.
 */
bool prompt_render(const struct prompt *p, const struct binding *bindings, struct str thread,
                   size_t max_bytes, struct buf *out, struct author_ranges *author, struct arena *a,
                   struct err *err);

/* Does a line of it look as if it began a message ("system: ...")? */
bool text_has_role(struct str text);

#endif
