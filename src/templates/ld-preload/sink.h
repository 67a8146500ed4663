/* Where pictures go: a frame buffer in shared memory, of the name in $PATCHBAY_FRAMES, else "gl". Its size follows the
 * window's. Not safe for threads: the caller holds a lock. */
#ifndef SINK_H
#define SINK_H
#include <stdbool.h>
#include <stdint.h>

enum sink_demand {
    SINK_CLOSED, /* the name is another program's for now */
    SINK_UNREAD, /* nobody sleeps for a picture, nor did lately: keep it fresh where that costs nothing to speak of */
    SINK_READ    /* somebody does, or $PATCHBAY_FRAMES_ALWAYS is set */
};
enum sink_demand sink_demand(uint64_t now_us);
/* Turns the rows upside down and makes them opaque, as the screen shows them. */
void sink_write(const uint8_t *rows, uint32_t width, uint32_t height, uint64_t drawn_us);
/* Takes the name away: readers learn that no picture will follow. */
void sink_close(void);
/* After a fork: the parent's frame buffer is none of ours. */
void sink_abandon(void);
#endif
