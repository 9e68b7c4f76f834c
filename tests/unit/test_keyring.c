#include "gateway/store/keyring.h"

#include <sys/stat.h>

#include "gateway/base/fault.h"
#include "gateway/base/file.h"
#include "gateway/base/glob.h"
#include "gateway/base/scope.h"
#include "gateway/store/keys.h"
#include "tests/unit/ledger_rows.h"

enum { NOW_MS = 1000 };

struct made {
    char id[KEY_ID_BYTES];
    char *secret;
};

static struct made make_key(struct store *s, struct key_spec spec)
{
    struct made m;
    struct err err = {0};
    struct buf secret = BUF_INIT(KEY_SECRET_MAX);
    if (!key_create(s, &spec, false, m.id, &secret, &err))
        fail_msg("%s %s", err.say, err.detail);
    m.secret = buf_take(&secret);
    return m;
}

static const struct key *look_up(struct store *s, const char *secret, int64_t now_ms)
{
    struct keyring *k = keyring_current(s);
    const struct key *key = keyring_find(k, str_of(secret), now_ms);
    keyring_unref(k); /* the store holds another reference */
    return key;
}

static struct store *open_with_team(const struct place *p)
{
    struct store *s = place_open(p, false);
    struct err err = {0};
    assert_true(team_create(s, "red", false, &err));
    return s;
}

static void a_key_is_found_by_its_secret_until_it_is_revoked(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct err err = {0};
    struct made a = make_key(s, (struct key_spec){.team = "red", .name = ""});
    struct made b = make_key(s, (struct key_spec){.team = "red", .name = "b"});
    assert_memory_equal(a.secret, "sk-pen-", 7);
    assert_true(strlen(a.secret) >= 7 + 32);
    assert_string_not_equal(a.secret, b.secret);
    assert_string_equal(look_up(s, a.secret, NOW_MS)->id, a.id);
    assert_string_equal(look_up(s, b.secret, NOW_MS)->name, "b");
    assert_null(look_up(s, "sk-pen-something-else", NOW_MS));
    assert_null(look_up(s, "", NOW_MS));
    assert_true(key_revoke(s, a.id, false, &err));
    assert_null(look_up(s, a.secret, NOW_MS));
    assert_non_null(look_up(s, b.secret, NOW_MS));
    assert_false(key_revoke(s, a.id, false, &err));
    assert_int_equal(err.code, ERR_not_found);
    store_close(s);
    s = place_open(&p, false);
    assert_null(look_up(s, a.secret, NOW_MS));
    assert_string_equal(look_up(s, b.secret, NOW_MS)->team, "red");
    store_close(s);
    free(a.secret);
    free(b.secret);
    place_drop(&p);
}

static void who_holds_a_keyring_sees_no_change_in_it(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct err err = {0};
    struct made a = make_key(s, (struct key_spec){.team = "red", .name = ""});
    struct keyring *old = keyring_current(s);
    assert_true(key_revoke(s, a.id, false, &err));
    assert_non_null(keyring_find(old, str_of(a.secret), NOW_MS));
    store_close(s);
    assert_non_null(keyring_find(old, str_of(a.secret), NOW_MS));
    keyring_unref(old);
    free(a.secret);
    place_drop(&p);
}

static void an_expired_key_is_unknown(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct made a =
        make_key(s, (struct key_spec){.team = "red", .name = "", .expires_ms = NOW_MS + 1});
    assert_non_null(look_up(s, a.secret, NOW_MS));
    assert_null(look_up(s, a.secret, NOW_MS + 1));
    store_close(s);
    free(a.secret);
    place_drop(&p);
}

static void a_rotated_key_keeps_its_id_and_loses_its_secret(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct err err = {0};
    struct made a = make_key(s, (struct key_spec){.team = "red", .name = ""});
    SCOPED(buf_done) struct buf fresh = BUF_INIT(KEY_SECRET_MAX);
    assert_true(key_rotate(s, a.id, STR(""), false, &fresh, &err));
    assert_null(look_up(s, a.secret, NOW_MS));
    assert_string_equal(look_up(s, fresh.p, NOW_MS)->id, a.id);
    store_close(s);
    free(a.secret);
    place_drop(&p);
}

