/* A little drawing with smooth edges, over BGRA pixels: shapes are given by their distance to a pixel, in pixels.
 * Colours are 0xRRGGBB; alpha is 0 to 1. It clips at the edges and allocates nothing. */
#ifndef PB_CANVAS_H
#define PB_CANVAS_H
#include <stdint.h>

struct pb_canvas {
    uint32_t *pixels;
    uint32_t width, height; /* pixels */
};

/* How a shape is filled: `colour` left to `colour_right` from x = left to right (the same colour for a plain fill).
 * Beyond its edge it fades out over `soft` pixels (1 for a clean edge, more for a glow). */
struct pb_ink {
    uint32_t colour, colour_right;
    float left, right, soft, alpha;
};

struct pb_ink pb_ink_plain(uint32_t colour, float alpha);
struct pb_ink pb_ink_glow(uint32_t colour, float soft, float alpha);
uint32_t pb_colour_mix(uint32_t a, uint32_t b, float share_of_b);

void pb_canvas_disc(struct pb_canvas canvas, float x, float y, float radius, struct pb_ink ink);
/* A line of `thickness` with round ends. */
void pb_canvas_line(struct pb_canvas canvas, float x0, float y0, float x1, float y1, float thickness, struct pb_ink ink);
/* Part of a circle's line, with round ends, from `from` on through `sweep` radians; 0 is right, y points down. */
void pb_canvas_arc(struct pb_canvas canvas, float x, float y, float radius, float from, float sweep, float thickness,
                   struct pb_ink ink);
/* A rectangle whose corners have `radius`. */
void pb_canvas_box(struct pb_canvas canvas, float x, float y, float width, float height, float radius, struct pb_ink ink);
#endif
