/* The grabber's parts, seen only by grabber.c (the boundary and the thread's life), grabber_loop.c (when the thread does
 * something), grabber_frame.c (what it does) and grabber_backends.c (with what). */
#ifndef PB_GRABBER_H
#define PB_GRABBER_H
#include "../capture/capture.h"
#include "../encode/encode.h"
#include "../gen/abi.h"
#include "frame_queue.h"
#include "pacing.h"

#include <pthread.h>

enum { PB_NOTICE_BYTES = 2048 };

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
    atomic_ullong captured, encoded, keyframes, skipped_busy, skipped_full, skipped_encoder, encoded_bytes, wakeups, imported,
        encoder_faults, encoder_changes, capture_changes;
};

/* Only the thread touches it, once it runs. */
struct pb_grabber_state {
    struct pb_picture picture; /* converted */
    uint8_t *memory;           /* of that picture */
    struct pb_picture source;  /* of the last grab, valid until the next */
    bool importing, cannot_import;
    bool fresh;                /* the encoder has made nothing yet, so the next frame must be a keyframe */
    uint32_t width, height;    /* of the captured picture; the encoded one is even */
    struct pb_encoder_settings encoding;
    struct pb_pacing pacing;
    bool pending, complete, counted_full; /* a change waits; `picture` holds the whole screen; this wait is counted */
    bool at_rest;                         /* the source was told that nobody wants its pictures */
    uint64_t paused_us;                   /* since when nobody does, 0 while somebody does */
    bool rested;                          /* since the last frame: how long a change has waited then says nothing */
    uint64_t damage_us, encoded_us, refine_us; /* refine_us: when to sharpen a still picture, 0 for not at all */
    uint32_t refined, keyframes_done, sequence, faults, encoder_faults;
};

/* A failure that TypeScript has not heard of. */
struct pb_change {
    const char *from; /* name of the backend, NULL for none */
    char why[PB_NOTICE_BYTES];
};

struct pb_grabber {
    char *capture_name, *encoder_name, *target; /* copies; "auto" for any, "" for the default target */
    struct pb_capture_settings capture_settings;
    enum pb_codec codec;
    unsigned capture_at, encoder_at; /* in the lists of backends; encoders before encoder_at are done with */
    uint32_t failed_captures;        /* bit 1 << index for each */
    struct pb_change encoder_change, capture_change;
    const struct pb_capture_backend *capture_backend; /* these two are changed under `lock` */
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
    char end[PB_NOTICE_BYTES]; /* why it cannot go on, "" when the source just went */
    pthread_mutex_t lock; /* guards what describe() reads */
    uint32_t described_width, described_height;
    char detail[512];
};

/* grabber_backends.c. All false with a sentence in `error`, or for replace in `end`. */
bool grabber_knows_encoder(const struct pb_grabber *g, char *error, size_t size);
bool grabber_open_capture(struct pb_grabber *g, char *error, size_t size);
/* For state.encoding: the present backend, or the next that opens. */
bool grabber_open_encoder(struct pb_grabber *g, char *error, size_t size);
/* Close what failed and open another. `why` is NULL when it may say so itself. The next frame is then a keyframe. */
bool grabber_replace_encoder(struct pb_grabber *g, const char *why);
/* The caller prepares for the new size. */
bool grabber_replace_capture(struct pb_grabber *g, const char *why);
/* Puts notices of what was replaced. */
void grabber_tell_changes(struct pb_grabber *g);

/* A frame as far as there is anything to show. What it answers is of the capture; PB_LOST with `end` set is the end. */
enum pb_status grabber_produce(struct pb_grabber *g);

/* grabber_loop.c. */
enum { PB_FAULT_PAUSE_US = 50000 };
#define COUNT(g, what, by) atomic_fetch_add_explicit(&(g)->counters.what, (by), memory_order_relaxed)

/* Sleeps until something is wished, room is made, or the time is come. */
void grabber_sleep_until(struct pb_grabber *g, uint64_t until_us);
/* Waits for room. */
void grabber_put(struct pb_grabber *g, struct pb_encoded *frame, const uint8_t *data);
/* Memory for the encoder's format; all of the picture is then captured again. */
bool grabber_allocate(struct pb_grabber *g, char *error, size_t error_size);
/* The present encoder with what is wished now, or the next that opens. */
bool grabber_reopen_encoder(struct pb_grabber *g, char *error, size_t error_size);
/* Another source goes on where one failed, if there is one. */
enum pb_status grabber_lose_capture(struct pb_grabber *g, const char *why);
/* The thread has nothing to go on with; `why` unless there is an exacter reason. PB_LOST. */
enum pb_status grabber_give_up(struct pb_grabber *g, const char *why);
void grabber_put_notice(struct pb_grabber *g, uint32_t kind, const char *text);
/* Memory and encoder for the capture's present size. False with a sentence in `error`. */
bool grabber_prepare(struct pb_grabber *g, char *error, size_t error_size);
/* Asks the source to describe itself, for describe(). */
void grabber_note_source(struct pb_grabber *g);
void *grabber_run(void *grabber);
#endif
