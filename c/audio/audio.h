/* A sound device backend: one file, one vtable. Used by one thread only. Sound is 48 kHz stereo, signed 16 bit, interleaved;
 * a "frame" is one sample of both channels. Times are microseconds of CLOCK_MONOTONIC. */
#ifndef PB_AUDIO_H
#define PB_AUDIO_H
#include "../shim.h"

enum { PB_AUDIO_RATE = 48000, PB_AUDIO_CHANNELS = 2 };

static inline int64_t pb_audio_frames_us(int64_t frames) { return frames * 1000 / 48; }
static inline int64_t pb_audio_us_frames(int64_t us) { return us * 48 / 1000; }

struct pb_audio_device; /* each backend's own */

struct pb_audio_settings {
    const char *device;      /* as the backend names them; NULL or "" for the default */
    bool capture;            /* record; else play */
    bool microphone;         /* record from a microphone; else what this machine plays */
    bool virtual_source;     /* play into a microphone made for it, called `device` */
    uint32_t period_frames;  /* what the caller handles at a time */
    uint32_t target_frames;  /* playback: what should lie between write() and the ear; open() is given the backend's least or more */
};

struct pb_audio_backend {
    const char *name;
    bool named_only; /* "auto" passes it by */
    bool captures, plays;
    uint32_t least_target_us; /* playback: the shortest distance between write() and the ear that a calm machine keeps up */
    /* Can it work here? Writes why not and the remedy, or what it found, in one sentence. */
    bool (*probe)(char *detail, size_t size);
    struct pb_audio_device *(*open)(const struct pb_audio_settings *settings, char *error, size_t error_size);
    /* Sleeps until there is something to read, or room to write, or `wake_fd` became readable (PB_OK), or the time is over
     * (PB_AGAIN). PB_LOST: the device or server is gone; close, and open again later. */
    enum pb_status (*wait)(struct pb_audio_device *device, int wake_fd, int timeout_ms);
    /* Reads up to `max` frames without waiting. `*first_us` is when the first one was captured. PB_AGAIN: nothing there.
     * PB_REINIT: sound was lost before these frames. */
    enum pb_status (*read)(struct pb_audio_device *device, int16_t *frames, uint32_t max, uint32_t *count, uint64_t *first_us);
    /* How many frames can be written now, and when the first of them will be heard. PB_REINIT: the device ran dry. */
    enum pb_status (*room)(struct pb_audio_device *device, uint32_t *count, uint64_t *heard_us);
    enum pb_status (*write)(struct pb_audio_device *device, const int16_t *frames, uint32_t count);
    /* Another distance between write() and the ear, as far as the device goes along. */
    void (*retarget)(struct pb_audio_device *device, uint32_t target_frames);
    /* What is used and how: `name` as it could be given to open(). */
    void (*describe)(const struct pb_audio_device *device, char *name, size_t name_size, char *detail, size_t detail_size);
    /* Why the last call failed: device, call, what it said, remedy. */
    void (*failure)(const struct pb_audio_device *device, char *out, size_t size);
    void (*close)(struct pb_audio_device *device);
};

/* In order of preference, NULL-terminated. */
extern const struct pb_audio_backend *const pb_audio_backends[];

/* Opens the named backend, or for "auto" the first that opens, skipping those that cannot record or play. On failure `error`
 * has a sentence about each one tried. */
struct pb_audio_device *pb_audio_open(const char *name, const struct pb_audio_settings *settings,
                                      const struct pb_audio_backend **backend, char *error, size_t error_size);

/* The time of sound from noisy measurements: runs by counted frames and leans towards what is measured, so that packet times
 * follow each other without steps. The zero value is ready. */
struct pb_audio_clock {
    double next_us; /* of the frame that comes next */
    bool running;
};

enum { PB_AUDIO_CLOCK_JUMP_US = 40000 };

/* `first_us` is the measured time of the next frame. Returns the smoothed one. A measurement far off starts anew. */
static inline double pb_audio_clock_at(struct pb_audio_clock *c, double first_us, uint32_t frames) {
    double off = first_us - c->next_us;
    if (!c->running || off > PB_AUDIO_CLOCK_JUMP_US || off < -PB_AUDIO_CLOCK_JUMP_US)
        *c = (struct pb_audio_clock){first_us, true};
    else
        c->next_us += off * (frames / (frames + 48000.0)); /* a time constant of a second */
    double at = c->next_us;
    c->next_us += frames * 1e6 / PB_AUDIO_RATE;
    return at;
}
#endif
