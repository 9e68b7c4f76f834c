/* json_priv.h - what the parts of the span scanner share: the compiled plan, and escapes. */
#ifndef GATEWAY_BASE_JSON_PRIV_H
#define GATEWAY_BASE_JSON_PRIV_H

#include <stdint.h>
#include <string.h>

#include "gateway/base/json.h"

enum {
    JSON_BUCKETS = 32,
    JSON_NAME_BYTES = 64, /* no name of a path is longer */
};

/* A place in a document that a path goes through.  Node 0 is the document itself. */
struct json_node {
    struct str way;  /* the path up to here; borrowed */
    struct str name; /* its last part */
    uint64_t bit;    /* tells the members of one object apart */
    short path;      /* the path that ends here; -1: none */
    short deep;      /* the path that wants every string below; -1: none */
    uint16_t each;   /* node of the elements, if this is an array; 0: not wanted */
    uint16_t next;   /* in the same bucket of its parent; 0: the last */
    uint16_t bucket[JSON_BUCKETS];
    unsigned members;
};

struct json_plan {
    struct json_node *nodes;
};

static inline unsigned json_bucket(struct str name)
{
    if (name.n == 0)
        return 0;
    unsigned first = (unsigned char)name.p[0], last = (unsigned char)name.p[name.n - 1];
    return (first + 5 * last + 11 * (unsigned)name.n) % JSON_BUCKETS;
}

/* The member of this name, or NULL. */
static inline const struct json_node *json_member(const struct json_plan *p,
                                                  const struct json_node *of, struct str name)
{
    for (unsigned i = of->bucket[json_bucket(name)]; i; i = p->nodes[i].next) {
        const struct json_node *n = &p->nodes[i];
        if (n->name.n == name.n && memcmp(n->name.p, name.p, name.n) == 0)
            return n;
    }
    return NULL;
}

/*
 * The UTF-8 of the escape that *p points to, 1 to 4 bytes; *p moves past it.  The
 * escape is known to be well-formed.  A surrogate without its other half is U+FFFD.
 */
size_t json_unescape(const char **p, const char *end, char out[4]);

#endif
