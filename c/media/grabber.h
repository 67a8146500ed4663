/* The grabber's parts, seen only by grabber.c (the boundary and the thread's life) and grabber_loop.c (what the thread does). */
#ifndef PB_GRABBER_H
#define PB_GRABBER_H
#include "../capture/capture.h"
#include "../encode/encode.h"
#include "../gen/abi.h"
#include "frame_queue.h"
#include "pacing.h"

#include <pthread.h>

/* What TypeScript wants. Relaxed atomics: each stands for itself, and the eventfd that follows a change orders them. */
struct pb_grabber_wishes {
    atomic_uint fps;               /* frames per second */
    atomic_uint bitrate_bps;       /* bits per second */
    atomic_uint quality;           /* 0-100 */
    atomic_uint keyframe_interval; /* frames, 0 for only on demand */
    atomic_uint keyframes;         /* counts requests */
    atomic_bool paused, closing;
};

struct pb_grabber_counters {
    atomic_ullong captured, encoded, keyframes, skipped_busy, skipped_full, skipped_encoder, encoded_bytes, wakeups;
};

/* Only the thread touches it, once it runs. */
struct pb_grabber_state {
    struct pb_picture picture; /* what the encoder gets */
    uint8_t *memory;           /* of that picture */
    uint32_t width, height;    /* of the captured picture; the encoded one is even */
    struct pb_encoder_settings encoding;
    struct pb_pacing pacing;
    bool pending, complete, counted_full; /* a change waits; `picture` holds the whole screen; this wait is counted */
    bool rested;                          /* since the last frame: how long a change has waited then says nothing */
    uint64_t damage_us, encoded_us, refine_us; /* refine_us: when to sharpen a still picture, 0 for not at all */
    uint32_t refined, keyframes_done, sequence, faults;
};

struct pb_grabber {
    const struct pb_capture_backend *capture_backend;
    const struct pb_encoder_backend *encoder_backend;
    struct pb_capture *capture;
    struct pb_encoder *encoder;
    struct pb_grabber_wishes wishes;
    struct pb_grabber_counters counters;
    struct pb_grabber_state state;
    struct pb_frame_queue queue;
    struct pb_waker waker;
    int wake_fd; /* eventfd: wishes changed, or room in the queue */
    atomic_bool waits_for_room;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* guards what describe() reads */
    uint32_t described_width, described_height;
    char detail[512];
    char *target; /* a copy */
};

/* Memory and encoder for the capture's present size. False with a sentence in `error`. */
bool grabber_prepare(struct pb_grabber *g, char *error, size_t error_size);
/* Asks the source to describe itself, for describe(). */
void grabber_note_source(struct pb_grabber *g);
void *grabber_run(void *grabber);
#endif
