/* A snapshot is made of counted versions; what is old is handed on, what is new is read. */
#include "prompts/set.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "prompts/set_priv.h"

enum { NAME_SHOWN_BYTES = 64, COMPLAINT_BYTES = 1024 };

struct held {
    struct prompt_version version; /* the first member: what entries point to */
    _Atomic unsigned refs;
    int64_t seq;
    struct prompt *prompt;
    struct arena arena;
};

struct prompt_set {
    _Atomic unsigned refs;
    struct arena arena;
    struct held **held; /* sorted by name and number */
    size_t n_held, cap_held;
    struct prompt_entry *entries;
    size_t n;
    int64_t last_seq;
};

static void held_unref(struct held *h)
{
    if (atomic_fetch_sub(&h->refs, 1) != 1)
        return;
    prompt_free(h->prompt);
    arena_done(&h->arena);
    free(h);
}

struct prompt_set *prompt_set_ref(struct prompt_set *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void prompt_set_unref(struct prompt_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->n_held; i++)
        held_unref(s->held[i]);
    free(s->held);
    arena_done(&s->arena);
    free(s);
}

/* ---- making one */

static void add_held(struct prompt_set *s, struct held *h)
{
    if (s->n_held == s->cap_held) {
        s->cap_held = s->cap_held ? 2 * s->cap_held : 16;
        s->held = mem_realloc(s->held, s->cap_held * sizeof(s->held[0]));
    }
    s->held[s->n_held++] = h;
    if (h->seq > s->last_seq)
        s->last_seq = h->seq;
}

static void keep_first(void *arg, const char *line)
{
    struct buf *first = arg;
    if (first->n == 0)
        buf_add(first, str_of(line));
}

/* What an earlier program took and this one does not is kept, and answers nothing. */
static void read_prompt(struct held *h)
{
    SCOPED(buf_done) struct buf problem = BUF_INIT(COMPLAINT_BYTES);
    h->prompt = prompt_parse(h->version.name, h->version.source, keep_first, &problem);
    h->version.prompt = h->prompt;
    if (!h->prompt)
        LOG(warning, F("what", "a version of a prompt cannot be read"),
            F("prompt", h->version.name), F("version", h->version.version),
            F("detail", buf_str(&problem)));
}

static void on_version(void *arg, const struct registry_version *v)
{
    struct held *h = NEW(struct held);
    h->refs = 1;
    h->seq = v->seq;
    arena_init(&h->arena);
    h->version = (struct prompt_version){
        .name = arena_strdup(&h->arena, v->name),
        .version = v->version,
        .hash = arena_strdup(&h->arena, v->hash),
        .source = {arena_strdup(&h->arena, v->source), v->source.n},
        .created_ms = v->created_ms,
    };
    read_prompt(h);
    add_held(arg, h);
}

struct reading {
    struct prompt_set *set;
    struct registry_label *labels; /* in the set's arena, sorted by name and label */
    size_t n, cap;
};

static void on_new_version(void *arg, const struct registry_version *v)
{
    on_version(((struct reading *)arg)->set, v);
}

static void on_label(void *arg, const struct registry_label *l)
{
    struct reading *r = arg;
    struct arena *a = &r->set->arena;
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 16;
        struct registry_label *labels = arena_alloc(a, r->cap * sizeof *labels);
        if (r->n)
            memcpy(labels, r->labels, r->n * sizeof *labels);
        r->labels = labels;
    }
    struct registry_label *to = &r->labels[r->n++];
    *to = *l;
    to->name = (struct str){arena_strdup(a, l->name), l->name.n};
    to->label = (struct str){arena_strdup(a, l->label), l->label.n};
}

static int by_name_and_number(const void *a, const void *b)
{
    const struct prompt_version *v = &(*(struct held *const *)a)->version,
                                *w = &(*(struct held *const *)b)->version;
    int order = strcmp(v->name, w->name);
    return order ? order : (v->version > w->version) - (v->version < w->version);
}

static void add_labels(struct prompt_set *s, struct prompt_entry *e, const struct reading *r)
{
    struct prompt_label *labels = arena_alloc(&s->arena, (r->n + 1) * sizeof *labels);
    e->labels = labels;
    for (size_t i = 0; i < r->n; i++)
        if (str_eq(r->labels[i].name, str_of(e->name)))
            labels[e->n_labels++] =
                (struct prompt_label){r->labels[i].label.p, r->labels[i].version,
                                      r->labels[i].before, r->labels[i].moved_ms};
}

