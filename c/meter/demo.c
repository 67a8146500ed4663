/* The scene to be looked at: a patch panel whose cables carry pulses of light, the name, a dial, level bars. What stands
 * still is drawn once; a frame restores and redraws only the parts that move. Laid out on 1280 x 720 and scaled to fit;
 * the top 90 lines stay empty for the timecode. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "content.h"

enum { JACKS = 8, CABLES = 6, CABLE_STEPS = 96, BARS = 22, TRAIL = 14 };

#define TURN 6.2831853f

static const uint32_t night = 0x0b1220, dusk = 0x1d2b4a, glow = 0x33507c, panel = 0x131d31, edge = 0x2d4068;
static const uint32_t pale = 0xdce7f7, metal = 0x8fa3c2;

static const struct {
    uint32_t colour;
    int from, to;         /* jack in the upper row, jack in the lower row */
    float sag, speed;     /* how far it hangs; pulses a second */
} cables[CABLES] = {
    {0xffb454, 0, 2, 74, 0.34f}, {0x4fd6c4, 1, 0, 58, 0.46f}, {0xf7768e, 3, 5, 84, 0.29f},
    {0x7aa2f7, 4, 3, 50, 0.52f}, {0xb99cf5, 6, 4, 78, 0.38f}, {0x9ece6a, 7, 6, 56, 0.43f},
};

struct point {
    float x, y;
};

struct pb_demo {
    struct pb_canvas canvas;
    float scale, left, top; /* design to pixels */
    struct point cable[CABLES][CABLE_STEPS + 1];
    struct {
        uint32_t x, y, width, height;
    } moving[3]; /* pixels: what each frame restores */
};

static float px(const struct pb_demo *d, float x) { return d->left + x * d->scale; }
static float py(const struct pb_demo *d, float y) { return d->top + y * d->scale; }

static void line(struct pb_demo *d, float x0, float y0, float x1, float y1, float thickness, struct pb_ink ink) {
    pb_canvas_line(d->canvas, px(d, x0), py(d, y0), px(d, x1), py(d, y1), thickness * d->scale, ink);
}
static void disc(struct pb_demo *d, float x, float y, float radius, struct pb_ink ink) {
    pb_canvas_disc(d->canvas, px(d, x), py(d, y), radius * d->scale, ink);
}
static void arc(struct pb_demo *d, float x, float y, float radius, float from, float sweep, float thickness, struct pb_ink ink) {
    pb_canvas_arc(d->canvas, px(d, x), py(d, y), radius * d->scale, from, sweep, thickness * d->scale, ink);
}
static void box(struct pb_demo *d, float x, float y, float w, float h, float radius, struct pb_ink ink) {
    pb_canvas_box(d->canvas, px(d, x), py(d, y), w * d->scale, h * d->scale, radius * d->scale, ink);
}
static struct pb_ink shine(const struct pb_demo *d, uint32_t colour, float reach, float alpha) {
    return pb_ink_glow(colour, reach * d->scale, alpha);
}

/* Strokes of the name's letters, in heights of a small x; y is up from the base line. A stroke is a line
 * {x0, y0, x1, y1} or, with a radius, an arc {x, y, from, sweep} in eighths of a turn, y down. */
struct stroke {
    float advance; /* added to the pen before this stroke: a letter begins */
    float a, b, c, d, radius;
};
static const struct stroke name[] = {
    {0, 0, 0, 0, 1.6f, 0}, {0, 0, 1.6f, 0.42f, 1.6f, 0}, {0, 0, 0.74f, 0.42f, 0.74f, 0}, {0, 0.42f, 1.17f, -2, 4, 0.43f}, /* P */
    {1.18f, 0.46f, 0.5f, 0, 8, 0.5f}, {0, 0.96f, 1, 0.96f, 0, 0},                                                          /* a */
    {1.36f, 0.3f, 1.45f, 0.3f, 0.36f, 0}, {0, 0, 1, 0.7f, 1, 0}, {0, 0.66f, 0.36f, 2, 2, 0.36f},                           /* t */
    {1.02f, 0.5f, 0.5f, 1, 6, 0.5f},                                                                                       /* c */
    {1.2f, 0, 0, 0, 1.6f, 0}, {0, 0.45f, 0.55f, 4, 4, 0.45f}, {0, 0.9f, 0.55f, 0.9f, 0, 0},                                /* h */
    {1.32f, 0, 0, 0, 1.6f, 0}, {0, 0.5f, 0.5f, 0, 8, 0.5f},                                                                /* b */
    {1.36f, 0.5f, 0.5f, 0, 8, 0.5f}, {0, 1, 1, 1, 0, 0},                                                                   /* a */
    {1.4f, 0, 1, 0.45f, 0, 0}, {0, 0.9f, 1, 0.28f, -0.42f, 0},                                                             /* y */
};

