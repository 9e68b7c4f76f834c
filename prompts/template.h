/*
 * template.h - a text with holes: the Jinja subset of README.md.
 *
 * Parsed once, never changed, rendered by any number of threads.  Rendering is one
 * pass: what a value holds is never looked at as template.  It yields segments, which
 * keep apart what the author wrote and what came out of a value, and it is bounded in
 * bytes and in steps whatever template and values are.
 */
#ifndef PROMPTS_TEMPLATE_H
#define PROMPTS_TEMPLATE_H

#include "gateway/base/conf.h"
#include "gateway/base/err.h"
#include "prompts/datum.h"

enum {
    TEMPLATE_DEPTH = 64, /* of blocks in blocks, and of an expression */
    TEMPLATE_STEPS =
        200 * 1000, /* of one rendering; an iteration is one, 64 bytes worked on are one */
};

struct template;

/*
 * `text` stands in the file of `c`, its first byte at `at`; what is wrong becomes a
 * problem there.  NULL: something was.  Lives in the arena of `c`, which has copied it.
 */
struct template *template_parse(struct conf *c, struct str text, struct conf_place at);

struct binding { /* what a name stands for */
    struct str name;
    struct datum value;
};

enum segment_kind {
    SEGMENT_LITERAL, /* the template's own text */
    SEGMENT_VALUE,   /* what an expression gave */
    SEGMENT_ROLE,    /* a message begins: roles_mark() */
    SEGMENT_THREAD,  /* messages are to be put in: roles_mark() */
};

struct segment {
    enum segment_kind kind;
    bool author;     /* of a value: made of nothing but the author's words */
    struct str text; /* of a role its word */
    struct str raw;  /* the same as it may stand between quotes in JSON; p NULL: not known */
    const struct input *from; /* of a value: the input it came from, if one */
    struct str source;        /* of a value: the variable it began with */
};

struct segments {
    struct segment *v;
    size_t n, cap;
};

/* Appends to *out, in the arena.  False: ERR_too_large. */
bool template_render(const struct template *t, const struct binding *bindings, size_t n,
                     size_t max_bytes, struct segments *out, struct arena *a, struct err *err);

/*
 * Calls each() for every variable that is no loop's own, where it stands; `guarded`: the
 * template says what to do where it has no value; `prints`: what it holds may come out.
 */
struct variable {
    struct str name;
    struct conf_place at;
    bool guarded, prints;
    struct str role; /* of the message it stands in, after roles_mark(); "" if none */
};
void template_variables(const struct template *t, void (*each)(void *arg, const struct variable *v),
                        void *arg);

/*
 * Cuts the lines that are nothing but a role and a colon ("user:") out of the texts, so
 * that they begin messages; `{{ thread }}` puts messages in.  What cannot be is a problem.
 */
void roles_mark(struct template *t, struct conf *c, struct str thread);

#endif
