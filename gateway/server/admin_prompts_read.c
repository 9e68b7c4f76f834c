/* /admin/v1/prompts: what only looks. */
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/scope.h"
#include "gateway/core/config.h"
#include "gateway/server/admin_priv.h"
#include "prompts/diff.h"
#include "prompts/prompts.h"

enum { DIFF_BYTES = 4 * PROMPT_FILE_BYTES, MESSAGES_BYTES = 32 * 1024 * 1024 };

static json_t *labels_of(const struct prompt_entry *e, int64_t version)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->n_labels; i++)
        if (e->labels[i].version == version)
            json_array_append_new(list, json_string(e->labels[i].label));
    if (e->versions[e->n_versions - 1]->version == version)
        json_array_append_new(list, json_string("latest"));
    return list;
}

static json_t *entry_object(const struct prompt_entry *e)
{
    json_t *labels = json_object();
    for (size_t i = 0; i < e->n_labels; i++)
        json_object_set_new(labels, e->labels[i].label, json_integer(e->labels[i].version));
    const struct prompt_version *last = e->versions[e->n_versions - 1];
    return json_pack("{s:s, s:I, s:I, s:o, s:I}", "name", e->name, "versions",
                     (json_int_t)e->n_versions, "latest", (json_int_t)last->version, "labels",
                     labels, "created_ms", (json_int_t)last->created_ms);
}

bool admin_prompts_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment, (void)in, (void)err;
    struct prompt_set *s = prompts_current(a->prompts);
    *out = json_array();
    for (size_t i = 0; i < prompt_set_size(s); i++)
        json_array_append_new(*out, entry_object(prompt_set_at(s, i)));
    prompt_set_unref(s);
    return true;
}

static json_t *version_object(const struct prompt_entry *e, const struct prompt_version *v)
{
    return json_pack("{s:s, s:I, s:s, s:o, s:I}", "name", v->name, "version",
                     (json_int_t)v->version, "hash", v->hash, "labels", labels_of(e, v->version),
                     "created_ms", (json_int_t)v->created_ms);
}

bool admin_prompts_versions(struct admin *a, const char *segment, json_t *in, json_t **out,
                            struct err *err)
{
    (void)segment;
    const char *name = admin_text(in, "name", "", err);
    if (!name)
        return false;
    struct prompt_set *s = prompts_current(a->prompts);
    const struct prompt_entry *e = prompt_set_find(s, str_of(name));
    *out = e ? json_array() : NULL;
    for (size_t i = 0; e && i < e->n_versions; i++)
        json_array_append_new(*out, version_object(e, e->versions[i]));
    prompt_set_unref(s);
    return *out || err_say(err, ERR_no_prompt, "name", "there is no prompt '%.64s'", name);
}

/* The version that `name` and `member` name; it lives as long as *set. */
static const struct prompt_version *find(struct admin *a, const json_t *in, const char *member,
                                         struct prompt_set **set, struct err *err)
{
    const char *name = admin_text(in, "name", "", err), *pick = admin_text(in, member, "", err);
    *set = prompts_current(a->prompts);
    return name && pick ? prompt_set_pick(*set, str_of(name), str_of(pick), err) : NULL;
}

bool admin_prompts_show(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment;
    struct prompt_set *set;
    const struct prompt_version *v = find(a, in, "version", &set, err);
    if (v) {
        *out = version_object(prompt_set_find(set, str_of(v->name)), v);
        json_object_set_new(*out, "route", v->prompt ? json_string(v->prompt->route) : json_null());
        json_object_set_new(*out, "source", json_stringn(v->source.p, v->source.n));
    }
    prompt_set_unref(set);
    return v != NULL;
}

bool admin_prompts_diff(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment;
    struct prompt_set *set, *again;
    SCOPED(buf_done) struct buf text = BUF_INIT(DIFF_BYTES);
    const struct prompt_version *from = find(a, in, "from", &set, err),
                                *to = find(a, in, "to", &again, err);
    if (from && to) {
        diff_write(from->source, to->source, &text);
        *out = json_pack("{s:s, s:I, s:I, s:s%}", "name", from->name, "from",
                         (json_int_t)from->version, "to", (json_int_t)to->version, "diff", text.p,
                         text.n);
    }
    prompt_set_unref(set);
    prompt_set_unref(again);
    return from && to;
}

