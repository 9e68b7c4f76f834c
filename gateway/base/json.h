/*
 * json.h - reads a JSON text where it stands: one pass finds the byte ranges of
 * the members that are wanted, and edits splice others in between untouched bytes.
 *
 * The grammar is RFC 8259, strictly, and UTF-8: no BOM, nothing after the value,
 * no invalid UTF-8.  Names are compared after their escapes are decoded; a name
 * that stands on a wanted path and comes twice in one object is refused
 * (ERR_duplicate_member).  Everything that is not wanted may be as odd as JSON
 * allows, and passes.
 *
 * Nothing here allocates but json_plan_new(); depth is bounded by the caller.
 * Offsets and lengths are in bytes.  A plan does not change once made and may be
 * used by any number of threads.
 */
#ifndef GATEWAY_BASE_JSON_H
#define GATEWAY_BASE_JSON_H

#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/base/str.h"

enum {
    JSON_MAX_DEPTH = 512, /* no caller may allow more */
    JSON_MAX_PATHS = 128,
};

/* Not JSON_...: those words are jansson's. */
enum json_kind {
    VALUE_ABSENT, /* not met */
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

struct json_value {
    enum json_kind kind;
    struct str raw; /* as it stands in the text, a string with its quotes; borrowed */
    size_t from;    /* offset of its name's opening quote; of the value where it has no name */
};

/*
 * The members to look for, as paths: names joined by '.', and "[]" for every
 * element of an array, e.g. "stream_options.include_usage",
 * "choices[].finish_reason".  "" is the document itself.  "**" as the last part is
 * every string below that no other path names; of several the innermost counts.
 * Paths differ, names have at most 64 bytes, and no object has more than 64 of them.
 */
struct json_plan;
struct json_plan *json_plan_new(const char *const *paths, size_t n); /* paths are borrowed */
void json_plan_free(struct json_plan *p);                            /* NULL is fine */

struct json_hit {
    size_t path;    /* index of the path that was met */
    size_t element; /* index in the innermost "[]" of the path, 0 without one */
    struct json_value value;
};

struct json_visitor {
    /* A wanted value has ended.  False, with *err set, ends the scan. */
    bool (*hit)(void *arg, const struct json_hit *h, struct err *err);
    void *arg;
};

/*
 * Checks the whole text and reports each wanted value, in the order in which they
 * end.  False with ERR_bad_json (say: the reason and the byte), ERR_too_deep, or
 * ERR_duplicate_member (param: the path).
 */
bool json_scan(struct str text, const struct json_plan *plan, unsigned max_depth,
               const struct json_visitor *v, struct err *err);

/*
 * The next member of an object that was scanned before; *at is 0 at first.  `from` of
 * both is an offset in `object`.
 */
bool json_next_member(struct str object, size_t *at, struct json_value *name, struct json_value *value);

/* One replacement: the bytes from..to-1 of the text become `with`. */
struct json_edit {
    size_t from, to;
    struct str with;
};

/* Appends the text with its edits done; they are sorted by `from` and do not overlap. */
void json_splice(struct buf *out, struct str text, const struct json_edit *edits, size_t n);

struct json_edit json_replace(struct str text, const struct json_value *v, struct str with);

/* Gives a member of an object another name; `with` is quoted. */
struct json_edit json_rename(struct str text, const struct json_value *v, struct str with);

/*
 * Removes a member of an object, with the one comma that goes with it.  Of two
 * members side by side only one can be removed in one splice.
 */
struct json_edit json_remove(struct str text, const struct json_value *v);

/*
 * `member` is '"name": value', or several with commas between; it becomes the first
 * of the object.  The edit borrows from *room, which is left alone until the splice.
 */
struct json_edit json_insert(struct str text, const struct json_value *object, struct str member,
                             struct buf *room);

/*
 * A string's characters, escapes decoded, appended to *out.  Half a surrogate pair
 * becomes U+FFFD.  False: not a string.
 */
bool json_text(const struct json_value *v, struct buf *out);
bool json_text_is(const struct json_value *v, struct str text);
size_t json_text_bytes(const struct json_value *v); /* how many json_text() would append */

/* A plain integer ("12", "-3"; not "1.0", "1e3", "-0") within int64. */
bool json_int(const struct json_value *v, int64_t *n);

/*
 * Appends a text that json_scan() has passed in one form for all that mean the same:
 * without white space, members of every object in the order of their names, twins
 * in their own; numbers and strings as they are spelled.  Members of the outermost
 * object that `without` names are left out; it ends with NULL.
 */
void json_canonical(struct buf *out, struct str text, const char *const *without);
/* A number as the nearest double; false: no number, or past its range. */
bool json_double(const struct json_value *v, double *d);

/* Appends it as a JSON string; what is not UTF-8 becomes U+FFFD. */
void json_quote(struct buf *out, struct str text);

#endif
