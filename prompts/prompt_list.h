/*
 * prompt_list.h - what may stand in the front matter of a prompt, one row each; define
 * PROMPT_ROW and include.
 *
 * PROMPT_ROW(path, type, member, init, min, max, words, help)   as in gateway/base/conf.h;
 * member: of struct front
 */
/* clang-format off */
PROMPT_ROW("name", WORD, name, conf_must, 1, 0, NULL, "what callers call it: support/answer")
PROMPT_ROW("description", TEXT, description, "", 0, 0, NULL, "for people; shapes no answer")
PROMPT_ROW("public", BOOL, is_public, "off", 0, 0, NULL, "a key that may use the prompt need not have its model")
PROMPT_ROW("model.route", WORD, route, conf_must, 1, 0, NULL, "the public model that is asked")
PROMPT_ROW("model.fallbacks", LATER, id, NULL, 0, 0, NULL, "models that are asked where the first fails")
PROMPT_ROW("model.options", TREE, options, NULL, 0, 0, NULL, "members of the request: temperature, max_tokens, ...")
PROMPT_ROW("rag", WORD, rag, NULL, 1, 0, NULL, "the collection whose passages it is given: COLLECTION[@LABEL], or off")
PROMPT_ROW("inputs", TREE, inputs, NULL, 0, 0, NULL, "its variables, each with a schema")
PROMPT_ROW("output.schema", TREE, output_schema, NULL, 0, 0, NULL, "the JSON Schema that the answer is asked to fit")
PROMPT_ROW("output.strict", BOOL, output_strict, "on", 0, 0, NULL, "whether the model must keep to it")
PROMPT_ROW("tools", TREE, tools, NULL, 0, 0, NULL, "what the model may call, as in the API")
PROMPT_ROW("template.format", ENUM, format, "jinja-subset/1", 0, 0, "jinja-subset/1", "the language of the body")
PROMPT_ROW("callers.system", ENUM, callers_system, "refuse", 0, 0, "refuse|append", "what becomes of system messages that callers send")
PROMPT_ROW("callers.override", WORDS, override, NULL, 0, 0, NULL, "members of model.options that callers may set themselves")
PROMPT_ROW("guards", LATER, id, NULL, 0, 0, NULL, "what a rollout watches")
/* clang-format on */
#undef PROMPT_ROW
