/*
 * A recursive descent over the expression, once, left to right.  While it reads it
 * writes down one text that the expression may match (the sample); a probe is the
 * sample up to something repeated, and then that many times more than it may be.
 */
#include "policy/regex.h"

#include <string.h>

#include "gateway/base/scope.h"
#include "policy/scan_priv.h"

enum {
    DEPTH_MAX = 40,
    CHARACTER_MAX_BYTES = 4,
    PROBE_BYTES = 600,
    SAMPLE_BYTES = 4096,
    LOOK_BEHIND_MAX_BYTES = 32
};

/* What is known of a part. */
struct part {
    unsigned min, max;
    struct str any_of[REGEX_LITERALS];
    unsigned n;
    bool is_char; /* one byte that is itself: .any_of[0] */
};

struct reading {
    const char *p, *begin, *end;
    struct arena *arena;
    struct regex_facts *facts;
    struct buf sample;
    unsigned depth;
    struct err *err;
};

static bool refuse(struct reading *r, const char *why)
{
    return err_say(r->err, ERR_bad_pattern, NULL, "%s at offset %zu", why,
                   (size_t)(r->p - r->begin));
}

static unsigned times(unsigned a, unsigned b)
{
    uint64_t n = (uint64_t)a * b;
    return n < REGEX_ENDLESS ? (unsigned)n : REGEX_ENDLESS;
}

static unsigned plus(unsigned a, unsigned b)
{
    return a + b < REGEX_ENDLESS ? a + b : REGEX_ENDLESS;
}

static size_t shortest(const struct part *p)
{
    size_t n = p->n ? SIZE_MAX : 0;
    for (unsigned i = 0; i < p->n; i++)
        n = p->any_of[i].n < n ? p->any_of[i].n : n;
    return n;
}

static void take_literals(struct part *to, const struct part *from)
{
    if (shortest(from) <= shortest(to))
        return;
    memcpy(to->any_of, from->any_of, sizeof to->any_of);
    to->n = from->n;
}

static struct part one_of_class(struct reading *r, char sample, unsigned max)
{
    buf_add(&r->sample, (struct str){&sample, 1});
    return (struct part){.min = 1, .max = max};
}

static struct part literal(struct reading *r, char c)
{
    struct part p = one_of_class(r, c, 1);
    p.any_of[0] = (struct str){arena_strdup(r->arena, (struct str){&c, 1}), 1};
    p.n = 1;
    p.is_char = true;
    return p;
}

static bool starts(const struct reading *r, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(r->end - r->p) >= n && memcmp(r->p, with, n) == 0;
}

static bool skip_past(struct reading *r, char c)
{
    const char *at = memchr(r->p, c, (size_t)(r->end - r->p));
    r->p = at ? at + 1 : r->end;
    return at != NULL;
}

static bool read_escape(struct reading *r, struct part *p)
{
    char c = r->p + 1 < r->end ? r->p[1] : '\0';
    r->p += 2;
    switch (c) {
    case 'b':
    case 'B':
        *p = (struct part){0};
        return true;
    case 'd':
        *p = one_of_class(r, '7', 1);
        return true;
    case 'w':
        *p = one_of_class(r, 'a', 1);
        return true;
    case 's':
        *p = one_of_class(r, ' ', 1);
        return true;
    case 'h':
    case 'v':
        *p = one_of_class(r, c == 'h' ? ' ' : '\n', CHARACTER_MAX_BYTES);
        return true;
    case 'D':
    case 'S':
    case 'W':
    case 'H':
    case 'V':
    case 'N':
        *p = one_of_class(r, c == 'W' ? '-' : 'a', CHARACTER_MAX_BYTES);
        return true;
    case 'p':
    case 'P':
        if (r->p < r->end && *r->p == '{')
            skip_past(r, '}');
        else
            r->p++;
        *p = one_of_class(r, 'a', CHARACTER_MAX_BYTES);
        return true;
    case 't':
        *p = literal(r, '\t');
        return true;
    case 'n':
        *p = literal(r, '\n');
        return true;
    case 'r':
        *p = literal(r, '\r');
        return true;
    case 'x':
        if (r->p < r->end && *r->p == '{')
            skip_past(r, '}');
        else
            for (unsigned n = 0; n < 2 && r->p < r->end && is_hex(*r->p); n++)
                r->p++;
        *p = one_of_class(r, 'a', CHARACTER_MAX_BYTES);
        return true;
    default:
        if (is_word(c))
            return refuse(r, "an escape that rules do not have");
        *p = literal(r, c);
        return true;
    }
}

