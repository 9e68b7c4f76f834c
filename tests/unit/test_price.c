#include "gateway/llm/price.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

static struct price_book *book_of(const char *text, struct err *err)
{
    const struct price_source source = {"p.json", str_of(text)};
    return price_book_new(&source, 1, err);
}

static struct price flat(int64_t input, int64_t output)
{
    return (struct price){
        .version = "v",
        .tiers = {{0, input, input, input, input, output, output, output}},
        .n_tiers = 1,
    };
}

static void prices_are_read_as_they_are_written(void **state)
{
    (void)state;
    struct err err = {0};
    struct price_book *b = book_of(
        "{\"version\": \"v1\", \"models\": {\"up/m\": {\"input\": 0.15, \"output\": \"1.5\",\n"
        "\"cached_input\": 1e-1, \"default_max_output\": 4096, \"context\": 128000,"
        " \"image_tokens\": 1445},\n"
        "\"up/third\": {\"input\": \"0.333333333333\", \"output\": 0.1}}}",
        &err);
    assert_non_null(b);
    const struct price *p = price_find(b, STR("up"), STR("m"));
    assert_string_equal(p->version, "v1");
    assert_int_equal(p->n_tiers, 1);
    assert_int_equal(p->tiers[0].input, INT64_C(150000000000));
    assert_int_equal(p->tiers[0].cached_input, INT64_C(100000000000));
    assert_int_equal(p->tiers[0].cache_write, INT64_C(150000000000));
    assert_int_equal(p->tiers[0].output, INT64_C(1500000000000));
    assert_int_equal(p->tiers[0].reasoning, INT64_C(1500000000000));
    assert_int_equal(p->default_max_output, 4096);
    assert_int_equal(p->image_tokens, 1445);
    assert_int_equal(p->audio_tokens, 0);
    assert_int_equal(p->context, 128000);
    assert_int_equal(price_find(b, STR("up"), STR("third"))->tiers[0].input, INT64_C(333333333333));
    assert_null(price_find(b, STR("up"), STR("n")));
    assert_null(price_find(b, STR("u"), STR("p/m")));
    price_book_free(b);
}

static void a_star_prices_what_has_no_price_of_its_own(void **state)
{
    (void)state;
    struct err err = {0};
    struct price_book *b =
        book_of("version: v\nmodels:\n  up/*: {input: 0}\n  up/a/b: {input: 3}\n", &err);
    assert_int_equal(price_find(b, STR("up"), STR("any"))->tiers[0].input, 0);
    assert_int_equal(price_find(b, STR("up"), STR("a/b"))->tiers[0].input, INT64_C(3000000000000));
    assert_null(price_find(b, STR("down"), STR("any")));
    price_book_free(b);
}

static void a_tier_inherits_what_it_does_not_say(void **state)
{
    (void)state;
    struct err err = {0};
    struct price_book *b = book_of(
        "{version: v, models: {up/m: {input: 1, cached_input: 0.5, output: 2, tiers: [\n"
        "{above_input: 100, input: 10, output: 20}, {above_input: 200, cached_input: 7}]}}}",
        &err);
    assert_non_null(b);
    const struct price *p = price_find(b, STR("up"), STR("m"));
    assert_int_equal(p->n_tiers, 3);
    assert_int_equal(p->tiers[1].cached_input, INT64_C(10000000000000));
    assert_int_equal(p->tiers[2].input, INT64_C(10000000000000));
    assert_int_equal(p->tiers[2].cached_input, INT64_C(7000000000000));
    assert_int_equal(p->tiers[2].output, INT64_C(20000000000000));
    const struct usage at = {.input = 100}, above = {.input = 101};
    assert_int_equal(price_cost_nusd(p, &at), 100000);
    assert_int_equal(price_cost_nusd(p, &above), 1010000);
    price_book_free(b);
}

static void later_files_win(void **state)
{
    (void)state;
    struct err err = {0};
    const struct price_source sources[] = {
        {"a", STR("{version: a, models: {up/m: {input: 1}, up/n: {input: 1}}}")},
        {"b", STR("{version: b, models: {up/m: {input: 2}}}")},
    };
    struct price_book *b = price_book_new(sources, 2, &err);
    assert_string_equal(price_find(b, STR("up"), STR("m"))->version, "b");
    assert_string_equal(price_find(b, STR("up"), STR("n"))->version, "a");
    price_book_free(b);
}

