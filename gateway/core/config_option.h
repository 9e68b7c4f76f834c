/* config_option.h - the options of the config, for those who print them. */
#ifndef GATEWAY_CORE_CONFIG_OPTION_H
#define GATEWAY_CORE_CONFIG_OPTION_H

struct option {
    const char *path; /* "models.NAME.targets[].weight" */
    const char *type;
    const char *init;    /* "": none */
    const char *allowed; /* "1 to 512", "batched|strict|none"; "": any */
    const char *help;
};

/* Every option that is built, in the order of option_list.h; *o is void after the call. */
void config_options(void (*each)(void *arg, const struct option *o), void *arg);

#endif
