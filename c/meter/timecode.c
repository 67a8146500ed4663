/* Writes and reads the timecode of timecode.h. Pure: no clock, no memory, no X. It never judges how old a code is;
 * that the strip is no code at all shows in the CRC, whose start value makes an all-black strip wrong. */
#include "timecode.h"

#include <stddef.h>
#include <string.h>

enum { FRAME_SHIFT = 32, CRC_SHIFT = 48, PAYLOAD_BYTES = 6, TICK_US = 100 };

static uint8_t crc8(uint64_t payload) {
    uint8_t crc = 0x5a;
    for (int byte = 0; byte < PAYLOAD_BYTES; byte++) {
        crc ^= (uint8_t)(payload >> (8 * byte));
        for (int bit = 0; bit < 8; bit++) crc = (uint8_t)(crc << 1 ^ (crc & 0x80 ? 0x07 : 0));
    }
    return crc;
}

void pb_timecode_paint(uint8_t *bgra, uint32_t stride, uint64_t now_us, uint16_t frame) {
    uint64_t code = (uint32_t)(now_us / TICK_US) | (uint64_t)frame << FRAME_SHIFT;
    code |= (uint64_t)crc8(code) << CRC_SHIFT;
    const size_t cell_bytes = PB_TIMECODE_CELL * 4, row_bytes = PB_TIMECODE_COLUMNS * cell_bytes;
    for (int row = 0; row < PB_TIMECODE_ROWS; row++) {
        uint8_t *first = bgra + (size_t)row * PB_TIMECODE_CELL * stride;
        for (int column = 0; column < PB_TIMECODE_COLUMNS; column++, code >>= 1)
            memset(first + (size_t)column * cell_bytes, code & 1 ? 0xff : 0, cell_bytes);
        for (uint32_t y = 1; y < PB_TIMECODE_CELL; y++) memcpy(first + (size_t)y * stride, first, row_bytes);
    }
}

/* Mean green of the middle half of a cell: its border is where blur, scaling and deblocking mix in the neighbour. */
static bool cell_is_white(const uint8_t *bgra, uint32_t stride, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1) {
    uint32_t sum = 0;
    for (uint32_t y = y0; y < y1; y++)
        for (uint32_t x = x0; x < x1; x++) sum += bgra[(size_t)y * stride + (size_t)x * 4 + 1];
    return sum > (x1 - x0) * (y1 - y0) * 128;
}

/* The moment nearest to `now_us` whose 32-bit count of ticks is `ticks`. */
static uint64_t unwrap(uint32_t ticks, uint64_t now_us) {
    uint64_t now = now_us / TICK_US;
    int32_t ahead = (int32_t)(ticks - (uint32_t)now);
    if (ahead < 0 && (uint64_t)-(int64_t)ahead > now) return (uint64_t)ticks * TICK_US;
    return (now + (uint64_t)(int64_t)ahead) * TICK_US;
}

bool pb_timecode_read(const uint8_t *bgra, uint32_t stride, uint32_t width, uint32_t height, double cell, uint64_t now_us,
                      uint64_t *painted_us, uint16_t *frame) {
    /* All that is read must lie inside: up to three quarters of the last cell. The comparison also refuses NaN. */
    if (!(cell >= 2) || (PB_TIMECODE_COLUMNS - 0.25) * cell > width || (PB_TIMECODE_ROWS - 0.25) * cell > height) return false;
    uint64_t code = 0;
    for (int bit = 0; bit < PB_TIMECODE_BITS; bit++) {
        double left = bit % PB_TIMECODE_COLUMNS * cell, top = bit / PB_TIMECODE_COLUMNS * cell;
        uint32_t x0 = (uint32_t)(left + cell / 4), x1 = (uint32_t)(left + cell * 3 / 4);
        uint32_t y0 = (uint32_t)(top + cell / 4), y1 = (uint32_t)(top + cell * 3 / 4);
        if (cell_is_white(bgra, stride, x0, y0, x1 > x0 ? x1 : x0 + 1, y1 > y0 ? y1 : y0 + 1)) code |= 1ull << bit;
    }
    uint64_t payload = code & ((1ull << CRC_SHIFT) - 1);
    if (crc8(payload) != code >> CRC_SHIFT) return false;
    *painted_us = unwrap((uint32_t)payload, now_us);
    *frame = (uint16_t)(payload >> FRAME_SHIFT);
    return true;
}
