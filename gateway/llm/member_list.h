/*
 * member_list.h - the members of a request's body that we know, one line each.
 *
 * MEMBER(endpoints, path, kind, counts, read)
 *   endpoints  where it means this: any of CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES,
 *              MODERATIONS, or ALL
 *   path       as gateway/base/json.h has it
 *   kind       of a string there, see leaf.h: text, document, identifier, opaque
 *   counts     whether its bytes may become tokens of the input: YES, NO, or WHOLE:
 *              all bytes of the value, whatever it is, for names and brackets of a
 *              schema become tokens too
 *   read       what request.c takes it for; nothing: it is not read
 *
 * A string that no line names is text that counts: "**" says so.  A member that a
 * line names may stand once in its object.
 */
MEMBER(ALL, "**", text, YES, nothing)
MEMBER(ALL, "", text, NO, top)
MEMBER(ALL, "model", identifier, NO, model)
MEMBER(ALL, "penstock", text, NO, penstock)
MEMBER(ALL, "penstock.**", text, NO, nothing)
MEMBER(ALL, "user", identifier, NO, user)
MEMBER(ALL, "prompt_id", identifier, NO, prompt_id)
MEMBER(ALL, "prompt_version", identifier, NO, prompt_version)
MEMBER(ALL, "prompt_variables", text, NO, prompt_variables)
MEMBER(ALL, "prompt_variables.**", text, NO, nothing)
MEMBER(CHAT | RESPONSES, "prompt", text, NO, prompt)
MEMBER(CHAT | RESPONSES, "prompt.**", text, NO, nothing)
MEMBER(CHAT | RESPONSES, "prompt.id", identifier, NO, prompt_object_id)
MEMBER(CHAT | RESPONSES, "prompt.version", identifier, NO, prompt_object_version)
MEMBER(CHAT | RESPONSES, "prompt.variables", text, NO, prompt_object_variables)
MEMBER(CHAT | COMPLETIONS | RESPONSES, "prompt_cache_key", identifier, NO, prompt_cache_key)
MEMBER(CHAT | COMPLETIONS | RESPONSES, "safety_identifier", identifier, NO, safety_identifier)
MEMBER(CHAT | COMPLETIONS | RESPONSES, "stream", text, NO, stream)
MEMBER(CHAT | COMPLETIONS, "stream_options", text, NO, stream_options)
MEMBER(CHAT | COMPLETIONS, "stream_options.include_usage", text, NO, include_usage)
MEMBER(CHAT | COMPLETIONS, "n", text, NO, n)
MEMBER(CHAT | COMPLETIONS, "max_tokens", text, NO, max_tokens)

/* chat: what the model is asked */
MEMBER(CHAT, "max_completion_tokens", text, NO, max_completion_tokens)
MEMBER(CHAT, "messages", text, YES, messages)
MEMBER(CHAT, "messages[]", text, YES, message)
MEMBER(CHAT, "messages[].role", identifier, NO, nothing)
MEMBER(CHAT, "messages[].name", identifier, YES, nothing)
MEMBER(CHAT, "messages[].content", text, YES, nothing)
MEMBER(CHAT, "messages[].content[].type", identifier, NO, nothing)
MEMBER(CHAT, "messages[].content[].text", text, YES, nothing)
MEMBER(CHAT, "messages[].content[].image_url", opaque, NO, image)
MEMBER(CHAT, "messages[].content[].image_url.url", opaque, NO, nothing)
MEMBER(CHAT, "messages[].content[].image_url.detail", identifier, NO, nothing)
MEMBER(CHAT, "messages[].content[].input_audio", opaque, NO, audio)
MEMBER(CHAT, "messages[].content[].input_audio.data", opaque, NO, audio_data)
MEMBER(CHAT, "messages[].content[].input_audio.format", identifier, NO, nothing)
MEMBER(CHAT, "messages[].content[].file.file_data", opaque, YES, nothing)
MEMBER(CHAT, "messages[].content[].file.file_id", identifier, NO, nothing)
MEMBER(CHAT, "messages[].audio", opaque, NO, audio)
MEMBER(CHAT, "messages[].audio.id", identifier, NO, nothing)
MEMBER(CHAT, "messages[].tool_call_id", identifier, YES, nothing)
MEMBER(CHAT, "messages[].tool_calls[].id", identifier, YES, nothing)
MEMBER(CHAT, "messages[].tool_calls[].type", identifier, NO, nothing)
MEMBER(CHAT, "messages[].tool_calls[].function.name", identifier, YES, nothing)
MEMBER(CHAT, "messages[].tool_calls[].function.arguments", document, YES, nothing)
MEMBER(CHAT, "messages[].tool_calls[].custom.name", identifier, YES, nothing)
MEMBER(CHAT, "messages[].function_call.name", identifier, YES, nothing)
MEMBER(CHAT, "messages[].function_call.arguments", document, YES, nothing)

/* chat: what proves to a model that its own words come back unchanged */
MEMBER(CHAT, "messages[].tool_calls[].extra_content.google.thought_signature", opaque, NO, nothing)
MEMBER(CHAT, "messages[].thinking_blocks[].signature", opaque, NO, nothing)
MEMBER(CHAT, "messages[].thinking_blocks[].data", opaque, YES, nothing)
MEMBER(CHAT, "messages[].reasoning_details[].signature", opaque, NO, nothing)
MEMBER(CHAT, "messages[].reasoning_details[].data", opaque, YES, nothing)

