/* The pointer, drawn into the captured picture. What it covers is kept aside, so that a moved pointer costs two small
 * copies and no request for pixels. Shapes come from XFixes as premultiplied ARGB. */
#include "x11.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 512 };

void x11_pointer_load_shape(struct pb_capture *c) {
    struct x11_pointer *p = &c->pointer;
    p->shape_changed = false;
    p->width = p->height = 0;
    xcb_xfixes_get_cursor_image_reply_t *r =
        xcb_xfixes_get_cursor_image_reply(c->x, xcb_xfixes_get_cursor_image(c->x), NULL);
    if (!r) return;
    size_t count = (size_t)r->width * r->height;
    bool usable = r->width <= MAX_SIDE && r->height <= MAX_SIDE &&
                  (size_t)xcb_xfixes_get_cursor_image_cursor_image_length(r) >= count;
    if (usable && count > p->capacity) {
        free(p->shape);
        free(p->under);
        p->shape = malloc(count * 4);
        p->under = malloc(count * 4);
        p->capacity = p->shape && p->under ? (uint32_t)count : 0;
    }
    if (usable && count <= p->capacity) {
        p->width = r->width;
        p->height = r->height;
        p->hot_x = r->xhot;
        p->hot_y = r->yhot;
        memcpy(p->shape, xcb_xfixes_get_cursor_image_cursor_image(r), count * 4);
    }
    free(r);
}

static uint32_t *row_at(struct pb_capture *c, int32_t x, int32_t y) {
    return (uint32_t *)(void *)(c->image.pixels + (size_t)y * c->image.stride) + x;
}

struct pb_rows x11_pointer_remove(struct pb_capture *c) {
    struct x11_pointer *p = &c->pointer;
    if (!p->drawn) return (struct pb_rows){0, 0};
    p->drawn = false;
    size_t count = (size_t)(p->right - p->left);
    for (int32_t y = p->top; y < p->bottom; y++)
        memcpy(row_at(c, p->left, y), p->under + (size_t)(y - p->top) * count, count * 4);
    return (struct pb_rows){(uint32_t)p->top, (uint32_t)p->bottom};
}

static uint32_t over(uint32_t source, uint32_t below) {
    uint32_t rest = 255 - (source >> 24), out = 0xff000000;
    for (int shift = 0; shift < 24; shift += 8) {
        uint32_t sum = ((source >> shift) & 255) + (((below >> shift) & 255) * rest + 127) / 255;
        out |= (sum > 255 ? 255 : sum) << shift;
    }
    return out;
}

static int32_t clip(int32_t value, uint32_t limit) {
    return value < 0 ? 0 : value > (int32_t)limit ? (int32_t)limit : value;
}

struct pb_rows x11_pointer_draw(struct pb_capture *c, int32_t x, int32_t y) {
    struct x11_pointer *p = &c->pointer;
    p->x = x;
    p->y = y;
    p->moved = false;
    int32_t left = x - p->hot_x, top = y - p->hot_y;
    p->left = clip(left, c->width);
    p->top = clip(top, c->height);
    p->right = clip(left + (int32_t)p->width, c->width);
    p->bottom = clip(top + (int32_t)p->height, c->height);
    if (p->left >= p->right || p->top >= p->bottom) return (struct pb_rows){0, 0};
    size_t count = (size_t)(p->right - p->left);
    for (int32_t row = p->top; row < p->bottom; row++) {
        uint32_t *pixels = row_at(c, p->left, row);
        const uint32_t *shape = p->shape + (size_t)(row - top) * p->width + (p->left - left);
        memcpy(p->under + (size_t)(row - p->top) * count, pixels, count * 4);
        for (size_t i = 0; i < count; i++)
            if (shape[i] >> 24) pixels[i] = over(shape[i], pixels[i]);
    }
    p->drawn = true;
    return (struct pb_rows){(uint32_t)p->top, (uint32_t)p->bottom};
}
