/* Drawing by distance fields, see canvas.h. Each shape visits only the box that holds it. */
#include "canvas.h"

#include <math.h>

static float clamp(float value, float low, float high) { return value < low ? low : value > high ? high : value; }
static float length_of(float x, float y) { return sqrtf(x * x + y * y); }

uint32_t pb_colour_mix(uint32_t a, uint32_t b, float share) {
    uint32_t part = (uint32_t)(clamp(share, 0, 1) * 256 + 0.5f), rest = 256 - part;
    uint32_t red_blue = ((a & 0xff00ff) * rest + (b & 0xff00ff) * part) >> 8 & 0xff00ff;
    return red_blue | (((a & 0xff00) * rest + (b & 0xff00) * part) >> 8 & 0xff00);
}

struct pb_ink pb_ink_plain(uint32_t colour, float alpha) {
    return (struct pb_ink){.colour = colour, .colour_right = colour, .right = 1, .soft = 1, .alpha = alpha};
}

struct pb_ink pb_ink_glow(uint32_t colour, float soft, float alpha) {
    return (struct pb_ink){.colour = colour, .colour_right = colour, .right = 1, .soft = soft, .alpha = alpha};
}

static void blend(uint32_t *pixel, float x, float distance, const struct pb_ink *ink) {
    if (distance >= ink->soft) return;
    float cover = distance <= 0 ? 1 : 1 - distance / ink->soft;
    if (ink->soft > 1) cover *= cover; /* light falls off faster than an edge */
    uint32_t colour = ink->colour;
    if (colour != ink->colour_right)
        colour = pb_colour_mix(colour, ink->colour_right, (x - ink->left) / (ink->right - ink->left));
    *pixel = pb_colour_mix(*pixel, colour, cover * ink->alpha);
}

struct box {
    int x0, y0, x1, y1;
};

static struct box clip(struct pb_canvas canvas, float x0, float y0, float x1, float y1, float margin) {
    struct box box = {(int)floorf(x0 - margin), (int)floorf(y0 - margin), (int)ceilf(x1 + margin), (int)ceilf(y1 + margin)};
    if (box.x0 < 0) box.x0 = 0;
    if (box.y0 < 0) box.y0 = 0;
    if (box.x1 > (int)canvas.width) box.x1 = (int)canvas.width;
    if (box.y1 > (int)canvas.height) box.y1 = (int)canvas.height;
    return box;
}

/* Visits the pixels of a box; `px` and `py` are their centres, `at` is the pixel. */
#define EACH_PIXEL(canvas, box)                                                          \
    for (int iy = (box).y0; iy < (box).y1; iy++)                                         \
        for (int ix = (box).x0; ix < (box).x1; ix++)                                     \
            for (float px = (float)ix + 0.5f, py = (float)iy + 0.5f, once = 1; once; once = 0)

static uint32_t *pixel_at(struct pb_canvas canvas, int x, int y) {
    return canvas.pixels + (uint64_t)y * canvas.width + (uint64_t)x;
}

void pb_canvas_disc(struct pb_canvas canvas, float x, float y, float radius, struct pb_ink ink) {
    struct box box = clip(canvas, x - radius, y - radius, x + radius, y + radius, ink.soft + 1);
    EACH_PIXEL(canvas, box) {
        blend(pixel_at(canvas, ix, iy), px, length_of(px - x, py - y) - radius + 0.5f, &ink);
    }
}

void pb_canvas_line(struct pb_canvas canvas, float x0, float y0, float x1, float y1, float thickness, struct pb_ink ink) {
    float dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy;
    struct box box = clip(canvas, fminf(x0, x1), fminf(y0, y1), fmaxf(x0, x1), fmaxf(y0, y1), thickness / 2 + ink.soft + 1);
    EACH_PIXEL(canvas, box) {
        float along = length2 > 0 ? clamp(((px - x0) * dx + (py - y0) * dy) / length2, 0, 1) : 0;
        float distance = length_of(px - x0 - along * dx, py - y0 - along * dy);
        blend(pixel_at(canvas, ix, iy), px, distance - thickness / 2 + 0.5f, &ink);
    }
}

void pb_canvas_arc(struct pb_canvas canvas, float x, float y, float radius, float from, float sweep, float thickness,
                   struct pb_ink ink) {
    const float turn = 6.2831853f;
    float end_x[2] = {x + radius * cosf(from), x + radius * cosf(from + sweep)};
    float end_y[2] = {y + radius * sinf(from), y + radius * sinf(from + sweep)};
    struct box box = clip(canvas, x - radius, y - radius, x + radius, y + radius, thickness / 2 + ink.soft + 1);
    EACH_PIXEL(canvas, box) {
        float rim = fabsf(length_of(px - x, py - y) - radius), distance = rim;
        if (rim > thickness / 2 + ink.soft) continue;
        if (sweep < turn) {
            float angle = fmodf(atan2f(py - y, px - x) - from + 2 * turn, turn);
            if (angle > sweep)
                distance = fminf(length_of(px - end_x[0], py - end_y[0]), length_of(px - end_x[1], py - end_y[1]));
        }
        blend(pixel_at(canvas, ix, iy), px, distance - thickness / 2 + 0.5f, &ink);
    }
}

void pb_canvas_box(struct pb_canvas canvas, float x, float y, float width, float height, float radius, struct pb_ink ink) {
    struct box box = clip(canvas, x, y, x + width, y + height, ink.soft + 1);
    EACH_PIXEL(canvas, box) {
        float ox = fabsf(px - x - width / 2) - width / 2 + radius, oy = fabsf(py - y - height / 2) - height / 2 + radius;
        float distance = fminf(fmaxf(ox, oy), 0) + length_of(fmaxf(ox, 0), fmaxf(oy, 0)) - radius;
        blend(pixel_at(canvas, ix, iy), px, distance + 0.5f, &ink);
    }
}
