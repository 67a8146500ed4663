/* sources: c/meter/timecode.c */
/* The timecode survives what a codec and a scaler do to it, resolves the wrap of its clock, and is not seen where there is
 * none. One strip is written down by hand, so that painter and reader cannot be wrong together. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/timecode.h"

enum { WIDTH = PB_TIMECODE_COLUMNS * PB_TIMECODE_CELL, HEIGHT = PB_TIMECODE_ROWS * PB_TIMECODE_CELL, STRIDE = WIDTH * 4 };

#define CHECK(what)                                                    \
    do {                                                               \
        if (!(what)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
            exit(1);                                                   \
        }                                                              \
    } while (0)

static uint8_t strip[HEIGHT * STRIDE];

static bool reads_as(const uint8_t *pixels, uint32_t width, uint32_t height, double cell, uint64_t now_us, uint64_t wanted_us,
                     uint16_t wanted_frame) {
    uint64_t painted_us = 0;
    uint16_t frame = 0;
    return pb_timecode_read(pixels, width * 4, width, height, cell, now_us, &painted_us, &frame) && painted_us == wanted_us &&
           frame == wanted_frame;
}

static bool reads_nothing(const uint8_t *pixels, uint32_t width, uint32_t height, double cell) {
    uint64_t painted_us;
    uint16_t frame;
    return !pb_timecode_read(pixels, width * 4, width, height, cell, 0, &painted_us, &frame);
}

/* Ticks 0x12345678, frame 0xabcd: lowest bit first, then the CRC-8 over 78 56 34 12 cd ab, which is 0x01. */
static void paints_the_strip_written_by_hand(void) {
    static const char cells[] = "0001111001101010001011000100" /* 78 56 34, low half of 12 */
                                "1000101100111101010110000000"; /* its high half, cd ab, 01 */
    pb_timecode_paint(strip, STRIDE, 0x12345678ull * 100 + 99, 0xabcd);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int cell = y / PB_TIMECODE_CELL * PB_TIMECODE_COLUMNS + x / PB_TIMECODE_CELL;
            uint32_t pixel;
            memcpy(&pixel, strip + y * STRIDE + x * 4, 4);
            CHECK((pixel & 0xffffff) == (cells[cell] == '1' ? 0xffffffu : 0u));
        }
    CHECK(reads_as(strip, WIDTH, HEIGHT, PB_TIMECODE_CELL, 0x12345678ull * 100 + 5000, 0x12345678ull * 100, 0xabcd));
}

static void resolves_the_wrap_of_its_clock(void) {
    const uint64_t period_us = (1ull << 32) * 100;
    const struct {
        uint64_t painted_us, now_us;
    } cases[] = {
        {0, 0}, {700, 900}, {period_us - 100, period_us + 300}, {period_us, period_us + 100}, {period_us + 100, period_us - 100},
        {7 * period_us - 200, 7 * period_us + 4000000}, {7 * period_us + 3600000000ull, 7 * period_us + 3600010000ull},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_timecode_paint(strip, STRIDE, cases[i].painted_us, (uint16_t)i);
        CHECK(reads_as(strip, WIDTH, HEIGHT, PB_TIMECODE_CELL, cases[i].now_us, cases[i].painted_us, (uint16_t)i));
    }
}

/* Less contrast, noise, and colours that are wrong: what 4:2:0 and a coarse quantiser leave. */
static void survives_a_bad_codec(void) {
    srand(7);
    for (uint32_t n = 0; n < 200; n++) {
        uint64_t painted_us = 1000000ull * n + 300;
        pb_timecode_paint(strip, STRIDE, painted_us, (uint16_t)(n * 331));
        for (int i = 0; i < HEIGHT * STRIDE; i++)
            if (i % 4 == 1) strip[i] = (uint8_t)((strip[i] ? 176 : 80) + rand() % 121 - 60);
            else strip[i] = (uint8_t)rand();
        CHECK(reads_as(strip, WIDTH, HEIGHT, PB_TIMECODE_CELL, painted_us + 20000, painted_us, (uint16_t)(n * 331)));
    }
}

static void survives_scaling(void) {
    static const double scales[] = {0.25, 0.5, 2.0 / 3, 0.75, 1.25, 1.5, 2.25};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        uint32_t width = (uint32_t)(WIDTH * scales[i]), height = (uint32_t)(HEIGHT * scales[i]);
        uint8_t *scaled = malloc((size_t)width * height * 4); /* exact, so that ASan sees a read past the end */
        CHECK(scaled);
        pb_timecode_paint(strip, STRIDE, 987654300, 4321);
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++)
                memcpy(scaled + ((size_t)y * width + x) * 4,
                       strip + (size_t)(y / scales[i]) * STRIDE + (size_t)(x / scales[i]) * 4, 4);
        CHECK(reads_as(scaled, width, height, PB_TIMECODE_CELL * scales[i], 987700000, 987654300, 4321));
        free(scaled);
    }
}

static void sees_no_code_where_there_is_none(void) {
    memset(strip, 0, sizeof strip);
    CHECK(reads_nothing(strip, WIDTH, HEIGHT, PB_TIMECODE_CELL));
    for (int cell = 0; cell < PB_TIMECODE_BITS; cell++) { /* any one cell wrong */
        pb_timecode_paint(strip, STRIDE, 123456700, 99);
        int x = cell % PB_TIMECODE_COLUMNS * PB_TIMECODE_CELL, y = cell / PB_TIMECODE_COLUMNS * PB_TIMECODE_CELL;
        for (int row = y; row < y + PB_TIMECODE_CELL; row++)
            for (int i = x * 4; i < (x + PB_TIMECODE_CELL) * 4; i++) strip[row * STRIDE + i] ^= 0xff;
        CHECK(reads_nothing(strip, WIDTH, HEIGHT, PB_TIMECODE_CELL));
    }
    pb_timecode_paint(strip, STRIDE, 123456700, 99);
    CHECK(reads_nothing(strip, WIDTH - 9, HEIGHT, PB_TIMECODE_CELL));
    CHECK(reads_nothing(strip, WIDTH, HEIGHT - 9, PB_TIMECODE_CELL));
    CHECK(reads_nothing(strip, WIDTH, HEIGHT, 0));
    CHECK(reads_nothing(strip, WIDTH, HEIGHT, -3));
    CHECK(reads_nothing(strip, WIDTH, HEIGHT, 0.0 / 0.0));
}

int main(void) {
    paints_the_strip_written_by_hand();
    resolves_the_wrap_of_its_clock();
    survives_a_bad_codec();
    survives_scaling();
    sees_no_code_where_there_is_none();
    return 0;
}
