/*
 * The text is kept decoded beside its source, so that a finding that was spelled with
 * escapes is found, and what lies around it leaves as it was spelled.
 */
#include "policy/channel.h"

#include <assert.h>

#include "gateway/base/json.h"
#include "gateway/base/scope.h"
#include "policy/scan_priv.h"

enum { WITHIN = 0x80, WIDTH = 0x7f };

void channel_init(struct channel *c, struct treatment *t, enum direction d, enum channel_kind kind)
{
    *c = (struct channel){
        .t = t,
        .direction = d,
        .kind = kind,
        .text = BUF_INIT(SIZE_MAX),
        .source = BUF_INIT(SIZE_MAX),
        .widths = BUF_INIT(SIZE_MAX),
        .in_string = kind == CHANNEL_STRING,
    };
    seeker_init(&c->seeker, &t->set->plans[d]);
}

void channel_done(struct channel *c)
{
    seeker_done(&c->seeker);
    buf_done(&c->text);
    buf_done(&c->source);
    buf_done(&c->widths);
}

/* ---- JSON in */

static void add_decoded(struct channel *c, struct str decoded, struct str source)
{
    char width = (char)(source.n | (c->in_string ? WITHIN : 0)),
         none = c->in_string ? (char)WITHIN : 0;
    buf_add(&c->text, decoded);
    buf_add(&c->source, source);
    for (size_t i = 0; i < decoded.n; i++)
        buf_add(&c->widths, (struct str){i ? &none : &width, 1});
}

static bool is_high(struct str escape)
{
    return escape.n >= 6 && escape.p[1] == 'u' && (escape.p[2] | 0x20) == 'd' &&
           one_of(escape.p[3], "89abAB");
}

/* Is the escape whole?  Half a surrogate pair waits for the other half. */
static bool is_whole(struct str e)
{
    if (e.n < 2 || (e.p[1] == 'u' && e.n < 6))
        return false;
    return e.p[1] != 'u' || !is_high(e) || e.n == CHANNEL_ESCAPE_BYTES;
}

/* The arguments of a tool call need not be the JSON that they should be. */
static bool is_well_formed(struct str e)
{
    if (e.n == 2)
        return one_of(e.p[1], "\"\\/bfnrt");
    for (size_t i = 0; i < e.n; i++)
        if (i % 6 == 0 ? e.p[i] != '\\' : i % 6 == 1 ? e.p[i] != 'u' : !is_hex(e.p[i]))
            return false;
    return e.n == 6 || e.n == CHANNEL_ESCAPE_BYTES;
}

/* The first n bytes of the escape, which are one, or all there will be of it. */
static void flush_escape(struct channel *c, unsigned n)
{
    char quoted[CHANNEL_ESCAPE_BYTES + 2] = "\"";
    SCOPED(buf_done) struct buf decoded = BUF_INIT(2 * CHANNEL_ESCAPE_BYTES);
    memcpy(quoted + 1, c->escape, n);
    quoted[n + 1] = '"';
    const struct json_value v = {.kind = VALUE_STRING, .raw = {quoted, n + 2}};
    if (!is_well_formed((struct str){c->escape, n}) || !json_text(&v, &decoded))
        buf_add(&decoded, (struct str){c->escape, n});
    add_decoded(c, buf_str(&decoded), (struct str){c->escape, n});
    c->escape_bytes -= n;
    memmove(c->escape, c->escape + n, c->escape_bytes);
}

/* "\\n" and the like, which most are. */
static bool add_short(struct channel *c, char byte)
{
    static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *at = byte ? strchr(letters, byte) : NULL;
    if (!at)
        return false;
    const char source[] = {'\\', byte};
    c->escape_bytes = 0;
    add_decoded(c, (struct str){&means[at - letters], 1}, (struct str){source, sizeof source});
    return true;
}

/* The byte belongs to the escape that has begun; false: it does not, and the escape has ended
 * before it. */
static bool feed_escape(struct channel *c, char byte)
{
    if (c->escape_bytes == 6 && byte != '\\') { /* half a pair, and nothing that follows */
        flush_escape(c, 6);
        return false;
    }
    if (c->escape_bytes == 7 && byte != 'u')
        flush_escape(c, 6); /* its backslash begins another */
    if (c->escape_bytes == 1 && add_short(c, byte))
        return true;
    c->escape[c->escape_bytes++] = byte;
    if (is_whole((struct str){c->escape, c->escape_bytes}))
        flush_escape(c, c->escape_bytes);
    return true;
}

