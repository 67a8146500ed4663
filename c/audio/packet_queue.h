/* Opus packets on their way to TypeScript: a ring with one producer (the source's thread) and one consumer. A slot is the
 * consumer's until it releases it. Nothing is allocated. */
#ifndef PB_AUDIO_PACKET_QUEUE_H
#define PB_AUDIO_PACKET_QUEUE_H
#include "../gen/abi.h"
#include "opus_codec.h"

#include <string.h>

/* limits.audioPacketsQueued; the slots beyond are for notices. */
enum { PB_AUDIO_PACKETS_QUEUED = 64, PB_AUDIO_SLOTS = 72 };

struct pb_audio_queue {
    struct pb_audio_packet packets[PB_AUDIO_SLOTS];
    uint8_t bytes[PB_AUDIO_SLOTS][PB_OPUS_PACKET_MAX + 1];
    atomic_ullong put, released; /* counts */
    bool taken;                  /* consumer only: the slot at `released` is in its hands */
};

/* `put` is released by the producer and acquired by the consumer, `released` the other way round. */
static inline uint64_t pb_audio_queue_used(struct pb_audio_queue *q) {
    return atomic_load_explicit(&q->put, memory_order_acquire) - atomic_load_explicit(&q->released, memory_order_acquire);
}

static inline bool pb_audio_queue_put(struct pb_audio_queue *q, const struct pb_audio_packet *packet, const uint8_t *bytes) {
    uint64_t most = packet->kind == PB_AUDIO_PACKET ? PB_AUDIO_PACKETS_QUEUED : PB_AUDIO_SLOTS;
    if (pb_audio_queue_used(q) >= most || packet->size > PB_OPUS_PACKET_MAX) return false;
    uint64_t at = atomic_load_explicit(&q->put, memory_order_relaxed);
    struct pb_audio_packet *slot = &q->packets[at % PB_AUDIO_SLOTS];
    *slot = *packet;
    slot->data = (uint64_t)(uintptr_t)q->bytes[at % PB_AUDIO_SLOTS];
    if (bytes && packet->size) memcpy(q->bytes[at % PB_AUDIO_SLOTS], bytes, packet->size);
    atomic_store_explicit(&q->put, at + 1, memory_order_release);
    return true;
}

static inline void pb_audio_queue_release(struct pb_audio_queue *q) {
    if (!q->taken) return;
    q->taken = false;
    atomic_store_explicit(&q->released, atomic_load_explicit(&q->released, memory_order_relaxed) + 1, memory_order_release);
}

/* Gives back a packet still in hand first. */
static inline bool pb_audio_queue_take(struct pb_audio_queue *q, struct pb_audio_packet *out) {
    pb_audio_queue_release(q);
    if (!pb_audio_queue_used(q)) return false;
    *out = q->packets[atomic_load_explicit(&q->released, memory_order_relaxed) % PB_AUDIO_SLOTS];
    q->taken = true;
    return true;
}
#endif
