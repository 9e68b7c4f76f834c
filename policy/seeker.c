/*
 * The complication is what must stay when text runs out: not only what an undecided
 * match may cover, but also what an anchor yet to come may look back on.
 */
#include "policy/seeker.h"

#include <assert.h>

#include "gateway/base/mem.h"
#include "policy/scan_priv.h"

void seeker_init(struct seeker *s, const struct plan *plan)
{
    *s = (struct seeker){.plan = plan};
    s->own =
        plan->n_own > SEEKER_OWN_INLINE ? mem_zalloc(plan->n_own * sizeof *s->own) : s->inline_own;
}

void seeker_done(struct seeker *s)
{
    if (s->own != s->inline_own)
        free(s->own);
    s->own = s->inline_own;
}

static void drop(size_t *at, size_t n)
{
    *at = *at > n ? *at - n : 0;
}

static void drop_state(struct seeker_state *st, size_t n)
{
    drop(&st->at, n);
    drop(&st->from, n);
    drop(&st->to, n);
}

void seeker_drop(struct seeker *s, size_t n)
{
    drop(&s->floor, n);
    drop(&s->clean, n);
    drop_state(&s->builtin, n);
    for (unsigned i = 0; i < s->plan->n_own; i++)
        drop_state(&s->own[i], n);
}

/* ---- the built-in detectors */

/* The strongest rule of this row that has nothing to let the value pass for. */
static const struct rule *judge(const struct rule *const *rules, enum direction d, struct str value)
{
    const struct rule *best = NULL;
    for (; *rules; rules++)
        if ((!best || (*rules)->actions[d] > best->actions[d]) && !rule_lets_pass(*rules, value))
            best = *rules;
    return best;
}

static bool has_bit(const struct detector_bits *b, unsigned row)
{
    return b->word[row / 64] >> row % 64 & 1;
}

/* Asks one detector, and its second looks. */
static enum scan_answer ask(const struct seeker *s, unsigned row, struct view *v, struct match *m,
                            const struct rule **rule)
{
    const struct detector *d = &detectors[row];
    v->d = d;
    enum scan_answer answer = d->scan(v, m);
    if (answer != SCAN_YES)
        return answer;
    struct str value = {v->text.p + m->from, m->len};
    if (d->valid && !d->valid(value))
        return SCAN_NO;
    if (d->cue && !has_bit(&s->plan->builtin.no_cue, row) && !scan_cue(v->text, m->from, d->cue))
        return SCAN_NO;
    *rule = judge(s->plan->of_row[row], s->plan->direction, value);
    return *rule ? SCAN_YES : SCAN_NO;
}

/* The first byte that a match with its anchor at `at` or later may claim. */
static size_t reach(const struct seeker *s, struct str text, size_t at)
{
    struct view v = {.text = {text.p, at}, .floor = s->floor, .at = at};
    size_t first = at;
    for (unsigned w = 0; w < DETECTOR_MAX / 64; w++)
        for (uint64_t left = s->plan->builtin.looks_back.word[w]; left; left &= left - 1) {
            struct match m;
            v.d = &detectors[w * 64 + (unsigned)__builtin_ctzll(left)];
            if (v.d->scan(&v, &m) == SCAN_MORE && m.from < first)
                first = m.from;
        }
    return first;
}

/* Who may find something whose first bytes are these; those that have not come yet may be any. */
static inline bool wanted(const struct detector_set *set, struct str text, size_t at,
                          struct detector_bits *who)
{
    size_t left = text.n - at;
    *who = set->head[0][(unsigned char)text.p[at]];
    for (unsigned k = 1; k < DETECTOR_HEAD_BYTES && k < left; k++) {
        const struct detector_bits *more = &set->head[k][(unsigned char)text.p[at + k]];
        uint64_t any = 0;
        for (unsigned w = 0; w < DETECTOR_MAX / 64; w++)
            any |= who->word[w] &= more->word[w];
        if (!any)
            return false;
    }
    return true;
}

/* Asks those that want what begins at v->at; true: that decides the pass. */
static bool ask_all(struct seeker *s, struct view *v, const struct detector_bits *who)
{
    struct seeker_state *st = &s->builtin;
    for (unsigned w = 0; w < DETECTOR_MAX / 64; w++)
        for (uint64_t left = who->word[w]; left; left &= left - 1) {
            unsigned row = w * 64 + (unsigned)__builtin_ctzll(left);
            struct match m;
            if (detectors[row].where == ANCHOR_WORD && v->at > 0 && is_word(v->text.p[v->at - 1]))
                continue;
            switch (ask(s, row, v, &m, &st->rule)) {
            case SCAN_NO:
                continue;
            case SCAN_YES:
                *st = (struct seeker_state){SEEK_FOUND,     v->at,    m.from,
                                            m.from + m.len, st->rule, false};
                return true;
            case SCAN_MORE:
                st->answer = SEEK_MORE;
                st->at = v->at;
                st->from = reach(s, v->text, v->at);
                st->from = m.from < st->from ? m.from : st->from;
                return true;
            }
        }
    return false;
}