static void an_imported_secret_works_and_is_taken_once(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct key_spec spec = {.team = "red", .name = "", .secret = STR("sk-bench")};
    struct made a = make_key(s, spec);
    assert_string_equal(a.secret, "sk-bench");
    assert_string_equal(look_up(s, "sk-bench", NOW_MS)->id, a.id);
    static const char *const bad[] = {"sk-benc", "sk bench", "sk-bench\xc3\xa9", "sk-bench"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        char id[KEY_ID_BYTES];
        SCOPED(buf_done) struct buf secret = BUF_INIT(KEY_SECRET_MAX);
        spec.secret = str_of(bad[i]);
        assert_false(key_create(s, &spec, false, id, &secret, &err));
        assert_int_equal(err.code, i < 3 ? ERR_bad_request : ERR_conflict);
    }
    store_close(s);
    free(a.secret);
    place_drop(&p);
}

static void a_dry_run_checks_and_changes_nothing(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct err err = {0}, none = {0};
    char id[KEY_ID_BYTES];
    SCOPED(buf_done) struct buf secret = BUF_INIT(KEY_SECRET_MAX);
    struct key_spec spec = {.team = "red", .name = "", .secret = STR("sk-bench")};
    assert_true(key_create(s, &spec, true, id, &secret, &err));
    assert_null(look_up(s, "sk-bench", NOW_MS));
    spec.team = "blue";
    assert_false(key_create(s, &spec, true, id, &secret, &err));
    assert_int_equal(err.code, ERR_not_found);
    assert_true(team_create(s, "blue", true, &none));
    json_t *teams = team_list(s, &none);
    assert_int_equal(json_array_size(teams), 1);
    json_decref(teams);
    store_close(s);
    place_drop(&p);
}

static void models_are_globs_and_none_means_none(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    json_t *some = json_pack("[s, s]", "gpt-*", "prompt:x"), *all = json_pack("[s]", "*");
    struct made a = make_key(s, (struct key_spec){.team = "red", .name = "", .models = some});
    struct made b = make_key(s, (struct key_spec){.team = "red", .name = "", .models = all});
    struct made c = make_key(s, (struct key_spec){.team = "red", .name = ""});
    const struct key *key = look_up(s, a.secret, NOW_MS);
    struct keyring *k = keyring_current(s);
    key = keyring_find(k, str_of(a.secret), NOW_MS);
    assert_true(key_may_use(key, STR("gpt-4")));
    assert_true(key_may_use(key, STR("prompt:x")));
    assert_false(key_may_use(key, STR("prompt:y")));
    assert_false(key_may_use(key, STR("large")));
    assert_true(key_may_use(keyring_find(k, str_of(b.secret), NOW_MS), STR("prompt:y")));
    assert_false(key_may_use(keyring_find(k, str_of(c.secret), NOW_MS), STR("large")));
    keyring_unref(k);
    store_close(s);
    json_decref(some);
    json_decref(all);
    free(a.secret);
    free(b.secret);
    free(c.secret);
    place_drop(&p);
}

static char *read_secret(const struct place *p, const char *name)
{
    char path[64];
    struct err err = {0};
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    char *text = file_read(path, KEY_SECRET_MAX, &err);
    assert_non_null(text);
    return text;
}

static void the_first_keys_are_files_and_made_once(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct err err = {0};
    bool made = false;
    assert_true(keys_first(s, &made, &err));
    assert_true(made);
    char *admin = read_secret(&p, "admin.key"), *first = read_secret(&p, "first.key");
    assert_true(look_up(s, admin, NOW_MS)->admin);
    assert_false(key_may_use(look_up(s, admin, NOW_MS), STR("sim/echo")));
    assert_false(look_up(s, first, NOW_MS)->admin);
    assert_string_equal(look_up(s, first, NOW_MS)->team, "default");
    assert_true(key_may_use(look_up(s, first, NOW_MS), STR("sim/echo")));
    assert_true(keys_first(s, &made, &err));
    assert_false(made);
    store_close(s);
    free(admin);
    free(first);
    place_drop(&p);
}