static void write_name(struct pb_demo *d, float left, float base, float size, float thickness, struct pb_ink ink) {
    float pen = left;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        const struct stroke *s = &name[i];
        pen += s->advance * size;
        if (s->radius > 0)
            arc(d, pen + s->a * size, base - s->b * size, s->radius * size, s->c * TURN / 8, s->d * TURN / 8, thickness, ink);
        else line(d, pen + s->a * size, base - s->b * size, pen + s->c * size, base - s->d * size, thickness, ink);
    }
}

static void draw_ground(struct pb_demo *d) {
    struct pb_canvas c = d->canvas;
    for (uint32_t y = 0; y < c.height; y++)
        for (uint32_t x = 0; x < c.width; x++) {
            float u = (float)x / (float)c.width, v = (float)y / (float)c.height;
            float light = 1.15f - 1.5f * sqrtf((u - 0.72f) * (u - 0.72f) + (v - 0.25f) * (v - 0.25f));
            uint32_t colour = pb_colour_mix(night, dusk, 0.25f + 0.75f * v);
            c.pixels[(size_t)y * c.width + x] = light > 0 ? pb_colour_mix(colour, glow, light * 0.55f) : colour;
        }
}

static struct point jack(int row, int column) { return (struct point){118 + 98.0f * (float)column, row ? 590.0f : 402.0f}; }

static void draw_panel(struct pb_demo *d) {
    box(d, 48, 334, 826, 326, 22, shine(d, 0x000000, 26, 0.45f));
    box(d, 48, 330, 826, 326, 22, pb_ink_plain(edge, 1));
    box(d, 50, 332, 822, 322, 20, pb_ink_plain(panel, 1));
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < JACKS; column++) {
            struct point p = jack(row, column);
            disc(d, p.x, p.y, 27, pb_ink_plain(0x0d1524, 1));
            arc(d, p.x, p.y, 22, 0, TURN, 5, pb_ink_plain(metal, 0.75f));
            arc(d, p.x, p.y, 22, TURN * 0.55f, TURN * 0.2f, 3, pb_ink_plain(pale, 0.9f));
            disc(d, p.x, p.y, 12, pb_ink_plain(0x05080f, 1));
            line(d, p.x - 16, p.y + (row ? 42 : -42), p.x + 16, p.y + (row ? 42 : -42), 5, pb_ink_plain(edge, 1));
        }
}

static void lay_cables(struct pb_demo *d) {
    for (int i = 0; i < CABLES; i++) {
        struct point a = jack(0, cables[i].from), b = jack(1, cables[i].to);
        for (int k = 0; k <= CABLE_STEPS; k++) {
            float t = (float)k / CABLE_STEPS, ease = t * t * (3 - 2 * t);
            /* The sag is a bow to one side and back, so that a cable leaves and enters its jacks almost straight. */
            float bow = sinf(t * TURN / 2) * sinf(t * TURN / 2) * cables[i].sag * (i % 2 ? -0.5f : 0.5f);
            d->cable[i][k] = (struct point){a.x + (b.x - a.x) * ease + bow, a.y + (b.y - a.y) * t};
        }
    }
}

static void draw_cable(struct pb_demo *d, int i, float thickness, float dy, struct pb_ink ink) {
    for (int k = 0; k < CABLE_STEPS; k++) {
        struct point a = d->cable[i][k], b = d->cable[i][k + 1];
        line(d, a.x, a.y + dy, b.x, b.y + dy, thickness, ink);
    }
}

