/*
 * dialect_list.h - the vendors whose API is OpenAI's, and how each differs, one row each.
 *
 * DIALECT(name, transport, base_url, env_key, key_header, stream_usage, max_completion, help)
 * with the meaning of struct dialect's members.
 */
DIALECT("openai", TRANSPORT_http, "https://api.openai.com/v1", "OPENAI_API_KEY", "authorization", true, true, "OpenAI, and whatever speaks exactly as it does")
DIALECT("sim", TRANSPORT_sim, "sim:", NULL, NULL, true, true, "built in: deterministic answers, no network")
#undef DIALECT
