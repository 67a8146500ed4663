/* Sound devices that are no hardware and keep time by the clock: a test tone and silence to record; a file and nothing to play
 * into. */
#include "audio.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LATE_FRAMES = PB_AUDIO_RATE, DEFAULT_HZ = 440 };

struct pb_audio_device {
    bool capture;
    uint64_t start_us;
    uint64_t frames;        /* read or written since the start */
    uint32_t period, target;
    double hz, angle;       /* of the tone; 0 Hz is silence */
    int file;               /* -1 for nothing */
    int fault;
    char path[256];
};

static bool always(char *detail, size_t size, const char *what) {
    pb_error(detail, size, "%s", what);
    return true;
}
static bool probe_tone(char *detail, size_t size) {
    return always(detail, size, "a test tone of 440 Hz, or of the frequency named as device; only when asked for");
}
static bool probe_none(char *detail, size_t size) {
    return always(detail, size, "silence at the right pace; only when asked for");
}
static bool probe_file(char *detail, size_t size) {
    return always(detail, size, "raw s16le, 48000 Hz, stereo, into the file named as device; only when asked for");
}

static struct pb_audio_device *open_paced(const struct pb_audio_settings *s) {
    struct pb_audio_device *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->capture = s->capture;
    d->period = s->period_frames;
    d->target = s->target_frames;
    d->start_us = pb_monotonic_us();
    d->file = -1;
    return d;
}

static struct pb_audio_device *open_none(const struct pb_audio_settings *s, char *error, size_t error_size) {
    struct pb_audio_device *d = open_paced(s);
    if (!d) pb_error(error, error_size, "no memory");
    return d;
}

static struct pb_audio_device *open_tone(const struct pb_audio_settings *s, char *error, size_t error_size) {
    double hz = DEFAULT_HZ;
    if (s->device && *s->device) {
        char *end;
        hz = strtod(s->device, &end);
        if (*end || !(hz >= 20 && hz <= 20000)) {
            pb_error(error, error_size, "\"%s\" is no frequency: name a number from 20 to 20000", s->device);
            return NULL;
        }
    }
    struct pb_audio_device *d = open_none(s, error, error_size);
    if (d) d->hz = hz;
    return d;
}

static struct pb_audio_device *open_file(const struct pb_audio_settings *s, char *error, size_t error_size) {
    if (!s->device || !*s->device) {
        pb_error(error, error_size, "name a file as device");
        return NULL;
    }
    struct pb_audio_device *d = open_none(s, error, error_size);
    if (!d) return NULL;
    pb_error(d->path, sizeof d->path, "%s", s->device);
    d->file = open(s->device, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (d->file >= 0) return d;
    pb_error(error, error_size, "%s: open: %s", s->device, strerror(errno));
    free(d);
    return NULL;
}

static uint64_t due(const struct pb_audio_device *d) { return (uint64_t)pb_audio_us_frames((int64_t)(pb_monotonic_us() - d->start_us)); }

static enum pb_status wait_paced(struct pb_audio_device *d, int wake_fd, int timeout_ms) {
    /* To record, a whole period must have passed; to play, there must be room for one. */
    uint64_t goal = d->frames + d->period;
    if (!d->capture) goal = goal > d->target ? goal - d->target : 0;
    uint64_t now = due(d);
    if (now >= goal) return PB_OK;
    uint64_t us = (goal - now) * 1000 / 48 + 1;
    bool long_one = us > (uint64_t)timeout_ms * 1000;
    if (long_one) us = (uint64_t)timeout_ms * 1000;
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    struct pollfd fd = {.fd = wake_fd, .events = POLLIN};
    ppoll(&fd, 1, &t, NULL);
    return long_one ? PB_AGAIN : PB_OK;
}

static enum pb_status read_paced(struct pb_audio_device *d, int16_t *frames, uint32_t max, uint32_t *count, uint64_t *first_us) {
    uint64_t now = due(d);
    if (now - d->frames > LATE_FRAMES) d->frames = now - d->period; /* asleep for long: as a device that overran */
    uint64_t there = now - d->frames;
    if (there < d->period) return PB_AGAIN;
    *count = there < max ? (uint32_t)there : max;
    *first_us = d->start_us + (uint64_t)pb_audio_frames_us((int64_t)d->frames);
    for (uint32_t i = 0; i < *count; i++) {
        frames[2 * i] = frames[2 * i + 1] = d->hz > 0 ? (int16_t)lrint(8192 * sin(d->angle)) : 0;
        d->angle += 2 * 3.14159265358979323846 * d->hz / PB_AUDIO_RATE;
        if (d->angle > 2 * 3.14159265358979323846) d->angle -= 2 * 3.14159265358979323846;
    }
    d->frames += *count;
    return PB_OK;
}

static enum pb_status room_paced(struct pb_audio_device *d, uint32_t *count, uint64_t *heard_us) {
    uint64_t now = due(d);
    bool dry = now > d->frames;
    /* What was not written in time was silence. */
    if (dry) d->frames = now;
    uint64_t ahead = d->frames - now;
    *count = ahead < d->target ? (uint32_t)(d->target - ahead) : 0;
    *heard_us = d->start_us + (uint64_t)pb_audio_frames_us((int64_t)d->frames);
    return PB_OK;
}

static enum pb_status write_paced(struct pb_audio_device *d, const int16_t *frames, uint32_t count) {
    d->frames += count;
    const uint8_t *bytes = (const uint8_t *)frames;
    for (size_t left = d->file < 0 ? 0 : count * 4; left;) {
        ssize_t wrote = write(d->file, bytes, left);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            d->fault = errno;
            return PB_LOST;
        }
        bytes += wrote;
        left -= (size_t)wrote;
    }
    return PB_OK;
}

static void retarget(struct pb_audio_device *d, uint32_t target) { d->target = target; }

static void describe_tone(const struct pb_audio_device *d, char *name, size_t name_size, char *detail, size_t detail_size) {
    pb_error(name, name_size, "%g", d->hz);
    pb_error(detail, detail_size, "a test tone of %g Hz", d->hz);
}
static void describe_none(const struct pb_audio_device *d, char *name, size_t name_size, char *detail, size_t detail_size) {
    pb_error(name, name_size, "%s", "");
    pb_error(detail, detail_size, d->capture ? "silence" : "sound is decoded but not played");
}
static void describe_file(const struct pb_audio_device *d, char *name, size_t name_size, char *detail, size_t detail_size) {
    pb_error(name, name_size, "%s", d->path);
    pb_error(detail, detail_size, "raw s16le, 48000 Hz, stereo");
}

static void failure(const struct pb_audio_device *d, char *out, size_t size) {
    pb_error(out, size, "%s: write: %s", d->path, strerror(d->fault));
}

static void close_paced(struct pb_audio_device *d) {
    if (d->file >= 0) close(d->file);
    free(d);
}

#define PACED(NAME, RECORDS, PLAYS) \
    const struct pb_audio_backend pb_audio_##NAME = {.name = #NAME, .named_only = true, .captures = RECORDS, .plays = PLAYS, .least_target_us = 25000, \
        .probe = probe_##NAME, .open = open_##NAME, .wait = wait_paced, .read = read_paced, .room = room_paced, .write = write_paced, \
        .retarget = retarget, .describe = describe_##NAME, .failure = failure, .close = close_paced}

PACED(tone, true, false);
PACED(none, true, true);
PACED(file, false, true);
