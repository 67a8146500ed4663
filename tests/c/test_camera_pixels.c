/* sources: c/camera/converter.c c/camera/raw.c c/camera/mjpeg.c libs: -lyuv -ljpeg */
/* Every format that a camera's frames may have, to BGRA: raw ones against the standards' equations at odd sizes, padded rows
 * and every matrix; JPEG as libjpeg writes it, without tables, cut at each byte, damaged, and of impossible kinds. Frames lie in
 * memory that is exactly as long as they may be. */
#include "camera/camera.h"
#include "check.h"

#include <linux/videodev2.h>
#include <math.h>
#include <string.h>

#include <jpeglib.h>

static uint32_t seed = 20260101;
static uint32_t next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    return seed ^= seed << 5;
}

struct colour {
    uint8_t r, g, b;
};

/* Each block of 2x2 pixels has one colour, so that shared chroma is exact. */
static struct colour colours[16][16];

static struct colour at(uint32_t x, uint32_t y) { return colours[y / 2 % 16][x / 2 % 16]; }

static void invent(bool grey) {
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 16; x++) {
            uint32_t n = next();
            colours[y][x] = grey ? (struct colour){(uint8_t)n, (uint8_t)n, (uint8_t)n}
                                 : (struct colour){(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};
        }
    colours[0][0] = (struct colour){255, 255, 255};
    colours[0][1] = (struct colour){0, 0, 0};
    if (!grey) colours[0][2] = (struct colour){255, 0, 0};
    if (!grey) colours[0][3] = (struct colour){0, 0, 255};
}

struct yuv {
    uint8_t y, u, v;
};

/* The standards' own equations. */
static struct yuv encode(struct colour c, uint32_t matrix, bool full) {
    double kr = matrix == V4L2_YCBCR_ENC_XV709 ? 0.2126 : matrix == V4L2_YCBCR_ENC_BT2020 ? 0.2627 : 0.299;
    double kb = matrix == V4L2_YCBCR_ENC_XV709 ? 0.0722 : matrix == V4L2_YCBCR_ENC_BT2020 ? 0.0593 : 0.114;
    double r = c.r / 255.0, g = c.g / 255.0, b = c.b / 255.0, y = kr * r + (1 - kr - kb) * g + kb * b;
    double u = (b - y) / (2 * (1 - kb)), v = (r - y) / (2 * (1 - kr));
    double luma = full ? 255 * y : 16 + 219 * y, scale = full ? 255 : 224;
    return (struct yuv){(uint8_t)lround(luma), (uint8_t)fmin(255, lround(128 + scale * u)), (uint8_t)fmin(255, lround(128 + scale * v))};
}

static struct camera_format format;
static uint8_t *data;
static uint64_t bytes;

static void put(uint64_t offset, uint8_t value) {
    CHECK(offset < bytes);
    data[offset] = value;
}

