/*
 * format_list.h - the formats of documents, one line each; define FORMAT and include.
 *
 * FORMAT(suffix, name)   name: read_<name>(), in read_<name>.c
 */
FORMAT("md", markdown)
FORMAT("markdown", markdown)
FORMAT("txt", text)
FORMAT("html", html)
FORMAT("htm", html)
FORMAT("pdf", pdf)
FORMAT("jsonl", jsonl)
#undef FORMAT
