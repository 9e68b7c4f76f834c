/* /admin/v1/keys */
#include "gateway/base/clock.h"
#include "gateway/base/crypto.h"
#include "gateway/base/scope.h"
#include "gateway/server/admin_priv.h"
#include "gateway/store/keys.h"

bool admin_keys_list(struct admin *a, const char *segment, json_t *in, json_t **out,
                     struct err *err)
{
    (void)segment, (void)in;
    *out = key_list(a->store, err);
    return *out != NULL;
}

bool admin_keys_show(struct admin *a, const char *segment, json_t *in, json_t **out,
                     struct err *err)
{
    (void)in;
    *out = key_show(a->store, segment, err);
    return *out != NULL;
}

/* An array of strings, or NULL where there is none. */
static bool list_of(const json_t *in, const char *member, json_t **list, struct err *err)
{
    json_t *v = json_object_get(in, member);
    *list = json_is_null(v) ? NULL : v;
    bool ok = !*list || json_is_array(v);
    for (size_t i = 0; ok && i < json_array_size(v); i++)
        ok = json_string_length(json_array_get(v, i)) > 0;
    return ok || err_say(err, ERR_bad_request, member, "%s is not an array of strings", member);
}

static bool read_spec(const json_t *in, struct key_spec *k, struct err *err)
{
    const char *secret = admin_text(in, "secret", "", err);
    k->team = admin_text(in, "team", "", err);
    k->name = admin_text(in, "name", "", err);
    if (!secret || !k->team || !k->name || !list_of(in, "models", &k->models, err) ||
        !list_of(in, "tags", &k->tags, err) ||
        !admin_time(in, "expires", clock_wall_ms(), 0, &k->expires_ms, err))
        return false;
    k->secret = str_of(secret);
    k->metadata = json_object_get(in, "metadata");
    k->limits = json_object_get(in, "limits");
    if (k->metadata && !json_is_object(k->metadata))
        return err_say(err, ERR_bad_request, "metadata", "metadata is not an object");
    if (!*k->team)
        return err_say(err, ERR_bad_request, "team", "a key belongs to a team: give one");
    return true;
}

/* With dry_run no secret is shown: it would be good for nothing. */
static json_t *made(const char *id, struct buf *secret, const json_t *team, bool dry_run)
{
    json_t *key = dry_run ? json_null() : json_stringn(secret->p, secret->n);
    crypto_wipe(secret->p, secret->n);
    return json_pack("{s:s, s:o, s:O}", "id", id, "key", key, "team", team);
}

bool admin_keys_create(struct admin *a, const char *segment, json_t *in, json_t **out,
                       struct err *err)
{
    (void)segment;
    struct key_spec k = {0};
    char id[KEY_ID_BYTES];
    SCOPED(buf_done) struct buf secret = BUF_INIT(KEY_SECRET_MAX);
    bool dry_run = admin_dry_run(in);
    if (!read_spec(in, &k, err) || !key_create(a->store, &k, dry_run, id, &secret, err))
        return false;
    *out = made(id, &secret, json_object_get(in, "team"), dry_run);
    return true;
}

bool admin_keys_revoke(struct admin *a, const char *segment, json_t *in, json_t **out,
                       struct err *err)
{
    if (!key_revoke(a->store, segment, admin_dry_run(in), err))
        return false;
    *out = json_pack("{s:s, s:b}", "id", segment, "revoked", 1);
    return true;
}

bool admin_keys_rotate(struct admin *a, const char *segment, json_t *in, json_t **out,
                       struct err *err)
{
    SCOPED(buf_done) struct buf secret = BUF_INIT(KEY_SECRET_MAX);
    const char *import = admin_text(in, "secret", "", err);
    bool dry_run = admin_dry_run(in);
    json_t *key = import ? key_show(a->store, segment, err) : NULL;
    bool ok = key && key_rotate(a->store, segment, str_of(import), dry_run, &secret, err);
    if (ok)
        *out = made(segment, &secret, json_object_get(key, "team"), dry_run);
    json_decref(key);
    return ok;
}