static void draw_cables(struct pb_demo *d) {
    for (int i = 0; i < CABLES; i++) {
        uint32_t colour = cables[i].colour;
        draw_cable(d, i, 12, 5, pb_ink_plain(0x04070d, 0.55f));
        draw_cable(d, i, 11, 0, pb_ink_plain(pb_colour_mix(colour, night, 0.62f), 1));
        draw_cable(d, i, 7, 0, pb_ink_plain(pb_colour_mix(colour, night, 0.38f), 1));
        draw_cable(d, i, 2, -1.5f, pb_ink_plain(pb_colour_mix(colour, pale, 0.4f), 0.5f));
        for (int end = 0; end < 2; end++) {
            struct point p = d->cable[i][end ? CABLE_STEPS : 0];
            disc(d, p.x, p.y, 13, pb_ink_plain(pb_colour_mix(colour, night, 0.5f), 1));
            disc(d, p.x, p.y, 9, pb_ink_plain(colour, 1));
            disc(d, p.x - 2, p.y - 2, 3, pb_ink_plain(pale, 0.7f));
        }
    }
}

enum { DIAL_X = 1070, DIAL_Y = 258, DIAL_RADIUS = 132 };

static void draw_dial(struct pb_demo *d) {
    disc(d, DIAL_X, DIAL_Y + 5, DIAL_RADIUS, shine(d, 0x000000, 26, 0.45f));
    disc(d, DIAL_X, DIAL_Y, DIAL_RADIUS, pb_ink_plain(panel, 1));
    arc(d, DIAL_X, DIAL_Y, DIAL_RADIUS, 0, TURN, 5, pb_ink_plain(metal, 0.8f));
    arc(d, DIAL_X, DIAL_Y, DIAL_RADIUS, TURN * 0.55f, TURN * 0.2f, 3, pb_ink_plain(pale, 0.9f));
    for (int i = 0; i < 60; i++) {
        float angle = TURN * (float)i / 60, x = cosf(angle), y = sinf(angle), inner = i % 5 ? 112 : 102;
        line(d, DIAL_X + inner * x, DIAL_Y + inner * y, DIAL_X + 118 * x, DIAL_Y + 118 * y, i % 5 ? 2 : 4,
             pb_ink_plain(i % 5 ? metal : pale, i % 5 ? 0.6f : 0.95f));
    }
}

enum { BARS_X = 912, BARS_Y = 438, BARS_WIDTH = 316, BARS_HEIGHT = 218 };

static void draw_bars_frame(struct pb_demo *d) {
    box(d, BARS_X, BARS_Y + 4, BARS_WIDTH, BARS_HEIGHT, 22, shine(d, 0x000000, 26, 0.45f));
    box(d, BARS_X, BARS_Y, BARS_WIDTH, BARS_HEIGHT, 22, pb_ink_plain(edge, 1));
    box(d, BARS_X + 2, BARS_Y + 2, BARS_WIDTH - 4, BARS_HEIGHT - 4, 20, pb_ink_plain(panel, 1));
    for (int i = 1; i < 5; i++)
        line(d, BARS_X + 18, BARS_Y + 38.0f * (float)i + 8, BARS_X + BARS_WIDTH - 18, BARS_Y + 38.0f * (float)i + 8, 1,
             pb_ink_plain(edge, 0.8f));
}

static void draw_still(struct pb_demo *d) {
    draw_ground(d);
    struct pb_ink soft = {0x4fd6c4, 0x7aa2f7, px(d, 60), px(d, 800), 26 * d->scale, 0.30f};
    struct pb_ink ink = {0x7ff0df, 0x8fb2ff, px(d, 60), px(d, 800), 1, 1};
    write_name(d, 66, 256, 74, 15, soft);
    write_name(d, 66, 256, 74, 15, ink);
    draw_panel(d);
    draw_cables(d);
    draw_dial(d);
    draw_bars_frame(d);
}

static void move_pulses(struct pb_demo *d, float seconds) {
    for (int i = 0; i < CABLES; i++)
        for (int pulse = 0; pulse < 2; pulse++) {
            float at = fmodf(seconds * cables[i].speed + 0.5f * (float)pulse + 0.17f * (float)i, 1) * (CABLE_STEPS + TRAIL);
            for (int tail = TRAIL; tail >= 0; tail--) {
                int step = (int)at - tail;
                if (step < 2 || step > CABLE_STEPS - 2) continue;
                struct point p = d->cable[i][step], q = d->cable[i][step + 1];
                float part = at - floorf(at), fade = 1 - (float)tail / (TRAIL + 1);
                float x = p.x + (q.x - p.x) * part, y = p.y + (q.y - p.y) * part;
                if (tail == 0) disc(d, x, y, 5, shine(d, cables[i].colour, 20, 0.8f));
                disc(d, x, y, 2 + 3 * fade, pb_ink_plain(pb_colour_mix(cables[i].colour, 0xffffff, fade * 0.8f), fade));
            }
        }
}