static void put_yuv(uint32_t x, uint32_t y) {
    struct yuv c = encode(at(x, y), format.matrix, format.full_range);
    uint64_t s = format.stride, plane = s * format.height, row = y * s;
    uint32_t half = (uint32_t)s / 2, rows = (format.height + 1) / 2;
    uint64_t pair = row + x / 2 * 4;
    switch (format.fourcc) {
    case V4L2_PIX_FMT_YUYV: put(pair + x % 2 * 2, c.y), put(pair + 1, c.u), put(pair + 3, c.v); break;
    case V4L2_PIX_FMT_YVYU: put(pair + x % 2 * 2, c.y), put(pair + 3, c.u), put(pair + 1, c.v); break;
    case V4L2_PIX_FMT_UYVY: put(pair + x % 2 * 2 + 1, c.y), put(pair, c.u), put(pair + 2, c.v); break;
    case V4L2_PIX_FMT_VYUY: put(pair + x % 2 * 2 + 1, c.y), put(pair + 2, c.u), put(pair, c.v); break;
    case V4L2_PIX_FMT_NV12: put(row + x, c.y), put(plane + y / 2 * s + x / 2 * 2, c.u), put(plane + y / 2 * s + x / 2 * 2 + 1, c.v); break;
    case V4L2_PIX_FMT_NV21: put(row + x, c.y), put(plane + y / 2 * s + x / 2 * 2 + 1, c.u), put(plane + y / 2 * s + x / 2 * 2, c.v); break;
    case V4L2_PIX_FMT_NV16: put(row + x, c.y), put(plane + row + x / 2 * 2, c.u), put(plane + row + x / 2 * 2 + 1, c.v); break;
    case V4L2_PIX_FMT_NV61: put(row + x, c.y), put(plane + row + x / 2 * 2 + 1, c.u), put(plane + row + x / 2 * 2, c.v); break;
    case V4L2_PIX_FMT_NV24: put(row + x, c.y), put(plane + 2 * row + 2 * x, c.u), put(plane + 2 * row + 2 * x + 1, c.v); break;
    case V4L2_PIX_FMT_NV42: put(row + x, c.y), put(plane + 2 * row + 2 * x + 1, c.u), put(plane + 2 * row + 2 * x, c.v); break;
    case V4L2_PIX_FMT_YUV420: put(row + x, c.y), put(plane + y / 2 * half + x / 2, c.u), put(plane + rows * half + y / 2 * half + x / 2, c.v); break;
    case V4L2_PIX_FMT_YVU420: put(row + x, c.y), put(plane + y / 2 * half + x / 2, c.v), put(plane + rows * half + y / 2 * half + x / 2, c.u); break;
    case V4L2_PIX_FMT_YUV422P: put(row + x, c.y), put(plane + y * half + x / 2, c.u), put(plane + format.height * half + y * half + x / 2, c.v); break;
    default: put(row + x, c.y);
    }
}

static void put_rgb(uint32_t x, uint32_t y) {
    struct colour c = at(x, y);
    uint64_t row = (uint64_t)y * format.stride, four = row + 4 * x, three = row + 3 * x, two = row + 2 * x;
    uint16_t word = 0;
    switch (format.fourcc) {
    case V4L2_PIX_FMT_XBGR32: put(four, c.b), put(four + 1, c.g), put(four + 2, c.r), put(four + 3, 7); return;
    case V4L2_PIX_FMT_RGBX32: put(four, c.r), put(four + 1, c.g), put(four + 2, c.b), put(four + 3, 7); return;
    case V4L2_PIX_FMT_XRGB32: put(four + 1, c.r), put(four + 2, c.g), put(four + 3, c.b), put(four, 7); return;
    case V4L2_PIX_FMT_BGRX32: put(four + 1, c.b), put(four + 2, c.g), put(four + 3, c.r), put(four, 7); return;
    case V4L2_PIX_FMT_RGB24: put(three, c.r), put(three + 1, c.g), put(three + 2, c.b); return;
    case V4L2_PIX_FMT_BGR24: put(three, c.b), put(three + 1, c.g), put(three + 2, c.r); return;
    case V4L2_PIX_FMT_RGB565:
    case V4L2_PIX_FMT_RGB565X: word = (uint16_t)(c.r >> 3 << 11 | c.g >> 2 << 5 | c.b >> 3); break;
    case V4L2_PIX_FMT_XRGB555: word = (uint16_t)(c.r >> 3 << 10 | c.g >> 3 << 5 | c.b >> 3); break;
    default: word = (uint16_t)(c.r >> 4 << 8 | c.g >> 4 << 4 | c.b >> 4);
    }
    bool swap = format.fourcc == V4L2_PIX_FMT_RGB565X;
    put(two + swap, (uint8_t)word), put(two + !swap, (uint8_t)(word >> 8));
}

