/*
 * price_book.c - price files, read as tables of options.
 *
 * A price stays text until money_parse() makes pico-USD of it, so 0.1 is a tenth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/conf.h"
#include "gateway/base/mem.h"
#include "gateway/base/money.h"
#include "gateway/llm/price.h"

enum { NAME_BYTES = 512, TOKENS_MAX = 1000000000 };

struct tier_spec {
    struct conf_word id;
    unsigned above_input;
    struct conf_word input, cached_input, cache_write, audio_input;
    struct conf_word output, reasoning, audio_output;
};

struct model_spec {
    struct tier_spec first; /* begins with the id */
    unsigned default_max_output, context, image_tokens, audio_tokens;
    struct conf_words capabilities;
    struct conf_items tiers;
};

struct file_spec {
    struct conf_word id;
    const char *version;
    struct conf_items models;
};

#define PRICE_ROW(name, member, help)                                                              \
    {                                                                                              \
        name, CONF_TYPE_WORD, member, NULL, 1, 0, NULL, NULL, help                                 \
    }
#define PRICE_ROWS(holder, prefix)                                                                 \
    PRICE_ROW("input", offsetof(holder, prefix input), "of tokens that the caller sent"),          \
        PRICE_ROW("cached_input", offsetof(holder, prefix cached_input),                           \
                  "of those, read from the vendor's cache"),                                       \
        PRICE_ROW("cache_write", offsetof(holder, prefix cache_write), "of those, written to it"), \
        PRICE_ROW("audio_input", offsetof(holder, prefix audio_input), "of those, audio"),         \
        PRICE_ROW("output", offsetof(holder, prefix output), "of tokens that the model wrote"),    \
        PRICE_ROW("reasoning", offsetof(holder, prefix reasoning), "of those, reasoning"),         \
        PRICE_ROW("audio_output", offsetof(holder, prefix audio_output), "of those, audio")
#define TABLE(what, rows, holder)                                                                  \
    {                                                                                              \
        what, rows, sizeof(rows) / sizeof(rows)[0], sizeof(holder)                                 \
    }

static const struct conf_row tier_rows[] = {
    {"above_input", CONF_TYPE_COUNT, offsetof(struct tier_spec, above_input), conf_must, 1,
     TOKENS_MAX, NULL, NULL, "it holds for requests with more input tokens than this"},
    PRICE_ROWS(struct tier_spec, ),
};
static const struct conf_table tier_table = TABLE("a tier", tier_rows, struct tier_spec);

static const struct conf_row model_rows[] = {
    PRICE_ROWS(struct model_spec, first.),
    {"default_max_output", CONF_TYPE_COUNT, offsetof(struct model_spec, default_max_output), NULL,
     1, TOKENS_MAX, NULL, NULL, "the most tokens it writes where the request sets no maximum"},
    {"context", CONF_TYPE_COUNT, offsetof(struct model_spec, context), NULL, 1, TOKENS_MAX, NULL,
     NULL, "tokens that input and output may have together"},
    {"image_tokens", CONF_TYPE_COUNT, offsetof(struct model_spec, image_tokens), NULL, 1,
     TOKENS_MAX, NULL, NULL, "the most tokens that an image becomes"},
    {"audio_tokens", CONF_TYPE_COUNT, offsetof(struct model_spec, audio_tokens), NULL, 1,
     TOKENS_MAX, NULL, NULL, "the most tokens that a piece of audio becomes"},
    {"capabilities", CONF_TYPE_WORDS, offsetof(struct model_spec, capabilities), NULL, 0, 0,
     CAPABILITY_WORDS, NULL, "what it can, of what not every model can"},
    {"tiers", CONF_TYPE_LIST, offsetof(struct model_spec, tiers), NULL, 0, PRICE_TIERS - 1, NULL,
     &tier_table, "other prices for long inputs"},
};
static const struct conf_table model_table = TABLE("a model", model_rows, struct model_spec);

static const struct conf_row file_rows[] = {
    {"version", CONF_TYPE_TEXT, offsetof(struct file_spec, version), conf_must, 1, 0, NULL, NULL,
     "a name of this file's prices, written into every row of the ledger"},
    {"models", CONF_TYPE_MAP, offsetof(struct file_spec, models), conf_must, 0, 0, NULL,
     &model_table, "prices by PROVIDER/MODEL"},
};
static const struct conf_table file_table = TABLE(NULL, file_rows, struct file_spec);

struct row {
    const char *name;
    size_t age; /* a later file's is greater */
    struct price price;
};

struct price_book {
    struct conf **files; /* own the texts */
    size_t n_files;
    struct row *rows; /* sorted by name, the newest alone */
    size_t n_rows;
};

static int64_t parse_price(struct conf *c, const struct conf_word *word, int64_t otherwise)
{
    int64_t v;
    if (!word->text)
        return otherwise;
    if (money_parse(str_of(word->text), PRICE_PLACES, &v))
        return v;
    conf_problem(
        c, word->at,
        "a price is USD per million tokens, as 0.15 or \"0.15\", with up to %d places, not '%s'",
        PRICE_PLACES, conf_quote(c, str_of(word->text)));
    return otherwise;
}

/* What a tier does not say is as in the one before it. */
static struct price_tier make_tier(struct conf *c, const struct tier_spec *s,
                                   const struct price_tier *below)
{
    static const struct price_tier none;
    struct price_tier t = {.above_input = s->above_input};
    bool has_input = s->input.text || !below, has_output = s->output.text || !below;
    if (!below)
        below = &none;
    t.input = parse_price(c, &s->input, below->input);
    t.output = parse_price(c, &s->output, below->output);
    t.cached_input = parse_price(c, &s->cached_input, has_input ? t.input : below->cached_input);
    t.cache_write = parse_price(c, &s->cache_write, has_input ? t.input : below->cache_write);
    t.audio_input = parse_price(c, &s->audio_input, has_input ? t.input : below->audio_input);
    t.reasoning = parse_price(c, &s->reasoning, has_output ? t.output : below->reasoning);
    t.audio_output = parse_price(c, &s->audio_output, has_output ? t.output : below->audio_output);
    return t;
}

