/* /admin/v1/policies */
#include <string.h>

#include "gateway/base/scope.h"
#include "gateway/core/policy_scan.h"
#include "gateway/server/admin_priv.h"

enum { ANSWER_BYTES = 16 * 1024 * 1024 };

struct asking {
    struct config *config;
    struct policy_choice choice;
    const char *text;
    enum direction direction;
};

static void asking_done(struct asking *q)
{
    policy_choice_done(&q->choice);
    config_unref(q->config);
}

static bool read_direction(const char *word, enum direction *d, struct err *err)
{
    *d = strcmp(word, "response") == 0 ? DIRECTION_response : DIRECTION_request;
    return *d == DIRECTION_response || strcmp(word, "request") == 0 ||
           err_say(err, ERR_bad_request, "direction", "direction is request or response");
}

static bool read_asking(struct admin *a, const json_t *in, struct asking *q, struct err *err)
{
    SCOPED(buf_done) struct buf problem = BUF_INIT(1024);
    const char *policy = admin_text(in, "policy", "", err), *team = admin_text(in, "team", "", err);
    const char *key = admin_text(in, "key", "", err), *model = admin_text(in, "model", "", err);
    const char *prompt = admin_text(in, "prompt", "", err),
               *word = admin_text(in, "direction", "request", err);
    q->text = admin_text(in, "text", "", err);
    if (!policy || !team || !key || !model || !prompt || !word || !q->text ||
        !read_direction(word, &q->direction, err))
        return false;
    if (strchr(policy, '/') || strchr(policy, '.'))
        return err_say(err, ERR_bad_request, "policy", "policy is the name of one of the config's");
    q->config = a->config ? config_ref(a->config)
                          : config_load(a->config_path, NULL, config_keep_first, &problem);
    if (!q->config)
        return err_say(err, ERR_bad_config, NULL, "%s", problem.p);
    const struct policy_ask ask = {str_of(team), str_of(key),
                                   config_alias(q->config, str_of(model)), str_of(prompt)};
    return policy_choose(&q->choice, q->config, policy, &ask, config_keep_first, &problem, err);
}

static bool answer(const struct buf *told, json_t **out, struct err *err)
{
    *out = buf_ok(told) ? json_loadb(told->p, told->n, 0, NULL) : NULL;
    return *out || err_set(err, ERR_internal, "the answer is too long");
}

bool admin_policies(struct admin *a, const char *segment, json_t *in, json_t **out, struct err *err)
{
    (void)segment;
    struct asking q = {0};
    SCOPED(buf_done) struct buf told = BUF_INIT(ANSWER_BYTES);
    bool ok = read_asking(a, in, &q, err);
    if (ok) {
        policy_describe(q.choice.set, &told);
        ok = answer(&told, out, err);
    }
    asking_done(&q);
    return ok;
}

bool admin_policies_scan(struct admin *a, const char *segment, json_t *in, json_t **out,
                         struct err *err)
{
    (void)segment;
    struct asking q = {0};
    SCOPED(buf_done) struct buf told = BUF_INIT(ANSWER_BYTES);
    bool ok = read_asking(a, in, &q, err);
    if (ok) {
        policy_scan(q.choice.set, q.direction, str_of(q.text), &told);
        ok = answer(&told, out, err);
    }
    asking_done(&q);
    return ok;
}
