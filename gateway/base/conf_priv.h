/* conf_priv.h - what the conf files share. */
#ifndef GATEWAY_BASE_CONF_PRIV_H
#define GATEWAY_BASE_CONF_PRIV_H

#include "gateway/base/conf.h"

struct conf_problem {
    struct conf_place at;
    const char *text;
};

struct conf {
    struct arena arena;
    const char *file;
    struct conf_problem *problems;
    size_t n_problems, cap_problems;
};

#endif
