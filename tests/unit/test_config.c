#include "gateway/core/config.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/conf.h"
#include "gateway/core/config_default.h"
#include "gateway/core/config_option.h"
#include "gateway/core/detect.h"

#include "tests/unit/test.h"

struct lines {
    char text[16 * 1024];
};

static void add_line(void *arg, const char *line)
{
    struct lines *l = arg;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%s", n ? "\n" : "", line);
}

static struct config *good(const char *text)
{
    struct lines l = {""};
    struct config *c = config_parse("p.yaml", str_of(text), NULL, add_line, &l);
    assert_string_equal(l.text, "");
    assert_non_null(c);
    return c;
}

static void assert_says(const char *text, const char *lines)
{
    struct lines l = {""};
    assert_null(config_parse("p.yaml", str_of(text), NULL, add_line, &l));
    assert_string_equal(l.text, lines);
}

#define PROVIDERS                                                                                  \
    "providers:\n"                                                                                 \
    "  up: {dialect: openai, base_url: 'http://127.0.0.1:9/v1//', api_key: k, headers: {X-A: "     \
    "b}}\n"                                                                                        \
    "  sim: {dialect: sim}\n"

static void what_is_not_said_has_its_default(void **state)
{
    (void)state;
    struct config *c = good("");
    assert_string_equal(c->listen.host, "127.0.0.1");
    assert_int_equal(c->listen.port, 8080);
    assert_string_equal(c->data_dir, "./penstock-data");
    cpu_set_t cpus;
    assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    assert_int_equal(c->loops, CPU_COUNT(&cpus));
    assert_int_equal(c->durability, DURABILITY_batched);
    assert_false(c->allow_unpriced);
    assert_int_equal(c->server.memory_in_flight, 256 << 20);
    assert_int_equal(c->server.body_bytes, 32 << 20);
    assert_int_equal(c->server.answer_bytes, 32 << 20);
    assert_int_equal(c->server.header_bytes, 16 << 10);
    assert_int_equal(c->server.url_bytes, 8 << 10);
    assert_int_equal(c->server.json_depth, 128);
    assert_int_equal(c->server.connections, 20000);
    assert_int_equal(c->server.connections_per_address, 5000);
    assert_int_equal(c->server.header_timeout_ms, 10000);
    assert_int_equal(c->server.body_timeout_ms, 60000);
    assert_int_equal(c->server.idle_timeout_ms, 120000);
    assert_int_equal(c->server.drain_timeout_ms, 30000);
    assert_false(c->server.tolerate_half_close);
    assert_int_equal(c->stream.keepalive_ms, 15000);
    assert_false(c->stream.early_headers);
    assert_null(c->cors.origins[0]);
    assert_null(c->default_model);
    assert_int_equal(c->n_models, 0);
    config_unref(c);
}

static void what_is_said_is_there(void **state)
{
    (void)state;
    struct config *c = good(
        "listen: '[::1]:0'\ndata_dir: /tmp/d\nloops: 3\nledger: {durability: strict}\n" PROVIDERS
        "prices: {unpriced: allow}\nserver: {half_close: tolerate, drain_timeout: 0s}\n"
        "stream: {keepalive: off, early_headers: on}\ncors: {origins: ['https://a.b', '*']}\n"
        "models:\n"
        "  m: {targets: [{provider: up, model: n, weight: 5}, {provider: sim, model: chat}],\n"
        "      strategy: weighted, timeouts: {first_token: 2s, idle: 1s}, retry: {attempts: 2, on: "
        "429}}\n"
        "  a: {targets: [{provider: sim, model: echo}]}\n");
    assert_string_equal(c->listen.host, "::1");
    assert_int_equal(c->listen.port, 0);
    assert_string_equal(c->data_dir, "/tmp/d");
    assert_int_equal(c->loops, 3);
    assert_int_equal(c->durability, DURABILITY_strict);
    assert_true(c->allow_unpriced && c->server.tolerate_half_close && c->stream.early_headers);
    assert_int_equal(c->server.drain_timeout_ms, 0);
    assert_int_equal(c->stream.keepalive_ms, 0);
    assert_string_equal(c->cors.origins[1], "*");
    assert_null(c->cors.origins[2]);

    assert_int_equal(c->n_models, 2);
    assert_string_equal(c->models[0].name, "a");
    assert_int_equal(c->models[0].retry.attempts, 1);
    assert_int_equal(c->models[0].timeouts.connect, 5000);
    assert_int_equal(c->models[0].timeouts.first_token, 120000);
    assert_int_equal(c->models[0].timeouts.idle, 60000);
    assert_int_equal(c->models[0].timeouts.total, 600000);
    const struct model *m = config_model(c, STR("m"));
    assert_ptr_equal(m, &c->models[1]);
    assert_string_equal(m->strategy->name, "weighted");
    assert_int_equal(m->n_targets, 2);
    assert_int_equal(m->targets[0].weight, 5);
    assert_int_equal(m->targets[1].weight, 1);
    assert_int_equal(m->timeouts.first_token, 2000);
    assert_int_equal(m->timeouts.idle, 1000);
    assert_int_equal(m->timeouts.total, 600000);
    assert_int_equal(m->retry.attempts, 2);
    assert_true(m->retry.on_429);
    assert_false(m->retry.on_5xx || m->retry.on_timeout || m->retry.on_reset);
    config_unref(c);
}

