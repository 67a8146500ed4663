/* BGRA to I420 and NV12 and back, BT.709 limited range (ITU-R BT.709-6, section 3). This file walks the pictures and holds
 * the portable arithmetic, which is the definition: the SIMD rows in convert_avx2.c must give equal bytes.
 * Coefficients are in 1/256; those of each chroma channel sum to 0 and those of luma to 220, so greys stay exact. */
#include "convert.h"

enum { Y_B = 16, Y_G = 157, Y_R = 47, U_B = 112, U_G = -86, U_R = -26, V_B = -10, V_G = -102, V_R = 112 };

static inline uint8_t luma(const uint8_t *p) {
    return (uint8_t)((p[0] * Y_B + p[1] * Y_G + p[2] * Y_R + 16 * 256 + 128) >> 8);
}

static inline uint8_t clamp(int value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

/* Rounds up, as the SIMD instruction does; what that adds to all channels alike cancels in chroma. */
static inline int mean(int a, int b) { return (a + b + 1) >> 1; }

__attribute__((optimize("O3"))) void pb_convert_rows_portable(const struct pb_row_pair *r, uint32_t x) {
    for (uint32_t i = x; i < r->width; i++) r->luma_top[i] = luma(r->top + 4 * i);
    if (r->luma_bottom != r->luma_top)
        for (uint32_t i = x; i < r->width; i++) r->luma_bottom[i] = luma(r->bottom + 4 * i);
    for (uint32_t i = x; i < r->width; i += 2) {
        const uint8_t *top = r->top + 4 * i, *bottom = r->bottom + 4 * i;
        uint32_t right = i + 1 < r->width ? 4 : 0;
        int b = mean(mean(top[0], bottom[0]), mean(top[right], bottom[right]));
        int g = mean(mean(top[1], bottom[1]), mean(top[right + 1], bottom[right + 1]));
        int red = mean(mean(top[2], bottom[2]), mean(top[right + 2], bottom[right + 2]));
        r->u[i / 2 * r->step] = (uint8_t)(((b * U_B + g * U_G + red * U_R + 128) >> 8) + 128);
        r->v[i / 2 * r->step] = (uint8_t)(((b * V_B + g * V_G + red * V_R + 128) >> 8) + 128);
    }
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