/* Bytes that are themselves. */
static void add_run(struct channel *c, struct str run)
{
    char ones[256];
    memset(ones, 1 | (c->in_string ? WITHIN : 0), run.n < sizeof ones ? run.n : sizeof ones);
    buf_add(&c->text, run);
    buf_add(&c->source, run);
    for (size_t left = run.n; left > 0;) {
        size_t n = left < sizeof ones ? left : sizeof ones;
        buf_add(&c->widths, (struct str){ones, n});
        left -= n;
    }
}

static void add_quotes(struct channel *c)
{
    bool was = c->in_string;
    c->in_string = false; /* they are no text */
    add_run(c, STR("\""));
    c->in_string = !was;
}

static void feed_json(struct channel *c, struct str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (c->escape_bytes) {
            from = i + 1;
            if (feed_escape(c, text.p[i]))
                continue;
            from = i;
        }
        bool quotes = text.p[i] == '"' && c->kind == CHANNEL_DOCUMENT;
        if (!quotes && !(text.p[i] == '\\' && c->in_string))
            continue;
        add_run(c, (struct str){text.p + from, i - from});
        from = i + 1;
        if (quotes)
            add_quotes(c);
        else
            c->escape[c->escape_bytes++] = '\\';
    }
    if (from < text.n)
        add_run(c, (struct str){text.p + from, text.n - from});
}

/* ---- out */

/* How many bytes of the source stand for the first n not given out. */
static size_t source_bytes(const struct channel *c, size_t n)
{
    if (c->kind == CHANNEL_PLAIN)
        return n;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += (unsigned char)c->widths.p[c->start + i] & WIDTH;
    return bytes;
}

/* Gives out text.p[start..to-1], as it came or not at all. */
static void give(struct channel *c, size_t to, bool as_it_came, struct buf *out)
{
    assert(to >= c->start);
    size_t n = source_bytes(c, to - c->start);
    if (c->kind == CHANNEL_PLAIN) {
        if (as_it_came)
            buf_add(out, (struct str){c->text.p + c->start, n});
    } else {
        if (as_it_came)
            buf_add(out, (struct str){c->source.p, n});
        buf_drop(&c->source, n);
    }
    c->dropped += n;
    c->start = to;
}

/* In a string of JSON what is put in is escaped; outside of one it becomes a string. */
static void put(const struct channel *c, bool within, struct str text, struct buf *out)
{
    if (c->kind == CHANNEL_PLAIN) {
        buf_add(out, text);
        return;
    }
    SCOPED(buf_done) struct buf quoted = BUF_INIT(SIZE_MAX);
    json_quote(&quoted, text);
    if (within)
        buf_add(out, (struct str){quoted.p + 1, quoted.n - 2});
    else
        buf_add(out, buf_str(&quoted));
}

static bool is_spared(const struct channel *c, size_t n)
{
    return c->spare &&
           c->spare->is_spared(c->spare->arg, c->dropped, c->dropped + source_bytes(c, n));
}

static void treat(struct channel *c, const struct finding *f, struct buf *out)
{
    SCOPED(buf_done) struct buf instead = BUF_INIT(SIZE_MAX);
    const struct found found = {f->rule, {c->text.p + f->from, f->to - f->from}, f->given_up};
    bool within = c->kind != CHANNEL_PLAIN && (unsigned char)c->widths.p[f->from] & WITHIN;
    give(c, f->from, true, out);
    bool changes =
        !is_spared(c, f->to - f->from) && treatment_apply(c->t, c->direction, &found, &instead);
    if (changes && !c->t->blocked_by)
        put(c, within, buf_str(&instead), out);
    give(c, f->to, !changes, out);
}

/* What nobody will look back on any more. */
static void let_go(struct channel *c)
{
    size_t kept = c->start;
    if (kept <= 2 * DETECTOR_BEFORE_BYTES)
        return;
    size_t n = kept - DETECTOR_BEFORE_BYTES;
    while (n > 0 && ((unsigned char)c->text.p[n] & 0xC0) == 0x80)
        n--;
    buf_drop(&c->text, n);
    if (c->kind != CHANNEL_PLAIN)
        buf_drop(&c->widths, n);
    seeker_drop(&c->seeker, n);
    c->start -= n;
    c->begun = true;
}

