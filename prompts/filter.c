/* What stands behind a '|'.  A filter's outcome is the author's only if all that went in was. */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"
#include "prompts/tree.h"

static struct datum text_datum(struct run *r, struct buf *text, bool author)
{
    struct str kept = {arena_strdup(r->a, buf_str(text)), text->n};
    return (struct datum){.kind = DATUM_STRING, .author = author, .text = kept};
}

/* What `{{ d }}` would print; *room holds it where it is not d's own. */
static bool printed(struct run *r, const struct datum *d, struct buf *room, struct str *text)
{
    *text = d->text;
    if (d->kind != DATUM_STRING) {
        datum_print(d, room);
        *text = buf_str(room);
    }
    return run_charge(r, text->n);
}

static bool filter_default(struct run *r, const struct datum *in, const struct datum *args,
                           size_t n_args, struct datum *out)
{
    (void)r, (void)n_args;
    *out = in->kind == DATUM_UNDEFINED ? args[0] : *in;
    return true;
}

static bool filter_join(struct run *r, const struct datum *in, const struct datum *args,
                        size_t n_args, struct datum *out)
{
    SCOPED(buf_done) struct buf text = BUF_INIT(r->max_bytes), room = BUF_INIT(r->max_bytes);
    bool author = in->author;
    if (in->kind != DATUM_LIST) {
        *out = *in;
        return true;
    }
    for (size_t i = 0; i < in->n; i++) {
        struct str one;
        buf_cut(&room, 0);
        if (!printed(r, &in->items[i], &room, &one) || !run_charge(r, n_args ? args[0].text.n : 0))
            return false;
        if (i && n_args)
            datum_print(&args[0], &text);
        buf_add(&text, one);
    }
    *out = text_datum(r, &text, author && (!n_args || args[0].author));
    return true;
}

/* Of a text its characters, not its bytes. */
static bool filter_length(struct run *r, const struct datum *in, const struct datum *args,
                          size_t n_args, struct datum *out)
{
    (void)args, (void)n_args;
    size_t n = in->kind == DATUM_STRING ? utf8_count(in->text) : in->n;
    *out = datum_int((int64_t)n, r->a);
    out->author = in->author;
    return run_charge(r, in->text.n);
}

/* ASCII only: what a letter of another script becomes depends on a table, and its version. */
static bool change_case(struct run *r, const struct datum *in, char first, char last,
                        struct datum *out)
{
    SCOPED(buf_done) struct buf room = BUF_INIT(r->max_bytes);
    struct str text;
    if (!printed(r, in, &room, &text))
        return false;
    char *kept = arena_strdup(r->a, text);
    for (size_t i = 0; i < text.n; i++)
        if (kept[i] >= first && kept[i] <= last)
            kept[i] ^= 'a' ^ 'A';
    *out = (struct datum){.kind = DATUM_STRING, .author = in->author, .text = {kept, text.n}};
    return true;
}

static bool filter_lower(struct run *r, const struct datum *in, const struct datum *args,
                         size_t n_args, struct datum *out)
{
    (void)args, (void)n_args;
    return change_case(r, in, 'A', 'Z', out);
}

static bool filter_upper(struct run *r, const struct datum *in, const struct datum *args,
                         size_t n_args, struct datum *out)
{
    (void)args, (void)n_args;
    return change_case(r, in, 'a', 'z', out);
}

static bool filter_trim(struct run *r, const struct datum *in, const struct datum *args,
                        size_t n_args, struct datum *out)
{
    static const char space[] = " \t\n\r\v\f";
    (void)args, (void)n_args;
    SCOPED(buf_done) struct buf room = BUF_INIT(r->max_bytes);
    struct str text;
    if (!printed(r, in, &room, &text))
        return false;
    while (text.n && memchr(space, text.p[0], sizeof space - 1))
        text = (struct str){text.p + 1, text.n - 1};
    while (text.n && memchr(space, text.p[text.n - 1], sizeof space - 1))
        text.n--;
    struct str kept = {arena_strdup(r->a, text), text.n};
    *out = (struct datum){.kind = DATUM_STRING, .author = in->author, .text = kept};
    return true;
}

static bool filter_replace(struct run *r, const struct datum *in, const struct datum *args,
                           size_t n_args, struct datum *out)
{
    (void)n_args;
    SCOPED(buf_done) struct buf room = BUF_INIT(r->max_bytes), done = BUF_INIT(r->max_bytes);
    struct str text, old = args[0].text;
    if (!printed(r, in, &room, &text))
        return false;
    while (old.n && text.n) {
        const char *found = memmem(text.p, text.n, old.p, old.n);
        if (!found)
            break;
        size_t before = (size_t)(found - text.p);
        buf_add(&done, (struct str){text.p, before});
        datum_print(&args[1], &done);
        text = (struct str){found + old.n, text.n - before - old.n};
        if (!run_charge(r, args[1].text.n))
            return false;
    }
    buf_add(&done, text);
    *out = text_datum(r, &done, in->author && args[0].author && args[1].author);
    return true;
}

static bool filter_tojson(struct run *r, const struct datum *in, const struct datum *args,
                          size_t n_args, struct datum *out)
{
    (void)args, (void)n_args;
    SCOPED(buf_done) struct buf text = BUF_INIT(r->max_bytes);
    datum_json(in, &text);
    *out = text_datum(r, &text, in->author);
    return run_charge(r, text.n);
}

static const struct filter filters[] = {
#define FILTER(name, min_args, max_args, guards) {#name, min_args, max_args, guards, filter_##name},
#include "prompts/filter_list.h"
};

const struct filter *filter_find(struct str name)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        if (str_eq(name, str_of(filters[i].name)))
            return &filters[i];
    return NULL;
}

void filter_names(struct buf *out)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        buf_addf(out, "%s%s", i ? "|" : "", filters[i].name);
}
