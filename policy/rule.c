#include "policy/rule.h"

#include <strings.h>

#include "policy/scan_priv.h"

const char *action_word(enum action a)
{
    static const char *const words[] = {
#define ACTION(name, help) #name,
#include "policy/action_list.h"
    };
    return words[a];
}

const char *direction_word(enum direction d)
{
    return d == DIRECTION_request ? "request" : "response";
}

static char capital(char c)
{
    return is_letter(c) ? (char)(c & ~0x20) : is_digit(c) ? c : '_';
}

void rule_name(struct rule *r, const char *id)
{
    const char *last = strrchr(id, '.');
    last = last ? last + 1 : id;
    size_t n = 0, letters = 0;
    memcpy(r->code, "XX", sizeof r->code);
    for (; n < sizeof r->label - 1 && last[n]; n++) {
        r->label[n] = capital(last[n]);
        if (letters < 2 && is_letter(last[n]))
            r->code[letters++] = r->label[n];
    }
    r->label[n] = '\0';
    r->id = id;
    for (unsigned i = 0; i < n_detectors; i++)
        if (strcmp(detectors[i].id, id) == 0)
            memcpy(r->code, detectors[i].code, sizeof r->code);
}

static bool matches_whole(const struct pattern *p, struct str value)
{
    struct pattern_match m;
    const struct pattern_text t = {.text = value};
    return pattern_find(p, &t, 0, &m) == PATTERN_YES;
}

bool rule_lets_pass(const struct rule *r, struct str value)
{
    for (unsigned i = 0; i < r->n_allowed; i++)
        if (r->allowed[i].n == value.n && strncasecmp(r->allowed[i].p, value.p, value.n) == 0)
            return true;
    for (unsigned i = 0; i < r->n_allowed_patterns; i++)
        if (matches_whole(r->allowed_patterns[i], value))
            return true;
    return false;
}

bool rule_confirms(const struct rule *r, struct str text, size_t from, size_t to)
{
    struct str value = {text.p + from, to - from};
    return (!r->valid || r->valid(value)) &&
           (r->min_entropy <= 0 || check_entropy(value) >= r->min_entropy) &&
           (!r->cue || scan_cue(text, from, r->cue)) && !rule_lets_pass(r, value);
}
