/* The loads of content.h: clutter that scrolls, and full motion with noise that no encoder can predict. What stands still
 * and what repeats is made once, so that painting leaves the processor to the streamer under measurement. */
#include "content.h"

#include <stdlib.h>
#include <string.h>

enum {
    GLYPH_WIDTH = 6,
    GLYPH_HEIGHT = 10,
    GLYPH_STEP = 8,
    LINE_STEP = 16,
    SCROLL_STEP = 4,      /* pixels a frame: a brisk turn of the wheel */
    NOISE_BYTES = 1 << 16 /* a power of two; each row of the video starts elsewhere in it */
};

enum mode { STATIC, SCROLL, VIDEO, DEMO, MODES };
static const char *const mode_names[MODES] = {"static", "scroll", "video", "demo"};

struct area {
    uint32_t x, y, width, height; /* pixels */
};

struct pb_content {
    enum mode mode;
    uint32_t width, height, random;
    uint32_t *still;
    uint32_t *page; /* text, column.width wide and page_height high */
    uint32_t page_height;
    struct area column; /* where the page scrolls */
    struct area film;   /* where the video plays */
    uint8_t *rings;     /* film.width x film.height: the video's shape, shifted by time */
    uint8_t *noise;
    struct pb_demo *demo;
};

static uint32_t next_random(struct pb_content *c) {
    c->random = c->random * 1664525u + 1013904223u;
    return c->random >> 8;
}

/* Ink made from one random number, as a letter's strokes depend on each other: what a compressor finds in a page of text is
 * then near to what it finds in a real one. */
static void draw_glyph(struct pb_content *c, uint32_t *at) {
    uint32_t strokes = next_random(c);
    for (int y = 0; y < GLYPH_HEIGHT; y++)
        for (int x = 0; x < GLYPH_WIDTH; x++) {
            uint32_t ink = strokes >> (y * 5 + x * 3) % 23 & 3;
            if (ink) at[(size_t)y * c->column.width + x] = ink == 3 ? 0x181818 : 0x8c8c8c;
        }
}

static void draw_page(struct pb_content *c) {
    for (size_t i = 0; i < (size_t)c->column.width * c->page_height; i++) c->page[i] = 0xffffff;
    for (uint32_t y = 3; y + GLYPH_HEIGHT < c->page_height; y += LINE_STEP) {
        uint32_t end = c->column.width * (11 + next_random(c) % 34) / 100;
        for (uint32_t x = 5; x + GLYPH_STEP < end; x += GLYPH_STEP)
            if (next_random(c) % 6) draw_glyph(c, c->page + (size_t)y * c->column.width + x);
    }
}

static void draw_still(struct pb_content *c) {
    for (uint32_t y = 0; y < c->height; y++)
        for (uint32_t x = 0; x < c->width; x++)
            c->still[(size_t)y * c->width + x] = (24 + 50 * y / c->height) << 16 | (70 + 40 * x / c->width) << 8 |
                                                 (96 + 60 * (x + y) / (c->width + c->height));
    uint32_t left = c->width / 64;
    for (uint32_t y = 0; y < c->column.height; y++)
        memcpy(c->still + (size_t)(c->column.y + y) * c->width + left, c->page + (size_t)y * c->column.width,
               (size_t)c->column.width * 4);
}

static void draw_film(struct pb_content *c) {
    int64_t middle_x = c->film.width / 2, middle_y = c->film.height / 2;
    for (int64_t y = 0; y < c->film.height; y++)
        for (int64_t x = 0; x < c->film.width; x++)
            c->rings[y * c->film.width + x] =
                (uint8_t)(((x - middle_x) * (x - middle_x) + (y - middle_y) * (y - middle_y)) / 900);
    for (int i = 0; i < NOISE_BYTES; i++) c->noise[i] = next_random(c) & 7;
}

static void compose_scroll(struct pb_content *c, uint32_t *pixels, uint32_t n) {
    uint32_t offset = n * SCROLL_STEP % (c->page_height - c->column.height);
    for (uint32_t y = 0; y < c->column.height; y++)
        memcpy(pixels + (size_t)(c->column.y + y) * c->width + c->column.x,
               c->page + (size_t)(offset + y) * c->column.width, (size_t)c->column.width * 4);
}

static void compose_video(struct pb_content *c, uint32_t *pixels, uint32_t n) {
    for (uint32_t y = 0; y < c->film.height; y++) {
        uint32_t *out = pixels + (size_t)(c->film.y + y) * c->width + c->film.x;
        const uint8_t *ring = c->rings + (size_t)y * c->film.width;
        uint32_t grain = next_random(c);
        for (uint32_t x = 0; x < c->film.width; x++) {
            uint32_t wave = ring[x] + n * 5;
            uint32_t green = (wave & 255) / 2 + c->noise[(grain + x) % NOISE_BYTES];
            out[x] = (wave & 255) << 16 | green << 8 | ((x + n * 4) & 255);
        }
    }
}

bool pb_content_knows(const char *mode) {
    for (int i = 0; i < MODES; i++)
        if (!strcmp(mode, mode_names[i])) return true;
    return false;
}

struct pb_content *pb_content_open(const char *mode, uint32_t width, uint32_t height) {
    if (!pb_content_knows(mode)) return NULL;
    struct pb_content *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    while (strcmp(mode, mode_names[c->mode])) c->mode++;
    c->width = width;
    c->height = height;
    c->random = 20011;
    c->column = (struct area){width / 2, height / 4, width * 45 / 100, height / 2};
    c->film = (struct area){width / 8, height / 8, width * 3 / 4, height * 3 / 4};
    c->page_height = height * 2;
    c->still = malloc((size_t)width * height * 4);
    c->page = malloc((size_t)c->column.width * c->page_height * 4);
    c->rings = malloc((size_t)c->film.width * c->film.height);
    c->noise = malloc(NOISE_BYTES);
    if (!c->still || !c->page || !c->rings || !c->noise) goto fail;
    if (c->mode == DEMO) {
        c->demo = pb_demo_open(width, height, c->still);
        if (!c->demo) goto fail;
    } else {
        draw_page(c);
        draw_still(c);
        if (c->mode == VIDEO) draw_film(c);
    }
    return c;
fail:
    pb_content_close(c);
    return NULL;
}

void pb_content_compose(struct pb_content *c, uint32_t *pixels, uint32_t n, double seconds) {
    if (n == 0) memcpy(pixels, c->still, (size_t)c->width * c->height * 4);
    if (c->mode == SCROLL) compose_scroll(c, pixels, n);
    if (c->mode == VIDEO) compose_video(c, pixels, n);
    if (c->mode == DEMO) pb_demo_compose(c->demo, c->still, pixels, seconds);
}

void pb_content_close(struct pb_content *c) {
    if (!c) return;
    pb_demo_close(c->demo);
    free(c->still);
    free(c->page);
    free(c->rings);
    free(c->noise);
    free(c);
}
