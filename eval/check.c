#include "eval/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "eval/text.h"

const struct check *const checks[] = {
#define CHECK(id) &check_##id,
#include "eval/check_list.h"
    NULL,
};

const struct check *check_find(struct str type, bool *inverted)
{
    *inverted = str_starts(type, STR("not-"));
    if (*inverted)
        type = (struct str){type.p + 4, type.n - 4};
    for (const struct check *const *c = checks; *c; c++)
        if (str_eq(type, str_of((*c)->name)))
            return *c;
    return NULL;
}

void finding_init(struct finding *v)
{
    *v = (struct finding){.reason = BUF_INIT(REASON_MAX_BYTES)};
}

void finding_done(struct finding *v)
{
    buf_done(&v->reason);
}

void finding_set(struct finding *v, bool pass, const char *fmt, ...)
{
    char text[REASON_MAX_BYTES];
    va_list ap;
    v->pass = pass;
    v->score = pass;
    buf_cut(&v->reason, 0);
    if (pass) {
        buf_add(&v->reason, STR("Assertion passed"));
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_add(&v->reason, str_of(text));
}

const char *check_shown(const json_t *v, struct buf *room)
{
    text_of(room, v);
    return room->p;
}
