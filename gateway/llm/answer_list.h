/*
 * answer_list.h - the members of an answer that are read, one line each.
 *
 * MEMBER(endpoints, path, read)
 *   endpoints  where it means this: ALL, CHAT, COMPLETIONS, both of them as GENERATE,
 *              or RESPONSES
 *   path       as gateway/base/json.h has it
 *   read       what answer.c takes it for
 *
 * COUNT(path, field)   a number of tokens
 *   path   below the usage object
 *   field  of struct usage; of several that are given the largest counts
 */
#ifndef COUNT
#define COUNT(path, field)
#endif
#ifndef MEMBER
#define MEMBER(endpoints, path, read)
#endif

MEMBER(ALL, "", top)
MEMBER(ALL, "object", object)
MEMBER(ALL, "model", model)
MEMBER(ALL, "usage", usage)
MEMBER(ALL, "error", error)

MEMBER(GENERATE, "choices", choices)
MEMBER(GENERATE, "choices[]", choice)
MEMBER(GENERATE, "choices[].index", index)
MEMBER(GENERATE, "choices[].finish_reason", finish)
MEMBER(COMPLETIONS, "choices[].text", text)

MEMBER(CHAT, "choices[].delta.content", piece)
MEMBER(CHAT, "choices[].delta.content[].text", text)
MEMBER(CHAT, "choices[].delta.content[].thinking[].text", text)
MEMBER(CHAT, "choices[].delta.refusal", text)
MEMBER(CHAT, "choices[].delta.reasoning_content", reasoning)
MEMBER(CHAT, "choices[].delta.reasoning", reasoning_too)
MEMBER(CHAT, "choices[].delta.audio.transcript", text)
MEMBER(CHAT, "choices[].delta.tool_calls", calls)
MEMBER(CHAT, "choices[].delta.tool_calls[].function.arguments", text)
MEMBER(CHAT, "choices[].delta.tool_calls[].custom.input", text)
MEMBER(CHAT, "choices[].delta.function_call.arguments", text)

MEMBER(CHAT, "choices[].message.content", text)
MEMBER(CHAT, "choices[].message.content[].text", text)
MEMBER(CHAT, "choices[].message.content[].thinking[].text", text)
MEMBER(CHAT, "choices[].message.refusal", text)
MEMBER(CHAT, "choices[].message.reasoning_content", reasoning)
MEMBER(CHAT, "choices[].message.reasoning", reasoning_too)
MEMBER(CHAT, "choices[].message.audio.transcript", text)
MEMBER(CHAT, "choices[].message.tool_calls", calls)
MEMBER(CHAT, "choices[].message.tool_calls[].function.arguments", text)
MEMBER(CHAT, "choices[].message.tool_calls[].custom.input", text)
MEMBER(CHAT, "choices[].message.function_call.arguments", text)

MEMBER(RESPONSES, "type", type)
MEMBER(RESPONSES, "delta", delta)
MEMBER(RESPONSES, "response.model", model)
MEMBER(RESPONSES, "response.usage", usage)
MEMBER(RESPONSES, "response.incomplete_details.reason", finish)
MEMBER(RESPONSES, "status", status)
MEMBER(RESPONSES, "incomplete_details.reason", finish)
MEMBER(RESPONSES, "output[].content[].text", text)
MEMBER(RESPONSES, "output[].content[].refusal", text)
MEMBER(RESPONSES, "output[].summary[].text", text)
MEMBER(RESPONSES, "output[].arguments", text)
MEMBER(RESPONSES, "output[].input", text)
MEMBER(RESPONSES, "output[].code", text)

/* OpenAI: chat, then Responses */
COUNT("prompt_tokens", input)
COUNT("completion_tokens", output)
COUNT("prompt_tokens_details.cached_tokens", cached)
COUNT("prompt_tokens_details.cache_write_tokens", cache_write)
COUNT("prompt_tokens_details.audio_tokens", audio_in)
COUNT("completion_tokens_details.reasoning_tokens", reasoning)
COUNT("completion_tokens_details.audio_tokens", audio_out)
COUNT("input_tokens", input)
COUNT("output_tokens", output)
COUNT("input_tokens_details.cached_tokens", cached)
COUNT("input_tokens_details.cache_write_tokens", cache_write)
COUNT("input_tokens_details.audio_tokens", audio_in)
COUNT("output_tokens_details.reasoning_tokens", reasoning)
COUNT("output_tokens_details.audio_tokens", audio_out)
/* DeepSeek, Moonshot, Mistral */
COUNT("prompt_cache_hit_tokens", cached)
COUNT("cached_tokens", cached)
COUNT("num_cached_tokens", cached)
COUNT("prompt_token_details.cached_tokens", cached)

#undef COUNT
#undef MEMBER