static void hand(struct pb_demo *d, float turns, float reach, float thickness, uint32_t colour) {
    float angle = (turns - 0.25f) * TURN;
    float x = cosf(angle), y = sinf(angle);
    line(d, DIAL_X - 18 * x, DIAL_Y - 18 * y, DIAL_X + reach * x, DIAL_Y + reach * y, thickness, pb_ink_plain(colour, 1));
}

static void move_dial(struct pb_demo *d, float seconds) {
    float quick = seconds / 2, slow = seconds / 60;
    for (int i = 0; i < 28; i++) { /* short lines: each visits only its own few pixels */
        float a = (quick - 0.25f - (float)i * 0.009f) * TURN, b = a - 0.009f * TURN;
        line(d, DIAL_X + 90 * cosf(a), DIAL_Y + 90 * sinf(a), DIAL_X + 90 * cosf(b), DIAL_Y + 90 * sinf(b), 7,
             pb_ink_plain(0x4fd6c4, 0.7f * (1 - (float)i / 28)));
    }
    hand(d, slow, 66, 6, pale);
    hand(d, quick, 90, 4, 0xffb454);
    disc(d, DIAL_X, DIAL_Y, 9, pb_ink_plain(0xffb454, 1));
    disc(d, DIAL_X, DIAL_Y, 4, pb_ink_plain(panel, 1));
}

static void move_bars(struct pb_demo *d, float seconds) {
    for (int i = 0; i < BARS; i++) {
        float k = (float)i, wave = sinf(seconds * 2.1f + k * 0.55f) * 0.5f + sinf(seconds * 3.7f - k * 0.31f) * 0.3f +
                                   sinf(seconds * 6.3f + k * 1.7f) * 0.2f;
        float height = 16 + 84 * (wave + 1) * (0.55f + 0.45f * sinf(TURN / 2 * (k + 0.5f) / BARS));
        float x = BARS_X + 22 + k * 12.6f, base = BARS_Y + BARS_HEIGHT - 20;
        uint32_t colour = pb_colour_mix(0x4fd6c4, 0xb99cf5, k / BARS);
        box(d, x, base - height, 8, height, 4, pb_ink_plain(colour, 1));
        box(d, x, base - height - 9, 8, 4, 2, pb_ink_plain(pale, 0.85f));
    }
}

static void set_moving(struct pb_demo *d, int i, float x, float y, float width, float height) {
    float left = fmaxf(px(d, x), 0), top = fmaxf(py(d, y), 0);
    float right = fminf(px(d, x + width), (float)d->canvas.width), bottom = fminf(py(d, y + height), (float)d->canvas.height);
    d->moving[i].x = (uint32_t)left;
    d->moving[i].y = (uint32_t)top;
    d->moving[i].width = (uint32_t)fmaxf(right - floorf(left), 0);
    d->moving[i].height = (uint32_t)fmaxf(bottom - floorf(top), 0);
}

struct pb_demo *pb_demo_open(uint32_t width, uint32_t height, uint32_t *still) {
    struct pb_demo *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->scale = fminf((float)width / 1280, (float)height / 720);
    d->left = ((float)width - 1280 * d->scale) / 2;
    d->top = ((float)height - 720 * d->scale) / 2;
    d->canvas = (struct pb_canvas){still, width, height};
    lay_cables(d);
    draw_still(d);
    set_moving(d, 0, 50, 360, 822, 270);
    set_moving(d, 1, DIAL_X - 100, DIAL_Y - 100, 200, 200);
    set_moving(d, 2, BARS_X + 4, BARS_Y + 4, BARS_WIDTH - 8, BARS_HEIGHT - 8);
    return d;
}

void pb_demo_compose(struct pb_demo *d, const uint32_t *still, uint32_t *pixels, double seconds) {
    d->canvas.pixels = pixels;
    for (int i = 0; i < 3; i++)
        for (uint32_t y = 0; y < d->moving[i].height; y++) {
            size_t at = (size_t)(d->moving[i].y + y) * d->canvas.width + d->moving[i].x;
            memcpy(pixels + at, still + at, (size_t)d->moving[i].width * 4);
        }
    float t = (float)fmod(seconds, 3600); /* every motion's period divides an hour well enough to hide the seam */
    move_pulses(d, t);
    move_dial(d, t);
    move_bars(d, t);
}

void pb_demo_close(struct pb_demo *d) { free(d); }
