/* sources: */
/* The frame schedule on made-up time: a source at the wanted rate never waits, whatever its jitter; a faster one is held to
 * the rate; after a silence the first change goes at once. */
#include "check.h"

#include "media/pacing.h"

/* Offers a change at each time of a source and returns how many were taken; `*waited_us` sums up how long they waited. */
static uint32_t offer(uint32_t fps, uint32_t source_us, uint32_t jitter_us, uint32_t seconds, uint64_t *waited_us) {
    struct pb_pacing p = {0};
    uint32_t frames = 0, seed = 99;
    uint64_t free_us = 0;
    *waited_us = 0;
    for (uint64_t at = 5000000; at < 5000000 + seconds * 1000000ull; at += source_us) {
        seed = seed * 1664525 + 1013904223;
        uint64_t change = at + (jitter_us ? (seed >> 8) % jitter_us : 0);
        if (change < free_us) continue; /* folded into the frame that waits already */
        uint64_t earliest = pb_pacing_earliest_us(&p, fps), taken = change > earliest ? change : earliest;
        *waited_us += taken - change;
        pb_pacing_used(&p, fps, taken);
        free_us = taken;
        frames++;
    }
    return frames;
}

int main(void) {
    uint64_t waited;
    CHECK(offer(60, 16667, 0, 20, &waited) >= 1199 && waited == 0);
    CHECK(offer(60, 16667, 8000, 20, &waited) >= 1199 && waited == 0);
    CHECK(offer(60, 16500, 0, 20, &waited) >= 1200 && waited == 0); /* a painter's clock 1 % fast */
    CHECK(offer(30, 33333, 16000, 20, &waited) >= 599 && waited == 0);
    CHECK(offer(60, 1000, 0, 20, &waited) <= 20 * 62);
    CHECK(offer(60, 1000, 0, 20, &waited) >= 20 * 59);
    CHECK(offer(10, 6944, 3000, 20, &waited) <= 20 * 10 * 103 / 100 + 2);
    CHECK(offer(60, 500000, 0, 20, &waited) == 40 && waited == 0);
    struct pb_pacing fresh = {0};
    CHECK(pb_pacing_earliest_us(&fresh, 60) == 0);
    return 0;
}
