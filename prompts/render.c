/* One pass over the nodes; every value becomes a segment of its own. */
#include <string.h>

#include "gateway/base/scope.h"
#include "prompts/tree.h"

static bool render_nodes(struct run *r, const struct node *n);

static bool add_segment(struct run *r, struct segment s)
{
    struct segments *out = r->out;
    r->bytes += s.text.n;
    if (r->bytes > r->max_bytes)
        return err_say(r->err, ERR_too_large, NULL, "the rendered prompt is longer than %zu bytes",
                       r->max_bytes);
    if (out->n == out->cap) {
        out->cap = out->cap ? 2 * out->cap : 16;
        struct segment *v = arena_alloc(r->a, out->cap * sizeof *v);
        if (out->n)
            memcpy(v, out->v, out->n * sizeof *v);
        out->v = v;
    }
    out->v[out->n++] = s;
    return true;
}

static bool render_value(struct run *r, const struct node *n)
{
    struct datum d;
    if (!expr_eval(r, n->expr, &d))
        return false;
    struct segment s = {
        .kind = SEGMENT_VALUE, .author = d.author, .from = d.from, .source = expr_source(n->expr)};
    if (d.kind == DATUM_STRING) {
        s.text = d.text;
        s.raw = d.raw;
        return add_segment(r, s);
    }
    SCOPED(buf_done) struct buf text = BUF_INIT(r->max_bytes);
    datum_print(&d, &text);
    if (!buf_ok(&text))
        r->bytes = r->max_bytes + 1;
    s.text = (struct str){arena_strdup(r->a, buf_str(&text)), text.n};
    return run_charge(r, text.n) && add_segment(r, s);
}

static bool render_if(struct run *r, const struct node *n)
{
    for (const struct branch *b = n->branches; b; b = b->next) {
        struct datum d = {.kind = DATUM_BOOL, .truth = true};
        if (b->test && !expr_eval(r, b->test, &d))
            return false;
        if (datum_truth(&d))
            return render_nodes(r, b->body);
    }
    return true;
}

/* Through a map go its names. */
static bool render_for(struct run *r, const struct node *n)
{
    struct datum list, name;
    if (!expr_eval(r, n->expr, &list))
        return false;
    struct scope scope = {.outer = r->scope, .name = n->text, .n = list.n};
    r->scope = &scope;
    bool ok = true;
    for (size_t i = 0; ok && i < list.n; i++) {
        scope.index = i;
        scope.item = &list.items[i];
        if (list.kind == DATUM_MAP) {
            name = (struct datum){.kind = DATUM_STRING,
                                  .author = list.author,
                                  .from = list.from,
                                  .text = list.names[i]};
            scope.item = &name;
        }
        ok = run_charge(r, 0) && render_nodes(r, n->body);
    }
    r->scope = scope.outer;
    return ok;
}

static bool render_node(struct run *r, const struct node *n)
{
    switch (n->kind) {
    case NODE_TEXT:
        return add_segment(
            r, (struct segment){
                   .kind = SEGMENT_LITERAL, .author = true, .text = n->text, .raw = n->raw});
    case NODE_ROLE:
        return add_segment(r, (struct segment){.kind = SEGMENT_ROLE, .text = n->text});
    case NODE_THREAD:
        return add_segment(r, (struct segment){.kind = SEGMENT_THREAD});
    case NODE_VALUE:
        return render_value(r, n);
    case NODE_IF:
        return render_if(r, n);
    case NODE_FOR:
        return render_for(r, n);
    }
    return false;
}

static bool render_nodes(struct run *r, const struct node *n)
{
    for (; n; n = n->next)
        if (!run_charge(r, 0) || !render_node(r, n))
            return false;
    return true;
}

bool template_render(const struct template *t, const struct binding *bindings, size_t n,
                     size_t max_bytes, struct segments *out, struct arena *a, struct err *err)
{
    struct run r = {.bindings = bindings,
                    .n_bindings = n,
                    .max_bytes = max_bytes,
                    .out = out,
                    .a = a,
                    .err = err};
    return render_nodes(&r, t->nodes);
}
