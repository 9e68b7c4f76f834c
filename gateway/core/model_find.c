#include "gateway/core/model_find.h"

enum { NAME_SHOWN_BYTES = 64 };

bool model_find(struct exchange *x, struct err *err)
{
    if (x->model)
        return true;
    const struct model *m = config_model(x->config, x->asked);
    if (m && (key_may_use(x->key, x->asked) || key_may_use(x->key, str_of(m->name)))) {
        x->model = m;
        return true;
    }
    int shown = x->asked.n < NAME_SHOWN_BYTES ? (int)x->asked.n : NAME_SHOWN_BYTES;
    return err_say(err, ERR_no_model, "model", "the model '%.*s' does not exist, or this key may not use it", shown,
                   x->asked.p);
}
