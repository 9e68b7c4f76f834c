/*
 * schema.h - what a variable of a prompt may be: a subset of JSON Schema.
 *
 * type (string, number, integer, boolean, array, object), enum, default, minLength,
 * maxLength (in characters), minimum, maximum, items, minItems, maxItems, properties,
 * required, additionalProperties (true or false), title, description.  Everything else
 * is a problem of the file: a word that does nothing would be worse.
 */
#ifndef PROMPTS_SCHEMA_H
#define PROMPTS_SCHEMA_H

#include "gateway/base/conf.h"
#include "gateway/base/err.h"
#include "prompts/datum.h"

enum schema_type {
    SCHEMA_ANY,
    SCHEMA_STRING,
    SCHEMA_NUMBER,
    SCHEMA_INTEGER,
    SCHEMA_BOOLEAN,
    SCHEMA_ARRAY,
    SCHEMA_OBJECT,
};

struct schema {
    enum schema_type type;
    const struct datum *choices; /* enum: a list; NULL: any */
    int64_t min, max;            /* characters, or items; max -1: any number */
    double minimum, maximum;     /* -HUGE_VAL, HUGE_VAL: none */
    const struct schema *items;  /* NULL: any */
    struct schema_member *members;
    size_t n_members;
    bool closed; /* additionalProperties: false */
};

struct schema_member {
    struct str name;
    struct schema schema;
    bool required;
};

/* Reads one word of it ("maxLength"); false: it is none.  Problems go to c. */
bool schema_read(struct conf *c, struct schema *s, const struct conf_entry *word);
void schema_init(struct schema *s);

struct schema_place { /* of a value within a variable; its name is only made where something is
                         wrong */
    const struct schema_place *outer; /* NULL: the variable itself */
    struct str name;                  /* "" for an item of a list */
    size_t index;
};

/* False: *err is a sentence that names the place, as "docs[2].id". */
bool schema_check(const struct schema *s, const struct datum *d, const struct schema_place *at,
                  struct err *err);

/* A node of a file as a value, its plain scalars as YAML's core schema has them; and its JSON. */
void conf_json(const struct conf_node *n, struct buf *out);
struct datum conf_datum(struct conf *c, const struct conf_node *n);

#endif