static void a_provider_is_complete(void **state)
{
    (void)state;
    struct config *c = good(PROVIDERS "  plain: {dialect: openai, proxy: 'http://p:1'}\n");
    const struct provider *up = &c->providers[0], *sim = &c->providers[1],
                          *plain = &c->providers[2];
    assert_string_equal(up->name, "up");
    assert_string_equal(up->base_url, "http://127.0.0.1:9/v1");
    assert_string_equal(up->header_lines[0], "X-A: b");
    assert_null(up->header_lines[1]);
    assert_true(str_eq(up->api_keys[0].s, STR("k")));
    assert_int_equal(sim->dialect->transport, TRANSPORT_sim);
    assert_null(sim->header_lines[0]);
    assert_string_equal(plain->base_url, "https://api.openai.com/v1");
    assert_int_equal(plain->n_api_keys, 0);
    assert_string_equal(plain->upstream.proxy, "http://p:1");
    config_unref(c);
}

static void names_lead_to_models(void **state)
{
    (void)state;
    struct config *c = good(PROVIDERS "models:\n"
                                      "  m: {targets: [{provider: sim, model: chat}]}\n"
                                      "  up/*: {targets: [{provider: up, model: '*'}]}\n"
                                      "  up/ft:*: {targets: [{provider: up, model: 'ft-*-x'}]}\n"
                                      "aliases: {gpt-4o: m, fine: up/ft:1}\n"
                                      "default_model: gpt-4o\n");
    struct arena a;
    arena_init(&a);
    const struct model *m = config_model(c, STR("m"));
    assert_ptr_equal(config_model(c, STR("gpt-4o")), m);
    assert_string_equal(c->default_model, "gpt-4o");
    assert_true(str_eq(config_alias(c, STR("gpt-4o")), STR("m")));
    assert_true(str_eq(target_model(c, m, &m->targets[0], STR("gpt-4o"), &a), STR("chat")));

    const struct model *any = config_model(c, STR("up/gpt-4.1"));
    assert_true(any->is_wildcard);
    assert_true(
        str_eq(target_model(c, any, &any->targets[0], STR("up/gpt-4.1"), &a), STR("gpt-4.1")));
    assert_int_equal(target_price(c, &any->targets[0], STR("gpt-4.1"))->tiers[0].input,
                     INT64_C(2000000000000));
    assert_null(target_price(c, &any->targets[0], STR("none-such")));

    const struct model *fine = config_model(c, STR("fine"));
    assert_string_equal(fine->name, "up/ft:*");
    assert_true(str_eq(target_model(c, fine, &fine->targets[0], STR("fine"), &a), STR("ft-1-x")));

    static const char *const none[] = {"", "M", "up/", "up", "mm", "n"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_null(config_model(c, str_of(none[i])));
    assert_null(config_model(c, (struct str){NULL, 0}));
    arena_done(&a);
    config_unref(c);
}

static void ones_own_price_wins_over_the_catalogue(void **state)
{
    (void)state;
    char path[] = "/tmp/penstock-prices-XXXXXX", text[1024];
    int fd = mkstemp(path);
    dprintf(fd, "{\"version\": \"mine\", \"models\": {\"up/gpt-4.1\": {\"input\": \"0.5\", "
                "\"output\": 1.5}}}");
    close(fd);
    static const char models[] = PROVIDERS "models:\n"
                                           "  a: {targets: [{provider: up, model: gpt-4.1}]}\n"
                                           "  b: {targets: [{provider: up, model: gpt-4o}]}\n"
                                           "  c: {targets: [{provider: up, model: none-such}]}\n";
    snprintf(text, sizeof text, "prices: {file: %s}\n%s", path, models);
    struct config *c = good(text);
    assert_string_equal(c->models[0].targets[0].price->version, "mine");
    assert_string_equal(c->models[1].targets[0].price->version, price_builtin_version());
    assert_null(c->models[2].targets[0].price);
    config_unref(c);

    snprintf(text, sizeof text, "prices: {file: %s, catalogue: none}\n%s", path, models);
    c = good(text);
    assert_string_equal(c->models[0].targets[0].price->version, "mine");
    assert_null(c->models[1].targets[0].price);
    config_unref(c);
    unlink(path);
}

static void what_has_no_price_is_warned_of(void **state)
{
    (void)state;
    static const char text[] =
        PROVIDERS "models: {m: {targets: [{provider: up, model: none-such}]}}\n";
    struct lines l = {""};
    struct config *c = good(text);
    assert_int_equal(config_warn(c, add_line, &l), 1);
    assert_string_equal(
        l.text,
        "p.yaml:4:24: no price for 'up/none-such', so it is refused; price it in prices.file, "
        "or set prices.unpriced: allow");
    assert_int_equal(config_warn(c, add_line, &l), 1);
    config_unref(c);
    c = good("prices: {unpriced: allow}\nproviders: {up: {dialect: openai}}\n"
             "models: {m: {targets: [{provider: up, model: none-such}]}}\n");
    assert_int_equal(config_warn(c, add_line, &l), 0);
    config_unref(c);
}

static void a_file_without_options_is_warned_of(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "# nothing yet\n", "---\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct lines l = {""};
        struct config *c = good(empty[i]);
        assert_int_equal(config_warn(c, add_line, &l), 1);
        assert_string_equal(l.text, "p.yaml:1:1: no option stands in this file, so all have their defaults and "
                                    "there is no model; add 'providers' and 'models'");
        config_unref(c);
    }
}

