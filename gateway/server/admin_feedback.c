/* /admin/v1/feedback/{}: what the key of this id says of an answer; callers say it at /v1/feedback.
 */
#include <string.h>

#include "gateway/server/admin_priv.h"
#include "gateway/store/feedback.h"

enum { TEXT_MAX_BYTES = 64 * 1024 };

static bool read_thumbs(const json_t *in, struct feedback *f, struct err *err)
{
    const char *word = admin_text(in, "thumbs", "", err);
    if (!word)
        return false;
    f->has_thumbs = *word != '\0';
    f->up = strcmp(word, "up") == 0;
    return !f->has_thumbs || f->up || strcmp(word, "down") == 0 ||
           err_say(err, ERR_bad_request, "thumbs", "thumbs is 'up' or 'down'");
}

static bool read_score(const json_t *in, struct feedback *f, struct err *err)
{
    const json_t *v = json_object_get(in, "score");
    f->has_score = v && !json_is_null(v);
    f->score = json_number_value(v);
    return !f->has_score || (json_is_number(v) && f->score >= 0 && f->score <= 1) ||
           err_say(err, ERR_bad_request, "score", "score is a number from 0 to 1");
}

static bool read_text(const json_t *in, const char *member, struct str *text, struct err *err)
{
    const char *s = admin_text(in, member, "", err);
    *text = str_of(s);
    return s && (text->n <= TEXT_MAX_BYTES ||
                 err_say(err, ERR_bad_request, member, "%s is longer than %d bytes", member,
                         TEXT_MAX_BYTES));
}

bool admin_feedback_add(struct admin *a, const char *segment, json_t *in, json_t **out,
                        struct err *err)
{
    struct feedback f = {.key_id = str_of(segment)};
    if (!read_text(in, "request_id", &f.request_id, err) || !read_thumbs(in, &f, err) ||
        !read_score(in, &f, err) || !read_text(in, "comment", &f.comment, err) ||
        !read_text(in, "answer", &f.answer, err))
        return false;
    if (f.request_id.n == 0)
        return err_say(err, ERR_bad_request, "request_id",
                       "feedback needs the request_id that it is of");
    if (!f.has_thumbs && !f.has_score && !f.comment.n && !f.answer.n)
        return err_say(err, ERR_bad_request, NULL, "feedback has thumbs, score, comment or answer");
    bool ok =
        admin_dry_run(in) ? feedback_check(a->store, &f, err) : feedback_add(a->store, &f, err);
    if (!ok)
        return false;
    *out = json_pack("{s:s}", "request_id", f.request_id.p);
    return true;
}