#ifdef ENABLE_FAULTS
static void a_crash_at_any_point_leaves_no_first_key_without_its_file(void **state)
{
    (void)state;
    unsigned nth = 0;
    for (bool done = false; !done;) {
        struct place p = place_new();
        struct store *s = place_open(&p, false);
        struct err err = {0};
        bool made;
        fault_arm_anywhere(++nth);
        done = keys_first(s, &made, &err);
        fault_arm_anywhere(0);
        store_close(s);
        s = place_open(&p, false); /* the next start */
        err = (struct err){0};
        assert_true(keys_first(s, &made, &err));
        assert_int_equal(made, !done);
        char *admin = read_secret(&p, "admin.key"), *first = read_secret(&p, "first.key");
        assert_true(look_up(s, admin, NOW_MS)->admin);
        assert_true(key_may_use(look_up(s, first, NOW_MS), STR("sim/echo")));
        store_close(s);
        free(admin);
        free(first);
        place_drop(&p);
    }
    assert_true(nth > 2);
}
#endif

static void no_secret_is_in_the_database(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = open_with_team(&p);
    struct made a = make_key(
        s, (struct key_spec){.team = "red", .name = "", .secret = STR("sk-canary-1234567")});
    struct err err = {0};
    json_t *keys = key_list(s, &err);
    assert_int_equal(json_array_size(keys), 1);
    assert_null(json_object_get(json_array_get(keys, 0), "key"));
    json_decref(keys);
    store_close(s);
    char command[128];
    snprintf(command, sizeof command, "grep -q canary-1234567 '%s'/*", p.dir);
    assert_int_not_equal(system(command), 0);
    free(a.secret);
    place_drop(&p);
}

static void a_second_owner_is_told_who_the_first_is(void **state)
{
    (void)state;
    struct place p = place_new();
    struct store *s = place_open(&p, false);
    struct err err = {0};
    assert_true(store_is_owned(p.dir));
    assert_null(store_open(p.dir, &(struct store_options){.strict = false}, &err));
    assert_int_equal(err.code, ERR_locked);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld ", (long)getpid());
    assert_non_null(strstr(err.detail, pid));
    assert_non_null(strstr(err.detail, p.dir));
    store_close(s);
    assert_false(store_is_owned(p.dir));
    store_close(place_open(&p, false));
    place_drop(&p);
}

static void a_star_matches_any_run(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"*", "", true},     {"*", "a/b", true},    {"", "", true},       {"", "a", false},
        {"a*", "a", true},   {"a*c", "abbc", true}, {"a*c", "ab", false}, {"*a*b", "xaxab", true},
        {"a", "ab", false},  {"a?", "ab", false},   {"**", "x", true},    {"*.x", "a.x.y", false},
        {"a*a", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(glob_match(str_of(cases[i].pattern), str_of(cases[i].text)),
                         cases[i].match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_by_its_secret_until_it_is_revoked),
        cmocka_unit_test(who_holds_a_keyring_sees_no_change_in_it),
        cmocka_unit_test(an_expired_key_is_unknown),
        cmocka_unit_test(a_rotated_key_keeps_its_id_and_loses_its_secret),
        cmocka_unit_test(an_imported_secret_works_and_is_taken_once),
        cmocka_unit_test(a_dry_run_checks_and_changes_nothing),
        cmocka_unit_test(models_are_globs_and_none_means_none),
        cmocka_unit_test(the_first_keys_are_files_and_made_once),
#ifdef ENABLE_FAULTS
        cmocka_unit_test(a_crash_at_any_point_leaves_no_first_key_without_its_file),
#endif
        cmocka_unit_test(no_secret_is_in_the_database),
        cmocka_unit_test(a_second_owner_is_told_who_the_first_is),
        cmocka_unit_test(a_star_matches_any_run),
    };
    return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
