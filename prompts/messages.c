/*
 * A body becomes messages in one of two ways.  Text with lines of roles is rendered to
 * segments, and the roles, which are segments of their own, cut it.  A JSON array is
 * taken apart first: only what stands between the quotes of a string is ever rendered.
 */
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "prompts/prompt_priv.h"

enum { ARRAY_DEPTH = 32 };

/* ---- reading */

struct building { /* the pieces of an array, in order */
    struct prompt *p;
    struct str body;
    struct conf_place at;
    struct piece **last;
    struct buf json; /* not a piece yet */
};

static void add_piece(struct building *b, struct piece piece)
{
    struct arena *a = conf_arena(b->p->conf);
    *b->last = arena_alloc(a, sizeof piece);
    **b->last = piece;
    b->last = &(*b->last)->next;
}

static void end_json(struct building *b)
{
    struct arena *a = conf_arena(b->p->conf);
    if (b->json.n)
        add_piece(b, (struct piece){.json = {arena_strdup(a, buf_str(&b->json)), b->json.n}});
    buf_cut(&b->json, 0);
}

static struct conf_place place_in(const struct building *b, const char *p)
{
    const struct template body = {.source = b->body, .at = b->at};
    return template_place(
        &body, p >= b->body.p && p <= b->body.p + b->body.n ? (size_t)(p - b->body.p) : 0);
}

static bool has_tag(struct str s)
{
    return memmem(s.p, s.n, "{{", 2) || memmem(s.p, s.n, "{%", 2) || memmem(s.p, s.n, "{#", 2);
}

static void add_string(struct building *b, const struct datum *d)
{
    if (!d->text.n || !has_tag(d->text)) {
        json_quote(&b->json, d->text);
        return;
    }
    const struct template *t = template_parse(b->p->conf, d->text, place_in(b, d->raw.p));
    buf_add(&b->json, STR("\""));
    end_json(b);
    if (t)
        add_piece(b, (struct piece){.content = t});
    buf_add(&b->json, STR("\""));
}

static void add_value(struct building *b, const struct datum *d)
{
    if (d->kind == DATUM_STRING) {
        add_string(b, d);
        return;
    }
    if (d->kind != DATUM_LIST && d->kind != DATUM_MAP) {
        buf_add(&b->json, d->raw);
        return;
    }
    buf_add(&b->json, d->kind == DATUM_MAP ? STR("{") : STR("["));
    for (size_t i = 0; i < d->n; i++) {
        if (i)
            buf_add(&b->json, STR(","));
        if (d->kind == DATUM_MAP) {
            json_quote(&b->json, d->names[i]);
            buf_add(&b->json, STR(":"));
        }
        add_value(b, &d->items[i]);
    }
    buf_add(&b->json, d->kind == DATUM_MAP ? STR("}") : STR("]"));
}

static bool is_thread(const struct prompt *p, struct str text)
{
    while (text.n && strchr(" {", text.p[0]))
        text = (struct str){text.p + 1, text.n - 1};
    while (text.n && strchr(" }", text.p[text.n - 1]))
        text.n--;
    return p->thread && str_eq(text, p->thread->name);
}

static void add_message(struct building *b, const struct datum *d)
{
    const struct datum *role = datum_member(d, STR("role"));
    if (d->kind == DATUM_STRING && has_tag(d->text) && is_thread(b->p, d->text)) {
        end_json(b);
        add_piece(b, (struct piece){.is_thread = true});
    } else if (d->kind != DATUM_MAP || !role || role->kind != DATUM_STRING) {
        conf_problem(
            b->p->conf, place_in(b, d->raw.p),
            "a message is an object with a role and a content, or the text {{ NAME }} of a thread");
    } else if (has_tag(role->text)) {
        conf_problem(b->p->conf, place_in(b, role->raw.p),
                     "a role may not be a template; write system, user or assistant");
    } else {
        add_value(b, d);
    }
}

