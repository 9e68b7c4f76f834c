/*
 * conf.h - a YAML text as a tree that remembers where everything stood, and a reader
 * that fills structs from it by tables of options.
 *
 * The only user of libfyaml.  JSON is YAML in flow style, and is read as well.  A
 * scalar is text until the row of an option says what it is, so `no`, `1e3` and
 * `0123` mean what their option means by them.  Lines and columns count from 1.
 *
 * Problems are collected, not raised: reading goes on, and conf_report() gives all of
 * them at once, in the order of the text.  A problem never quotes what came out of
 * `${NAME}` or `file:PATH`, nor the value of a CONF_SECRET.
 *
 * Bounds: CONF_TEXT_BYTES of text, CONF_DEPTH levels, and CONF_NODES values, where what
 * an alias stands for is counted again each time.  An alias shares its node, so memory
 * stays linear in the text.
 *
 * All memory is that of the struct conf: what was read lives until conf_free().  Not
 * thread-safe while it is read.
 */
#ifndef GATEWAY_BASE_CONF_H
#define GATEWAY_BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/arena.h"
#include "gateway/base/str.h"

enum { CONF_TEXT_BYTES = 4 * 1024 * 1024, CONF_DEPTH = 32, CONF_NODES = 50 * 1000 };

struct conf_place { /* from 1; line 0: nowhere */
    unsigned line, column;
};

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
    enum conf_kind kind;
    struct conf_place at;
    struct str text; /* of a scalar; terminated; holds no zero byte */
    bool plain;      /* a scalar without quotes */
    bool hidden;     /* its text came out of a reference: never quote it */
    bool expanded;   /* conf_expand() has been here */
    bool lost;       /* a reference in it could not be followed, which has been said */
    size_t n;        /* of a list or map */
    struct conf_entry *entries;
    size_t weight; /* nodes in all, aliases followed */
};

struct conf_entry {
    struct str name; /* of a map's member; terminated */
    struct conf_place at;
    struct conf_node *value;
};

struct conf;
struct conf *conf_new(const char *file); /* its name, for places and for relative paths */
void conf_free(struct conf *c);          /* NULL is fine */
struct arena *conf_arena(struct conf *c);

/* The root; an empty map if the text is empty; NULL if it cannot be parsed.  `text` is copied. */
struct conf_node *conf_parse(struct conf *c, struct str text);

/*
 * Replaces in every scalar below: ${NAME} and ${NAME:-default} by the environment's
 * variable, `file:PATH` by what the file holds, less one line end.  What was put in
 * is not looked at again.  "$${" stands for "${".
 */
void conf_expand(struct conf *c, struct conf_node *root);

/* A path as it is meant: beside the config file, or, if nothing is there, in the working directory.
 */
const char *conf_path(struct conf *c, struct str path);

/* Where the value of "server.body_bytes" stands, or, if it is not given, what comes nearest to it.
 */
struct conf_place conf_find(const struct conf_node *root, const char *path);

void conf_problem(struct conf *c, struct conf_place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t conf_problems(const struct conf *c);

/*
 * Gives each problem as "FILE:LINE:COLUMN: what is wrong", less the place where it has
 * none, and forgets them; returns how many there were.
 */
size_t conf_report(struct conf *c, void (*complain)(void *arg, const char *line), void *arg);

/* Text of the config for a message: cut short, control characters made visible. */
const char *conf_quote(struct conf *c, struct str text);

/* ---- the reader */

enum conf_type {
    CONF_TYPE_TEXT,     /* const char * */
    CONF_TYPE_WORD,     /* struct conf_word: when its place is needed later */
    CONF_TYPE_SECRET,   /* struct conf_word */
    CONF_TYPE_COUNT,    /* unsigned */
    CONF_TYPE_BOOL,     /* bool: on, true, yes; off, false, no */
    CONF_TYPE_SIZE,     /* int64_t, bytes: 4096, 16K, 32M, 1G */
    CONF_TYPE_DURATION, /* int64_t, ms: 500ms, 15s, 2m, 1h, 90d */
    CONF_TYPE_ENUM,     /* unsigned: the index in `words` */
    CONF_TYPE_SECRETS,  /* struct conf_words: a list of secrets, or one */
    CONF_TYPE_WORDS,    /* struct conf_words: a list, or one scalar */
    CONF_TYPE_PAIRS,    /* struct conf_pairs: a map of scalars */
    CONF_TYPE_MAP,      /* struct conf_items: a map of structs, by name */
    CONF_TYPE_LIST,     /* struct conf_items: a list of structs */
    CONF_TYPE_TREE,     /* const struct conf_node *: whatever stands there */
    CONF_TYPE_GROUP,    /* nothing: the group of this path may also be `off` */
    CONF_TYPE_LATER, /* nothing: not built yet; but `words` are accepted, as is an empty list or map
                      */
};

struct conf_word {
    const char *text; /* NULL: not given */
    struct conf_place at;
    bool hidden;
};

struct conf_words {
    const struct conf_word *v;
    size_t n;
};

struct conf_pair {
    struct conf_word name, value;
};

struct conf_pairs {
    const struct conf_pair *v;
    size_t n;
};

struct conf_items { /* n structs of table->bytes each; every one begins with a struct conf_word: its
                       name and place */
    void *v;
    size_t n;
};

/* One option.  A path has its groups before it: "server.body_bytes". */
struct conf_row {
    const char *path;
    enum conf_type type;
    size_t offset; /* of what it fills, in the struct of its table */
    const char
        *init; /* the default, as one would write it; NULL: none; conf_must: it must be given */
    int64_t min, max;            /* of numbers; bytes of a text; members of a list; 0 and 0: any */
    const char *words;           /* of an enum or of what is accepted "a|b|c" */
    const struct conf_table *of; /* of a map or list of structs */
    const char *help;
};

struct conf_table {
    const char *what; /* how messages call one of it: "option", "option of a provider" */
    const struct conf_row *rows;
    size_t n_rows;
    size_t bytes; /* of the struct that the rows fill */
};

extern const char conf_must[];

/* Fills *out, first with the defaults; what is wrong is a problem and keeps its default. */
void conf_read(struct conf *c, const struct conf_node *map, const struct conf_table *t, void *out);

/* The name of `words` ("a|b|c") that `text` most likely meant; empty if none is near. */
struct str conf_nearest(struct str text, struct str words);

const char *conf_type_name(enum conf_type type); /* for the manual: "duration" */

/* ---- scalars; false if the text is none */

bool conf_parse_count(struct str text, int64_t *n);
bool conf_parse_bool(struct str text, bool *v);
bool conf_parse_size(struct str text, int64_t *bytes);
bool conf_parse_duration(struct str text, int64_t *ms);

/* A number of this type as one would write it: "32M", "15s". */
enum { CONF_NUMBER_BYTES = 32 };
void conf_number_text(enum conf_type type, int64_t n, char text[CONF_NUMBER_BYTES]);

#endif