/* ---- render */

static char *dumped(const json_t *in, const char *member)
{
    const json_t *v = json_object_get(in, member);
    return v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

static bool render(const struct prompt_version *v, const json_t *in, json_t **out, struct err *err)
{
    SCOPED(scope_free)
    char *variables = dumped(in, "variables"),
         *messages = dumped(in, "messages");
    SCOPED(buf_done) struct buf text = BUF_INIT(MESSAGES_BYTES);
    SCOPED(arena_done) struct arena arena = {0};
    struct author_ranges author = {0};
    struct binding *bindings;
    struct str thread = str_of(messages);
    if (!v->prompt)
        return err_say(err, ERR_internal, "version", "this version cannot be read; push it anew");
    if (thread.n >= 2)
        thread = (struct str){thread.p + 1, thread.n - 2};
    if (!prompt_bind(v->prompt, str_of(variables), &bindings, &arena, err) ||
        !prompt_render(v->prompt, bindings, thread, MESSAGES_BYTES, &text, &author, &arena, err))
        return false;
    *out = json_pack("{s:s, s:I, s:s, s:o}", "name", v->name, "version", (json_int_t)v->version,
                     "route", v->prompt->route, "messages", json_loadb(text.p, text.n, 0, NULL));
    return *out || err_set(err, ERR_internal, "the rendered messages are no JSON");
}

bool admin_prompts_render(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    (void)segment;
    struct prompt_set *set;
    const json_t *messages = json_object_get(in, "messages");
    const struct prompt_version *v = find(a, in, "version", &set, err);
    bool ok = v && (!messages || json_is_array(messages) ||
                    err_say(err, ERR_bad_request, "messages", "messages is not an array"));
    ok = ok && render(v, in, out, err);
    prompt_set_unref(set);
    return ok;
}

/* ---- status */

struct looking {
    struct prompt_set *set;
    json_t *list;
};

static void keep_problem(void *arg, const char *line)
{
    config_keep_first(arg, line);
}

static const struct prompt_version *same(const struct prompt_entry *e, const char *hash)
{
    for (size_t i = 0; e && i < e->n_versions; i++)
        if (strcmp(e->versions[i]->hash, hash) == 0)
            return e->versions[i];
    return NULL;
}

static bool look_at(void *arg, const char *path, struct err *err)
{
    struct looking *l = arg;
    SCOPED(buf_done) struct buf problem = BUF_INIT(1024);
    SCOPED(scope_free) char *text = file_read(path, PROMPT_FILE_BYTES, err);
    if (!text)
        return false;
    struct prompt *p = prompt_parse(path, str_of(text), keep_problem, &problem);
    const struct prompt_version *v =
        p ? same(prompt_set_find(l->set, str_of(p->name)), p->hash) : NULL;
    json_t *row = json_pack(
        "{s:s, s:s?, s:s, s:o, s:s?, s:o}", "file", path, "name", p ? p->name : NULL, "state",
        !p  ? "wrong"
        : v ? "pushed"
            : "new",
        "version", v ? json_integer(v->version) : json_null(), "hash", p ? p->hash : NULL,
        "problem", p ? json_null() : json_stringn(problem.p, problem.n));
    json_array_append_new(l->list, row);
    prompt_free(p);
    return true;
}

bool admin_prompts_status(struct admin *a, const char *segment, json_t *in, json_t **out,
                          struct err *err)
{
    (void)segment, (void)in;
    struct config *c = admin_config(a, err);
    const char *dir = c ? admin_inbox(c, err) : NULL;
    struct looking l = {prompts_current(a->prompts), json_array()};
    bool ok = dir && inbox_walk(dir, look_at, &l, err);
    prompt_set_unref(l.set);
    config_unref(c);
    if (ok)
        *out = l.list;
    else
        json_decref(l.list);
    return ok;
}