static void read_array(struct prompt *p, struct message_plan *plan, struct str body,
                       struct conf_place at)
{
    struct building b = {p, body, at, (struct piece **)&plan->pieces,
                         BUF_INIT(8 * PROMPT_FILE_BYTES)};
    const struct datum list = datum_parse(body, true, NULL, conf_arena(p->conf));
    for (size_t i = 0; i < list.n; i++) {
        add_message(&b, &list.items[i]);
        end_json(&b);
        if (i + 1 < list.n)
            add_piece(&b, (struct piece){.json = STR(",")});
    }
    buf_done(&b.json);
}

static bool is_json(struct str body, struct err *err)
{
    static const char *const nothing[] = {"[].role"};
    static const struct json_visitor nobody = {0};
    struct json_plan *plan = json_plan_new(nothing, 0);
    bool ok = json_scan(body, plan, ARRAY_DEPTH, &nobody, err);
    json_plan_free(plan);
    return ok;
}

void messages_read(struct prompt *p, struct str body, struct conf_place at)
{
    struct message_plan *plan = arena_alloc(conf_arena(p->conf), sizeof *plan);
    struct err err = {0};
    p->messages = plan;
    size_t first = 0;
    while (first < body.n && strchr(" \t\r\n", body.p[first]))
        first++;
    if (first < body.n && body.p[first] == '[') {
        body = (struct str){arena_strdup(conf_arena(p->conf), body), body.n};
        if (is_json(body, &err))
            read_array(p, plan, body, at);
        else
            conf_problem(p->conf, at,
                         "the body begins with '[', so it is a JSON array of messages, but %s",
                         err.say);
        return;
    }
    struct template *t = template_parse(p->conf, body, at);
    plan->text = t;
    if (t)
        roles_mark(t, p->conf, p->thread ? p->thread->name : STR(""));
}

void messages_variables(const struct prompt *p, void (*each)(void *arg, const struct variable *v),
                        void *arg)
{
    if (p->messages->text)
        template_variables(p->messages->text, each, arg);
    for (const struct piece *piece = p->messages->pieces; piece; piece = piece->next) {
        const struct variable thread = {.name = p->thread ? p->thread->name : STR(""),
                                        .guarded = true};
        if (piece->is_thread)
            each(arg, &thread);
        else if (piece->content)
            template_variables(piece->content, each, arg);
    }
}

/* ---- writing */

struct writer {
    struct buf *out;
    struct author_ranges *author;
    size_t author_from; /* what follows is the author's, until a client's text comes */
    struct arena *a;
    struct str thread;
    bool any; /* a message stands there already */
};

void author_ranges_add(struct author_ranges *r, size_t start, size_t end, struct arena *a)
{
    if (start >= end)
        return;
    if (r->n && r->v[r->n - 1].end == start) {
        r->v[r->n - 1].end = end;
        return;
    }
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 16;
        struct author_range *v = arena_alloc(a, r->cap * sizeof *v);
        if (r->n)
            memcpy(v, r->v, r->n * sizeof *v);
        r->v = v;
    }
    r->v[r->n++] = (struct author_range){start, end};
}

static void client_begins(struct writer *w)
{
    author_ranges_add(w->author, w->author_from, w->out->n, w->a);
}

static void client_ends(struct writer *w)
{
    w->author_from = w->out->n;
}

/* Between quotes that stand already. */
static void write_text(struct buf *out, struct str text, struct str raw)
{
    size_t at = out->n;
    if (raw.p) {
        buf_add(out, raw);
        return;
    }
    json_quote(out, text);
    if (!buf_ok(out))
        return;
    memmove(out->p + at, out->p + at + 1, out->n - at - 2);
    buf_cut(out, out->n - 2);
}

static void write_segment(struct writer *w, const struct segment *s)
{
    if (!s->author)
        client_begins(w);
    write_text(w->out, s->text, s->raw);
    if (!s->author)
        client_ends(w);
}

static void write_thread(struct writer *w)
{
    if (!w->thread.n)
        return;
    if (w->any)
        buf_add(w->out, STR(","));
    w->any = true;
    client_begins(w);
    buf_add(w->out, w->thread);
    client_ends(w);
}