static void the_command_line_wins(void **state)
{
    (void)state;
    struct lines l = {""};
    struct config_override over = {.listen = "0.0.0.0:81", .data_dir = "/d"};
    struct config *c = config_parse("p.yaml", STR("listen: 127.0.0.1:80"), &over, add_line, &l);
    assert_string_equal(c->listen.host, "0.0.0.0");
    assert_int_equal(c->listen.port, 81);
    assert_string_equal(c->data_dir, "/d");
    config_unref(c);
    over.listen = "81";
    assert_null(config_parse("p.yaml", STR(""), &over, add_line, &l));
    assert_string_equal(l.text, "'--listen' must be ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080");
}

static void an_address_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"8080", ":8080",   "::1:80", "[::1]", "[::1:80",
                                      "a:",   "a:65536", "a:x",    "[]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "listen: \"%s\"\n", bad[i]);
        assert_says(text,
                    "p.yaml:1:9: 'listen' must be ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080");
    }
}

static void no_message_holds_a_key(void **state)
{
    (void)state;
    setenv("CONFIG_TEST", "canary\nX: y", 1);
    assert_says(
        "providers: {a: {dialect: openai, api_key: \"${CONFIG_TEST}\", base_url: "
        "\"${CONFIG_TEST}\",\n"
        "headers: {X: \"${CONFIG_TEST}\", \"a b\": canary}, ca_file: \"${CONFIG_TEST}\"}}\n",
        "p.yaml:1:43: 'api_key' holds a line end or another control character\n"
        "p.yaml:1:71: 'base_url' must be http://… or https://…, without user, query and fragment\n"
        "p.yaml:2:14: a header's value may not hold control characters\n"
        "p.yaml:2:32: a header's name holds letters, digits and '-' only\n"
        "p.yaml:2:57: the file '…' cannot be read");
    unsetenv("CONFIG_TEST");
}

static bool has_ollama(void *arg, const struct dialect *d)
{
    (void)arg;
    return strcmp(d->name, "ollama") == 0;
}

static void clear_keys(void)
{
    for (const struct dialect *d = dialects; d->name; d++)
        if (d->env_key)
            unsetenv(d->env_key);
}

static void without_a_config_there_are_the_sims_and_what_is_found(void **state)
{
    (void)state;
    clear_keys();
    struct lines l = {""};
    struct config *c = config_load(NULL, NULL, add_line, &l);
    assert_string_equal(l.text, "");
    assert_true(c->n_models >= 3);
    assert_string_equal(config_model(c, STR("sim/echo"))->targets[0].model, "echo");
    assert_int_equal(config_warn(c, add_line, &l), 0);
    config_unref(c);

    setenv("OPENAI_API_KEY", "sk-: [x", 1);
    struct buf text = BUF_INIT(CONF_TEXT_BYTES);
    config_default(&text, has_ollama, NULL);
    c = good(text.p);
    buf_done(&text);
    const struct model *m = config_model(c, STR("openai/gpt-4.1"));
    assert_true(str_eq(m->targets[0].provider->api_keys[0].s, STR("sk-: [x")));
    m = config_model(c, STR("ollama/qwen3:4b"));
    assert_string_equal(m->targets[0].provider->base_url, "http://127.0.0.1:11434/v1");
    assert_non_null(target_price(c, &m->targets[0], STR("qwen3:4b")));
    assert_null(config_model(c, STR("gemini/x")));
    config_found(c, add_line, &l);
    assert_string_equal(
        l.text, "sim: built in: deterministic answers, no network; sim/chat, sim/echo, sim/embed\n"
                "openai: OpenAI, and whatever speaks exactly as it does, at "
                "https://api.openai.com/v1; openai/*\n"
                "ollama: Ollama, at http://127.0.0.1:11434/v1; ollama/*");
    config_unref(c);
    clear_keys();
}

