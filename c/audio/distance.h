/* How much sound lies between write() and a device, by how well the device is served: it begins with the least, an underrun within 10 s
 * of another makes it half as much again (and 10 ms at least), each 30 s without one take a fifth of it off, and where that proves too
 * much within the next calm it is put back at once, and the calm to wait for doubles, up to 8 minutes. Times are given, no clock is
 * read. */
#ifndef PB_AUDIO_DISTANCE_H
#define PB_AUDIO_DISTANCE_H
#include <stdbool.h>
#include <stdint.h>

enum {
    PB_DISTANCE_MOST_US = 400000,
    PB_DISTANCE_STEP_US = 10000,
    PB_DISTANCE_APART_US = 10000000,
    PB_DISTANCE_CALM_US = 30000000,
    PB_DISTANCE_CALM_MOST_US = 480000000
};

struct pb_distance {
    uint32_t target_us, least_us;
    uint32_t before_us;   /* what it was before it shrank; 0 once that has proved right or wrong */
    uint64_t calm_us;     /* to wait for before it shrinks */
    uint64_t since_us;    /* beginning of the present calm */
    uint64_t underrun_us; /* the last one; 0 before the first */
};

static inline void pb_distance_begin(struct pb_distance *d, uint32_t least_us, uint64_t now_us) {
    if (least_us > PB_DISTANCE_MOST_US) least_us = PB_DISTANCE_MOST_US;
    *d = (struct pb_distance){.target_us = least_us, .least_us = least_us, .calm_us = PB_DISTANCE_CALM_US, .since_us = now_us};
}

/* The device ran dry. True when the target changed. */
static inline bool pb_distance_ran_dry(struct pb_distance *d, uint64_t now_us) {
    uint32_t was = d->target_us;
    bool often = d->underrun_us && now_us - d->underrun_us < PB_DISTANCE_APART_US;
    d->underrun_us = d->since_us = now_us;
    if (d->before_us) {
        d->target_us = d->before_us;
        d->before_us = 0;
        if (d->calm_us < PB_DISTANCE_CALM_MOST_US) d->calm_us *= 2;
    } else if (often) {
        uint32_t half = d->target_us / 2;
        d->target_us += half > PB_DISTANCE_STEP_US ? half : PB_DISTANCE_STEP_US;
        if (d->target_us > PB_DISTANCE_MOST_US) d->target_us = PB_DISTANCE_MOST_US;
    }
    return d->target_us != was;
}

/* Call often while the device is served. True when the target changed. */
static inline bool pb_distance_served(struct pb_distance *d, uint64_t now_us) {
    if (now_us - d->since_us < d->calm_us) return false;
    d->since_us = now_us;
    d->before_us = 0;
    if (d->target_us <= d->least_us) return false;
    d->before_us = d->target_us;
    d->target_us -= d->target_us / 5;
    if (d->target_us < d->least_us) d->target_us = d->least_us;
    return true;
}
#endif