/* chat: tools and schemas */
MEMBER(CHAT, "tools", text, WHOLE, tools)
MEMBER(CHAT, "tools.**", text, NO, nothing)
MEMBER(CHAT, "tools[].type", identifier, NO, nothing)
MEMBER(CHAT, "tools[].function.name", identifier, NO, nothing)
MEMBER(CHAT, "tools[].function.parameters.**", identifier, NO, nothing)
MEMBER(CHAT, "tools[].custom.name", identifier, NO, nothing)
MEMBER(CHAT, "tools[].custom.format.**", identifier, NO, nothing)
MEMBER(CHAT, "functions", text, WHOLE, functions)
MEMBER(CHAT, "functions.**", text, NO, nothing)
MEMBER(CHAT, "functions[].name", identifier, NO, nothing)
MEMBER(CHAT, "functions[].parameters.**", identifier, NO, nothing)
MEMBER(CHAT, "response_format", text, WHOLE, format)
MEMBER(CHAT, "response_format.type", identifier, NO, format_type)
MEMBER(CHAT, "response_format.**", identifier, NO, nothing)
MEMBER(CHAT, "tool_choice", identifier, NO, nothing)
MEMBER(CHAT, "tool_choice.**", identifier, NO, nothing)
MEMBER(CHAT, "function_call", identifier, NO, nothing)
MEMBER(CHAT, "function_call.name", identifier, NO, nothing)

/* completions: one prompt or several, each text or tokens */
MEMBER(COMPLETIONS, "prompt", text, YES, input)
MEMBER(COMPLETIONS, "prompt[]", text, YES, input_element)
MEMBER(COMPLETIONS, "prompt[][]", text, YES, token)
MEMBER(COMPLETIONS, "best_of", text, NO, best_of)

/* embeddings: one input or several, each text or tokens */
MEMBER(EMBEDDINGS, "input", text, YES, input)
MEMBER(EMBEDDINGS, "input[]", text, YES, input_element)
MEMBER(EMBEDDINGS, "input[][]", text, YES, token)
MEMBER(EMBEDDINGS, "encoding_format", identifier, NO, nothing)

/* moderations: one input or several, or parts */
MEMBER(MODERATIONS, "input", text, YES, input)
MEMBER(MODERATIONS, "input[]", text, YES, input_element)
MEMBER(MODERATIONS, "input[].type", identifier, NO, nothing)
MEMBER(MODERATIONS, "input[].image_url", opaque, NO, image)
MEMBER(MODERATIONS, "input[].image_url.url", opaque, NO, nothing)

/* responses: what the model is asked */
MEMBER(RESPONSES, "max_output_tokens", text, NO, max_output_tokens)
MEMBER(RESPONSES, "previous_response_id", identifier, NO, previous_response_id)
MEMBER(RESPONSES, "conversation", identifier, NO, conversation)
MEMBER(RESPONSES, "conversation.id", identifier, NO, conversation)
MEMBER(RESPONSES, "instructions", text, YES, instructions)
MEMBER(RESPONSES, "input", text, YES, items)
MEMBER(RESPONSES, "input[]", text, YES, message)
MEMBER(RESPONSES, "input[].type", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].role", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].id", identifier, YES, nothing)
MEMBER(RESPONSES, "input[].status", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].name", identifier, YES, nothing)
MEMBER(RESPONSES, "input[].call_id", identifier, YES, nothing)
MEMBER(RESPONSES, "input[].arguments", document, YES, nothing)
MEMBER(RESPONSES, "input[].encrypted_content", opaque, YES, nothing)
MEMBER(RESPONSES, "input[].content", text, YES, nothing)
MEMBER(RESPONSES, "input[].content[].type", identifier, NO, part)
MEMBER(RESPONSES, "input[].content[].text", text, YES, nothing)
MEMBER(RESPONSES, "input[].content[].image_url", opaque, NO, nothing)
MEMBER(RESPONSES, "input[].content[].detail", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].content[].file_id", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].content[].file_url", opaque, NO, nothing)
MEMBER(RESPONSES, "input[].content[].file_data", opaque, YES, nothing)
MEMBER(RESPONSES, "input[].content[].input_audio.data", opaque, NO, audio_data)
MEMBER(RESPONSES, "input[].content[].input_audio.format", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].output", text, YES, nothing)
MEMBER(RESPONSES, "input[].output[].type", identifier, NO, part)
MEMBER(RESPONSES, "input[].output[].text", text, YES, nothing)
MEMBER(RESPONSES, "input[].output[].image_url", opaque, NO, nothing)
MEMBER(RESPONSES, "input[].output[].file_data", opaque, YES, nothing)
MEMBER(RESPONSES, "input[].output.type", identifier, NO, nothing)
MEMBER(RESPONSES, "input[].output.image_url", opaque, NO, image)
MEMBER(RESPONSES, "input[].result", opaque, NO, image)

/* responses: tools and schemas */
MEMBER(RESPONSES, "tools", text, WHOLE, tools)
MEMBER(RESPONSES, "tools.**", text, NO, nothing)
MEMBER(RESPONSES, "tools[].type", identifier, NO, nothing)
MEMBER(RESPONSES, "tools[].name", identifier, NO, nothing)
MEMBER(RESPONSES, "tools[].parameters.**", identifier, NO, nothing)
MEMBER(RESPONSES, "tools[].format.**", identifier, NO, nothing)
MEMBER(RESPONSES, "text", text, WHOLE, nothing)
MEMBER(RESPONSES, "text.format", identifier, NO, format)
MEMBER(RESPONSES, "text.format.type", identifier, NO, format_type)
MEMBER(RESPONSES, "text.**", identifier, NO, nothing)
MEMBER(RESPONSES, "tool_choice", identifier, NO, nothing)
MEMBER(RESPONSES, "tool_choice.**", identifier, NO, nothing)
MEMBER(RESPONSES, "include[]", identifier, NO, nothing)
#undef MEMBER
