/* sources: c/convert/convert.c c/convert/convert_avx2.c */
/* Colour conversion: BT.709's published values, SIMD against the portable definition over all small and odd sizes, rows
 * outside the wanted ones left alone, and the way back. */
#include "check.h"

#include "convert/convert.h"

#include <string.h>

static uint32_t seed = 20260101;
static uint32_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

struct buffers {
    struct pb_picture bgra, yuv;
    size_t luma, chroma;
};

/* Exactly as large as promised, so that the address sanitizer sees one byte too far. */
static struct buffers make(uint32_t width, uint32_t height, enum pb_format format) {
    uint32_t half = (width + 1) / 2, rows = (height + 1) / 2;
    struct buffers b = {.luma = (size_t)width * height, .chroma = (size_t)half * rows * (format == PB_NV12 ? 2 : 1)};
    b.bgra = (struct pb_picture){PB_BGRA, width, height, {malloc((size_t)width * height * 4)}, {width * 4}, NULL};
    uint8_t *v = format == PB_NV12 ? NULL : malloc(b.chroma);
    uint32_t stride = format == PB_NV12 ? half * 2 : half;
    b.yuv = (struct pb_picture){format, width, height, {malloc(b.luma), malloc(b.chroma), v}, {width, stride, half}, NULL};
    memset(b.yuv.plane[0], 0xee, b.luma);
    memset(b.yuv.plane[1], 0xee, b.chroma);
    if (v) memset(v, 0xee, b.chroma);
    for (size_t i = 0; i < (size_t)width * height * 4; i++) b.bgra.plane[0][i] = (uint8_t)next();
    return b;
}

static void drop(struct buffers *b) {
    free(b->bgra.plane[0]);
    for (int i = 0; i < 3; i++) free(b->yuv.plane[i]);
}

static void fill(const struct pb_picture *p, uint8_t red, uint8_t green, uint8_t blue) {
    for (size_t i = 0; i < (size_t)p->width * p->height; i++) {
        uint8_t *pixel = p->plane[0] + 4 * i;
        pixel[0] = blue, pixel[1] = green, pixel[2] = red, pixel[3] = 255;
    }
}

/* 8-bit limited-range BT.709 values of the colour bars, from the standard's equations rounded. */
static void known_values(void) {
    static const uint8_t table[][6] = {
        {255, 255, 255, 235, 128, 128}, {0, 0, 0, 16, 128, 128},     {255, 0, 0, 63, 102, 240},
        {0, 255, 0, 173, 42, 26},       {0, 0, 255, 32, 240, 118},   {255, 255, 0, 219, 16, 138},
        {0, 255, 255, 188, 154, 16},    {255, 0, 255, 78, 214, 230}, {128, 128, 128, 126, 128, 128},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buffers b = make(64, 4, PB_I420);
        fill(&b.bgra, table[i][0], table[i][1], table[i][2]);
        pb_convert_to_i420(&b.bgra, &b.yuv, (struct pb_rows){0, 4});
        for (int plane = 0; plane < 3; plane++) CHECK(abs(b.yuv.plane[plane][0] - table[i][3 + plane]) <= 1);
        struct pb_picture back = {PB_BGRA, 64, 4, {malloc(64 * 4 * 4)}, {64 * 4}, NULL};
        pb_convert_to_bgra(&b.yuv, &back, (struct pb_rows){0, 4});
        for (int c = 0; c < 3; c++) CHECK(abs(back.plane[0][c] - table[i][2 - c]) <= 3);
        CHECK(back.plane[0][3] == 255);
        free(back.plane[0]);
        drop(&b);
    }
}

static int mean(int a, int b) { return (a + b + 1) >> 1; }

/* What the definition gives for a whole picture, written out a pixel at a time. */
static void reference(const struct pb_picture *in, uint8_t *y_out, uint8_t *u_out, uint8_t *v_out) {
    uint32_t half = (in->width + 1) / 2;
    for (uint32_t y = 0; y < in->height; y++)
        for (uint32_t x = 0; x < in->width; x++) {
            const uint8_t *p = in->plane[0] + (size_t)y * in->stride[0] + 4 * (size_t)x;
            y_out[(size_t)y * in->width + x] = (uint8_t)((16 * p[0] + 157 * p[1] + 47 * p[2] + 16 * 256 + 128) >> 8);
            if (x % 2 || y % 2) continue;
            const uint8_t *below = y + 1 < in->height ? p + in->stride[0] : p;
            uint32_t right = x + 1 < in->width ? 4 : 0;
            int m[3];
            for (uint32_t c = 0; c < 3; c++) m[c] = mean(mean(p[c], below[c]), mean(p[c + right], below[c + right]));
            u_out[y / 2 * half + x / 2] = (uint8_t)(((112 * m[0] - 86 * m[1] - 26 * m[2] + 128) >> 8) + 128);
            v_out[y / 2 * half + x / 2] = (uint8_t)(((-10 * m[0] - 102 * m[1] + 112 * m[2] + 128) >> 8) + 128);
        }
}

