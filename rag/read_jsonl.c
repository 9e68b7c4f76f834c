/*
 * JSON lines: a document a line, {"id", "title", "text", "acl": {"teams", "tags"}}.
 * Members that we do not know pass, but for those that look like a slip for `acl`: a
 * document must not be opened to all by a misspelling.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "gateway/base/utf8.h"
#include "rag/document_priv.h"

enum { NAMES_MAX = 64, DEPTH = 32 };

enum member {
    AT_top,
    AT_id,
    AT_title,
    AT_text,
    AT_acl,
    AT_teams,
    AT_team,
    AT_tags,
    AT_tag,
    AT_slip, /* and those after it */
};

static const char *const paths[] = {
    "",         "id",         "title",    "text",    "acl",    "acl.teams", "acl.teams[]",
    "acl.tags", "acl.tags[]", "acls",     "ACL",     "access", "teams",     "tags",
    "team",     "tag",        "acl.team", "acl.tag", "_id",    "body",      "content",
};

struct row {
    struct source *source;
    size_t from, line; /* of the line in the file */
    struct document d;
    struct json_value seen[AT_slip];
    const char *teams[NAMES_MAX + 1], *tags[NAMES_MAX + 1];
    size_t n_teams, n_tags;
    bool bad;
};

static struct json_plan *plan;

static void make_plan(void)
{
    plan = json_plan_new(paths, sizeof paths / sizeof paths[0]);
}

__attribute__((format(printf, 3, 4))) static void wrong(struct row *r, const char *at,
                                                        const char *fmt, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    r->bad = true;
    source_problem(r->source, at ? (size_t)(at - r->source->bytes.p) : r->from, "%s", what);
}

static void add_name(struct row *r, const struct json_value *v, const char **names, size_t *n,
                     const char *what)
{
    SCOPED(buf_done) struct buf name = BUF_INIT(256);
    if (v->kind != VALUE_STRING || json_text_bytes(v) == 0)
        wrong(r, v->raw.p, "a %s is a name in quotes", what);
    else if (*n == NAMES_MAX)
        wrong(r, v->raw.p, "more than %d names; give the readers a tag of their own", NAMES_MAX);
    else if (json_text(v, &name))
        names[(*n)++] = arena_strdup(&r->source->corpus->arena, buf_str(&name));
}

static const char *meant(size_t path)
{
    const char *name = paths[path];
    if (strcmp(name, "_id") == 0)
        return "id";
    if (strcmp(name, "body") == 0 || strcmp(name, "content") == 0)
        return "text";
    if (strcmp(name, "acl.team") == 0)
        return "acl.teams";
    return strcmp(name, "acl.tag") == 0 ? "acl.tags" : "acl";
}

static bool on_hit(void *arg, const struct json_hit *h, struct err *err)
{
    struct row *r = arg;
    (void)err;
    if (h->path >= AT_slip)
        wrong(r, r->source->bytes.p + r->from + h->value.from,
              "unknown member '%s'; did you mean '%s'?", paths[h->path], meant(h->path));
    else if (h->path == AT_team)
        add_name(r, &h->value, r->teams, &r->n_teams, "team");
    else if (h->path == AT_tag)
        add_name(r, &h->value, r->tags, &r->n_tags, "tag");
    else
        r->seen[h->path] = h->value;
    return true;
}

static void check_kind(struct row *r, enum member m, enum json_kind kind, const char *what)
{
    const struct json_value *v = &r->seen[m];
    if (v->kind != VALUE_ABSENT && v->kind != kind)
        wrong(r, v->raw.p, "'%s' is %s", paths[m], what);
}

static struct str text_of(struct row *r, enum member m, size_t max)
{
    const struct json_value *v = &r->seen[m];
    struct arena *a = &r->source->corpus->arena;
    SCOPED(buf_done) struct buf text = BUF_INIT(v->raw.n);
    if (v->kind != VALUE_STRING || !json_text(v, &text))
        return STR("");
    if (text.n > max)
        wrong(r, v->raw.p, "'%s' has more than %zu bytes; make it shorter", paths[m], max);
    else if (memchr(text.p, '\0', text.n))
        wrong(r, v->raw.p, "'%s' holds a zero character; remove it", paths[m]);
    return (struct str){arena_strdup(a, buf_str(&text)), text.n};
}

