/*
 * refusal_list.h - how texts begin in which a model declines, one line each.
 *
 * REFUSAL(beginning)   in lower case, with plain apostrophes; compared after white space
 *                      and with typographic apostrophes made plain
 *
 * Small models say so in words and not in the member `refusal`.  A beginning is long enough
 * not to be that of an ordinary answer.
 */
REFUSAL("i'm sorry, but i can't")
REFUSAL("i'm sorry, but i cannot")
REFUSAL("i'm sorry, but i'm unable")
REFUSAL("i'm sorry, but i am unable")
REFUSAL("i'm sorry, i can't")
REFUSAL("i'm sorry, i cannot")
REFUSAL("i am sorry, but i can't")
REFUSAL("i am sorry, but i cannot")
REFUSAL("sorry, but i can't")
REFUSAL("sorry, but i cannot")
REFUSAL("sorry, i can't")
REFUSAL("sorry, i cannot")
REFUSAL("i can't help with")
REFUSAL("i cannot help with")
REFUSAL("i can't assist with")
REFUSAL("i cannot assist with")
REFUSAL("i can't answer")
REFUSAL("i cannot answer")
REFUSAL("i can't provide")
REFUSAL("i cannot provide")
REFUSAL("i won't be able to")
REFUSAL("i'm not able to")
REFUSAL("i am not able to")
REFUSAL("i'm unable to")
REFUSAL("i am unable to")
REFUSAL("as an ai language model, i")
#undef REFUSAL
