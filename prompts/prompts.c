/* A change goes to the store first; then the snapshot is read again, and swapped. */
#include "prompts/prompts.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "prompts/set_priv.h"

enum { COMPLAINT_BYTES = 1024 };

struct prompts {
    struct store *store;
    pthread_mutex_t refreshing; /* held while the next snapshot is made */
    pthread_mutex_t lock;       /* guards current */
    struct prompt_set *current;
};

struct prompts *prompts_open(struct store *s, struct err *err)
{
    struct prompts *p = NEW(struct prompts);
    p->store = s;
    pthread_mutex_init(&p->refreshing, NULL);
    pthread_mutex_init(&p->lock, NULL);
    if (prompts_refresh(p, err))
        return p;
    prompts_close(p);
    return NULL;
}

void prompts_close(struct prompts *p)
{
    if (!p)
        return;
    prompt_set_unref(p->current);
    pthread_mutex_destroy(&p->refreshing);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct prompt_set *prompts_current(struct prompts *p)
{
    pthread_mutex_lock(&p->lock);
    struct prompt_set *s = prompt_set_ref(p->current);
    pthread_mutex_unlock(&p->lock);
    return s;
}

/* Once, and not for each request: who asks for no version gets one that nobody chose. */
static void warn_unlabelled(const struct prompt_set *old, const struct prompt_set *s)
{
    for (size_t i = 0; i < prompt_set_size(s); i++) {
        const struct prompt_entry *e = prompt_set_at(s, i);
        bool known = old && prompt_set_find(old, str_of(e->name));
        if (!known && !prompt_label_find(e, STR("production")))
            LOG(warning,
                F("what", "the prompt has no label production: requests without a label get the "
                          "latest version"),
                F("prompt", e->name));
    }
}

bool prompts_refresh(struct prompts *p, struct err *err)
{
    pthread_mutex_lock(&p->refreshing);
    struct prompt_set *old = p->current, *fresh = prompt_set_read(p->store, old, err);
    if (fresh) {
        warn_unlabelled(old, fresh);
        pthread_mutex_lock(&p->lock);
        p->current = fresh;
        pthread_mutex_unlock(&p->lock);
        prompt_set_unref(old);
    }
    pthread_mutex_unlock(&p->refreshing);
    return fresh != NULL;
}

static void keep_first(void *arg, const char *line)
{
    struct buf *first = arg;
    if (first->n == 0)
        buf_add(first, str_of(line));
}

bool prompts_push(struct prompts *p, const char *file, struct str text, bool dry_run,
                  struct pushed *out, struct err *err)
{
    SCOPED(buf_done) struct buf problem = BUF_INIT(COMPLAINT_BYTES);
    struct prompt *read = prompt_parse(file, text, keep_first, &problem);
    if (!read)
        return err_say(err, ERR_bad_request, "source", "%s", problem.p);
    struct registry_version v = {
        .name = str_of(read->name), .hash = str_of(read->hash), .source = text};
    *out = (struct pushed){0};
    snprintf(out->name, sizeof out->name, "%s", read->name);
    snprintf(out->hash, sizeof out->hash, "%s", read->hash);
    bool ok = registry_push(p->store, &v, dry_run, &out->made, err);
    out->version = v.version;
    prompt_free(read);
    return ok && (dry_run || !out->made || prompts_refresh(p, err));
}

bool prompts_label(struct prompts *p, const struct label_move *m, bool dry_run, struct err *err)
{
    if (str_eq(m->label, STR("latest")))
        return err_say(err, ERR_bad_request, "label",
                       "'latest' moves by itself; push a version to move it");
    if (!prompt_label_ok(m->label))
        return err_say(err, ERR_bad_request, "label",
                       "a label has 1 to %d of the characters A-Z a-z 0-9 . _ - and is no number",
                       PROMPT_NAME_BYTES);
    return registry_move(p->store, m, dry_run, err) && (dry_run || prompts_refresh(p, err));
}

bool prompts_rollback(struct prompts *p, struct str name, bool dry_run, int64_t *from, int64_t *to,
                      struct err *err)
{
    struct prompt_set *s = prompts_current(p);
    const struct prompt_entry *e = prompt_set_find(s, name);
    const struct prompt_label *l = e ? prompt_label_find(e, STR("production")) : NULL;
    struct label_move m = {name, STR("production"), l ? l->before : 0, l ? l->version : 0,
                           STR("rollback")};
    int shown = name.n < PROMPT_NAME_BYTES ? (int)name.n : PROMPT_NAME_BYTES;
    *from = m.expect;
    *to = m.version;
    prompt_set_unref(s);
    if (!e)
        return err_say(err, ERR_no_prompt, "name", "there is no prompt '%.*s'", shown, name.p);
    if (!m.version)
        return err_say(
            err, ERR_conflict, "name",
            "'production' of '%.*s' had no version before; there is nothing to go back to", shown,
            name.p);
    return prompts_label(p, &m, dry_run, err);
}