static void put_bayer(uint32_t x, uint32_t y) {
    static const char *const order[] = {"RGGB", "GRBG", "GBRG", "BGGR"};
    int kind = format.fourcc == V4L2_PIX_FMT_SRGGB8 ? 0 : format.fourcc == V4L2_PIX_FMT_SGRBG8 ? 1 : format.fourcc == V4L2_PIX_FMT_SGBRG8 ? 2 : 3;
    char part = order[kind][y % 2 * 2 + x % 2];
    struct colour c = at(x, y);
    put((uint64_t)y * format.stride + x, part == 'R' ? c.r : part == 'G' ? c.g : c.b);
}



static void convert(struct camera_converter *converter, void (*put_pixel)(uint32_t, uint32_t), int tolerance) {
    uint32_t w = format.width, h = format.height;
    bytes = camera_raw_bytes(format.fourcc, w, h, format.stride);
    CHECK(bytes);
    data = malloc(bytes);
    memset(data, 0xee, bytes);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) put_pixel(x, y);
    uint8_t *bgra = malloc((size_t)w * h * 4);
    char why[256];
    struct camera_frame frame = {.data = data, .size = (uint32_t)bytes, .format = format};
    CHECK(camera_to_bgra(converter, &frame, bgra, w * 4, why, sizeof why));
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            struct colour c = at(x, y);
            const uint8_t *p = bgra + 4 * ((size_t)y * w + x);
            int off = abs(p[0] - c.b);
            if (abs(p[1] - c.g) > off) off = abs(p[1] - c.g);
            if (abs(p[2] - c.r) > off) off = abs(p[2] - c.r);

            if (off > tolerance || p[3] != 255)
                fprintf(stderr, "%.4s %ux%u matrix %u full %d at %u,%u: %u %u %u %u for %u %u %u\n", (const char *)&format.fourcc, w, h,
                        format.matrix, format.full_range, x, y, p[2], p[1], p[0], p[3], c.r, c.g, c.b);
            CHECK(off <= tolerance && p[3] == 255);
        }
    frame.size--;
    CHECK(!camera_to_bgra(converter, &frame, bgra, w * 4, why, sizeof why) && strstr(why, "too short"));
    free(bgra);
    free(data);
}