/* The rows that machines without AVX2 use, planar and interleaved, from the first pixel and from a later one. */
static void portable(const struct pb_picture *in, const uint8_t *y_wanted, const uint8_t *u_wanted, const uint8_t *v_wanted) {
    uint32_t half = (in->width + 1) / 2, last = in->height > 1 ? in->stride[0] : 0;
    for (uint32_t step = 1; step <= 2; step++)
        for (uint32_t from = 0; from < in->width && from <= 32; from += 32) {
            uint8_t *y = malloc(2 * (size_t)in->width), *chroma = malloc(2 * (size_t)half);
            struct pb_row_pair pair = {in->plane[0], in->plane[0] + last, y,
                                       last ? y + in->width : y, chroma, step == 2 ? chroma + 1 : chroma + half, in->width, step};
            pb_convert_rows_portable(&pair, from);
            CHECK(!memcmp(y + from, y_wanted + from, in->width - from));
            if (last) CHECK(!memcmp(y + in->width + from, y_wanted + in->width + from, in->width - from));
            for (uint32_t i = from / 2; i < half; i++) CHECK(pair.u[i * step] == u_wanted[i] && pair.v[i * step] == v_wanted[i]);
            free(y), free(chroma);
        }
}

static void one_size(uint32_t width, uint32_t height) {
    struct buffers planar = make(width, height, PB_I420), interleaved = make(width, height, PB_NV12);
    memcpy(interleaved.bgra.plane[0], planar.bgra.plane[0], planar.luma * 4);
    uint8_t *y = malloc(planar.luma), *u = malloc(planar.chroma), *v = malloc(planar.chroma);
    reference(&planar.bgra, y, u, v);
    pb_convert_to_i420(&planar.bgra, &planar.yuv, (struct pb_rows){0, height});
    pb_convert_to_nv12(&planar.bgra, &interleaved.yuv, (struct pb_rows){0, height});
    CHECK(!memcmp(y, planar.yuv.plane[0], planar.luma));
    CHECK(!memcmp(u, planar.yuv.plane[1], planar.chroma));
    CHECK(!memcmp(v, planar.yuv.plane[2], planar.chroma));
    CHECK(!memcmp(y, interleaved.yuv.plane[0], planar.luma));
    for (size_t i = 0; i < planar.chroma; i++)
        CHECK(interleaved.yuv.plane[1][2 * i] == u[i] && interleaved.yuv.plane[1][2 * i + 1] == v[i]);
    portable(&planar.bgra, y, u, v);
    free(y), free(u), free(v);
    drop(&planar), drop(&interleaved);
}

/* The portable rows against real numbers, so that both cannot be wrong together. */
static void against_floats(void) {
    struct buffers b = make(96, 2, PB_I420);
    pb_convert_to_i420(&b.bgra, &b.yuv, (struct pb_rows){0, 2});
    for (uint32_t x = 0; x < 96; x++) {
        const uint8_t *p = b.bgra.plane[0] + 4 * x;
        double luma = 16 + 219.0 / 255 * (0.2126 * p[2] + 0.7152 * p[1] + 0.0722 * p[0]);
        CHECK(luma - b.yuv.plane[0][x] < 1.2 && b.yuv.plane[0][x] - luma < 1.2);
    }
    for (uint32_t x = 0; x < 96; x += 2) {
        double sum[3] = {0};
        for (int c = 0; c < 3; c++)
            for (int n = 0; n < 4; n++) sum[c] += b.bgra.plane[0][(size_t)(n / 2) * b.bgra.stride[0] + 4 * (x + n % 2) + c] / 4.0;
        double grey = 0.2126 * sum[2] + 0.7152 * sum[1] + 0.0722 * sum[0];
        double u = 128 + 224.0 / 255 * (sum[0] - grey) / 1.8556, v = 128 + 224.0 / 255 * (sum[2] - grey) / 1.5748;
        CHECK(abs((int)(u + 0.5) - b.yuv.plane[1][x / 2]) <= 1);
        CHECK(abs((int)(v + 0.5) - b.yuv.plane[2][x / 2]) <= 1);
    }
    drop(&b);
}

static void only_wanted_rows(void) {
    struct buffers b = make(70, 21, PB_I420);
    pb_convert_to_i420(&b.bgra, &b.yuv, (struct pb_rows){5, 9}); /* rounded outwards: 4 to 10 */
    uint8_t *untouched = malloc(70);
    memset(untouched, 0xee, 70);
    CHECK(!memcmp(b.yuv.plane[0] + 3 * 70, untouched, 70) && !memcmp(b.yuv.plane[0] + 10 * 70, untouched, 70));
    CHECK(!memcmp(b.yuv.plane[1] + 1 * 35, untouched, 35) && !memcmp(b.yuv.plane[1] + 5 * 35, untouched, 35));
    CHECK(memcmp(b.yuv.plane[0] + 4 * 70, untouched, 70) && memcmp(b.yuv.plane[0] + 9 * 70, untouched, 70));
    pb_convert_to_i420(&b.bgra, &b.yuv, (struct pb_rows){7, 7});
    pb_convert_to_i420(&b.bgra, &b.yuv, (struct pb_rows){0, 4000}); /* beyond the picture: clipped */
    free(untouched);
    drop(&b);
}

int main(void) {
    known_values();
    against_floats();
    only_wanted_rows();
    for (uint32_t width = 1; width <= 100; width++) one_size(width, width % 7 + 1);
    for (uint32_t height = 1; height <= 9; height++) one_size(333, height);
    for (int i = 0; i < 20; i++) one_size(1 + next() % 700, 1 + next() % 50);
    return 0;
}
