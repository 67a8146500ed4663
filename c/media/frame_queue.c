/* See frame_queue.h. Follows no specification; the limit is limits.encodedFramesQueued. */
#include "frame_queue.h"

#include <stdlib.h>
#include <string.h>

/* `put` is released by the producer and acquired by the consumer, `released` the other way round: each then sees the
 * slot's content as the other left it. */
uint32_t pb_frame_queue_used(struct pb_frame_queue *q) {
    return atomic_load_explicit(&q->put, memory_order_acquire) - atomic_load_explicit(&q->released, memory_order_acquire);
}

bool pb_frame_queue_put(struct pb_frame_queue *q, const struct pb_encoded *frame, const uint8_t *data) {
    if (pb_frame_queue_used(q) >= PB_FRAME_SLOTS) return false;
    unsigned at = atomic_load_explicit(&q->put, memory_order_relaxed);
    struct pb_frame_slot *slot = &q->slots[at % PB_FRAME_SLOTS];
    if (frame->size > slot->capacity) {
        size_t capacity = frame->size + frame->size / 2;
        uint8_t *bytes = realloc(slot->bytes, capacity);
        if (!bytes) return false;
        slot->bytes = bytes;
        slot->capacity = capacity;
    }
    if (frame->size) memcpy(slot->bytes, data, frame->size);
    slot->frame = *frame;
    slot->frame.data = (uint64_t)(uintptr_t)slot->bytes;
    atomic_store_explicit(&q->put, at + 1, memory_order_release);
    return true;
}

bool pb_frame_queue_release(struct pb_frame_queue *q) {
    if (!q->taken) return false;
    q->taken = false;
    unsigned at = atomic_load_explicit(&q->released, memory_order_relaxed);
    atomic_store_explicit(&q->released, at + 1, memory_order_release);
    return true;
}

bool pb_frame_queue_take(struct pb_frame_queue *q, struct pb_encoded *out) {
    pb_frame_queue_release(q);
    if (!pb_frame_queue_used(q)) return false;
    *out = q->slots[atomic_load_explicit(&q->released, memory_order_relaxed) % PB_FRAME_SLOTS].frame;
    q->taken = true;
    return true;
}

void pb_frame_queue_free(struct pb_frame_queue *q) {
    for (unsigned i = 0; i < PB_FRAME_SLOTS; i++) free(q->slots[i].bytes);
}
