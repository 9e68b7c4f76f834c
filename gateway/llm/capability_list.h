/*
 * capability_list.h - what a request may need that not every model can, one line each.
 *
 * CAPABILITY(name, help)   name: as written in the config and in price files
 */
CAPABILITY(tools, "it has tools")
CAPABILITY(vision, "it has images")
CAPABILITY(audio, "it has audio")
CAPABILITY(json_schema, "it asks for an answer that fits a JSON schema")
#undef CAPABILITY
