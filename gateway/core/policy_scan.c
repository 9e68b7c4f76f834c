#include "gateway/core/policy_scan.h"

#include <string.h>

#include "gateway/base/json.h"
#include "policy/seeker.h"

static bool choose_one(struct policy_choice *choice, const struct policy *p)
{
    choice->own_set = policy_set_new(&p, 1);
    choice->set = choice->own_set;
    return true;
}

static bool is_file(const char *name)
{
    return strchr(name, '/') || str_ends(str_of(name), STR(".yaml"));
}

bool policy_choose(struct policy_choice *choice, const struct config *c, const char *name,
                   const struct policy_ask *ask, void (*complain)(void *arg, const char *line),
                   void *arg, struct err *err)
{
    *choice = (struct policy_choice){0};
    if (*name && is_file(name)) {
        choice->own = policy_load(name, complain, arg);
        return choice->own ? choose_one(choice, choice->own)
                           : err_say(err, ERR_bad_policy, "policy", "the policy cannot be used");
    }
    if (*name) {
        const struct policy *p = c ? config_policy(c, str_of(name)) : NULL;
        return p ? choose_one(choice, p)
                 : err_say(err, ERR_not_found, "policy", "there is no policy '%.64s'", name);
    }
    choice->set = c ? config_policy_set(c, ask) : NULL;
    if (choice->set)
        return true;
    choice->own = policy_everything();
    return choose_one(choice, choice->own);
}

void policy_choice_done(struct policy_choice *choice)
{
    policy_set_free(choice->own_set);
    policy_free(choice->own);
    *choice = (struct policy_choice){0};
}

void policy_scan(const struct policy_set *set, enum direction d, struct str text, struct buf *out)
{
    struct seeker s;
    struct finding f;
    const struct pattern_text whole = {.text = text};
    const char *separator = "[";
    seeker_init(&s, &set->plans[d]);
    while (seeker_next(&s, &whole, &f) == SCAN_YES) {
        buf_addf(out, "%s{\"rule\": \"%s\", \"start\": %zu, \"end\": %zu, \"action\": \"%s\"}",
                 separator, f.rule->id, f.from, f.to,
                 action_word(f.given_up ? ACTION_block : f.rule->actions[d]));
        separator = ", ";
    }
    seeker_done(&s);
    buf_add(out, *separator == '[' ? STR("[]") : STR("]"));
}

static void describe_rule(const struct rule *r, const char *separator, struct buf *out)
{
    static const char *const kinds[] = {"builtin", "regex", "words"};
    buf_addf(out,
             "%s{\"rule\": \"%s\", \"request\": \"%s\", \"response\": \"%s\", \"restore\": "
             "\"%s%s%s\", \"kind\": \"%s\"}",
             separator, r->id, action_word(r->actions[DIRECTION_request]),
             action_word(r->actions[DIRECTION_response]),
             r->restore & RESTORE_CONTENT ? "content" : "",
             r->restore == (RESTORE_CONTENT | RESTORE_TOOL_ARGS) ? " " : "",
             r->restore & RESTORE_TOOL_ARGS ? "tool_args" : "", kinds[r->kind]);
}

void policy_describe(const struct policy_set *set, struct buf *out)
{
    buf_add(out, STR("{\"version\": "));
    json_quote(out, str_of(set->version));
    buf_add(out, STR(", \"rules\": ["));
    const char *separator = "";
    for (unsigned i = 0; i < set->n_policies; i++)
        for (unsigned k = 0; k < set->policies[i]->n_rules; k++) {
            describe_rule(&set->policies[i]->rules[k], separator, out);
            separator = ", ";
        }
    buf_add(out, STR("]}"));
}
