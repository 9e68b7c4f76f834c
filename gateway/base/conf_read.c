/*
 * conf_read.c - fills a struct from a map by a table of options.
 *
 * A path is matched level by level: below a prefix ("server.") the names that may
 * stand are the next parts of all rows that begin with it.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "gateway/base/conf_priv.h"

enum { NAMES_BYTES = 4096 };

const char conf_must[] = "required";

struct reader {
    struct conf *c;
    const struct conf_table *t;
    char *out;
    bool *seen; /* of each row */
};

static const struct {
    const char *name, *must_be;
} types[] = {
    [CONF_TYPE_TEXT] = {"text", "a text"},
    [CONF_TYPE_WORD] = {"text", "a text"},
    [CONF_TYPE_SECRET] = {"secret", "a text"},
    [CONF_TYPE_COUNT] = {"number", "a whole number"},
    [CONF_TYPE_BOOL] = {"on or off", "'on' or 'off'"},
    [CONF_TYPE_SIZE] = {"size", "a size such as 4096, 16K, 32M or 1G"},
    [CONF_TYPE_DURATION] = {"duration", "a duration such as 500ms, 15s, 2m, 1h or 90d"},
    [CONF_TYPE_ENUM] = {"word", "one of"},
    [CONF_TYPE_SECRETS] = {"secret, or list", "a text, or a list of texts"},
    [CONF_TYPE_WORDS] = {"list", "a list of texts"},
    [CONF_TYPE_PAIRS] = {"map", "a map of names and texts"},
    [CONF_TYPE_MAP] = {"map", "a map"},
    [CONF_TYPE_LIST] = {"list", "a list"},
    [CONF_TYPE_TREE] = {"anything", ""},
    [CONF_TYPE_GROUP] = {"group", "'off' or a map"},
    [CONF_TYPE_LATER] = {"not built yet", ""},
};

const char *conf_type_name(enum conf_type type)
{
    return types[type].name;
}

static bool is_null(const struct conf_node *v)
{
    return v->kind == CONF_SCALAR && v->plain && !v->hidden &&
           (v->text.n == 0 || str_eq(v->text, STR("~")) || str_eq(v->text, STR("null")));
}

static bool find_word(const char *words, struct str text, unsigned *index)
{
    struct str rest = str_of(words), word;
    for (unsigned i = 0; str_next(&rest, '|', &word); i++)
        if (str_eq(word, text)) {
            *index = i;
            return true;
        }
    return false;
}

/* ", not 'x'", unless x is nobody's business */
static const char *not_this(struct conf *c, const struct conf_row *row, const struct conf_node *v)
{
    if (v->hidden || row->type == CONF_TYPE_SECRET || row->type == CONF_TYPE_SECRETS ||
        row->type == CONF_TYPE_PAIRS)
        return "";
    static const char *const others[] = {[CONF_LIST] = ", not a list", [CONF_MAP] = ", not a map"};
    if (v->kind != CONF_SCALAR)
        return others[v->kind];
    struct buf text = BUF_INIT(256);
    buf_addf(&text, ", not '%s'", conf_quote(c, v->text));
    const char *kept = arena_strdup(&c->arena, buf_str(&text));
    buf_done(&text);
    return kept;
}

static void wrong_type(struct conf *c, const struct conf_row *row, const struct conf_node *v)
{
    conf_problem(c, v->at, "'%s' must be %s%s", row->path, types[row->type].must_be,
                 not_this(c, row, v));
}

static struct conf_word word_of(const struct conf_node *v)
{
    return (struct conf_word){v->text.p, v->at, v->hidden};
}

static bool in_range(struct conf *c, const struct conf_row *row, const struct conf_node *v,
                     int64_t n)
{
    if ((row->min == 0 && row->max == 0) || (n >= row->min && n <= row->max))
        return true;
    char min[CONF_NUMBER_BYTES], max[CONF_NUMBER_BYTES];
    conf_number_text(row->type, row->min, min);
    conf_number_text(row->type, row->max, max);
    conf_problem(c, v->at, "'%s' must be from %s to %s%s", row->path, min, max,
                 not_this(c, row, v));
    return false;
}

/* Digits, perhaps of more than there can be, or a number below 0. */
static bool is_whole(struct str text)
{
    size_t n = text.n && text.p[0] == '-', from = n;
    while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
        n++;
    return n == text.n && n > from;
}

