/* Raw camera formats to BGRA. YCbCr is converted by the matrix and range that the device states: BT.601, BT.709 or BT.2020,
 * limited or full; RGB is taken as it is, full range. What libyuv has no function for is brought row by row into a form that
 * it knows. Its limited BT.709 and BT.2020 have too little blue, because its factors end at 2: those are converted here. Bayer
 * patterns are converted in blocks of 2x2 pixels: half the sharpness of colour, and cheap. */
#include "raw.h"

#include <libyuv/convert_argb.h>
#include <libyuv/planar_functions.h>
#include <linux/videodev2.h>
#include <string.h>

enum layout { PACKED, SEMI_420, SEMI_422, SEMI_444, PLANAR_420, PLANAR_422, GREY, BAYER, RGB };

struct raw_format {
    uint32_t fourcc;
    enum layout layout;
    uint8_t bits;   /* of a pixel in the first plane */
    uint8_t cost;
    uint8_t detail; /* order of the parts, by layout */
};

enum { SWAPPED = 1, UYVY = 2 };                               /* V before U; luma at the odd bytes */
enum { BGRX, RGBX, XRGB, XBGR, RGB24, BGR24, R565, R565_BE, R555, R444 }; /* bytes in memory */

static const struct raw_format formats[] = {
    {V4L2_PIX_FMT_XBGR32, RGB, 32, 1, BGRX},
    {V4L2_PIX_FMT_ABGR32, RGB, 32, 1, BGRX},
    {V4L2_PIX_FMT_BGR32, RGB, 32, 1, BGRX},
    {V4L2_PIX_FMT_RGBX32, RGB, 32, 2, RGBX},
    {V4L2_PIX_FMT_RGBA32, RGB, 32, 2, RGBX},
    {V4L2_PIX_FMT_XRGB32, RGB, 32, 2, XRGB},
    {V4L2_PIX_FMT_ARGB32, RGB, 32, 2, XRGB},
    {V4L2_PIX_FMT_RGB32, RGB, 32, 2, XRGB},
    {V4L2_PIX_FMT_BGRX32, RGB, 32, 2, XBGR},
    {V4L2_PIX_FMT_BGRA32, RGB, 32, 2, XBGR},
    {V4L2_PIX_FMT_NV12, SEMI_420, 8, 3, 0},
    {V4L2_PIX_FMT_NV21, SEMI_420, 8, 3, SWAPPED},
    {V4L2_PIX_FMT_YUV420, PLANAR_420, 8, 3, 0},
    {V4L2_PIX_FMT_YVU420, PLANAR_420, 8, 3, SWAPPED},
    {V4L2_PIX_FMT_NV16, SEMI_422, 8, 4, 0},
    {V4L2_PIX_FMT_NV61, SEMI_422, 8, 4, SWAPPED},
    {V4L2_PIX_FMT_YUV422P, PLANAR_422, 8, 4, 0},
    {V4L2_PIX_FMT_YUYV, PACKED, 16, 5, 0},
    {V4L2_PIX_FMT_YVYU, PACKED, 16, 5, SWAPPED},
    {V4L2_PIX_FMT_UYVY, PACKED, 16, 5, UYVY},
    {V4L2_PIX_FMT_VYUY, PACKED, 16, 5, UYVY | SWAPPED},
    {V4L2_PIX_FMT_NV24, SEMI_444, 8, 6, 0},
    {V4L2_PIX_FMT_NV42, SEMI_444, 8, 6, SWAPPED},
    {V4L2_PIX_FMT_BGR24, RGB, 24, 6, BGR24},
    {V4L2_PIX_FMT_RGB24, RGB, 24, 6, RGB24},
    {V4L2_PIX_FMT_RGB565, RGB, 16, 20, R565},
    {V4L2_PIX_FMT_RGB565X, RGB, 16, 21, R565_BE},
    {V4L2_PIX_FMT_XRGB555, RGB, 16, 22, R555},
    {V4L2_PIX_FMT_ARGB555, RGB, 16, 22, R555},
    {V4L2_PIX_FMT_RGB555, RGB, 16, 22, R555},
    {V4L2_PIX_FMT_XRGB444, RGB, 16, 23, R444},
    {V4L2_PIX_FMT_ARGB444, RGB, 16, 23, R444},
    {V4L2_PIX_FMT_RGB444, RGB, 16, 23, R444},
    /* detail: where the red pixel of a block is, x | y << 1 */
    {V4L2_PIX_FMT_SRGGB8, BAYER, 8, 30, 0},
    {V4L2_PIX_FMT_SGRBG8, BAYER, 8, 30, 1},
    {V4L2_PIX_FMT_SGBRG8, BAYER, 8, 30, 2},
    {V4L2_PIX_FMT_SBGGR8, BAYER, 8, 30, 3},
    {V4L2_PIX_FMT_GREY, GREY, 8, 60, 0},
};
enum { JPEG_COST = 100, MOST_STRIDE = 1 << 18 };

