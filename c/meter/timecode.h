/* A time written into a picture as black and white cells, so that a camera, or a reader of another display, can tell
 * how old the picture is. 2 rows of 28 cells, each 32 x 32 pixels at scale 1, at the picture's top left:
 *   bits  0-31  CLOCK_MONOTONIC in units of 0.1 ms, modulo 2^32
 *   bits 32-47  frame number, modulo 2^16
 *   bits 48-55  CRC-8 (polynomial 0x07, start 0x5a) over the six bytes before, lowest first
 * Bit n lies in row n / 28, column n % 28; white is 1. Only brightness counts, so chroma subsampling does not hurt. */
#ifndef PB_TIMECODE_H
#define PB_TIMECODE_H
#include <stdbool.h>
#include <stdint.h>

enum { PB_TIMECODE_COLUMNS = 28, PB_TIMECODE_ROWS = 2, PB_TIMECODE_CELL = 32, PB_TIMECODE_BITS = 56 };

/* Paints the code into BGRA pixels; the picture is at least 896 x 64. */
void pb_timecode_paint(uint8_t *bgra, uint32_t stride, uint64_t now_us, uint16_t frame);
/* Reads the code from BGRA pixels at its place, with cells of `cell` pixels. `now_us` resolves the wrap-around. False when there is none. */
bool pb_timecode_read(const uint8_t *bgra, uint32_t stride, uint32_t width, uint32_t height, double cell, uint64_t now_us,
                      uint64_t *painted_us, uint16_t *frame);
#endif
