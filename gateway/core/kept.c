#include "gateway/core/kept.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/llm/fold.h"

enum { FORMAT = 1, SERVED_BYTES = 1024, HEAD_NUMBERS = 7, HEAD_BYTES = 256 };

struct event_head { /* of an event in data: its bytes follow */
    uint32_t name_bytes, data_bytes;
};

struct kept *kept_new(size_t max_bytes)
{
    struct kept *k = NEW(struct kept);
    k->refs = 1;
    k->model = (struct buf)BUF_INIT(SERVED_BYTES);
    k->provider = (struct buf)BUF_INIT(SERVED_BYTES);
    k->data = (struct buf)BUF_INIT(max_bytes);
    return k;
}

struct kept *kept_ref(struct kept *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void kept_unref(struct kept *k)
{
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) > 1)
        return;
    buf_done(&k->model);
    buf_done(&k->provider);
    buf_done(&k->data);
    free(k);
}

int64_t kept_bytes(const struct kept *k)
{
    return (int64_t)(sizeof *k + k->model.cap + k->provider.cap + k->data.cap);
}

static void add_event(struct kept *k, struct str name, struct str data)
{
    struct event_head head = {(uint32_t)name.n, (uint32_t)data.n};
    buf_add(&k->data, (struct str){(const char *)&head, sizeof head});
    buf_add(&k->data, name);
    buf_add(&k->data, data);
}

void kept_add(struct kept *k, const struct frame *f)
{
    k->is_stream = f->kind == FRAME_EVENT;
    if (k->is_stream)
        add_event(k, f->name, f->data);
    else
        buf_add(&k->data, f->data);
}

bool kept_next(const struct kept *k, size_t *at, struct frame *f)
{
    struct event_head head;
    if (*at >= k->data.n)
        return false;
    if (!k->is_stream) {
        *f = (struct frame){.kind = FRAME_BODY, .data = buf_str(&k->data)};
        *at = k->data.n;
        return true;
    }
    memcpy(&head, k->data.p + *at, sizeof head);
    const char *bytes = k->data.p + *at + sizeof head;
    *f = (struct frame){.kind = FRAME_EVENT,
                        .name = {bytes, head.name_bytes},
                        .data = {bytes + head.name_bytes, head.data_bytes}};
    *at += sizeof head + head.name_bytes + head.data_bytes;
    return true;
}

static void add_unfolded(void *kept, const struct sse_event *event)
{
    add_event(kept, event->name, event->data);
}

static bool fold_all(const struct kept *k, enum endpoint e, struct buf *out)
{
    struct fold *f = fold_new(e);
    struct frame frame;
    size_t at = 0;
    bool ok = true;
    while (ok && kept_next(k, &at, &frame))
        ok = fold_event(f, frame.data);
    ok = ok && fold_body(f, out);
    fold_free(f);
    return ok;
}

struct kept *kept_in_form(struct kept *k, enum endpoint e, bool as_stream)
{
    if (k->is_stream == as_stream)
        return kept_ref(k);
    struct kept *other = kept_new(SIZE_MAX);
    other->created_ms = k->created_ms;
    other->expires_ms = k->expires_ms;
    other->cost_nusd = k->cost_nusd;
    other->is_stream = as_stream;
    buf_add(&other->model, buf_str(&k->model));
    buf_add(&other->provider, buf_str(&k->provider));
    bool ok = as_stream ? unfold(e, buf_str(&k->data), add_unfolded, other) : fold_all(k, e, &other->data);
    if (ok)
        return other;
    kept_unref(other);
    return NULL;
}

/* One line of numbers, then the bytes that they count. */
void kept_write(const struct kept *k, struct buf *out)
{
    const int64_t numbers[HEAD_NUMBERS] = {FORMAT,
                                           k->is_stream,
                                           k->created_ms,
                                           k->expires_ms,
                                           k->cost_nusd,
                                           (int64_t)k->model.n,
                                           (int64_t)k->provider.n};
    for (size_t i = 0; i < HEAD_NUMBERS; i++) {
        buf_add_int(out, numbers[i]);
        buf_add(out, i + 1 < HEAD_NUMBERS ? STR(" ") : STR("\n"));
    }
    buf_add(out, buf_str(&k->model));
    buf_add(out, buf_str(&k->provider));
    buf_add(out, buf_str(&k->data));
}

static bool read_head(struct str *rest, int64_t numbers[HEAD_NUMBERS])
{
    struct str line, word;
    if (!str_next(rest, '\n', &line) || line.n > HEAD_BYTES)
        return false;
    for (size_t i = 0; i < HEAD_NUMBERS; i++)
        if (!str_next(&line, ' ', &word) || !str_int(word, &numbers[i]))
            return false;
    return numbers[0] == FORMAT && numbers[5] >= 0 && numbers[6] >= 0 && numbers[5] <= SERVED_BYTES &&
           numbers[6] <= SERVED_BYTES && (size_t)(numbers[5] + numbers[6]) <= rest->n;
}

/* Each event ends within data, the last at its end. */
static bool events_are_whole(const struct kept *k)
{
    size_t at = 0;
    while (at < k->data.n) {
        struct event_head head;
        if (k->data.n - at < sizeof head)
            return false;
        memcpy(&head, k->data.p + at, sizeof head);
        at += sizeof head;
        if ((size_t)head.name_bytes + head.data_bytes > k->data.n - at)
            return false;
        at += (size_t)head.name_bytes + head.data_bytes;
    }
    return true;
}

struct kept *kept_read(struct str bytes)
{
    int64_t numbers[HEAD_NUMBERS];
    if (!read_head(&bytes, numbers))
        return NULL;
    size_t model = (size_t)numbers[5], provider = (size_t)numbers[6], before = model + provider;
    struct kept *k = kept_new(bytes.n);
    k->is_stream = numbers[1] == 1;
    k->created_ms = numbers[2];
    k->expires_ms = numbers[3];
    k->cost_nusd = numbers[4];
    buf_add(&k->model, (struct str){bytes.p, model});
    buf_add(&k->provider, (struct str){bytes.p + model, provider});
    buf_add(&k->data, (struct str){bytes.p + before, bytes.n - before});
    if (!k->is_stream || events_are_whole(k))
        return k;
    kept_unref(k);
    return NULL;
}
