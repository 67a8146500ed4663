/* BGRA to I420 and NV12 and back, BT.709 limited range (ITU-R BT.709-6, section 3). This file walks the pictures and holds
 * the portable arithmetic, which is the definition: the SIMD rows in convert_avx2.c must give equal bytes.
 * Coefficients are in 1/256; those of each chroma channel sum to 0 and those of luma to 220, so greys stay exact. */
#include "convert.h"

#include <string.h>

enum { Y_B = 16, Y_G = 157, Y_R = 47, U_B = 112, U_G = -86, U_R = -26, V_B = -10, V_G = -102, V_R = 112 };

static inline uint8_t clamp(int value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

/* The loops below are written for the vectoriser, which finds NEON's and SSE2's instructions in them: no aliases, sums that fit 16
 * bits, one step a loop, in blocks that stay in the first cache. */
#define VECTORISED __attribute__((optimize("O3"), noinline)) static
enum { BLOCK = 128 }; /* pixels, even */

/* Of two by two pixels each. */
struct means {
    uint8_t b[BLOCK / 2], g[BLOCK / 2], r[BLOCK / 2];
};

VECTORISED void luma_row(const uint8_t *restrict bgra, uint8_t *restrict out, uint32_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = bgra + 4 * i;
        out[i] = (uint8_t)((uint16_t)(p[0] * Y_B + p[1] * Y_G + p[2] * Y_R + 16 * 256 + 128) >> 8);
    }
}

/* Means round up, as the SIMD instructions do; what that adds to all channels alike cancels in chroma. */
VECTORISED void mean_rows(const uint8_t *restrict top, const uint8_t *restrict bottom, uint8_t *restrict out, uint32_t bytes) {
    for (size_t i = 0; i < bytes; i++) out[i] = (uint8_t)((top[i] + bottom[i] + 1) >> 1);
}

VECTORISED void split(const uint8_t *restrict bgra, uint8_t *restrict b, uint8_t *restrict g, uint8_t *restrict r, uint32_t count) {
    for (size_t i = 0; i < count; i++) {
        b[i] = bgra[4 * i];
        g[i] = bgra[4 * i + 1];
        r[i] = bgra[4 * i + 2];
    }
}

VECTORISED void mean_neighbours(const uint8_t *restrict in, uint8_t *restrict out, uint32_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint8_t)((in[2 * i] + in[2 * i + 1] + 1) >> 1);
}

/* Half the range is added before the shift, so that no sum is negative. */
VECTORISED void chroma_row(const struct means *restrict m, uint8_t *restrict u, uint8_t *restrict v, uint32_t count) {
    for (size_t i = 0; i < count; i++) {
        u[i] = (uint8_t)((uint16_t)(m->b[i] * U_B + m->g[i] * U_G + m->r[i] * U_R + 128 * 256 + 128) >> 8);
        v[i] = (uint8_t)((uint16_t)(m->b[i] * V_B + m->g[i] * V_G + m->r[i] * V_R + 128 * 256 + 128) >> 8);
    }
}

VECTORISED void interleave(const uint8_t *restrict u, const uint8_t *restrict v, uint8_t *restrict out, uint32_t count) {
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = u[i];
        out[2 * i + 1] = v[i];
    }
}

/* Up to BLOCK pixels of two rows to one row of chroma each. */
static void chroma_block(const struct pb_row_pair *r, uint32_t x, uint32_t pixels) {
    uint8_t rows[4 * BLOCK], b[BLOCK], g[BLOCK], red[BLOCK], u[BLOCK / 2], v[BLOCK / 2];
    struct means means;
    uint32_t count = (pixels + 1) / 2;
    mean_rows(r->top + 4 * (size_t)x, r->bottom + 4 * (size_t)x, rows, 4 * pixels);
    /* The last column of an odd width stands for its own sample. */
    if (pixels & 1) memcpy(rows + 4 * (size_t)pixels, rows + 4 * (size_t)(pixels - 1), 4);
    split(rows, b, g, red, 2 * count);
    mean_neighbours(b, means.b, count);
    mean_neighbours(g, means.g, count);
    mean_neighbours(red, means.r, count);
    if (r->step == 1) {
        chroma_row(&means, r->u + x / 2, r->v + x / 2, count);
    } else {
        chroma_row(&means, u, v, count);
        interleave(u, v, r->u + x, count);
    }
}

void pb_convert_rows_portable(const struct pb_row_pair *r, uint32_t x) {
    luma_row(r->top + 4 * (size_t)x, r->luma_top + x, r->width - x);
    if (r->luma_bottom != r->luma_top) luma_row(r->bottom + 4 * (size_t)x, r->luma_bottom + x, r->width - x);
    for (; x < r->width; x += BLOCK) chroma_block(r, x, r->width - x < BLOCK ? r->width - x : BLOCK);
}

static void convert(const struct pb_picture *bgra, const struct pb_picture *out, struct pb_rows rows, bool interleaved) {
    pb_convert_rows_fn convert_rows = pb_convert_rows_simd();
    if (!convert_rows) convert_rows = pb_convert_rows_portable;
    uint32_t bottom = rows.bottom < bgra->height ? rows.bottom : bgra->height;
    for (uint32_t y = rows.top & ~1u; y < bottom; y += 2) {
        size_t last = y + 1 < bgra->height ? y + 1 : y;
        uint8_t *chroma = out->plane[1] + (size_t)(y / 2) * out->stride[1];
        struct pb_row_pair pair = {
            .top = bgra->plane[0] + (size_t)y * bgra->stride[0],
            .bottom = bgra->plane[0] + last * bgra->stride[0],
            .luma_top = out->plane[0] + (size_t)y * out->stride[0],
            .luma_bottom = out->plane[0] + last * out->stride[0],
            .u = chroma,
            .v = interleaved ? chroma + 1 : out->plane[2] + (size_t)(y / 2) * out->stride[2],
            .width = bgra->width,
            .step = interleaved ? 2 : 1,
        };
        convert_rows(&pair, 0);
    }
}

void pb_convert_to_i420(const struct pb_picture *bgra, const struct pb_picture *i420, struct pb_rows rows) {
    convert(bgra, i420, rows, false);
}

void pb_convert_to_nv12(const struct pb_picture *bgra, const struct pb_picture *nv12, struct pb_rows rows) {
    convert(bgra, nv12, rows, true);
}

/* Back: coefficients in 1/256 (255/219, and 2 (1 - K) 255/224 split over the channels). */
__attribute__((optimize("O3"))) void pb_convert_to_bgra(const struct pb_picture *i420, const struct pb_picture *bgra,
                                                        struct pb_rows rows) {
    uint32_t bottom = rows.bottom < i420->height ? rows.bottom : i420->height;
    for (uint32_t y = rows.top; y < bottom; y++) {
        const uint8_t *luma_row = i420->plane[0] + (size_t)y * i420->stride[0];
        const uint8_t *u_row = i420->plane[1] + (size_t)(y / 2) * i420->stride[1];
        const uint8_t *v_row = i420->plane[2] + (size_t)(y / 2) * i420->stride[2];
        uint8_t *out = bgra->plane[0] + (size_t)y * bgra->stride[0];
        for (uint32_t x = 0; x < i420->width; x++) {
            int c = (luma_row[x] - 16) * 298 + 128, u = u_row[x / 2] - 128, v = v_row[x / 2] - 128;
            out[4 * x] = clamp((c + 541 * u) >> 8);
            out[4 * x + 1] = clamp((c - 55 * u - 136 * v) >> 8);
            out[4 * x + 2] = clamp((c + 459 * v) >> 8);
            out[4 * x + 3] = 255;
        }
    }
}
