/* cite_priv.h - what sink cite and its part for Responses share. */
#ifndef GATEWAY_CORE_CITE_PRIV_H
#define GATEWAY_CORE_CITE_PRIV_H

#include "gateway/base/json.h"
#include "gateway/core/cite_text.h"
#include "gateway/core/rag.h"
#include "gateway/core/sink.h"

enum { EDITS_MAX = 512, CHANNELS_MAX = 128 };

/* What a member of a frame is. */
enum role {
    AT_id,
    AT_object,
    AT_created,
    AT_model,
    AT_choice,
    AT_index,
    AT_delta,
    AT_delta_text,
    AT_finish,
    AT_message_text,
    AT_message,
    AT_message_notes,
    AT_type,
    AT_item_id,
    AT_output_index,
    AT_content_index,
    AT_sequence,
    AT_r_delta,
    AT_r_text,
    AT_part_text,
    AT_part_notes,
    AT_part,
    AT_none,
};

struct cite_channel { /* the text of a choice, or of a part */
    int64_t key;
    struct cite_text text;
    unsigned told; /* marks that were told of */
};

struct cite {
    struct cite_channel *channels[CHANNELS_MAX];
    unsigned n_channels;
    unsigned inserted;   /* events of ours so far */
    struct buf envelope; /* of chat: the members that every event has, `{"id":…,"model":…` */
};

/* One frame as it is read. */
struct reading {
    struct sink *sink;
    struct exchange *x;
    struct str data;
    struct json_value at[AT_none];
    struct json_edit edits[EDITS_MAX];
    struct buf made[EDITS_MAX]; /* what the edits put in */
    size_t n;
};

/* NULL: there are too many. */
struct cite_channel *cite_channel_of(struct cite *s, int64_t key);

/* As an element of `annotations`; flat: with its members at the top too, as OpenAI's Responses have
 * them. */
void cite_add_citation(const struct exchange *x, unsigned mark, bool flat, struct buf *out);

/* An edit is made in two steps: its text in the room, then where it goes. */
struct buf *cite_edit_room(struct reading *r);
void cite_keep_edit(struct reading *r, struct json_edit e);
void cite_replace(struct reading *r, const struct json_value *v, struct str text);

/* A text that is whole: changed where it stands, its notes put beside it (object NULL: nowhere). */
void cite_whole_text(struct reading *r, const struct json_value *text,
                     const struct json_value *object, const struct json_value *notes, bool flat,
                     bool counts);

/* An event of our own, scanned as those of the upstream are. */
void cite_push_own(struct reading *r, struct str name, struct str data);
void cite_count(struct exchange *x, const struct cite_text *t);

/* The part for Responses: reads the frame and makes its edits. */
void cite_responses(struct reading *r);

#endif
