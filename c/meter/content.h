/* What a scene shows behind its timecode. Pure drawing into memory: no clock, no X, no threads.
 * Modes: "static" (nothing moves), "scroll" (text-like clutter scrolls), "video" (the middle three quarters move fully),
 * "demo" (a patch panel, a dial, moving lights). All but "demo" exist to load a streamer, "demo" to be looked at. */
#ifndef PB_CONTENT_H
#define PB_CONTENT_H
#include <stdbool.h>
#include <stdint.h>

struct pb_content;

/* NULL when the mode is unknown or memory is short; `pb_content_knows` tells which. */
struct pb_content *pb_content_open(const char *mode, uint32_t width, uint32_t height);
bool pb_content_knows(const char *mode);
/* Brings `pixels` (BGRA, rows of `width` pixels, the same memory each time) to frame `n`, `seconds` after the first.
 * Only what moves is written again after the first call. */
void pb_content_compose(struct pb_content *content, uint32_t *pixels, uint32_t n, double seconds);
void pb_content_close(struct pb_content *content);

/* The demo's parts (demo.c): what stands still, and the frame drawn over a picture that holds `still` elsewhere. */
struct pb_demo;
struct pb_demo *pb_demo_open(uint32_t width, uint32_t height, uint32_t *still);
void pb_demo_compose(struct pb_demo *demo, const uint32_t *still, uint32_t *pixels, double seconds);
void pb_demo_close(struct pb_demo *demo);
#endif
