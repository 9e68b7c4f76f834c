/*
 * A line that stands whole in what came is read where it stands; only one that is
 * cut is put together.
 */
#include "gateway/llm/sse.h"

#include <string.h>

enum { FIELD_BYTES = 16 }; /* a field's name, its colon and space, a BOM */

void sse_init(struct sse *s, size_t max_bytes)
{
    *s = (struct sse){
        .line = BUF_INIT(max_bytes + FIELD_BYTES),
        .name = BUF_INIT(max_bytes),
        .data = BUF_INIT(max_bytes),
    };
}

void sse_done(struct sse *s)
{
    buf_done(&s->line);
    buf_done(&s->name);
    buf_done(&s->data);
}

static bool too_long(struct err *err)
{
    return err_set(err, ERR_bad_answer, "an event is too long");
}

static struct str after(struct str s, size_t n)
{
    return (struct str){s.p + n, s.n - n};
}

static void end_event(struct sse *s, void (*event)(void *arg, const struct sse_event *e), void *arg)
{
    if (s->has_data) {
        const struct sse_event e = {buf_str(&s->name), buf_str(&s->data)};
        event(arg, &e);
    }
    buf_cut(&s->name, 0);
    buf_empty_out(&s->data);
    s->has_data = false;
}

static void read_field(struct sse *s, struct str name, struct str value)
{
    if (str_eq(name, STR("data"))) {
        if (s->has_data)
            buf_add(&s->data, STR("\n"));
        buf_add(&s->data, value);
        s->has_data = true;
    } else if (str_eq(name, STR("event"))) {
        buf_cut(&s->name, 0);
        buf_add(&s->name, value);
    }
}

static void read_line(struct sse *s, struct str line)
{
    const char *colon = memchr(line.p, ':', line.n);
    size_t n = colon ? (size_t)(colon - line.p) : line.n;
    struct str value = after(line, colon ? n + 1 : n);
    if (str_starts(value, STR(" ")))
        value = after(value, 1);
    read_field(s, (struct str){line.p, n}, value);
}

/* The bytes before the first CR or LF; all of them if there is none. */
static size_t line_bytes(struct str s)
{
    const char *lf = memchr(s.p, '\n', s.n);
    size_t n = lf ? (size_t)(lf - s.p) : s.n;
    const char *cr = memchr(s.p, '\r', n);
    return cr ? (size_t)(cr - s.p) : n;
}

bool sse_feed(struct sse *s, struct str bytes, void (*event)(void *arg, const struct sse_event *e),
              void *arg, struct err *err)
{
    while (bytes.n > 0) {
        if (s->after_cr && bytes.p[0] == '\n') {
            s->after_cr = false;
            bytes = after(bytes, 1);
            continue;
        }
        s->after_cr = false;
        size_t n = line_bytes(bytes);
        struct str line = {bytes.p, n};
        if (n == bytes.n || s->line.n > 0) {
            buf_add(&s->line, line);
            line = buf_str(&s->line);
        }
        if (!buf_ok(&s->line) || line.n > s->line.max)
            return too_long(err);
        if (n == bytes.n)
            return true;

        s->after_cr = bytes.p[n] == '\r';
        bytes = after(bytes, n + 1);
        if (!s->begun && str_starts(line, STR("\xEF\xBB\xBF")))
            line = after(line, 3);
        s->begun = true;
        if (line.n == 0)
            end_event(s, event, arg);
        else
            read_line(s, line);
        buf_empty_out(&s->line);
        if (!buf_ok(&s->name) || !buf_ok(&s->data))
            return too_long(err);
    }
    return true;
}

/* Cuts a line off *rest; LF, CR and CRLF end it. */
static bool next_line(struct str *rest, struct str *line)
{
    if (!rest->p)
        return false;
    size_t n = line_bytes(*rest);
    *line = (struct str){rest->p, n};
    if (n == rest->n) {
        *rest = (struct str){NULL, 0};
        return true;
    }
    *rest = after(*rest, n + (str_starts(after(*rest, n), STR("\r\n")) ? 2 : 1));
    return true;
}

void sse_write(struct buf *out, const struct sse_event *e)
{
    if (e->name.n > 0) {
        buf_add(out, STR("event: "));
        buf_add(out, e->name);
        buf_add(out, STR("\n"));
    }
    struct str rest = e->data.p ? e->data : STR(""), line;
    while (next_line(&rest, &line)) {
        buf_add(out, STR("data: "));
        buf_add(out, line);
        buf_add(out, STR("\n"));
    }
    buf_add(out, STR("\n"));
}