/* Nothing is known to be missing where nothing is said. */
static unsigned make_lacks(const struct conf_words *words)
{
    unsigned can = words->v ? 0 : CAN_all;
    for (size_t i = 0; words->v && i < words->n; i++)
        can |= capability_bit(words->v[i].text);
    return CAN_all & ~can;
}

static struct price make_price(struct conf *c, const char *version, const struct model_spec *s)
{
    struct price p = {
        .version = version,
        .default_max_output = s->default_max_output,
        .context = s->context,
        .image_tokens = s->image_tokens,
        .audio_tokens = s->audio_tokens,
        .lacks = make_lacks(&s->capabilities),
    };
    if (!s->first.input.text)
        conf_problem(c, s->first.id.at, "'%s' has no 'input' price; write 0 if it costs nothing",
                     conf_quote(c, str_of(s->first.id.text)));
    unsigned n = 0;
    p.tiers[n++] = make_tier(c, &s->first, NULL);
    const struct tier_spec *tiers = s->tiers.v;
    for (size_t i = 0; i < s->tiers.n; i++) {
        const struct price_tier *below = &p.tiers[n - 1];
        if (tiers[i].above_input <= below->above_input)
            conf_problem(c, tiers[i].id.at, "tiers must stand in ascending order of 'above_input'");
        p.tiers[n++] = make_tier(c, &tiers[i], below);
    }
    p.n_tiers = n;
    return p;
}

static void add_models(struct price_book *b, struct conf *c, const struct file_spec *spec)
{
    const struct model_spec *models = spec->models.v;
    b->rows = mem_realloc(b->rows, (b->n_rows + spec->models.n) * sizeof *b->rows);
    for (size_t i = 0; i < spec->models.n; i++) {
        const char *name = models[i].first.id.text, *slash = strchr(name, '/');
        if (!slash || slash == name || !slash[1] || strlen(name) >= NAME_BYTES)
            conf_problem(c, models[i].first.id.at, "a price's name is PROVIDER/MODEL, not '%s'",
                         conf_quote(c, str_of(name)));
        b->rows[b->n_rows++] = (struct row){
            .name = name, .age = b->n_files, .price = make_price(c, spec->version, &models[i])};
    }
}

struct first_line {
    char text[sizeof((struct err *)0)->detail];
};

static void keep_first(void *arg, const char *line)
{
    struct first_line *f = arg;
    if (!*f->text)
        snprintf(f->text, sizeof f->text, "%s", line);
}

/* What is wrong without the place, for those who may not know the file's name. */
static const char *without_place(const char *line, const char *file)
{
    const char *after =
        strstr(line + (strncmp(line, file, strlen(file)) == 0 ? strlen(file) : 0), ": ");
    return after ? after + 2 : line;
}

static bool add_file(struct price_book *b, const struct price_source *s, struct err *err)
{
    struct conf *c = conf_new(s->name);
    struct file_spec spec = {0};
    struct conf_node *root = conf_parse(c, s->text);
    if (root)
        conf_read(c, root, &file_table, &spec);
    if (root && conf_problems(c) == 0)
        add_models(b, c, &spec);
    b->files[b->n_files++] = c;
    struct first_line first = {""};
    if (conf_report(c, keep_first, &first) == 0)
        return true;
    err_set(err, ERR_bad_config, "%s", first.text);
    snprintf(err->say, sizeof err->say, "%s", without_place(first.text, s->name));
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static int by_name_and_age(const void *a, const void *b)
{
    const struct row *ra = a, *rb = b;
    int c = by_name(a, b);
    return c ? c : (ra->age < rb->age) - (ra->age > rb->age);
}

static void keep_newest(struct price_book *b)
{
    size_t kept = 0;
    if (b->n_rows)
        qsort(b->rows, b->n_rows, sizeof *b->rows, by_name_and_age);
    for (size_t i = 0; i < b->n_rows; i++)
        if (kept == 0 || by_name(&b->rows[kept - 1], &b->rows[i]) != 0)
            b->rows[kept++] = b->rows[i];
    b->n_rows = kept;
}

struct price_book *price_book_new(const struct price_source *sources, size_t n, struct err *err)
{
    struct price_book *b = NEW(struct price_book);
    b->files = mem_zalloc(n * sizeof(b->files[0]));
    for (size_t i = 0; i < n; i++)
        if (!add_file(b, &sources[i], err)) {
            price_book_free(b);
            return NULL;
        }
    keep_newest(b);
    return b;
}

void price_book_free(struct price_book *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n_files; i++)
        conf_free(b->files[i]);
    free(b->files);
    free(b->rows);
    free(b);
}

static const struct price *find(const struct price_book *b, struct str provider, struct str model)
{
    char name[NAME_BYTES];
    if (provider.n + model.n + 2 > sizeof name || b->n_rows == 0)
        return NULL;
    snprintf(name, sizeof name, STR_FMT "/" STR_FMT, STR_ARG(provider), STR_ARG(model));
    const struct row key = {.name = name};
    const struct row *row = bsearch(&key, b->rows, b->n_rows, sizeof *b->rows, by_name);
    return row ? &row->price : NULL;
}

const struct price *price_find(const struct price_book *b, struct str provider, struct str model)
{
    const struct price *p = find(b, provider, model);
    return p ? p : find(b, provider, STR("*"));
}
