#include "gateway/core/model_find.h"

enum { NAME_SHOWN_BYTES = 64 };

struct str model_name(const struct exchange *x)
{
    return x->routed.n ? x->routed : x->asked;
}

bool model_find(struct exchange *x, struct err *err)
{
    if (x->model)
        return true;
    struct str asked = model_name(x);
    const struct model *m = config_model(x->config, asked);
    bool granted = x->prompt.version && x->prompt.version->prompt->is_public;
    if (m && (granted || key_may_use(x->key, asked) || key_may_use(x->key, str_of(m->name)))) {
        x->model = m;
        return true;
    }
    int shown = asked.n < NAME_SHOWN_BYTES ? (int)asked.n : NAME_SHOWN_BYTES;
    return err_say(err, ERR_no_model, "model", "the model '%.*s' does not exist, or this key may not use it", shown,
                   asked.p);
}