static void wrong_number(struct conf *c, const struct conf_row *row, const struct conf_node *v)
{
    if (row->type != CONF_TYPE_COUNT || v->hidden || !is_whole(v->text))
        wrong_type(c, row, v);
    else if (row->max)
        in_range(c, row, v, row->min - 1);
    else
        conf_problem(c, v->at, "'%s' must be from 0 to %u%s", row->path, UINT_MAX,
                     not_this(c, row, v));
}

static void read_number(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                        void *to)
{
    int64_t n = 0;
    bool fits = row->type == CONF_TYPE_COUNT  ? conf_parse_count(v->text, &n)
                : row->type == CONF_TYPE_SIZE ? conf_parse_size(v->text, &n)
                                              : conf_parse_duration(v->text, &n);
    if (!fits)
        wrong_number(r->c, row, v);
    else if (!in_range(r->c, row, v, n))
        return;
    else if (row->type == CONF_TYPE_COUNT)
        *(unsigned *)to = (unsigned)n;
    else
        *(int64_t *)to = n;
}

static void read_enum(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                      unsigned *to)
{
    if (find_word(row->words, v->text, to))
        return;
    struct str near = v->hidden ? STR("") : conf_nearest(v->text, str_of(row->words));
    if (near.n)
        conf_problem(r->c, v->at, "'%s' must be one of %s%s; did you mean '" STR_FMT "'?",
                     row->path, row->words, not_this(r->c, row, v), STR_ARG(near));
    else
        conf_problem(r->c, v->at, "'%s' must be one of %s%s", row->path, row->words,
                     not_this(r->c, row, v));
}

static void read_text(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                      void *to)
{
    if (row->min && (int64_t)v->text.n < row->min)
        conf_problem(r->c, v->at, "'%s' must not be empty", row->path);
    else if (row->type == CONF_TYPE_TEXT)
        *(const char **)to = v->text.p;
    else
        *(struct conf_word *)to = word_of(v);
}

static void read_scalar(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                        void *to)
{
    if (v->kind != CONF_SCALAR)
        wrong_type(r->c, row, v);
    else if (row->type == CONF_TYPE_BOOL && !conf_parse_bool(v->text, to))
        wrong_type(r->c, row, v);
    else if (row->type == CONF_TYPE_ENUM)
        read_enum(r, row, v, to);
    else if (row->type == CONF_TYPE_COUNT || row->type == CONF_TYPE_SIZE ||
             row->type == CONF_TYPE_DURATION)
        read_number(r, row, v, to);
    else if (row->type != CONF_TYPE_BOOL)
        read_text(r, row, v, to);
}

static void read_words(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                       struct conf_words *to)
{
    struct conf_entry one = {.value = (struct conf_node *)v};
    bool is_list = v->kind == CONF_LIST;
    const struct conf_entry *from = is_list ? v->entries : &one;
    size_t n = is_list ? v->n : 1;
    struct conf_word *words = arena_alloc(&r->c->arena, n * sizeof *words);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned ignored;
        const struct conf_node *item = from[i].value;
        if (item->kind != CONF_SCALAR)
            wrong_type(r->c, row, item);
        else if (!item->lost && row->words && !find_word(row->words, item->text, &ignored))
            read_enum(r, row, item, &ignored);
        else if (!item->lost)
            words[kept++] = word_of(item);
    }
    *to = (struct conf_words){words, kept};
}

static void read_pairs(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                       struct conf_pairs *to)
{
    if (v->kind != CONF_MAP) {
        wrong_type(r->c, row, v);
        return;
    }
    struct conf_pair *pairs = arena_alloc(&r->c->arena, v->n * sizeof *pairs);
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct conf_entry *e = &v->entries[i];
        if (e->value->kind != CONF_SCALAR)
            wrong_type(r->c, row, e->value);
        else if (!e->value->lost)
            pairs[n++] = (struct conf_pair){{e->name.p, e->at, false}, word_of(e->value)};
    }
    *to = (struct conf_pairs){pairs, n};
}