static void a_bad_file_is_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *detail;
    } cases[] = {
        {"{\"version\": \"v\", \"models\": {\"up/m\": {\"input\": -1}}}",
         "p.json:1:47: a price is USD per million tokens, as 0.15 or \"0.15\", with up to 12 "
         "places, not '-1'"},
        {"{version: v, models: {up/m: {input: 0.0000000000001}}}",
         "p.json:1:37: a price is USD per million tokens, as 0.15 or \"0.15\", with up to 12 "
         "places, not "
         "'0.0000000000001'"},
        {"{version: v, models: {m: {input: 1}}}",
         "p.json:1:23: a price's name is PROVIDER/MODEL, not 'm'"},
        {"{version: v, models: {up/m: {output: 1}}}",
         "p.json:1:23: 'up/m' has no 'input' price; write 0 if it costs nothing"},
        {"{version: v, models: {up/m: {input: 1, inptu: 1}}}",
         "p.json:1:40: unknown option 'inptu' of a model; did you mean 'input'?"},
        {"{models: {}}", "p.json:1:1: 'version' is missing (a name of this file's prices, "
                         "written into every row of the ledger)"},
        {"{version: v, models: {up/m: {input: 1, tiers: [{above_input: 5}, {above_input: 5}]}}}",
         "p.json:1:66: tiers must stand in ascending order of 'above_input'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        assert_null(book_of(cases[i].text, &err));
        assert_int_equal(err.code, ERR_bad_config);
        assert_string_equal(err.detail, cases[i].detail);
        assert_null(strstr(err.say, "p.json"));
        assert_string_equal(err.detail + strlen(err.detail) - strlen(err.say), err.say);
    }
}