enum { LINE_END_RAW_BYTES = 2 }; /* "\n" */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static void cut_front(struct segment *s)
{
    while (s->text.n && is_line_end(s->text.p[0])) {
        s->text = (struct str){s->text.p + 1, s->text.n - 1};
        s->raw = (struct str){s->raw.p + LINE_END_RAW_BYTES, s->raw.n - LINE_END_RAW_BYTES};
    }
}

static void cut_back(struct segment *s)
{
    while (s->text.n && is_line_end(s->text.p[s->text.n - 1])) {
        s->text.n--;
        s->raw.n -= LINE_END_RAW_BYTES;
    }
}

static bool is_blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r\n", s.p[i]))
            return false;
    return true;
}

/* The segments of one message: the author's text loses the line ends around it, a value nothing. */
static void write_message(struct writer *w, const char *role, bool must, struct segment *s,
                          size_t n)
{
    bool blank = true;
    for (size_t i = 0; i < n; i++)
        blank = blank && s[i].kind == SEGMENT_LITERAL && is_blank(s[i].text);
    if (blank && !must)
        return;
    for (; n && s->kind == SEGMENT_LITERAL; s++, n--) {
        cut_front(s);
        if (s->text.n)
            break;
    }
    for (; n && s[n - 1].kind == SEGMENT_LITERAL; n--) {
        cut_back(&s[n - 1]);
        if (s[n - 1].text.n)
            break;
    }
    buf_add(w->out, w->any ? STR(",{\"role\":\"") : STR("{\"role\":\""));
    buf_add(w->out, str_of(role));
    buf_add(w->out, STR("\",\"content\":\""));
    for (size_t i = 0; i < n; i++)
        write_segment(w, &s[i]);
    buf_add(w->out, STR("\"}"));
    w->any = true;
}

static void write_messages(struct writer *w, const struct segments *all)
{
    const char *role = "system";
    bool named = false;
    for (size_t at = 0, end; at <= all->n; at = end + 1) {
        for (end = at; end < all->n && all->v[end].kind != SEGMENT_ROLE &&
                       all->v[end].kind != SEGMENT_THREAD;)
            end++;
        bool before_thread = end < all->n && all->v[end].kind == SEGMENT_THREAD;
        write_message(w, role, named && !before_thread, &all->v[at], end - at);
        named = end < all->n && !before_thread;
        if (named)
            role = all->v[end].text.p;
        else if (before_thread)
            write_thread(w);
    }
}

static bool write_pieces(struct writer *w, const struct prompt *p, const struct binding *b,
                         size_t max_bytes, struct err *err)
{
    for (const struct piece *piece = p->messages->pieces; piece; piece = piece->next) {
        struct segments found = {0};
        if (piece->is_thread) {
            if (w->out->p[w->out->n - 1] == ',')
                buf_cut(w->out, w->out->n - 1);
            write_thread(w);
        } else if (!piece->content) {
            bool lone = str_eq(piece->json, STR(",")) && !w->any;
            buf_add(w->out, lone ? STR("") : piece->json);
            w->any |= !lone;
        } else if (!template_render(piece->content, b, p->n_inputs, max_bytes, &found, w->a, err)) {
            return false;
        }
        for (size_t i = 0; i < found.n; i++)
            write_segment(w, &found.v[i]);
    }
    return true;
}

bool prompt_render(const struct prompt *p, const struct binding *bindings, struct str thread,
                   size_t max_bytes, struct buf *out, struct author_ranges *author, struct arena *a,
                   struct err *err)
{
    struct writer w = {
        .out = out, .author = author, .author_from = out->n, .a = a, .thread = thread};
    struct segments found = {0};
    buf_add(out, STR("["));
    if (!p->messages->text) {
        if (!write_pieces(&w, p, bindings, max_bytes, err))
            return false;
    } else if (template_render(p->messages->text, bindings, p->n_inputs, max_bytes, &found, a,
                               err)) {
        write_messages(&w, &found);
    } else {
        return false;
    }
    if (!p->thread)
        write_thread(&w);
    buf_add(out, STR("]"));
    author_ranges_add(author, w.author_from, out->n, a);
    return buf_ok(out) || err_say(err, ERR_too_large, NULL,
                                  "the rendered prompt is longer than the gateway allows");
}
