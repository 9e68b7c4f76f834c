/* /admin/v1/prompts: what changes something. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/file.h"
#include "gateway/base/scope.h"
#include "gateway/core/config.h"
#include "gateway/server/admin_priv.h"
#include "prompts/prompts.h"

enum { COMPLAINT_BYTES = 1024 };

static json_t *pushed_object(const struct pushed *one)
{
    return json_pack("{s:s, s:I, s:s, s:b}", "name", one->name, "version", (json_int_t)one->version,
                     "hash", one->hash, "new", one->made);
}

static void pass_by(void *arg, const char *line)
{
    (void)arg, (void)line;
}

/* Has the config what it names?  What is wrong with the file itself, who takes it says. */
static bool fits(struct admin *a, const char *file, const char *source, struct err *err)
{
    SCOPED(buf_done) struct buf line = BUF_INIT(COMPLAINT_BYTES);
    struct prompt *p = prompt_parse(file, str_of(source), pass_by, NULL);
    struct config *c = p && p->rag ? admin_config(a, err) : NULL;
    bool ok = !p || !p->rag || (c && config_prompt_fits(c, file, p, &line));
    if (!ok && c)
        err_say(err, ERR_bad_request, NULL, "%s", line.n ? line.p : file);
    config_unref(c);
    prompt_free(p);
    return ok;
}

static bool file_fits(void *arg, const char *path, struct err *err)
{
    SCOPED(scope_free) char *source = file_read(path, PROMPT_FILE_BYTES, err);
    return source && fits(arg, path, source, err);
}

bool admin_prompts_push(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    (void)segment;
    const char *source = admin_text(in, "source", "", err),
               *file = admin_text(in, "file", "source", err);
    struct pushed one;
    if (!source || !file || !fits(a, file, source, err) ||
        !prompts_push(a->prompts, file, str_of(source), admin_dry_run(in), &one, err))
        return false;
    *out = pushed_object(&one);
    return true;
}

struct taking {
    json_t *list;
    struct buf *problem;
};

static void take_one(void *arg, const struct pushed *one)
{
    json_array_append_new(((struct taking *)arg)->list, pushed_object(one));
}

static void take_problem(void *arg, const char *line)
{
    config_keep_first(((struct taking *)arg)->problem, line);
}

struct config *admin_config(struct admin *a, struct err *err)
{
    SCOPED(buf_done) struct buf problem = BUF_INIT(COMPLAINT_BYTES);
    if (a->config)
        return config_ref(a->config);
    struct config *c = config_load(a->config_path, NULL, config_keep_first, &problem);
    if (!c)
        err_say(err, ERR_bad_config, NULL, "%s", problem.p);
    return c;
}

const char *admin_inbox(const struct config *c, struct err *err)
{
    if (!c->prompts.dir)
        err_say(err, ERR_bad_request, NULL,
                "the config has no prompts.dir; give a file, or write prompts: {dir: ./prompts}");
    return c->prompts.dir;
}

bool admin_prompts_inbox(struct admin *a, const char *segment, json_t *in, json_t **out,
                         struct err *err)
{
    (void)segment;
    SCOPED(buf_done) struct buf problem = BUF_INIT(COMPLAINT_BYTES);
    struct config *c = admin_config(a, err);
    const char *dir = c ? admin_inbox(c, err) : NULL;
    struct taking t = {json_array(), &problem};
    bool ok =
        dir && inbox_walk(dir, file_fits, a, err) && inbox_push(a->prompts, dir, admin_dry_run(in), take_one, take_problem, &t, err);
    config_unref(c);
    if (ok) {
        *out = t.list;
        return true;
    }
    json_decref(t.list);
    if (problem.n) {
        *err = (struct err){0};
        err_say(err, ERR_bad_request, NULL, "%s", problem.p);
    }
    return false;
}

/* A plain number, or its text. */
static bool number_of(const json_t *in, const char *member, int64_t otherwise, int64_t *n,
                      struct err *err)
{
    const json_t *v = json_object_get(in, member);
    *n = otherwise;
    if (json_is_integer(v))
        *n = json_integer_value(v);
    else if (json_is_string(v) && !str_int(str_of(json_string_value(v)), n))
        return err_say(err, ERR_bad_request, member, "%s is no number", member);
    return !v || json_is_integer(v) || json_is_string(v) ||
           err_say(err, ERR_bad_request, member, "%s is no number", member);
}

bool admin_prompts_label(struct admin *a, const char *segment, json_t *in, json_t **out,
                         struct err *err)
{
    (void)segment;
    const char *name = admin_text(in, "name", "", err), *label = admin_text(in, "label", "", err);
    struct label_move m = {.why = STR("label")};
    if (!name || !label || !number_of(in, "version", 0, &m.version, err) ||
        !number_of(in, "expect", LABEL_EXPECT_ANY, &m.expect, err))
        return false;
    m.name = str_of(name);
    m.label = str_of(label);
    if (!prompts_label(a->prompts, &m, admin_dry_run(in), err))
        return false;
    *out = json_pack("{s:s, s:s, s:I}", "name", name, "label", label, "version",
                     (json_int_t)m.version);
    return true;
}

bool admin_prompts_rollback(struct admin *a, const char *segment, json_t *in, json_t **out,
                            struct err *err)
{
    (void)segment;
    const char *name = admin_text(in, "name", "", err);
    int64_t from, to;
    if (!name || !prompts_rollback(a->prompts, str_of(name), admin_dry_run(in), &from, &to, err))
        return false;
    *out = json_pack("{s:s, s:s, s:I, s:I}", "name", name, "label", "production", "version",
                     (json_int_t)to, "from", (json_int_t)from);
    return true;
}