struct peer { /* a server that says one thing to whoever comes */
    int fd;
    const char *answer;
};

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    char question[1024];
    int fd = accept(p->fd, NULL, NULL);
    if (p->answer && recv(fd, question, sizeof question, 0) > 0)
        assert_int_equal(send(fd, p->answer, strlen(p->answer), 0), strlen(p->answer));
    if (!p->answer) /* until the other side gives up */
        while (recv(fd, question, sizeof question, 0) > 0)
            ;
    close(fd);
    return NULL;
}

static bool is_detected(const char *answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof at;
    struct peer p = {socket(AF_INET, SOCK_STREAM, 0), answer};
    assert_int_equal(bind(p.fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p.fd, 1), 0);
    assert_int_equal(getsockname(p.fd, (struct sockaddr *)&at, &n), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, peer_run, &p), 0);
    bool found = detect_models(ntohs(at.sin_port));
    pthread_join(thread, NULL);
    close(p.fd);
    assert_false(detect_models(ntohs(at.sin_port)));
    return found;
}

static void a_server_is_found_by_its_list_of_models(void **state)
{
    (void)state;
    assert_true(is_detected(
        "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"object\":\"list\",\"data\":[]}"));
    assert_false(is_detected("HTTP/1.1 404 Not Found\r\n\r\n{\"data\":[]}"));
    assert_false(is_detected("HTTP/1.1 200 OK\r\n\r\n<html>"));
    assert_false(is_detected("SSH-2.0-x\r\n"));
    assert_false(is_detected(NULL));
}

static void a_file_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct lines l = {""};
    assert_null(config_load("/none/such.yaml", NULL, add_line, &l));
    assert_non_null(strstr(l.text, "/none/such.yaml"));
}

static void paths_are_beside_the_config(void **state)
{
    (void)state;
    char folder[] = "/tmp/penstock-config-XXXXXX", path[128], key[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.yaml", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    FILE *f = fopen(key, "w");
    fputs("from-file\n", f);
    fclose(f);
    f = fopen(path, "w");
    fputs("providers: {up: {dialect: openai, api_key: file:key, ca_file: key}}\n", f);
    fclose(f);
    struct lines l = {""};
    struct config *c = config_load(path, NULL, add_line, &l);
    assert_string_equal(l.text, "");
    assert_true(str_eq(c->providers[0].api_keys[0].s, STR("from-file")));
    assert_string_equal(c->providers[0].upstream.ca_file, key);
    config_unref(c);
    unlink(path);
    unlink(key);
    rmdir(folder);
}

static void a_slot_keeps_what_is_in_use(void **state)
{
    (void)state;
    struct config_slot s;
    config_slot_init(&s);
    assert_null(config_slot_get(&s));
    config_slot_put(&s, good("loops: 1"));
    struct config *held = config_slot_get(&s);
    config_slot_put(&s, good("loops: 2"));
    struct config *next = config_slot_get(&s);
    assert_int_equal(held->loops, 1);
    assert_int_equal(held->generation, 1);
    assert_int_equal(next->loops, 2);
    assert_int_equal(next->generation, 2);
    config_unref(held);
    config_unref(next);
    config_slot_done(&s);
}

static void count_option(void *arg, const struct option *o)
{
    unsigned *n = arg;
    ++*n;
    assert_true(*o->path && *o->type && *o->help);
    assert_string_not_equal(o->type, "not built yet");
}

static void every_option_is_listed_with_help(void **state)
{
    (void)state;
    unsigned n = 0;
    config_options(count_option, &n);
    assert_true(n > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(what_is_said_is_there),
        cmocka_unit_test(a_provider_is_complete),
        cmocka_unit_test(names_lead_to_models),
        cmocka_unit_test(ones_own_price_wins_over_the_catalogue),
        cmocka_unit_test(what_has_no_price_is_warned_of),
        cmocka_unit_test(a_file_without_options_is_warned_of),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(an_address_is_checked),
        cmocka_unit_test(no_message_holds_a_key),
        cmocka_unit_test(without_a_config_there_are_the_sims_and_what_is_found),
        cmocka_unit_test(a_server_is_found_by_its_list_of_models),
        cmocka_unit_test(a_file_that_is_not_there_is_said),
        cmocka_unit_test(paths_are_beside_the_config),
        cmocka_unit_test(a_slot_keeps_what_is_in_use),
        cmocka_unit_test(every_option_is_listed_with_help),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
