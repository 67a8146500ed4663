/* Encoded frames on their way to TypeScript: a ring with one producer (the grabber) and one consumer. Bytes are copied in,
 * because an encoder reuses its buffer; slots keep their memory. A slot is the consumer's until it releases it. */
#ifndef PB_FRAME_QUEUE_H
#define PB_FRAME_QUEUE_H
#include "../gen/abi.h"

/* limits.encodedFramesQueued; the slots beyond are for notices, which are never refused before. */
enum { PB_FRAMES_QUEUED = 8, PB_FRAME_SLOTS = 16 };

struct pb_frame_slot {
    struct pb_encoded frame;
    uint8_t *bytes;
    size_t capacity;
};

struct pb_frame_queue {
    struct pb_frame_slot slots[PB_FRAME_SLOTS];
    atomic_uint put, released; /* counts, modulo 2^32 */
    bool taken;                /* consumer only: the slot at `released` is in its hands */
};

uint32_t pb_frame_queue_used(struct pb_frame_queue *q);
bool pb_frame_queue_put(struct pb_frame_queue *q, const struct pb_encoded *frame, const uint8_t *data);
/* Gives back a frame still in hand first. */
bool pb_frame_queue_take(struct pb_frame_queue *q, struct pb_encoded *out);
/* True when a frame was in hand. */
bool pb_frame_queue_release(struct pb_frame_queue *q);
void pb_frame_queue_free(struct pb_frame_queue *q);
#endif