static void raw(void) {
    static const uint32_t yuv[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_YVYU, V4L2_PIX_FMT_UYVY,   V4L2_PIX_FMT_VYUY,   V4L2_PIX_FMT_NV12,
                                   V4L2_PIX_FMT_NV21, V4L2_PIX_FMT_NV16, V4L2_PIX_FMT_NV61,   V4L2_PIX_FMT_NV24,   V4L2_PIX_FMT_NV42,
                                   V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YVU420, V4L2_PIX_FMT_YUV422P};
    static const struct {
        uint32_t fourcc;
        int tolerance; /* what the format has no bits for */
    } rgb[] = {{V4L2_PIX_FMT_XBGR32, 0},  {V4L2_PIX_FMT_RGBX32, 0},  {V4L2_PIX_FMT_XRGB32, 0}, {V4L2_PIX_FMT_BGRX32, 0}, {V4L2_PIX_FMT_RGB24, 0},
               {V4L2_PIX_FMT_BGR24, 0},   {V4L2_PIX_FMT_RGB565, 7},  {V4L2_PIX_FMT_RGB565X, 7}, {V4L2_PIX_FMT_XRGB555, 7}, {V4L2_PIX_FMT_XRGB444, 15}};
    static const uint32_t bayer[] = {V4L2_PIX_FMT_SRGGB8, V4L2_PIX_FMT_SGRBG8, V4L2_PIX_FMT_SGBRG8, V4L2_PIX_FMT_SBGGR8};
    static const uint32_t matrices[] = {V4L2_YCBCR_ENC_601, V4L2_YCBCR_ENC_XV709, V4L2_YCBCR_ENC_BT2020};
    static const uint32_t sizes[][2] = {{1, 1}, {2, 2}, {3, 1}, {1, 5}, {7, 3}, {16, 16}, {33, 18}, {66, 31}};
    struct camera_converter *converter = camera_converter_open();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint32_t padding = 0; padding <= 6; padding += 6) {
            uint32_t w = sizes[s][0], h = sizes[s][1];
            invent(false);
            for (size_t m = 0; m < 6; m++)
                for (size_t i = 0; i < sizeof yuv / sizeof *yuv; i++) {
                    /* Rows of pairs have room for the last pair. */
                    uint32_t stride = (camera_raw_stride(yuv[i], w) + 1 + padding) & ~1u;
                    format = (struct camera_format){yuv[i], w, h, stride, matrices[m / 2], m % 2, 0, 0};
                    convert(converter, put_yuv, 3);
                }
            for (size_t i = 0; i < sizeof rgb / sizeof *rgb; i++) {
                format = (struct camera_format){rgb[i].fourcc, w, h, camera_raw_stride(rgb[i].fourcc, w) + padding, 1, false, 0, 0};
                convert(converter, put_rgb, rgb[i].tolerance);
            }
            for (size_t i = 0; i < 4 && w % 2 == 0 && h % 2 == 0; i++) {
                format = (struct camera_format){bayer[i], w, h, w + padding, 1, false, 0, 0};
                convert(converter, put_bayer, 0);
            }
            invent(true);
            for (int full = 0; full < 2; full++) {
                format = (struct camera_format){V4L2_PIX_FMT_GREY, w, h, w + padding, V4L2_YCBCR_ENC_601, full, 0, 0};
                convert(converter, put_yuv, 2);
            }
        }
    camera_converter_close(converter);
    /* Numbers that cannot be. */
    CHECK(!camera_raw_bytes(V4L2_PIX_FMT_YUYV, 0, 1, 2) && !camera_raw_bytes(V4L2_PIX_FMT_YUYV, 16384, 16384, 32768));
    CHECK(!camera_raw_bytes(V4L2_PIX_FMT_YUYV, 640, 480, UINT32_MAX) && !camera_raw_bytes(CAMERA_FOURCC('Q', 'Q', 'Q', 'Q'), 1, 1, 1));
    CHECK(camera_raw_bytes(V4L2_PIX_FMT_NV12, 8192, 8192, 8192) == 8192ull * 8192 * 3 / 2);
}

/* --- JPEG */

struct jpeg {
    unsigned char *data;
    unsigned long size;
};

static struct jpeg write_jpeg(uint32_t w, uint32_t h, J_COLOR_SPACE space, bool progressive) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg made = {0};
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &made.data, &made.size);
    c.image_width = w;
    c.image_height = h;
    c.input_components = space == JCS_CMYK ? 4 : space == JCS_GRAYSCALE ? 1 : 3;
    c.in_color_space = space;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 98, TRUE);
    c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
    if (progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    uint8_t *row = malloc((size_t)w * 4);
    while (c.next_scanline < h) {
        for (uint32_t x = 0; x < w; x++) {
            uint8_t *p = row + x * (uint32_t)c.input_components;
            p[0] = (uint8_t)(x * 200 / w + 20);
            if (c.input_components > 1) p[1] = (uint8_t)(c.next_scanline * 200 / h + 20), p[2] = 90;
            if (c.input_components > 3) p[3] = 0;
        }
        JSAMPROW rows = row;
        jpeg_write_scanlines(&c, &rows, 1);
    }
    free(row);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return made;
}

static char why[256];

/* From memory that ends where the frame does. */
static bool decode(struct camera_converter *converter, const struct jpeg *j, unsigned long size, uint32_t w, uint32_t h, uint8_t *bgra) {
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, j->data, size);
    struct camera_frame frame = {
        .data = exact, .size = (uint32_t)size, .format = {.fourcc = V4L2_PIX_FMT_MJPEG, .width = w, .height = h}};
    why[0] = 0;
    bool done = camera_to_bgra(converter, &frame, bgra, w * 4, why, sizeof why);
    CHECK(done || strstr(why, "cannot be decoded"));
    free(exact);
    return done;
}

