/*
 * The vector of a text: each of its words adds to a few places that a hash of it names
 * (feature hashing), and the sum is scaled to length 1.  So equal texts have equal
 * vectors, and texts that share words have near ones.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"
#include "gateway/net/sim_priv.h"

enum { PLACES_OF_A_WORD = 8, DIMENSIONS = 256, MAX_DIMENSIONS = 4096 };

static void add_words(float *v, unsigned n, struct str text)
{
    size_t token;
    for (; (token = sim_token(text)) > 0; text.p += token, text.n -= token) {
        uint64_t seed = sim_hash(0, (struct str){text.p, token});
        for (int i = 0; i < PLACES_OF_A_WORD; i++) {
            seed = sim_mix(seed);
            v[(seed >> 1) % n] += seed & 1 ? 1.0f : -1.0f;
        }
    }
}

static void scale_to_one(float *v, unsigned n)
{
    double square = 0;
    for (unsigned i = 0; i < n; i++)
        square += (double)v[i] * (double)v[i];
    if (square == 0) {
        v[0] = 1;
        return;
    }
    for (unsigned i = 0; i < n; i++)
        v[i] = (float)((double)v[i] / sqrt(square));
}

static void add_base64(struct buf *out, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned bits = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        char four[] = {digits[bits >> 18], digits[bits >> 12 & 63],
                       left > 1 ? digits[bits >> 6 & 63] : '=', left > 2 ? digits[bits & 63] : '='};
        buf_add(out, (struct str){four, sizeof four});
    }
}

static void add_floats_base64(struct buf *out, const float *v, unsigned n)
{
    SCOPED(scope_free) unsigned char *bytes = mem_zalloc((size_t)n * 4);
    for (unsigned i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        for (unsigned k = 0; k < 4; k++)
            bytes[4 * i + k] = (unsigned char)(bits >> 8 * k);
    }
    buf_add(out, STR("\""));
    add_base64(out, bytes, (size_t)n * 4);
    buf_add(out, STR("\""));
}

static void add_vector(struct buf *out, struct str text, unsigned dimensions, bool base64)
{
    SCOPED(scope_free) float *v = mem_zalloc(dimensions * sizeof *v);
    add_words(v, dimensions, text);
    scale_to_one(v, dimensions);
    if (base64) {
        add_floats_base64(out, v, dimensions);
        return;
    }
    for (unsigned i = 0; i < dimensions; i++)
        buf_addf(out, "%c%.9g", i ? ',' : '[', (double)v[i]);
    buf_add(out, STR("]"));
}

static unsigned dimensions_of(const struct sim_request *r)
{
    const json_t *asked = json_object_get(r->doc, "dimensions");
    json_int_t n = json_is_integer(asked) ? json_integer_value(asked) : DIMENSIONS;
    return n < 1 ? 1 : n > MAX_DIMENSIONS ? MAX_DIMENSIONS : (unsigned)n;
}

static void add_element(struct buf *out, const struct sim_request *r, const json_t *input,
                        size_t index)
{
    const char *format = json_string_value(json_object_get(r->doc, "encoding_format"));
    /* a list of tokens: its numbers are as good as words */
    SCOPED(scope_free)
    char *list = json_is_string(input) ? NULL : json_dumps(input, JSON_ENCODE_ANY);
    struct str text =
        list ? str_of(list) : (struct str){json_string_value(input), json_string_length(input)};
    buf_addf(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", index ? "," : "",
             index);
    add_vector(out, text, dimensions_of(r), format && strcmp(format, "base64") == 0);
    buf_add(out, STR("}"));
}

void sim_vectors(struct buf *out, const struct sim_request *r)
{
    const json_t *input = json_object_get(r->doc, "input"), *item;
    size_t i;
    if (!json_is_array(input) || json_is_integer(json_array_get(input, 0))) {
        add_element(out, r, input, 0);
        return;
    }
    json_array_foreach(input, i, item) add_element(out, r, item, i);
}
