/* The worked examples of eval/BEHAVIOUR.md. */
#include "gateway/llm/behaviour.h"

#include "tests/unit/test.h"

struct example {
    const char *text;
    unsigned score;
};

static void check(const struct example *e, size_t n, unsigned (*score)(struct str text))
{
    for (size_t i = 0; i < n; i++)
        if (score(str_of(e[i].text)) != e[i].score)
            fail_msg("\"%s\": %u, not %u", e[i].text, score(str_of(e[i].text)), e[i].score);
}

static unsigned refusal(struct str s)
{
    return behaviour_refusal(s);
}

static unsigned empty(struct str s)
{
    return behaviour_empty(s);
}

static unsigned lost_of_3(struct str s)
{
    return behaviour_citations_lost(s, 3);
}

static void a_refusal_is_a_phrase_in_the_opening(void **state)
{
    (void)state;
    static const struct example e[] = {
        {"I'm sorry, but I can't help with that.", 1},
        {"I\u2019m sorry, no.", 1},
        {"Sure, here it is.", 0},
        {"As an AI language model I have no body.", 1},
        {"We had to apologize to the guests.", 0},
        {"I cannot provide medical advice.", 1},
        {"Canned help is on the way.", 0},
        {"I won't help with it.", 1},
        {"My apologies for the delay.", 1},
        {"Here is the summary you asked for. The report covers three quarters in which sales rose "
         "and costs fell, the "
         "team grew by four people, and the office moved to the harbour, where it is windy. At the "
         "end the author "
         "writes: I cannot help it.",
         0},
    };
    check(e, sizeof e / sizeof e[0], refusal);
}

static void empty_is_white_space(void **state)
{
    (void)state;
    static const struct example e[] = {{"", 1},       {" ", 1},   {"\n\t\r ", 1}, {".", 0},
                                       {"0", 0},      {"  a", 0}, {"{}", 0},      {"\"\"", 0},
                                       {"\u00a0", 0}, {"null", 0}};
    check(e, sizeof e / sizeof e[0], empty);
}

static void repetition_is_the_share_of_runs_that_came_before(void **state)
{
    (void)state;
    static const struct example e[] = {
        {"", 0},
        {"no no no no no", 0},
        {"a a a a a a a a a a a a a a a a a a a", 0},    /* 19 words */
        {"a a a a a a a a a a a a a a a a a a a a", 94}, /* 17 runs, 1 of them new */
        {"a b a b a b a b a b a b a b a b a b a b", 88}, /* 2 of 17 */
        {"a b c d e f g h i j a b c d e f g h i j", 41}, /* 10 of 17 */
        {"a b c d e f g h i j k l m n o p q r s t", 0},
        {"a b c d e f g h i j k l m n o p a b c d", 5},          /* 16 of 17 */
        {"A a A a A a A a A a A a A a A a A a A a", 88},         /* capitals are other words */
        {"a  b\nc d e f g h i j k l m n o p q r s a\tb c d", 5}, /* 23 words: 19 of 20 runs */
    };
    check(e, sizeof e / sizeof e[0], behaviour_repetition);
}

static void a_citation_is_lost_where_no_passage_has_its_number(void **state)
{
    (void)state;
    static const struct example e[] = {
        {"No marks.", 0}, {"One [1].", 0},      {"All [1][2][3].", 0}, {"One more [4].", 1},
        {"None [0].", 1}, {"[9] and [10].", 2}, {"a[i] = b[x];", 0},   {"Year [2024].", 0},
        {"Open [4", 0},   {"[1, 2] [7]", 1},
    };
    check(e, sizeof e / sizeof e[0], lost_of_3);
}

static void a_mismatch_is_of_scripts(void **state)
{
    (void)state;
    static const struct {
        const char *asked, *answered;
        bool mismatch;
    } e[] = {
        {"What is the capital of France?", "The capital of France is Paris.", false},
        {"What is the capital of France?", "Столица Франции — это город Париж.", true},
        {"Какая столица у Франции сегодня?", "Столица Франции — это город Париж.", false},
        {"Какая столица у Франции сегодня?", "The capital of France is Paris.", true},
        {"Quelle est la capitale de la France ?", "The capital of France is Paris.", false},
        {"What is the capital of France?", "Париж", false},
        {"Translate 'good morning to all of you' now",
         "おはようございます、みなさん。今日もよろしくお願いします。", true},
        {"フランスの首都はどこですか。教えてください、お願いします。",
         "The capital of France is Paris.", true},
        {"What is the capital of France?", "1234567890 1234567890 1234567890", false},
        {"Ποια είναι η πρωτεύουσα της Γαλλίας;", "Η πρωτεύουσα της Γαλλίας είναι το Παρίσι.",
         false},
    };
    for (size_t i = 0; i < sizeof e / sizeof e[0]; i++) {
        struct scripts asked = {0}, answered = {0};
        scripts_add(&asked, str_of(e[i].asked));
        scripts_add(&answered, str_of(e[i].answered));
        if (scripts_mismatch(&asked, &answered) != e[i].mismatch)
            fail_msg("%s / %s", e[i].asked, e[i].answered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_a_phrase_in_the_opening),
        cmocka_unit_test(empty_is_white_space),
        cmocka_unit_test(repetition_is_the_share_of_runs_that_came_before),
        cmocka_unit_test(a_citation_is_lost_where_no_passage_has_its_number),
        cmocka_unit_test(a_mismatch_is_of_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
