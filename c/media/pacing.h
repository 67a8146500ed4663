/* When the next frame may be captured. A leaky bucket of one frame and a half: the mean stays at the wanted rate, yet a
 * source that is early by up to half an interval is served at once. The rate is taken 2 % higher than asked, because a
 * painter whose clock runs a little faster than ours would otherwise always find the bucket full and wait. Pure. */
#ifndef PB_PACING_H
#define PB_PACING_H
#include <stdint.h>

struct pb_pacing {
    uint64_t due_us; /* when the next frame would come at an even pace */
};

static inline uint64_t pb_pacing_interval_us(uint32_t fps) { return 980000u / (fps ? fps : 1); }

/* Earliest time for the next frame. */
static inline uint64_t pb_pacing_earliest_us(const struct pb_pacing *p, uint32_t fps) {
    uint64_t slack = pb_pacing_interval_us(fps) / 2;
    return p->due_us > slack ? p->due_us - slack : 0;
}

static inline void pb_pacing_used(struct pb_pacing *p, uint32_t fps, uint64_t now_us) {
    p->due_us = (p->due_us > now_us ? p->due_us : now_us) + pb_pacing_interval_us(fps);
}
#endif