static void run_builtin(struct seeker *s, const struct pattern_text *t)
{
    struct seeker_state *st = &s->builtin;
    const struct detector_set *set = &s->plan->builtin;
    struct str text = t->text;
    struct view v = {.text = text, .floor = s->floor, .final = !t->goes_on};
    struct detector_bits who;
    for (size_t at = st->at < s->floor ? s->floor : st->at; at < text.n; at++) {
        unsigned char c = (unsigned char)text.p[at];
        unsigned flag = set->flag[c];
        if (!flag || (flag == 2 && at > 0 && is_word(text.p[at - 1])))
            continue;
        if (!wanted(set, text, at, &who))
            continue;
        v.at = at;
        if (ask_all(s, &v, &who))
            return;
    }
    st->at = text.n;
    st->from = t->goes_on ? reach(s, text, text.n) : text.n;
    st->answer = st->from < text.n ? SEEK_MORE : SEEK_NOTHING;
}

/* ---- own rules */

static bool fold_find(struct str text, struct str what)
{
    for (size_t i = 0; i + what.n <= text.n; i++) {
        const char *at = text.p + i;
        size_t k = 0;
        while (k < what.n &&
               (at[k] == what.p[k] || (is_letter(at[k]) && ((at[k] ^ what.p[k]) == 0x20))))
            k++;
        if (k == what.n)
            return true;
    }
    return false;
}

/* Is one of the literals there that every match has? */
static bool is_worth_it(const struct rule *r, struct str text)
{
    for (unsigned i = 0; i < r->n_literals; i++)
        if (fold_find(text, r->literals[i]))
            return true;
    return r->n_literals == 0;
}

static enum pattern_answer find_own(const struct rule *r, const struct pattern_text *t, size_t from,
                                    struct pattern_match *m)
{
    if (r->kind == RULE_WORDS)
        return word_list_find(r->words, t, from, m);
    return pattern_find(r->pattern, t, from, m);
}

static size_t after_char(struct str text, size_t at)
{
    at++;
    while (at < text.n && ((unsigned char)text.p[at] & 0xC0) == 0x80)
        at++;
    return at;
}

static void run_own(struct seeker_state *st, const struct rule *r, const struct pattern_text *t,
                    size_t floor)
{
    size_t from = st->at < floor ? floor : st->at;
    struct pattern_match m;
    st->rule = r;
    if (!t->goes_on && r->kind == RULE_PATTERN &&
        !is_worth_it(r, (struct str){t->text.p + from, t->text.n - from})) {
        st->answer = SEEK_NOTHING;
        st->at = t->text.n;
        return;
    }
    for (;;) {
        switch (find_own(r, t, from, &m)) {
        case PATTERN_NO:
            st->answer = SEEK_NOTHING;
            st->at = t->text.n;
            return;
        case PATTERN_MORE:
            st->answer = SEEK_MORE;
            st->at = st->from = m.from;
            return;
        case PATTERN_LIMIT:
            *st = (struct seeker_state){SEEK_FOUND, from, from, t->text.n, r, true};
            return;
        case PATTERN_YES:
            if (m.to > m.from && rule_confirms(r, t->text, m.from, m.to)) {
                *st = (struct seeker_state){SEEK_FOUND, m.from, m.from, m.to, r, false};
                return;
            }
            from = after_char(t->text, m.from);
        }
        if (from > t->text.n) {
            st->answer = SEEK_NOTHING;
            st->at = t->text.n;
            return;
        }
    }
}

/* ---- all of them */

static void run_all(struct seeker *s, const struct pattern_text *t)
{
    if (s->plan->has_builtin && s->builtin.answer != SEEK_FOUND)
        run_builtin(s, t);
    for (unsigned i = 0; i < s->plan->n_own; i++)
        if (s->own[i].answer != SEEK_FOUND)
            run_own(&s->own[i], s->plan->own[i], t, s->floor);
}

/* Who has claimed what another was given begins anew behind it. */
static void go_past(struct seeker_state *st, size_t end)
{
    if (st->answer == SEEK_FOUND ? st->from >= end : st->at >= end)
        return;
    st->answer = SEEK_GO;
    st->at = end;
}

static enum scan_answer take(struct seeker *s, struct seeker_state *first, struct finding *f)
{
    *f = (struct finding){first->rule, first->from, first->to, first->given_up};
    s->floor = s->clean = f->to;
    first->answer = SEEK_GO;
    first->at = f->to;
    go_past(&s->builtin, f->to);
    for (unsigned i = 0; i < s->plan->n_own; i++)
        go_past(&s->own[i], f->to);
    return SCAN_YES;
}

static void weigh(struct seeker_state *st, struct seeker_state **first, size_t *hold)
{
    if (st->answer == SEEK_MORE && st->from < *hold)
        *hold = st->from;
    if (st->answer == SEEK_FOUND && (!*first || st->from < (*first)->from))
        *first = st;
}

enum scan_answer seeker_next(struct seeker *s, const struct pattern_text *t, struct finding *f)
{
    struct seeker_state *first = NULL;
    size_t hold = t->text.n + 1;
    if (s->plan->strongest == ACTION_none) {
        s->clean = t->text.n;
        return SCAN_NO;
    }
    run_all(s, t);
    for (unsigned i = 0; i < s->plan->n_own; i++)
        weigh(&s->own[i], &first, &hold);
    weigh(&s->builtin, &first, &hold);
    if (first && first->from < hold)
        return take(s, first, f);
    s->clean = hold <= t->text.n ? hold : t->text.n;
    return hold <= t->text.n ? SCAN_MORE : SCAN_NO;
}
