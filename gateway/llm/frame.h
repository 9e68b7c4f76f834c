/*
 * frame.h - a piece of an answer on its way from the upstream to the client.
 *
 * Everything is borrowed for the duration of one push; who needs it longer copies
 * it.  Who only looks copies nothing; who rewrites pushes a frame of its own, with
 * `read` made anew where the data changed.  No event or part is longer than
 * FRAME_MAX_BYTES, no body than server.answer_bytes: who reads them from the wire
 * sees to that.
 */
#ifndef GATEWAY_LLM_FRAME_H
#define GATEWAY_LLM_FRAME_H

#include "gateway/base/str.h"
#include "gateway/llm/answer.h"

enum { FRAME_MAX_BYTES = 1024 * 1024 };

enum frame_kind {
    FRAME_EVENT, /* one server-sent event whose data is a JSON document */
    FRAME_DONE,  /* the event "[DONE]": nothing follows */
    FRAME_NOTE,  /* a comment of ours in a stream; data is its text, without line ends */
    FRAME_BODY,  /* a whole answer that is not streamed */
};

struct frame {
    enum frame_kind kind;
    struct str name;           /* EVENT: its `event:` line; "" where it has none */
    struct str data;           /* EVENT, BODY: the document */
    const struct answer *read; /* EVENT, BODY: what answer_scan() found in it */
};

#endif
