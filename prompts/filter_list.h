/*
 * filter_list.h - the filters of templates, one line each; define FILTER and include.
 *
 * FILTER(name, min_args, max_args, guards)   filter_<name>() in filter.c; guards: it has
 * a meaning for a variable without a value
 */
FILTER(default, 1, 1, true)
FILTER(join, 0, 1, false)
FILTER(length, 0, 0, false)
FILTER(lower, 0, 0, false)
FILTER(replace, 2, 2, false)
FILTER(tojson, 0, 0, false)
FILTER(trim, 0, 0, false)
FILTER(upper, 0, 0, false)
#undef FILTER