static void half_a_nano_dollar_goes_to_the_even_side(void **state)
{
    (void)state;
    /* one token at 0.0005 USD per million is half a nano-USD */
    const struct price p = flat(500000000, 0);
    static const int64_t cases[][2] = {{0, 0}, {1, 0}, {2, 1}, {3, 2},
                                       {4, 2}, {5, 2}, {6, 3}, {7, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct usage u = {.input = cases[i][0]};
        assert_int_equal(price_cost_nusd(&p, &u), cases[i][1]);
        assert_int_equal(price_bound_nusd(&p, cases[i][0], 0), (cases[i][0] + 1) / 2);
    }
}

static void a_cost_is_rounded_once_over_all_kinds(void **state)
{
    (void)state;
    const struct price p = flat(300000000, 300000000); /* 0.3 nano-USD a token */
    const struct usage u = {.input = 1, .output = 1};
    assert_int_equal(price_cost_nusd(&p, &u), 1);
}

static void parts_are_within_their_totals(void **state)
{
    (void)state;
    struct price p = flat(1000000000, 0); /* 1 nano-USD a token */
    p.tiers[0].cached_input = 100000000000;
    const struct usage u = {.input = 10, .cached = 4},
                       odd = {.input = 3, .cached = 5, .cache_write = 5};
    assert_int_equal(price_cost_nusd(&p, &u), 406);
    assert_int_equal(price_cost_nusd(&p, &odd), 300);
}

static void what_is_past_counting_is_the_most(void **state)
{
    (void)state;
    const struct price p = flat(INT64_MAX, INT64_MAX);
    const struct usage u = {.input = INT64_MAX, .output = INT64_MAX};
    assert_int_equal(price_cost_nusd(&p, &u), INT64_MAX);
    assert_int_equal(price_bound_nusd(&p, INT64_MAX, INT64_MAX), INT64_MAX);
    assert_int_equal(price_bound_nusd(&p, 0, 0), 0);
}

static uint64_t dice_next(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

/* Of every size, from a few units to the whole range below `limit`. */
static int64_t draw(uint64_t *dice, int64_t limit)
{
    uint64_t bits = dice_next(dice) >> (dice_next(dice) % 56 + 1);
    return (int64_t)(bits % (uint64_t)limit);
}

static struct price draw_price(uint64_t *dice)
{
    struct price p = {.version = "v", .n_tiers = 1 + (unsigned)(dice_next(dice) % PRICE_TIERS)};
    for (unsigned i = 0; i < p.n_tiers; i++) {
        struct price_tier *t = &p.tiers[i];
        t->above_input = i ? p.tiers[i - 1].above_input + 1 + draw(dice, 100000) : 0;
        int64_t *prices[] = {&t->input,  &t->cached_input, &t->cache_write, &t->audio_input,
                             &t->output, &t->reasoning,    &t->audio_output};
        for (size_t k = 0; k < 7; k++)
            *prices[k] = draw(dice, INT64_C(200000000000000));
    }
    return p;
}

static void write_vector(FILE *f, const struct price *p, const struct usage *u)
{
    fprintf(f, "%u", p->n_tiers);
    for (unsigned i = 0; i < p->n_tiers; i++) {
        const struct price_tier *t = &p->tiers[i];
        const int64_t v[] = {t->above_input, t->input,  t->cached_input, t->cache_write,
                             t->audio_input, t->output, t->reasoning,    t->audio_output};
        for (size_t k = 0; k < 8; k++)
            fprintf(f, " %" PRId64, v[k]);
    }
    const int64_t v[] = {u->input,
                         u->cached,
                         u->cache_write,
                         u->audio_in,
                         u->output,
                         u->reasoning,
                         u->audio_out,
                         price_cost_nusd(p, u),
                         price_bound_nusd(p, u->input, u->output)};
    for (size_t k = 0; k < 9; k++)
        fprintf(f, " %" PRId64, v[k]);
    fprintf(f, "\n");
}

static void an_independent_decimal_sum_agrees(void **state)
{
    (void)state;
    const char *python = getenv("PYTHON"), *srcdir = getenv("srcdir");
    char command[4096];
    snprintf(command, sizeof command, "%s %s/tests/unit/price_check.py",
             python ? python : "python3", srcdir ? srcdir : ".");
    FILE *f = popen(command, "w");
    assert_non_null(f);
    uint64_t dice = 88172645463325252u;
    for (int i = 0; i < 5000; i++) {
        struct price p = draw_price(&dice);
        struct usage u = {.input = draw(&dice, 10000000), .output = draw(&dice, 1000000)};
        u.cached = draw(&dice, u.input + 1);
        u.cache_write = draw(&dice, u.input - u.cached + 1);
        u.audio_in = draw(&dice, u.input - u.cached - u.cache_write + 1);
        u.reasoning = draw(&dice, u.output + 1);
        u.audio_out = draw(&dice, u.output - u.reasoning + 1);
        write_vector(f, &p, &u);
    }
    assert_int_equal(pclose(f), 0);
}

static void the_catalogue_knows_models_and_their_snapshots(void **state)
{
    (void)state;
    const struct price *p = price_builtin(STR("openai"), STR("gpt-4.1"));
    assert_non_null(p);
    assert_string_equal(p->version, price_builtin_version());
    assert_int_equal(p->tiers[0].input, INT64_C(2000000000000));
    assert_int_equal(p->tiers[0].output, INT64_C(8000000000000));
    assert_ptr_equal(price_builtin(STR("anthropic"), STR("claude-sonnet-4-5-20250929")),
                     price_builtin(STR("anthropic"), STR("claude-sonnet-4-5")));
    assert_null(price_builtin(STR("openai"), STR("gpt-4.1-tiny")));
    assert_null(price_builtin(STR("openai"), STR("")));
    assert_int_equal(price_builtin(STR("sim"), STR("chat"))->tiers[0].output,
                     INT64_C(600000000000));
    assert_int_equal(price_builtin(STR("ollama"), STR("qwen3:4b"))->tiers[0].input, 0);
}

static void a_bound_is_never_below_a_cost(void **state)
{
    (void)state;
    uint64_t dice = 4711;
    for (int i = 0; i < 20000; i++) {
        struct price p = draw_price(&dice);
        struct usage u = {.input = draw(&dice, 10000000), .output = draw(&dice, 1000000)};
        u.cached = draw(&dice, u.input + 1);
        u.reasoning = draw(&dice, u.output + 1);
        assert_true(price_bound_nusd(&p, u.input, u.output) >= price_cost_nusd(&p, &u));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_read_as_they_are_written),
        cmocka_unit_test(a_star_prices_what_has_no_price_of_its_own),
        cmocka_unit_test(a_tier_inherits_what_it_does_not_say),
        cmocka_unit_test(later_files_win),
        cmocka_unit_test(a_bad_file_is_refused_with_the_place),
        cmocka_unit_test(half_a_nano_dollar_goes_to_the_even_side),
        cmocka_unit_test(a_cost_is_rounded_once_over_all_kinds),
        cmocka_unit_test(parts_are_within_their_totals),
        cmocka_unit_test(what_is_past_counting_is_the_most),
        cmocka_unit_test(an_independent_decimal_sum_agrees),
        cmocka_unit_test(the_catalogue_knows_models_and_their_snapshots),
        cmocka_unit_test(a_bound_is_never_below_a_cost),
    };
    return cmocka_run_group_tests_name("price", tests, NULL, NULL);
}