static void run(struct channel *c, bool goes_on, struct buf *out)
{
    const struct pattern_text t = {buf_str(&c->text), c->begun, goes_on};
    struct finding f;
    while (!c->t->blocked_by && seeker_next(&c->seeker, &t, &f) == SCAN_YES)
        treat(c, &f, out);
    if (!c->t->blocked_by)
        give(c, c->seeker.clean, true, out);
    let_go(c);
}

void channel_feed(struct channel *c, struct str text, struct buf *out)
{
    if (c->t->blocked_by)
        return;
    if (c->kind == CHANNEL_PLAIN)
        buf_add(&c->text, text);
    else
        feed_json(c, text);
    run(c, true, out);
}

void channel_end(struct channel *c, struct buf *out)
{
    if (c->t->blocked_by)
        return;
    if (c->escape_bytes)
        flush_escape(c, c->escape_bytes);
    run(c, false, out);
}

bool channel_holds(const struct channel *c)
{
    return c->text.n > c->start || c->escape_bytes > 0;
}

/* Plain text, where it stands: a copy is made only of what changes. */
static bool treat_plain(struct treatment *t, enum direction d, const struct channel_spare *spare,
                        struct str text, struct buf *out)
{
    struct seeker s;
    struct finding f;
    const struct pattern_text whole = {.text = text};
    size_t given = 0;
    bool changed = false;
    seeker_init(&s, &t->set->plans[d]);
    while (!t->blocked_by && seeker_next(&s, &whole, &f) == SCAN_YES) {
        if (spare && spare->is_spared(spare->arg, f.from, f.to))
            continue;
        SCOPED(buf_done) struct buf instead = BUF_INIT(SIZE_MAX);
        const struct found found = {f.rule, {text.p + f.from, f.to - f.from}, f.given_up};
        if (!treatment_apply(t, d, &found, &instead))
            continue;
        buf_add(out, (struct str){text.p + given, f.from - given});
        buf_add(out, buf_str(&instead));
        given = f.to;
        changed = true;
    }
    seeker_done(&s);
    if (changed)
        buf_add(out, (struct str){text.p + given, text.n - given});
    return changed;
}

/* Decoded without noting what came from where: mostly nothing is found, and that was all. */
static bool finds_any(const struct plan *plan, struct str text)
{
    SCOPED(buf_done) struct buf quoted = BUF_INIT(SIZE_MAX), decoded = BUF_INIT(SIZE_MAX);
    buf_add(&quoted, STR("\""));
    buf_add(&quoted, text);
    buf_add(&quoted, STR("\""));
    const struct json_value v = {.kind = VALUE_STRING, .raw = buf_str(&quoted)};
    json_text(&v, &decoded);
    const struct pattern_text whole = {.text = buf_str(&decoded)};
    struct seeker s;
    struct finding f;
    seeker_init(&s, plan);
    bool found = seeker_next(&s, &whole, &f) == SCAN_YES;
    seeker_done(&s);
    return found;
}

bool channel_treat(struct treatment *t, enum direction d, enum channel_kind kind,
                   const struct channel_spare *spare, struct str text, struct buf *out)
{
    /* without escapes a string is what it says, and so is what is put into it: names and labels
     * need none */
    bool is_plain = kind == CHANNEL_PLAIN ||
                    (kind == CHANNEL_STRING && !(text.n && memchr(text.p, '\\', text.n)));
    if (is_plain)
        return treat_plain(t, d, spare, text, out);
    if (kind == CHANNEL_STRING && !finds_any(&t->set->plans[d], text))
        return false;
    struct channel c;
    size_t before = out->n;
    channel_init(&c, t, d, kind);
    c.spare = spare;
    channel_feed(&c, text, out);
    channel_end(&c, out);
    channel_done(&c);
    bool changed =
        t->blocked_by || out->n - before != text.n || memcmp(out->p + before, text.p, text.n) != 0;
    if (!changed)
        buf_cut(out, before);
    return changed;
}