static void make_entries(struct prompt_set *s, const struct reading *r)
{
    if (s->n_held)
        qsort(s->held, s->n_held, sizeof(s->held[0]), by_name_and_number);
    s->entries = arena_alloc(&s->arena, (s->n_held + 1) * sizeof *s->entries);
    const struct prompt_version **all = arena_alloc(&s->arena, (s->n_held + 1) * sizeof(all[0]));
    for (size_t i = 0; i < s->n_held; i++) {
        all[i] = &s->held[i]->version;
        if (s->n == 0 || strcmp(s->entries[s->n - 1].name, all[i]->name) != 0) {
            struct prompt_entry *e = &s->entries[s->n++];
            *e = (struct prompt_entry){.name = all[i]->name, .versions = &all[i]};
            add_labels(s, e, r);
        }
        s->entries[s->n - 1].n_versions++;
    }
}

struct prompt_set *prompt_set_read(struct store *store, const struct prompt_set *old,
                                   struct err *err)
{
    struct prompt_set *s = NEW(struct prompt_set);
    struct reading r = {.set = s};
    s->refs = 1;
    arena_init(&s->arena);
    for (size_t i = 0; old && i < old->n_held; i++) {
        atomic_fetch_add(&old->held[i]->refs, 1);
        add_held(s, old->held[i]);
    }
    const struct registry_reader reader = {s->last_seq, on_new_version, on_label, &r};
    if (!registry_read(store, &reader, err)) {
        prompt_set_unref(s);
        return NULL;
    }
    make_entries(s, &r);
    return s;
}

/* ---- looking things up */

size_t prompt_set_size(const struct prompt_set *s)
{
    return s->n;
}

const struct prompt_entry *prompt_set_at(const struct prompt_set *s, size_t i)
{
    return &s->entries[i];
}

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

const struct prompt_entry *prompt_set_find(const struct prompt_set *s, struct str name)
{
    size_t from = 0, to = name.n ? s->n : 0;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare(name, str_of(s->entries[middle].name));
        if (order == 0)
            return &s->entries[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* Numbers have no gaps, but nothing hangs on it. */
const struct prompt_version *prompt_version_find(const struct prompt_entry *e, int64_t version)
{
    if (version > 0 && (uint64_t)version <= e->n_versions &&
        e->versions[version - 1]->version == version)
        return e->versions[version - 1];
    for (size_t i = 0; i < e->n_versions; i++)
        if (e->versions[i]->version == version)
            return e->versions[i];
    return NULL;
}

const struct prompt_label *prompt_label_find(const struct prompt_entry *e, struct str label)
{
    for (size_t i = 0; i < e->n_labels; i++)
        if (str_eq(str_of(e->labels[i].label), label))
            return &e->labels[i];
    return NULL;
}

static int shown(struct str s)
{
    return s.n < NAME_SHOWN_BYTES ? (int)s.n : NAME_SHOWN_BYTES;
}

bool prompt_unknown(struct str name, struct err *err)
{
    return err_say(err, ERR_no_prompt, "prompt",
                   "the prompt '%.*s' does not exist, or this key may not use it", shown(name),
                   name.p);
}

const struct prompt_version *prompt_set_pick(const struct prompt_set *s, struct str name,
                                             struct str label_or_version, struct err *err)
{
    const struct prompt_entry *e = prompt_set_find(s, name);
    struct str asked = label_or_version.n ? label_or_version : STR("production");
    const struct prompt_version *found;
    int64_t number;
    if (!e) {
        prompt_unknown(name, err);
        return NULL;
    }
    if (str_int(asked, &number)) {
        if (!(found = prompt_version_find(e, number)))
            err_say(err, ERR_no_prompt, "prompt", "the prompt '%.*s' has no version %.*s",
                    shown(name), name.p, shown(asked), asked.p);
        return found;
    }
    const struct prompt_label *label = prompt_label_find(e, asked);
    if (label)
        return prompt_version_find(e, label->version);
    if (!label_or_version.n || str_eq(asked, STR("latest")))
        return e->versions[e->n_versions - 1];
    err_say(err, ERR_no_prompt, "prompt", "the prompt '%.*s' has no label '%.*s'", shown(name),
            name.p, shown(asked), asked.p);
    return NULL;
}