static void check(struct row *r)
{
    const char *line = r->source->bytes.p + r->from;
    check_kind(r, AT_id, VALUE_STRING, "a text in quotes");
    check_kind(r, AT_title, VALUE_STRING, "a text in quotes");
    check_kind(r, AT_text, VALUE_STRING, "a text in quotes");
    check_kind(r, AT_acl, VALUE_OBJECT, "an object: {\"teams\": [...], \"tags\": [...]}");
    check_kind(r, AT_teams, VALUE_ARRAY, "a list of names: [\"support\"]");
    check_kind(r, AT_tags, VALUE_ARRAY, "a list of names: [\"hr\"]");
    if (r->seen[AT_id].kind == VALUE_ABSENT)
        wrong(r, line, "'id' is missing; give the document a name of its own");
    else if (r->seen[AT_id].kind == VALUE_STRING && json_text_bytes(&r->seen[AT_id]) == 0)
        wrong(r, r->seen[AT_id].raw.p, "'id' is empty; give the document a name of its own");
    if (r->seen[AT_text].kind == VALUE_ABSENT)
        wrong(r, line, "'text' is missing; it is what is searched and cited");
    else if (r->seen[AT_text].kind == VALUE_STRING && json_text_bytes(&r->seen[AT_text]) == 0)
        wrong(r, r->seen[AT_text].raw.p, "'text' is empty; remove the line, or write something");
}

static const char *const *kept(struct row *r, const char **names, size_t n)
{
    const char **copy = arena_alloc(&r->source->corpus->arena, (n + 1) * sizeof *copy);
    memcpy(copy, names, n * sizeof *copy);
    return copy;
}

/* "... at byte 12" is a place already. */
static void bad_json(struct row *r, const struct err *err, struct str line)
{
    const char *at = strrchr(err->say, ' ');
    int64_t byte = 0;
    struct str what = str_of(err->say);
    if (err->code == ERR_bad_json && at && str_int(str_of(at + 1), &byte) &&
        what.n > strlen(" at byte ") + strlen(at + 1))
        what.n -= strlen(" at byte") + strlen(at);
    if (byte < 0 || (size_t)byte > line.n)
        byte = 0;
    wrong(r, line.p + byte, STR_FMT "; a line is one JSON object", STR_ARG(what));
}

static void read_row(struct source *s, struct str line, size_t number)
{
    struct row r = {.source = s, .from = (size_t)(line.p - s->bytes.p), .line = number};
    const struct json_visitor v = {on_hit, &r};
    struct err err = {0};
    if (!json_scan(line, plan, DEPTH, &v, &err)) {
        bad_json(&r, &err, line);
        return;
    }
    if (r.seen[AT_top].kind != VALUE_OBJECT) {
        wrong(&r, line.p, "a line is one JSON object: {\"id\": \"…\", \"text\": \"…\"}");
        return;
    }
    check(&r);
    if (r.bad)
        return;
    r.d.id = text_of(&r, AT_id, DOCUMENT_ID_BYTES);
    r.d.title = text_of(&r, AT_title, DOCUMENT_TITLE_BYTES);
    r.d.text = text_of(&r, AT_text, DOCUMENT_MAX_BYTES);
    r.d.has_access = r.seen[AT_acl].kind != VALUE_ABSENT;
    r.d.access = (struct access){kept(&r, r.teams, r.n_teams), kept(&r, r.tags, r.n_tags)};
    if (!r.bad)
        source_add(s, &r.d, number, 1 + utf8_count((struct str){line.p, (size_t)(r.seen[AT_id].raw.p - line.p)}));
}

void read_jsonl(struct source *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plan);
    if (!source_is_text(s))
        return;
    struct str rest = s->bytes, line;
    for (size_t number = 1; rest.n && str_next(&rest, '\n', &line); number++) {
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (!text_is_blank(line))
            read_row(s, line, number);
    }
}
