/*
 * The limits of a search live in a match context that searches only read; the
 * match data is made anew for each, since threads must not share it.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "gateway/base/pattern.h"

#include <assert.h>
#include <pcre2.h>

#include "gateway/base/mem.h"

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void *must(void *p)
{
    if (!p)
        abort(); /* out of memory, as in mem.c */
    return p;
}

static pcre2_code *compile(struct str source, int *error, size_t *offset)
{
    pcre2_compile_context *limits = must(pcre2_compile_context_create(NULL));
    pcre2_set_max_pattern_length(limits, PATTERN_MAX_BYTES);
    pcre2_set_parens_nest_limit(limits, PATTERN_MAX_NESTING);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(source.n ? source.p : ""), source.n,
                                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                                         PCRE2_DOLLAR_ENDONLY,
                                     error, offset, limits);
    pcre2_compile_context_free(limits);
    return code;
}

struct pattern *pattern_new(struct str source, struct err *err)
{
    int error;
    size_t offset;
    pcre2_code *code = compile(source, &error, &offset);
    if (!code) {
        PCRE2_UCHAR reason[128];
        pcre2_get_error_message(error, reason, sizeof reason);
        err_say(err, ERR_bad_pattern, NULL, "%s at offset %zu", (const char *)reason, offset);
        return NULL;
    }
    /* where there is no JIT it is slower, not wrong */
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);

    struct pattern *p = NEW(struct pattern);
    p->code = code;
    p->limits = must(pcre2_match_context_create(NULL));
    pcre2_set_match_limit(p->limits, PATTERN_MAX_STEPS);
    pcre2_set_heap_limit(p->limits, PATTERN_MAX_HEAP_KIB);
    return p;
}

void pattern_free(struct pattern *p)
{
    if (!p)
        return;
    pcre2_match_context_free(p->limits);
    pcre2_code_free(p->code);
    free(p);
}

static enum pattern_answer answer_of(int rc)
{
    switch (rc) {
    case PCRE2_ERROR_NOMATCH:
        return PATTERN_NO;
    case PCRE2_ERROR_PARTIAL:
        return PATTERN_MORE;
    default:
        return rc >= 0 ? PATTERN_YES : PATTERN_LIMIT;
    }
}

enum pattern_answer pattern_find(const struct pattern *p, const struct pattern_text *t, size_t from,
                                 struct pattern_match *match)
{
    assert(from <= t->text.n);
    uint32_t options = (t->begun ? PCRE2_NOTBOL : 0) | (t->goes_on ? PCRE2_PARTIAL_HARD : 0);
    pcre2_match_data *data = must(pcre2_match_data_create(1, NULL));
    int rc = pcre2_match(p->code, (PCRE2_SPTR)(t->text.n ? t->text.p : ""), t->text.n, from,
                         options, data, p->limits);
    enum pattern_answer answer = answer_of(rc);
    if (answer == PATTERN_YES || answer == PATTERN_MORE) {
        const size_t *at = pcre2_get_ovector_pointer(data);
        *match = (struct pattern_match){at[0], at[1]};
    }
    pcre2_match_data_free(data);
    return answer;
}
