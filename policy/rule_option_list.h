/*
 * rule_option_list.h - every option of a rule, one row each.
 *
 * OPTION(path, type, member, init, min, max, words, help)   as struct conf_row has them;
 * what it fills is in struct rule_spec
 */
/* clang-format off */
OPTION("id", WORD, name, conf_must, 1, 0, NULL, "a name of `penstock list detectors`, or one of your own, as acme.staff_no")
OPTION("title", TEXT, title, NULL, 0, 0, NULL, "what it is, for people")
OPTION("request.action", ENUM, request, "none", 0, 0, "none|flag|pseudonymise|hash|mask|redact|block", "what is done to it in requests")
OPTION("request.scope", ENUM, scope, "conversation", 0, 0, "conversation", "where a value keeps its pseudonym")
OPTION("response.action", ENUM, response, "none", 0, 0, "none|flag|pseudonymise|hash|mask|redact|block", "what is done to it in answers")
OPTION("response.scope", ENUM, scope, "conversation", 0, 0, "conversation", "where a value keeps its pseudonym")
OPTION("restore.in", WORDS, restore_in, "content tool_args", 0, 0, "content|tool_args", "where in answers pseudonyms become values again")
OPTION("restore.never_in", WORDS, never_in, NULL, 0, 0, "url", "where they do not, all the same")
OPTION("logs", ENUM, logs, "label", 0, 0, "label|hash|none", "what the ledger may hold of it: that it was there; a keyed hash of it too; nothing")
OPTION("cue", BOOL, cue, "on", 0, 0, NULL, "of a built-in one: off finds it also where no word says what it is")
OPTION("regex", WORD, regex, NULL, 1, 0, NULL, "of one of your own: a pattern of PCRE2 with a greatest width")
OPTION("require", WORDS, require, NULL, 0, 0, NULL, "one of these stands in every match; by default what the pattern shows")
OPTION("slow", BOOL, slow, "off", 0, 0, NULL, "on allows a pattern that shows no such text, and is tried everywhere")
OPTION("max_width", COUNT, max_width, "1024", 1, 1024, NULL, "no match of the pattern may be longer, in bytes")
OPTION("words", WORDS, words, NULL, 0, 0, NULL, "of one of your own: these words, whole, in any case")
OPTION("words_file", WORD, words_file, NULL, 1, 0, NULL, "the same, one a line, in a file beside the policy")
OPTION("validate", ENUM, validate, "none", 0, 0, "none|luhn|mod97|verhoeff|mod11_10|card|iban", "a checksum that a match must pass")
OPTION("entropy", WORD, entropy, NULL, 1, 0, NULL, "bits a character that a match must have at least, as 3.5")
OPTION("context.words", WORDS, context, NULL, 0, 0, NULL, "one of these words must stand in the 48 bytes before a match")
OPTION("allow.values", WORDS, allow, NULL, 0, 0, NULL, "values that are fine, in any case")
OPTION("allow.regex", WORDS, allow_regex, NULL, 0, 0, NULL, "values in which one of these patterns matches are fine")
OPTION("tests.match", WORDS, match, NULL, 0, 0, NULL, "texts in which the rule must find something, or the policy is refused")
OPTION("tests.no_match", WORDS, no_match, NULL, 0, 0, NULL, "texts in which it must find nothing")
/* clang-format on */
#undef OPTION
