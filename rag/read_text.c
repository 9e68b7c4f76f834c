/* Plain text: the file as it stands. */
#include "rag/document_priv.h"

void read_text(struct source *s)
{
    if (source_is_text(s))
        source_add(s, &(struct document){.id = s->id, .title = STR(""), .text = s->bytes}, 1, 1);
}
