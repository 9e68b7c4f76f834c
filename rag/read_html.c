/*
 * HTML: what a reader would see, by libxml2's parser; h1 to h6 as the outline.  A
 * document's text is what was read, not the file.
 */
#include <libxml/HTMLparser.h>
#include <string.h>

#include "gateway/base/scope.h"
#include "rag/document_priv.h"

struct reading {
    struct buf text;
    struct outline outline;
    struct str title;
};

static bool is_one_of(const xmlNode *n, const char *names)
{
    struct str rest = str_of(names), name, own = str_of((const char *)n->name);
    while (str_next(&rest, ' ', &name))
        if (str_eq(name, own))
            return true;
    return false;
}

static bool is_hidden(const xmlNode *n)
{
    return is_one_of(n, "script style noscript template svg math iframe object head title");
}

static bool is_block(const xmlNode *n)
{
    return is_one_of(
        n, "p div section article main header footer nav aside ul ol li dl dt dd table tr pre "
           "blockquote h1 h2 h3 h4 h5 h6 br hr form figure figcaption address fieldset");
}

/* Runs of white space are one space, as a browser shows them. */
static void add_text(struct buf *out, const char *p)
{
    for (; *p; p++) {
        bool space = strchr(" \t\r\n\f", *p) != NULL;
        if (!space)
            buf_add(out, (struct str){p, 1});
        else if (out->n && out->p[out->n - 1] != ' ' && out->p[out->n - 1] != '\n')
            buf_add(out, STR(" "));
    }
}

static void end_block(struct buf *out)
{
    while (out->n && out->p[out->n - 1] == ' ')
        buf_cut(out, out->n - 1);
    if (out->n && !str_ends(buf_str(out), STR("\n\n")))
        buf_add(out, str_ends(buf_str(out), STR("\n")) ? STR("\n") : STR("\n\n"));
}

static unsigned heading_level(const xmlNode *n)
{
    const char *name = (const char *)n->name;
    return name[0] == 'h' && name[1] >= '1' && name[1] <= '6' && !name[2]
               ? (unsigned)(name[1] - '0')
               : 0;
}

static void add_heading(struct reading *r, const xmlNode *n, unsigned level)
{
    xmlChar *content = xmlNodeGetContent(n);
    struct buf heading = BUF_INIT(256);
    add_text(&heading, content ? (const char *)content : "");
    struct str kept = str_trim(buf_str(&heading));
    kept = (struct str){arena_strdup(r->outline.arena, kept), kept.n};
    if (kept.n)
        outline_heading(&r->outline, level, kept, r->text.n);
    if (!r->title.n)
        r->title = kept;
    buf_done(&heading);
    xmlFree(content);
}

static void enter(struct reading *r, const xmlNode *n)
{
    if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
        add_text(&r->text, (const char *)n->content);
    } else if (n->type == XML_ELEMENT_NODE) {
        unsigned level = heading_level(n);
        if (is_block(n))
            end_block(&r->text);
        if (level)
            add_heading(r, n, level);
    }
}

/* Without recursion: a page may be nested as deeply as it likes. */
static void walk(struct reading *r, const xmlNode *root)
{
    const xmlNode *n = root;
    while (n) {
        bool hidden = n->type != XML_TEXT_NODE && n->type != XML_CDATA_SECTION_NODE &&
                      (n->type != XML_ELEMENT_NODE || is_hidden(n));
        if (!hidden)
            enter(r, n);
        if (!hidden && n->type == XML_ELEMENT_NODE && n->children) {
            n = n->children;
            continue;
        }
        while (n != root && !n->next) {
            n = n->parent;
            if (n->type == XML_ELEMENT_NODE && is_block(n))
                end_block(&r->text);
            else if (n->type == XML_ELEMENT_NODE && is_one_of(n, "td th"))
                add_text(&r->text, " ");
        }
        if (n == root)
            break;
        n = n->next;
    }
}

static struct str title_of(struct arena *a, const xmlNode *root)
{
    for (const xmlNode *n = root ? root->children : NULL; n; n = n->next)
        for (const xmlNode *m = is_one_of(n, "head") ? n->children : NULL; m; m = m->next)
            if (m->type == XML_ELEMENT_NODE && is_one_of(m, "title")) {
                xmlChar *content = xmlNodeGetContent(m);
                struct buf text = BUF_INIT(DOCUMENT_TITLE_BYTES);
                add_text(&text, content ? (const char *)content : "");
                struct str title = str_trim(buf_str(&text));
                title = (struct str){arena_strdup(a, title), title.n};
                buf_done(&text);
                xmlFree(content);
                return title;
            }
    return STR("");
}

static void add(struct source *s, struct reading *r)
{
    struct arena *a = &s->corpus->arena;
    while (r->text.n && strchr(" \n", r->text.p[r->text.n - 1]))
        buf_cut(&r->text, r->text.n - 1);
    outline_end(&r->outline, r->text.n);
    if (text_is_blank(buf_str(&r->text))) {
        source_problem(s, 0,
                       "the page shows no text; remove the file, or save what the browser shows");
        return;
    }
    struct document d = {
        .id = s->id,
        .title = r->title,
        .text = {arena_strdup(a, buf_str(&r->text)), r->text.n},
        .sections = r->outline.v,
        .n_sections = r->outline.n,
    };
    for (size_t i = 0; i < r->outline.n; i++)
        if (r->outline.v[i].to > r->text.n)
            r->outline.v[i].to = r->text.n;
    source_add(s, &d, 1, 1);
}

void read_html(struct source *s)
{
    if (!source_is_text(s))
        return;
    if (str_starts(s->bytes, STR("%PDF-"))) {
        source_problem(s, 0, "this is a PDF; give it the suffix .pdf");
        return;
    }
    if (s->bytes.n > INT32_MAX)
        return;
    htmlDocPtr doc = htmlReadMemory(s->bytes.p, (int)s->bytes.n, NULL, "UTF-8",
                                    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                        HTML_PARSE_NONET | HTML_PARSE_COMPACT);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    struct reading r = {.text = BUF_INIT(DOCUMENT_MAX_BYTES),
                        .outline = {.arena = &s->corpus->arena}};
    r.outline.v = arena_alloc(r.outline.arena, 16 * sizeof *r.outline.v);
    r.outline.room = 16;
    r.outline.v[r.outline.n++] = (struct section){STR(""), 0, 0};
    r.title = title_of(r.outline.arena, root);
    if (root)
        walk(&r, root);
    add(s, &r);
    buf_done(&r.text);
    xmlFreeDoc(doc);
}
