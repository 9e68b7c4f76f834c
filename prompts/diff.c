#include "prompts/diff.h"

#include "gateway/base/mem.h"
#include "gateway/base/scope.h"

enum { CELLS_MAX = 4 * 1000 * 1000 }; /* above it all of the middle is another */

struct lines {
    struct str *v;
    size_t n;
};

static struct lines split(struct str text)
{
    struct lines l = {0};
    struct str rest = text, line;
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    l.v = mem_zalloc(n * sizeof *l.v);
    while (rest.n && str_next(&rest, '\n', &line))
        l.v[l.n++] = line;
    return l;
}

static void put(struct buf *out, const char *mark, struct str line)
{
    buf_addf(out, "%s" STR_FMT "\n", mark, STR_ARG(line));
}

/* cells[i * (m + 1) + j]: how long the common sequence of a from i and b from j is. */
static void fill(unsigned *cells, const struct str *a, size_t n, const struct str *b, size_t m)
{
    for (size_t i = n; i-- > 0;)
        for (size_t j = m; j-- > 0;) {
            unsigned down = cells[(i + 1) * (m + 1) + j], right = cells[i * (m + 1) + j + 1];
            unsigned both = cells[(i + 1) * (m + 1) + j + 1] + 1;
            cells[i * (m + 1) + j] = str_eq(a[i], b[j]) ? both : down > right ? down : right;
        }
}

static void write_middle(const struct str *a, size_t n, const struct str *b, size_t m,
                         struct buf *out)
{
    bool small = (n + 1) * (m + 1) <= CELLS_MAX;
    SCOPED(scope_free)
    unsigned *cells = small ? mem_zalloc((n + 1) * (m + 1) * sizeof *cells) : NULL;
    size_t i = 0, j = 0;
    if (small)
        fill(cells, a, n, b, m);
    while (i < n || j < m) {
        if (small && i < n && j < m && str_eq(a[i], b[j])) {
            put(out, "  ", a[i++]);
            j++;
        } else if (i < n && (j == m || !small ||
                             cells[(i + 1) * (m + 1) + j] >= cells[i * (m + 1) + j + 1])) {
            put(out, "- ", a[i++]);
        } else {
            put(out, "+ ", b[j++]);
        }
    }
}

void diff_write(struct str a, struct str b, struct buf *out)
{
    struct lines l = split(a), r = split(b);
    size_t head = 0, tail = 0;
    while (head < l.n && head < r.n && str_eq(l.v[head], r.v[head]))
        put(out, "  ", l.v[head++]);
    while (tail < l.n - head && tail < r.n - head &&
           str_eq(l.v[l.n - 1 - tail], r.v[r.n - 1 - tail]))
        tail++;
    write_middle(l.v + head, l.n - head - tail, r.v + head, r.n - head - tail, out);
    for (size_t i = l.n - tail; i < l.n; i++)
        put(out, "  ", l.v[i]);
    free(l.v);
    free(r.v);
}
