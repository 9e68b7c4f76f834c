/*
 * config_policies.c - the policies of the config's folder, and who is treated by which.
 *
 * What several policies mean together is made once for each combination that is met;
 * combinations are few, and a lookup holds the lock for a walk over them.
 */
#include <dirent.h>
#include <string.h>

#include "gateway/base/glob.h"
#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/core/config_priv.h"

enum { PATH_BYTES = 4096 };

struct attach { /* texts borrowed from the config; NULL: any */
    unsigned policy;
    const char *team, *key, *model, *prompt;
};

struct made { /* a combination; bit i: policies[i] */
    uint64_t which;
    struct policy_set *set;
    struct made *next;
};

struct policy_book {
    struct policy *policies[POLICY_SETS_OF];
    unsigned n;
    uint64_t always;
    struct attach *attaches;
    size_t n_attaches;
    pthread_mutex_t lock;
    struct made *made;
};

void policy_book_free(struct policy_book *b)
{
    if (!b)
        return;
    for (struct made *m = b->made, *next; m; m = next) {
        next = m->next;
        policy_set_free(m->set);
        free(m);
    }
    for (unsigned i = 0; i < b->n; i++)
        policy_free(b->policies[i]);
    pthread_mutex_destroy(&b->lock);
    free(b->attaches);
    free(b);
}

static void keep_problem(void *arg, const char *line)
{
    struct buf *problems = arg;
    buf_addf(problems, "%s\n", line);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_policy(const struct dirent *e)
{
    return e->d_name[0] != '.' && str_ends(str_of(e->d_name), STR(".yaml"));
}

/* All of the folder are read, used or not, so that a bad one is told. */
static bool load_folder(struct config_memory *m, struct policy_book *b, const char *dir,
                        struct conf_place at)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_policy, by_name);
    if (n < 0) {
        conf_problem(m->conf, at,
                     "the folder '%s' of the policies cannot be read; make it, or name another in "
                     "'policies.dir'",
                     dir);
        return false;
    }
    for (int i = 0; i < n; i++) {
        SCOPED(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
        buf_addf(&path, "%s/%s", dir, entries[i]->d_name);
        struct policy *p =
            b->n < POLICY_SETS_OF ? policy_load(path.p, keep_problem, &m->policy_problems) : NULL;
        if (p)
            b->policies[b->n++] = p;
        else if (b->n == POLICY_SETS_OF)
            conf_problem(m->conf, at, "a folder has %d policies at most", POLICY_SETS_OF);
        free(entries[i]);
    }
    free(entries);
    return true;
}

static unsigned find(struct config_memory *m, const struct policy_book *b,
                     const struct conf_word *name)
{
    SCOPED(buf_done) struct buf names = BUF_INIT(POLICY_SETS_OF * PATH_BYTES);
    for (unsigned i = 0; i < b->n; i++) {
        if (strcmp(b->policies[i]->name, name->text) == 0)
            return i;
        buf_addf(&names, "%s|", b->policies[i]->name);
    }
    struct str near = conf_nearest(str_of(name->text), buf_str(&names));
    const char *quoted = conf_quote(m->conf, str_of(name->text));
    if (m->policy_problems.n) /* it may be the one that could not be read */
        return 0;
    if (near.n)
        conf_problem(m->conf, name->at, "there is no policy '%s'; did you mean '" STR_FMT "'?",
                     quoted, STR_ARG(near));
    else
        conf_problem(m->conf, name->at,
                     "there is no policy '%s'; it is the file %s.yaml in 'policies.dir'", quoted,
                     quoted);
    return 0;
}

static void make_attaches(struct config_memory *m, struct policy_book *b)
{
    const struct attach_spec *specs = m->attach.v;
    b->attaches = mem_zalloc(m->attach.n * sizeof *b->attaches);
    b->n_attaches = m->attach.n;
    for (size_t i = 0; i < m->attach.n; i++) {
        const struct attach_spec *s = &specs[i];
        b->attaches[i] =
            (struct attach){0, s->team.text, s->key.text, s->model.text, s->prompt.text};
        if (s->policy.text)
            b->attaches[i].policy = find(m, b, &s->policy);
    }
}

void config_make_policies(struct config_memory *m)
{
    if (!m->policy_dir.text && !m->policy_default.text && m->attach.n == 0)
        return;
    struct policy_book *b = NEW(struct policy_book);
    pthread_mutex_init(&b->lock, NULL);
    m->config.policies = b;
    struct conf_place at = m->policy_dir.text ? m->policy_dir.at : m->policy_default.at;
    struct str dir = m->policy_dir.text ? str_of(m->policy_dir.text) : STR("./policies");
    if (!load_folder(m, b, conf_path(m->conf, dir), at))
        return;
    if (m->policy_default.text)
        b->always = (uint64_t)1 << find(m, b, &m->policy_default);
    make_attaches(m, b);
}

static bool fits(const char *pattern, struct str text)
{
    return !pattern || glob_match(str_of(pattern), text);
}

static uint64_t which_of(const struct policy_book *b, const struct policy_ask *ask)
{
    uint64_t which = b->always;
    for (size_t i = 0; i < b->n_attaches; i++) {
        const struct attach *a = &b->attaches[i];
        if (fits(a->team, ask->team) && fits(a->key, ask->key) && fits(a->model, ask->model) &&
            fits(a->prompt, ask->prompt))
            which |= (uint64_t)1 << a->policy;
    }
    return which;
}

static struct made *make(struct policy_book *b, uint64_t which)
{
    const struct policy *list[POLICY_SETS_OF];
    unsigned n = 0;
    for (unsigned i = 0; i < b->n; i++)
        if (which >> i & 1)
            list[n++] = b->policies[i];
    struct made *m = NEW(struct made);
    *m = (struct made){which, policy_set_new(list, n), b->made};
    b->made = m;
    return m;
}

const struct policy_set *config_policy_set(const struct config *c, const struct policy_ask *ask)
{
    struct policy_book *b = c->policies;
    uint64_t which = b ? which_of(b, ask) : 0;
    if (!which)
        return NULL;
    pthread_mutex_lock(&b->lock);
    struct made *m = b->made;
    while (m && m->which != which)
        m = m->next;
    if (!m)
        m = make(b, which);
    pthread_mutex_unlock(&b->lock);
    return m->set;
}

const struct policy *config_policy(const struct config *c, struct str name)
{
    for (unsigned i = 0; c->policies && i < c->policies->n; i++)
        if (str_eq(str_of(c->policies->policies[i]->name), name))
            return c->policies->policies[i];
    return NULL;
}