static void read_items(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                       struct conf_items *to)
{
    if (v->kind != (row->type == CONF_TYPE_MAP ? CONF_MAP : CONF_LIST)) {
        wrong_type(r->c, row, v);
        return;
    }
    if (row->max && ((int64_t)v->n < row->min || (int64_t)v->n > row->max)) {
        conf_problem(r->c, v->at, "'%s' must have %d to %d elements, not %zu", row->path,
                     (int)row->min, (int)row->max, v->n);
        return;
    }
    char *items = arena_alloc(&r->c->arena, v->n * row->of->bytes);
    for (size_t i = 0; i < v->n; i++) {
        const struct conf_entry *e = &v->entries[i];
        void *item = items + i * row->of->bytes;
        if (e->value->kind == CONF_MAP)
            conf_read(r->c, e->value, row->of, item);
        else
            conf_problem(r->c, e->value->at, "%s must be a map of its options", row->of->what);
        *(struct conf_word *)item =
            (struct conf_word){e->name.p, e->name.p ? e->at : e->value->at, false};
    }
    *to = (struct conf_items){items, v->n};
}

static void read_later(struct reader *r, const struct conf_row *row, const struct conf_node *v)
{
    unsigned index;
    bool is_off;
    if (v->kind != CONF_SCALAR ? v->n == 0 : row->words && find_word(row->words, v->text, &index))
        return;
    if (v->kind == CONF_SCALAR && row->words && find_word(row->words, STR("off"), &index) &&
        conf_parse_bool(v->text, &is_off) && !is_off)
        return;
    if (row->words)
        conf_problem(r->c, v->at, "'%s' is not built yet; leave it out, or write '%s'", row->path,
                     row->words);
    else
        conf_problem(r->c, v->at, "'%s' is not built yet; leave it out", row->path);
}

static void read_value(struct reader *r, const struct conf_row *row, const struct conf_node *v)
{
    void *to = r->out + row->offset;
    switch (row->type) {
    case CONF_TYPE_SECRETS:
    case CONF_TYPE_WORDS:
        read_words(r, row, v, to);
        break;
    case CONF_TYPE_PAIRS:
        read_pairs(r, row, v, to);
        break;
    case CONF_TYPE_MAP:
    case CONF_TYPE_LIST:
        read_items(r, row, v, to);
        break;
    case CONF_TYPE_LATER:
        read_later(r, row, v);
        break;
    case CONF_TYPE_TREE:
        *(const struct conf_node **)to = v;
        break;
    case CONF_TYPE_GROUP:
        break;
    case CONF_TYPE_TEXT:
    case CONF_TYPE_WORD:
    case CONF_TYPE_SECRET:
    case CONF_TYPE_COUNT:
    case CONF_TYPE_BOOL:
    case CONF_TYPE_SIZE:
    case CONF_TYPE_DURATION:
    case CONF_TYPE_ENUM:
        read_scalar(r, row, v, to);
        break;
    }
}

/* A default is written as in a config; a list's words have blanks between them. */
static void read_init(struct reader *r, const struct conf_row *row)
{
    if (!row->init || row->init == conf_must)
        return;
    struct conf_node v = {.kind = CONF_SCALAR, .text = str_of(row->init)};
    struct conf_node items[8];
    struct conf_entry entries[8];
    if (row->type == CONF_TYPE_WORDS) {
        struct str rest = v.text, word;
        v = (struct conf_node){.kind = CONF_LIST, .entries = entries};
        for (; str_next(&rest, ' ', &word); v.n++) {
            assert(v.n < sizeof items / sizeof items[0]);
            word.p = arena_strdup(&r->c->arena, word);
            items[v.n] = (struct conf_node){.kind = CONF_SCALAR, .text = word};
            entries[v.n].value = &items[v.n];
        }
    }
    size_t before = r->c->n_problems;
    read_value(r, row, &v);
    assert(r->c->n_problems == before);
}

static const struct conf_row *find_row(const struct reader *r, struct str path)
{
    for (size_t i = 0; i < r->t->n_rows; i++)
        if (str_eq(str_of(r->t->rows[i].path), path))
            return &r->t->rows[i];
    return NULL;
}

/* The part of a row's path that follows the prefix, up to the next dot; empty if it does not begin
 * so. */
static struct str next_part(const char *path, struct str prefix)
{
    struct str rest = str_of(path), part;
    if (rest.n <= prefix.n || memcmp(rest.p, prefix.p, prefix.n) != 0)
        return (struct str){"", 0};
    rest = (struct str){rest.p + prefix.n, rest.n - prefix.n};
    str_next(&rest, '.', &part);
    return part;
}