/* Of a class one member is as good as another; the first is the sample. */
static bool read_class(struct reading *r, struct part *p)
{
    unsigned max = 1;
    char sample = 'a';
    r->p++;
    if (r->p < r->end && *r->p == '^') {
        max = CHARACTER_MAX_BYTES;
        r->p++;
    } else if (r->p < r->end && *r->p == '\\' && r->p + 1 < r->end) {
        sample = r->p[1] == 'd' ? '7' : r->p[1] == 's' ? ' ' : is_word(r->p[1]) ? 'a' : r->p[1];
    } else if (r->p < r->end && *r->p != '[') {
        sample = *r->p;
    }
    for (bool first = true; r->p < r->end; first = false) {
        if (*r->p == ']' && !first)
            break;
        if ((unsigned char)*r->p >= 0x80 ||
            (*r->p == '\\' && r->p + 1 < r->end && one_of(r->p[1], "DSWHVNpPhvx")))
            max = CHARACTER_MAX_BYTES;
        if (starts(r, "[:"))
            skip_past(r, ']');
        else
            r->p += *r->p == '\\' ? 2 : 1;
    }
    r->p++;
    *p = one_of_class(r, sample, max);
    return true;
}

static bool read_alternatives(struct reading *r, struct part *p);

/* After "(": what kind of group it is.  *width: whether what it matches counts. */
static bool read_group_kind(struct reading *r, bool *width, bool *closed)
{
    *width = true;
    *closed = false;
    if (starts(r, "(*"))
        return refuse(r, "a verb, which rules do not have");
    if (!starts(r, "(?")) {
        r->p++;
        return true;
    }
    r->p += 2;
    if (starts(r, "#")) {
        *closed = true;
        skip_past(r, ')');
    } else if (starts(r, "=") || starts(r, "!")) {
        r->p++;
    } else if (starts(r, "<=") || starts(r, "<!")) {
        *width = false;
        r->p += 2;
    } else if (starts(r, "<") || starts(r, "P<")) {
        skip_past(r, '>');
    } else if (starts(r, ">")) {
        r->p++;
    } else {
        while (r->p < r->end && (is_letter(*r->p) || *r->p == '-' || *r->p == '^'))
            r->p++;
        *closed = r->p < r->end && *r->p == ')';
        if (!*closed && !starts(r, ":"))
            return refuse(r, "a group that rules do not have");
        r->p++;
    }
    return true;
}

static bool read_group(struct reading *r, struct part *p)
{
    bool width, closed, is_look = starts(r, "(?=") || starts(r, "(?!");
    *p = (struct part){0};
    if (!read_group_kind(r, &width, &closed))
        return false;
    if (closed)
        return true;
    if (++r->depth > DEPTH_MAX)
        return refuse(r, "too many groups in groups");
    size_t before = r->sample.n;
    if (!read_alternatives(r, p))
        return false;
    r->depth--;
    if (r->p >= r->end)
        return refuse(r, "a group that is not closed");
    r->p++;
    if (is_look || !width) {
        if (!width && p->max > LOOK_BEHIND_MAX_BYTES)
            return refuse(r, "a look-behind of more than 32 bytes");
        buf_cut(&r->sample, before);
        *p = (struct part){.max = is_look ? p->max : 0};
    }
    return true;
}

static bool read_atom(struct reading *r, struct part *p)
{
    switch (*r->p) {
    case '(':
        return read_group(r, p);
    case '[':
        return read_class(r, p);
    case '\\':
        return read_escape(r, p);
    case '.':
        r->p++;
        *p = one_of_class(r, 'a', CHARACTER_MAX_BYTES);
        return true;
    case '^':
    case '$':
        r->p++;
        *p = (struct part){0};
        return true;
    default:
        *p = literal(r, *r->p++);
        return true;
    }
}

/* "{2,5}" and the like; false: it is no count, so it is itself. */
static bool read_counts(struct reading *r, unsigned *min, unsigned *max)
{
    const char *p = r->p + 1;
    unsigned n[2] = {0, 0};
    bool comma = false, digit[2] = {false, false};
    for (; p < r->end && *p != '}'; p++) {
        if (*p == ',' && !comma) {
            comma = true;
        } else if (is_digit(*p)) {
            n[comma] =
                n[comma] < REGEX_ENDLESS / 16 ? n[comma] * 10 + (unsigned)(*p - '0') : n[comma];
            digit[comma] = true;
        } else {
            return false;
        }
    }
    if (p >= r->end || !digit[0])
        return false;
    *min = n[0];
    *max = !comma ? n[0] : digit[1] ? n[1] : REGEX_ENDLESS;
    r->p = p + 1;
    return true;
}

static bool read_quantifier(struct reading *r, unsigned *min, unsigned *max)
{
    if (r->p >= r->end)
        return false;
    switch (*r->p) {
    case '*':
    case '+':
        *min = *r->p == '+';
        *max = REGEX_ENDLESS;
        r->p++;
        break;
    case '?':
        *min = 0;
        *max = 1;
        r->p++;
        break;
    case '{':
        if (!read_counts(r, min, max))
            return false;
        break;
    default:
        return false;
    }
    if (r->p < r->end && (*r->p == '?' || *r->p == '+'))
        r->p++;
    return true;
}