static const struct raw_format *find(uint32_t fourcc) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].fourcc == fourcc) return &formats[i];
    return NULL;
}

uint32_t camera_conversion_cost(uint32_t fourcc) {
    const struct raw_format *f = find(fourcc);
    return f ? f->cost : camera_is_jpeg(fourcc) ? JPEG_COST : 0;
}

uint32_t camera_raw_stride(uint32_t fourcc, uint32_t width) {
    const struct raw_format *f = find(fourcc);
    if (!f || !width || width > PB_MAX_WIDTH) return 0;
    /* Pixels that share their colour come in pairs. */
    uint32_t pixels = f->layout == PACKED ? (width + 1) & ~1u : width;
    return pixels * f->bits / 8;
}

uint64_t camera_raw_bytes(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t stride) {
    const struct raw_format *f = find(fourcc);
    if (!f || !width || !height || width > PB_MAX_WIDTH || height > PB_MAX_HEIGHT || stride > MOST_STRIDE) return 0;
    uint64_t plane = (uint64_t)stride * height, rows = (height + 1) / 2, half = (width + 1) / 2;
    switch (f->layout) {
    /* Colour lies behind the whole first plane. Padding behind the very last row is not asked for. */
    case SEMI_420: return plane + stride * (rows - 1) + half * 2;
    case SEMI_422: return plane + (uint64_t)stride * (height - 1) + half * 2;
    case SEMI_444: return plane + (uint64_t)stride * 2 * (height - 1) + (uint64_t)width * 2;
    case PLANAR_420: return plane + stride / 2 * rows + stride / 2 * (rows - 1) + half;
    case PLANAR_422: return plane + (uint64_t)(stride / 2) * height + (uint64_t)(stride / 2) * (height - 1) + half;
    default: return plane - stride + camera_raw_stride(fourcc, width);
    }
}

static const struct YuvConstants *matrix_of(const struct camera_format *f) {
    switch (f->matrix) {
    case V4L2_YCBCR_ENC_709:
    case V4L2_YCBCR_ENC_XV709:
    case V4L2_YCBCR_ENC_SMPTE240M: return f->full_range ? &kYuvF709Constants : &kYuvH709Constants;
    case V4L2_YCBCR_ENC_BT2020:
    case V4L2_YCBCR_ENC_BT2020_CONST_LUM: return f->full_range ? &kYuvV2020Constants : &kYuv2020Constants;
    default: return f->full_range ? &kYuvJPEGConstants : &kYuvI601Constants;
    }
}

/* Times 2^14: what a step of luma and chroma is in each colour, limited range. */
struct factors {
    int y, u_blue, u_green, v_green, v_red;
};
static const struct factors limited_709 = {19077, 34610, -3494, -8731, 29372}, limited_2020 = {19077, 35091, -3069, -10657, 27503};

/* The picture being converted. */
struct job {
    const struct YuvConstants *matrix;
    const struct factors *factors; /* NULL where libyuv is exact */
    const uint8_t *data;
    uint8_t *bgra;
    uint32_t from, to; /* strides */
    int width, height;
    unsigned detail;
};

static const struct factors *factors_of(const struct YuvConstants *matrix) {
    return matrix == &kYuvH709Constants ? &limited_709 : matrix == &kYuv2020Constants ? &limited_2020 : NULL;
}

