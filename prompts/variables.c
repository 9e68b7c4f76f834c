/* Which variables a template asks for, in the order in which they stand. */
#include "prompts/tree.h"

struct local {
    const struct local *outer;
    struct str name;
};

struct walk {
    const struct template *t;
    void (*each)(void *arg, const struct variable *v);
    void *arg;
    struct str role;
};

static bool is_local(const struct local *l, struct str name)
{
    if (l && str_eq(name, STR("loop")))
        return true;
    for (; l; l = l->outer)
        if (str_eq(l->name, name))
            return true;
    return false;
}

static void walk_expr(struct walk *w, const struct local *l, const struct expr *e, bool guarded,
                      bool prints)
{
    if (!e)
        return;
    if (e->kind == EXPR_VAR && !is_local(l, e->name)) {
        const struct variable v = {e->name, template_place(w->t, e->at), guarded, prints, w->role};
        w->each(w->arg, &v);
    }
    for (size_t i = 0; e->kind == EXPR_VAR && i < e->n_path; i++)
        walk_expr(w, l, e->path[i].index, false, false);
    bool guards = e->kind == EXPR_DEFINED || (e->kind == EXPR_FILTER && e->filter->guards);
    walk_expr(w, l, e->left, guards, prints && e->kind != EXPR_DEFINED);
    walk_expr(w, l, e->right, false, prints);
    for (size_t i = 0; i < e->n_args; i++)
        walk_expr(w, l, e->args[i], false, prints);
}

static void walk_nodes(struct walk *w, const struct local *l, const struct node *n)
{
    for (; n; n = n->next) {
        if (n->kind == NODE_ROLE)
            w->role = n->text;
        walk_expr(w, l, n->expr, false, true);
        for (const struct branch *b = n->branches; b; b = b->next) {
            walk_expr(w, l, b->test, false, false);
            walk_nodes(w, l, b->body);
        }
        const struct local inner = {l, n->text};
        if (n->kind == NODE_FOR)
            walk_nodes(w, &inner, n->body);
    }
}

void template_variables(const struct template *t, void (*each)(void *arg, const struct variable *v),
                        void *arg)
{
    struct walk w = {t, each, arg, {"", 0}};
    walk_nodes(&w, NULL, t->nodes);
}