static void add_probe(struct reading *r, size_t before, struct str again)
{
    struct regex_facts *f = r->facts;
    if (f->n_probes == REGEX_PROBES || again.n == 0)
        return;
    SCOPED(buf_done) struct buf probe = BUF_INIT(SAMPLE_BYTES + 2 * PROBE_BYTES);
    buf_add(&probe, (struct str){r->sample.p, before});
    while (probe.n < before + PROBE_BYTES && buf_ok(&probe))
        buf_add(&probe, again);
    buf_add(&probe, STR("\x01"));
    f->probes[f->n_probes++] = (struct str){arena_strdup(r->arena, buf_str(&probe)), probe.n};
}

/* The sample has it once; it is to have it `min` times. */
static void add_again(struct reading *r, size_t before, unsigned min)
{
    SCOPED(buf_done) struct buf again = BUF_INIT(SAMPLE_BYTES);
    buf_add(&again, (struct str){r->sample.p + before, r->sample.n - before});
    for (unsigned i = 1; i < min && r->sample.n + again.n <= SAMPLE_BYTES; i++)
        buf_add(&r->sample, buf_str(&again));
}

static void repeat(struct reading *r, struct part *p, size_t before, unsigned min, unsigned max)
{
    struct str again = {r->sample.p + before, r->sample.n - before};
    add_probe(r, before, again);
    if (again.n > 1)
        add_probe(r, before, (struct str){again.p, 1});
    add_again(r, before, min);
    p->min = times(p->min, min);
    p->max = p->max ? times(p->max, max) : 0;
    if (min == 0)
        p->n = 0;
    p->is_char = p->is_char && min == 1 && max == 1;
}

/* A run of bytes that are themselves becomes one literal. */
struct run {
    struct buf text;
    struct part best;
};

static void end_run(struct reading *r, struct run *run)
{
    if (run->text.n) {
        struct part p = {.n = 1,
                         .any_of = {{arena_strdup(r->arena, buf_str(&run->text)), run->text.n}}};
        take_literals(&run->best, &p);
    }
    buf_cut(&run->text, 0);
}

static bool read_sequence(struct reading *r, struct part *whole)
{
    struct run run = {.text = BUF_INIT(SAMPLE_BYTES)};
    bool ok = true;
    *whole = (struct part){0};
    while (ok && r->p < r->end && *r->p != '|' && *r->p != ')') {
        struct part p;
        unsigned min, max;
        size_t before = r->sample.n;
        ok = read_atom(r, &p);
        if (ok && read_quantifier(r, &min, &max))
            repeat(r, &p, before, min, max);
        if (!ok)
            break;
        whole->min = plus(whole->min, p.min);
        whole->max = plus(whole->max, p.max);
        if (p.is_char) {
            buf_add(&run.text, p.any_of[0]);
        } else if (p.max > 0) {
            end_run(r, &run);
            take_literals(&run.best, &p);
        }
    }
    end_run(r, &run);
    take_literals(whole, &run.best);
    buf_done(&run.text);
    return ok;
}

static bool read_alternatives(struct reading *r, struct part *p)
{
    size_t before = r->sample.n;
    if (!read_sequence(r, p))
        return false;
    SCOPED(buf_done) struct buf first = BUF_INIT(SAMPLE_BYTES);
    buf_add(&first, (struct str){r->sample.p + before, r->sample.n - before});
    while (r->p < r->end && *r->p == '|') {
        struct part other;
        r->p++;
        buf_cut(&r->sample, before);
        if (!read_sequence(r, &other))
            return false;
        p->min = other.min < p->min ? other.min : p->min;
        p->max = other.max > p->max ? other.max : p->max;
        bool fits = p->n && other.n && p->n + other.n <= REGEX_LITERALS;
        for (unsigned i = 0; fits && i < other.n; i++)
            p->any_of[p->n + i] = other.any_of[i];
        p->n = fits ? p->n + other.n : 0;
    }
    buf_cut(&r->sample, before);
    buf_add(&r->sample, buf_str(&first));
    p->is_char = false;
    return true;
}

/* What else a match needs stands behind, or PCRE2 would see that it is missing and not even try. */
static void end_probes(struct arena *a, struct regex_facts *f, struct str sample)
{
    for (unsigned i = 0; i < f->n_probes; i++) {
        SCOPED(buf_done) struct buf whole = BUF_INIT(f->probes[i].n + sample.n);
        buf_add(&whole, f->probes[i]);
        buf_add(&whole, sample);
        f->probes[i] = (struct str){arena_strdup(a, buf_str(&whole)), whole.n};
    }
}

bool regex_read(struct str source, struct arena *a, struct regex_facts *facts, struct err *err)
{
    *facts = (struct regex_facts){0};
    SCOPED(buf_done) struct buf sample = BUF_INIT(SAMPLE_BYTES);
    struct reading r = {source.p, source.p, source.p + source.n, a, facts, sample, 0, err};
    struct part p = {0};
    bool ok = read_alternatives(&r, &p);
    if (ok && r.p < r.end)
        ok = refuse(&r, "a parenthesis too many");
    sample = r.sample;
    end_probes(a, facts, buf_str(&sample));
    facts->min_bytes = p.min;
    facts->max_bytes = p.max;
    memcpy(facts->literals, p.any_of, sizeof facts->literals);
    facts->n_literals = p.n;
    return ok;
}