static inline uint8_t clamp(int value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

/* Samples of chroma are `step` bytes apart, and each stands for 1 << shared pixels. */
__attribute__((optimize("O3"))) static void exact_row(const struct job *j, const uint8_t *y, const uint8_t *u, const uint8_t *v,
                                                      int step, int shared, uint8_t *out) {
    const struct factors f = *j->factors;
    for (int x = 0; x < j->width; x++) {
        int at = (x >> shared) * step, luma = (y[x] - 16) * f.y + (1 << 13), b = u[at] - 128, r = v[at] - 128;
        out[4 * x] = clamp((luma + f.u_blue * b) >> 14);
        out[4 * x + 1] = clamp((luma + f.u_green * b + f.v_green * r) >> 14);
        out[4 * x + 2] = clamp((luma + f.v_red * r) >> 14);
        out[4 * x + 3] = 255;
    }
}

/* Chroma planes of `stride`, whose rows serve `rows` of the picture. */
static void exact_planes(const struct job *j, const uint8_t *u, const uint8_t *v, size_t stride, int step, int shared, int rows) {
    for (int row = 0; row < j->height; row++)
        exact_row(j, j->data + (size_t)row * j->from, u + (size_t)(row / rows) * stride, v + (size_t)(row / rows) * stride, step,
                  shared, j->bgra + (size_t)row * j->to);
}

static void convert_packed(const struct job *j) {
    uint8_t y[PB_MAX_WIDTH + 2], u[PB_MAX_WIDTH / 2 + 1], v[PB_MAX_WIDTH / 2 + 1];
    bool swapped = j->detail & SWAPPED;
    int even = (j->width + 1) & ~1;
    for (int row = 0; row < j->height; row++) {
        const uint8_t *from = j->data + (size_t)row * j->from;
        (j->detail & UYVY ? UYVYToI422 : YUY2ToI422)(from, (int)j->from, y, even, swapped ? v : u, even / 2, swapped ? u : v,
                                                     even / 2, even, 1);
        uint8_t *out = j->bgra + (size_t)row * j->to;
        if (j->factors)
            exact_row(j, y, u, v, 1, 1, out);
        else
            I422ToARGBMatrix(y, even, u, even / 2, v, even / 2, out, (int)j->to, j->matrix, j->width, 1);
    }
}

static void convert_semi_420(const struct job *j) {
    const uint8_t *colour = j->data + (size_t)j->from * (size_t)j->height;
    bool swapped = j->detail & SWAPPED;
    if (j->factors)
        exact_planes(j, colour + swapped, colour + !swapped, j->from, 2, 1, 2);
    else
        (swapped ? NV21ToARGBMatrix : NV12ToARGBMatrix)(j->data, (int)j->from, colour, (int)j->from, j->bgra, (int)j->to, j->matrix,
                                                        j->width, j->height);
}

static void convert_semi_422(const struct job *j) {
    const uint8_t *colour = j->data + (size_t)j->from * (size_t)j->height;
    bool swapped = j->detail & SWAPPED;
    if (j->factors) {
        exact_planes(j, colour + swapped, colour + !swapped, j->from, 2, 1, 1);
        return;
    }
    for (int row = 0; row < j->height; row++)
        (swapped ? NV21ToARGBMatrix : NV12ToARGBMatrix)(
            j->data + (size_t)row * j->from, (int)j->from, colour + (size_t)row * j->from, (int)j->from,
            j->bgra + (size_t)row * j->to, (int)j->to, j->matrix, j->width, 1);
}

static void convert_semi_444(const struct job *j) {
    uint8_t u[PB_MAX_WIDTH], v[PB_MAX_WIDTH];
    const uint8_t *colour = j->data + (size_t)j->from * (size_t)j->height;
    bool swapped = j->detail & SWAPPED;
    if (j->factors) {
        exact_planes(j, colour + swapped, colour + !swapped, (size_t)j->from * 2, 2, 0, 1);
        return;
    }
    for (int row = 0; row < j->height; row++) {
        SplitUVPlane(colour + (size_t)row * j->from * 2, (int)j->from * 2, swapped ? v : u, j->width, swapped ? u : v, j->width,
                     j->width, 1);
        I444ToARGBMatrix(j->data + (size_t)row * j->from, (int)j->from, u, j->width, v, j->width,
                         j->bgra + (size_t)row * j->to, (int)j->to, j->matrix, j->width, 1);
    }
}

static void convert_planar(const struct job *j, bool half_rows) {
    size_t rows = (size_t)(half_rows ? (j->height + 1) / 2 : j->height);
    int half = (int)j->from / 2;
    const uint8_t *first = j->data + (size_t)j->from * (size_t)j->height, *second = first + (size_t)half * rows;
    bool swapped = j->detail & SWAPPED;
    if (j->factors) {
        exact_planes(j, swapped ? second : first, swapped ? first : second, (size_t)half, 1, 1, half_rows ? 2 : 1);
        return;
    }
    (half_rows ? I420ToARGBMatrix : I422ToARGBMatrix)(j->data, (int)j->from, swapped ? second : first, half,
                                                      swapped ? first : second, half, j->bgra, (int)j->to, j->matrix, j->width,
                                                      j->height);
}

static void convert_bayer(const struct job *j) {
    int red_x = j->detail & 1, red_y = j->detail >> 1;
    for (int y = 0; y < j->height; y++) {
        /* The block that the pixel stands in; at an odd end the one before. */
        int top = y & ~1;
        if (top + 1 >= j->height && top > 0) top -= 2;
        const uint8_t *rows[2] = {j->data + (size_t)top * j->from, j->data + (size_t)(j->height > 1 ? top + 1 : top) * j->from};
        uint8_t *out = j->bgra + (size_t)y * j->to;
        for (int x = 0; x < j->width; x++, out += 4) {
            int left = x & ~1;
            if (left + 1 >= j->width && left > 0) left -= 2;
            int right = j->width > 1 ? 1 : 0;
            const uint8_t *red = rows[red_y] + left, *blue = rows[!red_y] + left;
            unsigned g1 = red[red_x ? 0 : right], g2 = blue[red_x ? right : 0];
            bool own_red = (y & 1) == red_y && (x & 1) == red_x, own_blue = (y & 1) != red_y && (x & 1) != red_x;
            out[0] = blue[red_x ? 0 : right];
            out[1] = (uint8_t)(own_red || own_blue ? (g1 + g2 + 1) / 2 : (y & 1) == red_y ? g1 : g2);
            out[2] = red[red_x ? right : 0];
            out[3] = 255;
        }
    }
}

static void swap_bytes(const uint8_t *from, uint8_t *to, int pixels) {
    for (int i = 0; i < pixels; i++) to[2 * i] = from[2 * i + 1], to[2 * i + 1] = from[2 * i];
}

static void convert_rgb_row(const struct job *j, const uint8_t *from, uint8_t *to) {
    uint8_t swapped[PB_MAX_WIDTH * 2];
    int bytes = (int)j->from, out = (int)j->to;
    switch (j->detail) {
    case BGRX: memcpy(to, from, (size_t)j->width * 4); break;
    case RGBX: ABGRToARGB(from, bytes, to, out, j->width, 1); break;
    case XRGB: BGRAToARGB(from, bytes, to, out, j->width, 1); break;
    case XBGR: RGBAToARGB(from, bytes, to, out, j->width, 1); break;
    case RGB24: RAWToARGB(from, bytes, to, out, j->width, 1); return;
    case BGR24: RGB24ToARGB(from, bytes, to, out, j->width, 1); return;
    case R565: RGB565ToARGB(from, bytes, to, out, j->width, 1); return;
    case R565_BE:
        swap_bytes(from, swapped, j->width);
        RGB565ToARGB(swapped, j->width * 2, to, out, j->width, 1);
        return;
    case R555: ARGB1555ToARGB(from, bytes, to, out, j->width, 1); break;
    default: ARGB4444ToARGB(from, bytes, to, out, j->width, 1); break;
    }
    /* What stands for alpha, or for nothing, may be any value. */
    for (int x = 0; x < j->width; x++) to[4 * x + 3] = 255;
}

void raw_to_bgra(const struct camera_frame *frame, uint8_t *bgra, uint32_t stride) {
    const struct camera_format *f = &frame->format;
    const struct raw_format *raw = find(f->fourcc);
    const struct YuvConstants *matrix = matrix_of(f);
    const struct job j = {matrix,    factors_of(matrix), frame->data,    bgra,       f->stride,
                          stride, (int)f->width,      (int)f->height, raw->detail};
    switch (raw->layout) {
    case PACKED: convert_packed(&j); break;
    case SEMI_420: convert_semi_420(&j); break;
    case SEMI_422: convert_semi_422(&j); break;
    case SEMI_444: convert_semi_444(&j); break;
    case PLANAR_420: convert_planar(&j, true); break;
    case PLANAR_422: convert_planar(&j, false); break;
    case GREY: I400ToARGBMatrix(j.data, (int)j.from, bgra, (int)stride, j.matrix, j.width, j.height); break;
    case BAYER: convert_bayer(&j); break;
    case RGB:
        for (int y = 0; y < j.height; y++) convert_rgb_row(&j, j.data + (size_t)y * j.from, bgra + (size_t)y * stride);
    }
}