/* Takes out the segments with Huffman tables, as cameras do. */
static void drop_tables(struct jpeg *j) {
    for (unsigned long i = 2; i + 4 < j->size && j->data[i] == 0xff && j->data[i + 1] != 0xda;) {
        unsigned long length = 2 + (unsigned long)(j->data[i + 2] << 8 | j->data[i + 3]);
        if (j->data[i + 1] != 0xc4) {
            i += length;
            continue;
        }
        memmove(j->data + i, j->data + i + length, j->size - i - length);
        j->size -= length;
    }
}

static void compressed(void) {
    enum { W = 48, H = 40 };
    struct camera_converter *converter = camera_converter_open();
    uint8_t *bgra = malloc(W * H * 4);
    struct jpeg j = write_jpeg(W, H, JCS_RGB, false);
    CHECK(decode(converter, &j, j.size, W, H, bgra));
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++) {
            const uint8_t *p = bgra + 4 * (y * W + x);
            CHECK(abs(p[2] - (int)(x * 200 / W + 20)) < 12 && abs(p[1] - (int)(y * 200 / H + 20)) < 12 && abs(p[0] - 90) < 12 && p[3] == 255);
        }
    struct jpeg bare = write_jpeg(W, H, JCS_RGB, false);
    uint8_t *same = malloc(W * H * 4);
    unsigned long full = bare.size;
    drop_tables(&bare);
    CHECK(bare.size + 400 < full && decode(converter, &bare, bare.size, W, H, same) && !memcmp(bgra, same, W * H * 4));
    /* Only the end mark may be missing. */
    CHECK(decode(converter, &j, j.size - 2, W, H, same) && !memcmp(bgra, same, W * H * 4));
    for (unsigned long cut = 0; cut + 8 < j.size; cut++) CHECK(!decode(converter, &j, cut, W, H, same));
    /* Damaged: any answer but a crash; and the next good frame is decoded. */
    unsigned refused = 0;
    for (int i = 0; i < 4000; i++) {
        uint32_t place = next() % (uint32_t)j.size;
        uint8_t old = j.data[place];
        j.data[place] ^= (uint8_t)(1 + next() % 255);
        refused += !decode(converter, &j, j.size, W, H, same);
        j.data[place] = old;
    }
    CHECK(refused > 100 && decode(converter, &j, j.size, W, H, same) && !memcmp(bgra, same, W * H * 4));
    CHECK(!decode(converter, &j, j.size, W, H / 2, same) && strstr(why, "its size is not that of the camera's format"));
    CHECK(!decode(converter, &j, 0, W, H, same));
    struct jpeg kinds[] = {write_jpeg(W, H, JCS_GRAYSCALE, false), write_jpeg(W, H, JCS_CMYK, false), write_jpeg(W, H, JCS_RGB, true)};
    CHECK(decode(converter, &kinds[0], kinds[0].size, W, H, same) && same[0] == same[1] && same[1] == same[2]);
    CHECK(!decode(converter, &kinds[1], kinds[1].size, W, H, same) && strstr(why, "neither one nor three"));
    CHECK(!decode(converter, &kinds[2], kinds[2].size, W, H, same) && strstr(why, "several passes"));
    /* A frame of a few bytes that claims the largest picture is refused before any of it is painted. */
    for (unsigned long i = 0; i + 9 < j.size; i++)
        if (j.data[i] == 0xff && j.data[i + 1] == 0xc0) memset(j.data + i + 5, 0xff, 4);
    CHECK(!decode(converter, &j, j.size, W, H, same));
    for (int i = 0; i < 3; i++) free(kinds[i].data);
    free(j.data);
    free(bare.data);
    free(same);
    free(bgra);
    camera_converter_close(converter);
}

int main(void) {
    raw();
    compressed();

    return 0;
}
