/* The folder that prompts come from: read whole first, so that one bad file keeps all out. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/file.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "prompts/prompts.h"

enum { PATH_BYTES = 4096, INBOX_DEPTH = 8, INBOX_FILES = 10000 };

struct paths {
    char **v;
    size_t n;
};

static void paths_done(struct paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->v[i]);
    free(p->v);
}

static bool is_prompt_file(struct str name)
{
    return str_ends(name, STR(".prompty")) || str_ends(name, STR(".prompt"));
}

static void add_path(struct paths *p, const char *path)
{
    struct buf copy = BUF_INIT(PATH_BYTES);
    buf_add(&copy, str_of(path));
    p->v = mem_realloc(p->v, (p->n + 1) * sizeof(p->v[0]));
    p->v[p->n++] = buf_take(&copy);
}

static bool gather(struct paths *p, const char *dir, unsigned depth, struct err *err)
{
    DIR *d = opendir(dir);
    if (!d && errno == ENOENT) /* the config's warning has said so */
        return true;
    if (!d)
        return err_set(err, ERR_bad_config, "the folder of prompts %s cannot be read: %s", dir,
                       strerror(errno));
    bool ok = true;
    for (struct dirent *e; ok && p->n < INBOX_FILES && (e = readdir(d));) {
        char path[PATH_BYTES];
        struct stat st;
        bool fits = snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path;
        if (*e->d_name == '.' || !fits || stat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < INBOX_DEPTH)
            ok = gather(p, path, depth + 1, err);
        else if (S_ISREG(st.st_mode) && is_prompt_file(str_of(e->d_name)))
            add_path(p, path);
    }
    closedir(d);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool inbox_walk(const char *dir, bool (*each)(void *arg, const char *path, struct err *err),
                void *arg, struct err *err)
{
    SCOPED(paths_done) struct paths p = {0};
    if (!gather(&p, dir, 0, err))
        return false;
    if (p.n)
        qsort(p.v, p.n, sizeof(p.v[0]), by_path);
    for (size_t i = 0; i < p.n; i++)
        if (!each(arg, p.v[i], err))
            return false;
    return true;
}

struct pushing {
    struct prompts *prompts;
    bool dry_run, checking;
    size_t problems;
    void (*on_push)(void *arg, const struct pushed *one);
    void (*complain)(void *arg, const char *line);
    void *arg;
};

static void complain(void *arg, const char *line)
{
    struct pushing *p = arg;
    p->problems++;
    p->complain(p->arg, line);
}

static bool push_one(void *arg, const char *path, struct err *err)
{
    struct pushing *p = arg;
    struct pushed one;
    SCOPED(scope_free) char *text = file_read(path, PROMPT_FILE_BYTES, err);
    if (!text)
        return false;
    if (p->checking) {
        prompt_free(prompt_parse(path, str_of(text), complain, p));
        return true;
    }
    if (!prompts_push(p->prompts, path, str_of(text), p->dry_run, &one, err))
        return false;
    if (p->on_push)
        p->on_push(p->arg, &one);
    return true;
}

bool inbox_push(struct prompts *prompts, const char *dir, bool dry_run,
                void (*on_push)(void *arg, const struct pushed *one),
                void (*complain_to)(void *arg, const char *line), void *arg, struct err *err)
{
    struct pushing p = {prompts, dry_run, true, 0, on_push, complain_to, arg};
    if (!inbox_walk(dir, push_one, &p, err))
        return false;
    if (p.problems)
        return err_set(err, ERR_bad_config, "%zu problems in the prompts of %s", p.problems, dir);
    p.checking = false;
    return inbox_walk(dir, push_one, &p, err);
}
