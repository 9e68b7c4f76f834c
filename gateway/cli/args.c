#include "gateway/cli/args.h"

#include <string.h>

#include "gateway/base/out.h"
#include "gateway/base/str.h"

static const struct arg_option help_option = {"help", 'h', NULL, "print this"};

static const struct arg_option *find_name(const struct arg_option *options, struct str name)
{
    if (str_eq(name, str_of(help_option.name)))
        return &help_option;
    for (const struct arg_option *o = options; o && o->name; o++)
        if (str_eq(str_of(o->name), name))
            return o;
    return NULL;
}

static const struct arg_option *find_letter(const struct arg_option *options, char letter)
{
    for (const struct arg_option *o = options; o && o->name; o++)
        if (o->letter == letter)
            return o;
    return letter == help_option.letter ? &help_option : NULL;
}

/* `attached` is what stands in the same word, or NULL; *i moves past what was used. */
static bool give(struct args *a, const struct arg_option *o, const char *attached, int argc,
                 char **argv, int *i, struct err *err)
{
    const char *value = attached;
    if (!o->value && attached)
        return err_say(err, ERR_bad_request, NULL, "--%s takes no value", o->name);
    if (o->value && !attached) {
        if (*i + 1 >= argc)
            return err_say(err, ERR_bad_request, NULL, "--%s needs a value: %s", o->name, o->value);
        value = argv[++*i];
    }
    if (a->n_given == ARGS_MAX)
        return err_say(err, ERR_bad_request, NULL, "more than %d options", ARGS_MAX);
    a->given[a->n_given].option = o;
    a->given[a->n_given++].value = value;
    return true;
}

static bool take_long(struct args *a, int argc, char **argv, int *i, struct err *err)
{
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    struct str name = {word, equals ? (size_t)(equals - word) : strlen(word)};
    const struct arg_option *o = find_name(a->options, name);
    if (!o)
        return err_say(err, ERR_bad_request, NULL, "there is no option --%.64s", word);
    return give(a, o, equals ? equals + 1 : NULL, argc, argv, i, err);
}

static bool take_short(struct args *a, int argc, char **argv, int *i, struct err *err)
{
    const char *word = argv[*i];
    const struct arg_option *o = find_letter(a->options, word[1]);
    if (!o)
        return err_say(err, ERR_bad_request, NULL, "there is no option -%c", word[1]);
    return give(a, o, word[2] ? word + 2 : NULL, argc, argv, i, err);
}

bool args_parse(struct args *a, const struct arg_option *options, int argc, char **argv,
                struct err *err)
{
    *a = (struct args){.options = options};
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool ok = true;
        if (!ended && strcmp(word, "--") == 0)
            ended = true;
        else if (!ended && word[0] == '-' && word[1] == '-')
            ok = take_long(a, argc, argv, &i, err);
        else if (!ended && word[0] == '-' && word[1])
            ok = take_short(a, argc, argv, &i, err);
        else if (a->n_words < ARGS_MAX)
            a->words[a->n_words++] = word;
        else
            ok = err_say(err, ERR_bad_request, NULL, "more than %d words", ARGS_MAX);
        if (!ok)
            return false;
    }
    return true;
}

bool args_has(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->n_given; i++)
        if (strcmp(a->given[i].option->name, name) == 0)
            return true;
    return false;
}

const char *args_get(const struct args *a, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < a->n_given; i++)
        if (strcmp(a->given[i].option->name, name) == 0)
            value = a->given[i].value;
    return value;
}

const char *args_nth(const struct args *a, const char *name, size_t n)
{
    for (size_t i = 0; i < a->n_given; i++)
        if (strcmp(a->given[i].option->name, name) == 0 && n-- == 0)
            return a->given[i].value;
    return NULL;
}

static void print_option(const struct arg_option *o)
{
    struct buf left = BUF_INIT(64);
    if (o->letter)
        buf_addf(&left, "-%c, ", o->letter);
    buf_addf(&left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    out_print("  %-24s %s\n", left.p, o->help);
    buf_done(&left);
}

void args_help(const struct arg_option *options)
{
    for (const struct arg_option *o = options; o && o->name; o++)
        print_option(o);
    print_option(&help_option);
}
