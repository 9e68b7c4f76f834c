/*
 * Paths become a tree, so that the scanner looks each name up once, whatever the
 * number of paths.
 */
#include "gateway/base/json_priv.h"

#include <assert.h>

#include "gateway/base/mem.h"

/* The most nodes these paths can need. */
static size_t count_parts(const char *const *paths, size_t n)
{
    size_t parts = 1;
    for (size_t i = 0; i < n; i++) {
        parts++;
        for (const char *c = paths[i]; *c; c++)
            parts += *c == '.' || *c == '[';
    }
    return parts;
}

static unsigned node_new(struct json_plan *p, unsigned *used, struct str way)
{
    unsigned i = (*used)++;
    p->nodes[i].way = way;
    p->nodes[i].path = p->nodes[i].deep = -1;
    return i;
}

static unsigned member_of(struct json_plan *p, unsigned *used, unsigned at, struct str name,
                          struct str way)
{
    const struct json_node *found = json_member(p, &p->nodes[at], name);
    if (found)
        return (unsigned)(found - p->nodes);
    struct json_node *parent = &p->nodes[at];
    assert(name.n > 0 && name.n <= JSON_NAME_BYTES && parent->members < 64);
    unsigned i = node_new(p, used, way);
    p->nodes[i].name = name;
    p->nodes[i].bit = (uint64_t)1 << parent->members++;
    uint16_t *bucket = &parent->bucket[json_bucket(name)];
    p->nodes[i].next = *bucket;
    *bucket = (uint16_t)i;
    return i;
}

static unsigned element_of(struct json_plan *p, unsigned *used, unsigned at, struct str way)
{
    if (!p->nodes[at].each) {
        unsigned i = node_new(p, used, way);
        p->nodes[at].each = (uint16_t)i;
    }
    return p->nodes[at].each;
}

static void add_path(struct json_plan *p, unsigned *used, struct str path, short index)
{
    struct str rest = path, part;
    unsigned at = 0;
    while (path.n > 0 && str_next(&rest, '.', &part)) {
        if (str_eq(part, STR("**"))) {
            assert(!rest.p && p->nodes[at].deep < 0);
            p->nodes[at].deep = index;
            return;
        }
        const char *bracket = memchr(part.p, '[', part.n);
        size_t n = bracket ? (size_t)(bracket - part.p) : part.n;
        size_t before = (size_t)(part.p - path.p);
        if (n > 0)
            at = member_of(p, used, at, (struct str){part.p, n}, (struct str){path.p, before + n});
        for (; n < part.n; n += 2)
            at = element_of(p, used, at, (struct str){path.p, before + n + 2});
    }
    assert(p->nodes[at].path < 0);
    p->nodes[at].path = index;
}

struct json_plan *json_plan_new(const char *const *paths, size_t n)
{
    assert(n <= JSON_MAX_PATHS);
    struct json_plan *p = NEW(struct json_plan);
    p->nodes = mem_zalloc(count_parts(paths, n) * sizeof p->nodes[0]);
    unsigned used = 0;
    node_new(p, &used, STR(""));
    for (size_t i = 0; i < n; i++)
        add_path(p, &used, str_of(paths[i]), (short)i);
    return p;
}

void json_plan_free(struct json_plan *p)
{
    if (!p)
        return;
    free(p->nodes);
    free(p);
}
