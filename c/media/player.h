/* The player's parts, seen only by its own files: player.c (the boundary), player_thread.c (showing), player_decoder.c (decoding),
 * player_units.c (access units on their way in), player_events.c (events on their way out). */
#ifndef PB_PLAYER_H
#define PB_PLAYER_H
#include "../decode/decode.h"
#include "../display/display.h"
#include "../gen/abi.h"
#include "../input/input.h"

#include <pthread.h>

/* limits.framesToDecode, and the bytes that may wait: one largest frame and another behind it. */
enum { PB_UNITS_QUEUED = 32, PB_UNIT_BYTES_QUEUED = 2 * PB_MAX_FRAME_BYTES };

struct pb_unit {
    uint8_t *data;
    size_t capacity;
    uint32_t size, frame_id;
    uint64_t capture_us, pushed_us;
    enum pb_codec codec;
};

/* One pusher, one taker. Buffers go round, last used first, so that a warm queue allocates nothing and stays small. */
struct pb_unit_queue {
    pthread_mutex_t lock;
    struct pb_unit units[PB_UNITS_QUEUED];
    uint32_t first, count;
    uint64_t bytes;
    struct pb_unit spare[PB_UNITS_QUEUED + 2]; /* only data and capacity are used */
    uint32_t spares;
};

void pb_units_init(struct pb_unit_queue *q);
/* False when full. `*was_empty` tells that the taker may be asleep. */
bool pb_units_push(struct pb_unit_queue *q, const void *data, const struct pb_unit *unit, bool *was_empty);
bool pb_units_take(struct pb_unit_queue *q, struct pb_unit *out);
bool pb_units_waiting(struct pb_unit_queue *q);
void pb_units_give_back(struct pb_unit_queue *q, struct pb_unit *unit);
void pb_units_free(struct pb_unit_queue *q);

/* Room is kept for what must not be lost: pointer motion waits (and is merged) beyond the first mark, reports of frames are
 * left out beyond the second, and beyond the last one the window is not asked for events, so that the display server keeps them. */
enum { PB_EVENTS = 1024, PB_EVENTS_MOTION = 256, PB_EVENTS_FRAMES = 512, PB_EVENTS_WINDOW = PB_EVENTS - 64 };

/* Pointer motion that is not reported yet. */
struct pb_motion {
    bool absolute, relative;
    int32_t x, y, dx, dy;
};

struct pb_event_ring {
    pthread_mutex_t lock;
    struct pb_player_event events[PB_EVENTS];
    uint32_t first, count;
    struct pb_motion motion;   /* player thread only */
    bool group;                /* player thread only: keys or buttons since the last EV_SYN */
    uint64_t merged, left_out; /* motion merged for want of room, reports of frames left out */
};

void pb_events_init(struct pb_event_ring *r);
bool pb_events_put_frame(struct pb_event_ring *r, const struct pb_player_event *event);
/* What the window reports. Motion is merged until pb_events_end_batch or a press. */
void pb_events_put_window(struct pb_event_ring *r, const struct pb_window_event *event);
void pb_events_put_lost(struct pb_event_ring *r);
/* For what happens a few times in a session and must be heard. */
bool pb_events_put_notice(struct pb_event_ring *r, const struct pb_player_event *event);
/* Reports merged motion. False when there is none or it must wait for room. */
bool pb_events_end_batch(struct pb_event_ring *r);
bool pb_events_room(struct pb_event_ring *r);
/* `*made_room` tells that the player may go on asking its window. */
bool pb_events_take(struct pb_event_ring *r, struct pb_player_event *out, bool *made_room);
void pb_events_free(struct pb_event_ring *r);
/* Pictures in the display server's hands at most; a display refuses earlier. */
enum { PB_IN_FLIGHT = 8 };

/* One frame on its way from the queue to the screen. */
struct pb_frame {
    struct pb_player_event report;
    uint32_t width, height; /* of the decoded picture */
    bool redraw;            /* of a picture that was reported before */
};

struct pb_player_counters {
    atomic_uint_fast64_t pushed, decoded, shown, skipped_late, refused_full, decode_errors, decoder_changes;
};

#define PB_RUMBLE_NEW (UINT64_C(1) << 63)

struct pb_player {
    pthread_t thread;
    struct pb_waker waker;
    int wake_fd;
    atomic_bool stop;
    atomic_uint want_grab, want_fullscreen, want_touch; /* 0 or 1 */
    /* By gamepad: strong, weak and milliseconds, 16 bits each, and a bit that says that they are new. */
    atomic_uint_fast64_t want_rumble[PB_PADS];
    char device_names[PB_PADS][80]; /* guarded by text_lock */
    struct pb_unit_queue units;
    struct pb_event_ring events;
    struct pb_player_counters count;
    char display_text[512];     /* "display<TAB>detail" parts, set once before others look */
    const char *display_name;
    pthread_mutex_t text_lock;  /* guards the two below */
    char decoder_text[32], failure_text[1024];

    /* Display and pictures; the lock is for the snapshot, everything else runs on the player's thread. */
    pthread_mutex_t picture_lock;
    const struct pb_display_backend *display_backend;
    struct pb_display *display;
    int display_fd;

    /* Player thread only. */
    char decoder_name[32]; /* as asked for */
    const struct pb_decoder_backend *decoder_backend;
    struct pb_decoder *decoder;
    enum pb_codec codec;          /* of `decoder` */
    unsigned decoder_at;          /* in the list of backends */
    uint32_t failed_decoders[2];  /* by codec: bit 1 << index for each */
    bool hopeless[2];             /* by codec: no decoder is left */
    uint32_t keyframe_faults;     /* keyframes in a row that could not be decoded */
    uint8_t *planar;              /* I420 for displays that do not take NV12 */
    size_t planar_bytes;
    bool read_timecode, need_keyframe, lost, rang;
    unsigned grab, fullscreen, touch;
    struct pb_picture picture; /* last decoded, valid until the next decode */
    bool picture_valid, held;  /* held: `picture` waits for a buffer of the display */
    struct pb_frame frame;        /* of `picture` */
    struct pb_frame in_flight[PB_IN_FLIGHT];
    uint32_t flying_first, flying;
};

/* What open hands to the thread; the thread answers through it before open returns. */
struct pb_player_start {
    struct pb_player *player;
    const char *display;
    struct pb_display_settings settings;
    char *error;
    uint32_t error_size;
    bool ok, done;
    pthread_mutex_t lock;
    pthread_cond_t answered;
};

/* player_decoder.c */
bool player_knows_decoder(const char *name);
/* False with a sentence in `error`, and then there is none. */
bool player_open_decoder(struct pb_player *p, enum pb_codec codec, char *error, size_t size);
/* PB_OK: `picture` is new. PB_AGAIN: needs more. PB_ERROR: nothing can be shown until a keyframe comes. */
enum pb_status player_decode(struct pb_player *p, const struct pb_unit *unit);

/* The thread's body; takes a struct pb_player_start. */
void *pb_player_run(void *start);
#endif