static bool is_group(const struct reader *r, struct str path)
{
    for (size_t i = 0; i < r->t->n_rows; i++) {
        const char *row = r->t->rows[i].path;
        if (strlen(row) > path.n && row[path.n] == '.' && memcmp(row, path.p, path.n) == 0)
            return true;
    }
    return false;
}

static void unknown(struct reader *r, const struct conf_entry *e, struct str prefix)
{
    struct buf names = BUF_INIT(NAMES_BYTES), where = BUF_INIT(256);
    for (size_t i = 0; i < r->t->n_rows; i++) {
        buf_add(&names, next_part(r->t->rows[i].path, prefix));
        buf_add(&names, STR("|"));
    }
    if (prefix.n)
        buf_addf(&where, " in '%.*s'", (int)prefix.n - 1, prefix.p);
    if (r->t->what)
        buf_addf(&where, " of %s", r->t->what);
    struct str near = conf_nearest(e->name, buf_str(&names));
    if (near.n)
        conf_problem(r->c, e->at, "unknown option '%s'%s; did you mean '" STR_FMT "'?",
                     conf_quote(r->c, e->name), where.p, STR_ARG(near));
    else
        conf_problem(r->c, e->at, "unknown option '%s'%s", conf_quote(r->c, e->name), where.p);
    buf_done(&names);
    buf_done(&where);
}

/* A value where a map is due: the first option below it, with the value if it may have it. */
static void wants_map(struct reader *r, const struct conf_row *row, const struct conf_node *v,
                      struct str path)
{
    const struct conf_row *first = r->t->rows;
    while (strncmp(first->path, path.p, path.n) != 0 || first->path[path.n] != '.')
        first++;
    unsigned index;
    bool fits = v->kind == CONF_SCALAR && !v->hidden && first->words &&
                find_word(first->words, v->text, &index);
    const char *name = first->path + path.n + 1;
    conf_problem(r->c, v->at, "'%s' must be %s, as {%.*s: %s}", path.p,
                 row ? types[CONF_TYPE_GROUP].must_be : "a map", (int)strcspn(name, "."), name,
                 fits ? v->text.p : "…");
}

static void read_group(struct reader *r, const struct conf_node *map, struct str prefix);

static void read_entry(struct reader *r, const struct conf_entry *e, struct str prefix)
{
    struct buf path = BUF_INIT(prefix.n + e->name.n + 1);
    buf_add(&path, prefix);
    buf_add(&path, e->name);
    const struct conf_node *v = e->value;
    const struct conf_row *row = find_row(r, buf_str(&path));
    bool group = is_group(r, buf_str(&path)), is_on = true;

    if (memchr(e->name.p, '.', e->name.n) || (!row && !group)) {
        unknown(r, e, prefix);
    } else if (is_null(v) || v->lost) {
        if (row)
            r->seen[row - r->t->rows] = v->lost;
    } else if (!group) {
        r->seen[row - r->t->rows] = true;
        read_value(r, row, v);
    } else if (v->kind == CONF_MAP) {
        buf_add(&path, STR("."));
        read_group(r, v, buf_str(&path));
    } else if (!row || v->kind != CONF_SCALAR || !conf_parse_bool(v->text, &is_on) || is_on) {
        wants_map(r, row, v, buf_str(&path));
    }
    buf_done(&path);
}

static void read_group(struct reader *r, const struct conf_node *map, struct str prefix)
{
    for (size_t i = 0; i < map->n; i++)
        read_entry(r, &map->entries[i], prefix);
}

void conf_read(struct conf *c, const struct conf_node *map, const struct conf_table *t, void *out)
{
    struct reader r = {.c = c, .t = t, .out = out};
    r.seen = arena_alloc(&c->arena, t->n_rows * sizeof *r.seen);
    for (size_t i = 0; i < t->n_rows; i++)
        read_init(&r, &t->rows[i]);
    if (map->kind != CONF_MAP) {
        conf_problem(c, map->at, "a config is a map of options");
        return;
    }
    read_group(&r, map, (struct str){"", 0});
    for (size_t i = 0; i < t->n_rows; i++)
        if (t->rows[i].init == conf_must && !r.seen[i])
            conf_problem(c, map->at, "'%s'%s%s is missing (%s)", t->rows[i].path,
                         t->what ? " of " : "", t->what ? t->what : "", t->rows[i].help);
}
