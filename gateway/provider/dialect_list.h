/*
 * dialect_list.h - the vendors whose API is OpenAI's, and how each differs, one row each.
 *
 * DIALECT(name, transport, base_url, is_local, env_key, key_header, stream_usage,
 *         max_completion, help)
 * with the meaning of struct dialect's members.
 *
 * max_completion is false where max_completion_tokens is ignored or refused: Ollama and
 * llama.cpp ignore it, Mistral answers 422 to members it does not know.  stream_usage is
 * false where stream_options is refused; those send usage at the end of every stream.
 */
/* clang-format off */
DIALECT("openai", TRANSPORT_http, "https://api.openai.com/v1", false, "OPENAI_API_KEY", "authorization", true, true,
        "OpenAI, and whatever speaks exactly as it does")
DIALECT("azure", TRANSPORT_http, NULL, false, NULL, "api-key", true, true,
        "Azure OpenAI's v1 API; base_url is https://RESOURCE.openai.azure.com/openai/v1, a model is a deployment's name")
DIALECT("anthropic", TRANSPORT_http, "https://api.anthropic.com/v1", false, "ANTHROPIC_API_KEY", "authorization", true, true,
        "Anthropic's OpenAI-compatible endpoint")
DIALECT("gemini", TRANSPORT_http, "https://generativelanguage.googleapis.com/v1beta/openai", false, "GEMINI_API_KEY",
        "authorization", true, true, "Gemini's OpenAI-compatible endpoint")
DIALECT("mistral", TRANSPORT_http, "https://api.mistral.ai/v1", false, "MISTRAL_API_KEY", "authorization", false, false,
        "Mistral")
DIALECT("groq", TRANSPORT_http, "https://api.groq.com/openai/v1", false, "GROQ_API_KEY", "authorization", true, true,
        "Groq")
DIALECT("deepseek", TRANSPORT_http, "https://api.deepseek.com/v1", false, "DEEPSEEK_API_KEY", "authorization", true, false,
        "DeepSeek")
DIALECT("openrouter", TRANSPORT_http, "https://openrouter.ai/api/v1", false, "OPENROUTER_API_KEY", "authorization", true, false,
        "OpenRouter")
DIALECT("ollama", TRANSPORT_http, "http://127.0.0.1:11434/v1", true, NULL, "authorization", true, false,
        "Ollama")
DIALECT("vllm", TRANSPORT_http, "http://127.0.0.1:8000/v1", true, NULL, "authorization", true, true,
        "vLLM")
DIALECT("llamacpp", TRANSPORT_http, "http://127.0.0.1:8081/v1", true, NULL, "authorization", true, false,
        "llama.cpp's server; its own default port is 8080, which is the gateway's: start it with --port 8081")
DIALECT("sim", TRANSPORT_sim, "sim:", false, NULL, NULL, true, true,
        "built in: deterministic answers, no network")
/* clang-format on */
#undef DIALECT
