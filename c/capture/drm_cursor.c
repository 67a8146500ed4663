/* The cursor plane: where it is and what it shows, drawn into the captured picture. What it covers is kept aside, so that a
 * moved cursor costs two small copies. Its position comes from the plane's properties, where the hotspot is already taken
 * off, and its pixels from its framebuffer: ARGB, premultiplied. A cursor that cannot be read is left out. */
#include "drm.h"

#include <stdlib.h>
#include <string.h>

enum { PROPERTIES = 64 };

struct properties {
    uint32_t id[PROPERTIES], count;
    uint64_t value[PROPERTIES];
};

static int read_properties(int fd, uint32_t plane, struct properties *p) {
    struct drm_mode_obj_get_properties get = {
        .props_ptr = (uintptr_t)p->id,
        .prop_values_ptr = (uintptr_t)p->value,
        .count_props = PROPERTIES,
        .obj_id = plane,
        .obj_type = DRM_MODE_OBJECT_PLANE,
    };
    int error = drm_control(fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &get);
    p->count = error ? 0 : get.count_props < PROPERTIES ? get.count_props : PROPERTIES;
    return error;
}

static bool value_of(const struct properties *p, uint32_t id, uint64_t *value) {
    for (uint32_t i = 0; i < p->count; i++)
        if (id && p->id[i] == id) {
            *value = p->value[i];
            return true;
        }
    return false;
}

/* Learns the numbers of the properties. True when it is a cursor plane whose position can be read. */
static bool is_cursor(struct drm_cursor *c, int fd, uint32_t plane) {
    struct properties p;
    if (read_properties(fd, plane, &p)) return false;
    uint64_t type = UINT64_MAX;
    c->fb_id = c->crtc_id = c->x_id = c->y_id = 0;
    for (uint32_t i = 0; i < p.count; i++) {
        struct drm_mode_get_property q = {.prop_id = p.id[i]};
        if (drm_control(fd, DRM_IOCTL_MODE_GETPROPERTY, &q)) continue;
        q.name[sizeof q.name - 1] = 0;
        if (!strcmp(q.name, "type")) type = p.value[i];
        if (!strcmp(q.name, "FB_ID")) c->fb_id = p.id[i];
        if (!strcmp(q.name, "CRTC_ID")) c->crtc_id = p.id[i];
        if (!strcmp(q.name, "CRTC_X")) c->x_id = p.id[i];
        if (!strcmp(q.name, "CRTC_Y")) c->y_id = p.id[i];
    }
    return type == 2 /* DRM_PLANE_TYPE_CURSOR */ && c->fb_id && c->crtc_id && c->x_id && c->y_id;
}

void drm_cursor_open(struct drm_cursor *c, int fd, const struct drm_output *output) {
    uint32_t planes[DRM_LISTED] = {0};
    struct drm_mode_get_plane_res r = {.plane_id_ptr = (uintptr_t)planes, .count_planes = DRM_LISTED};
    c->plane = 0;
    if (drm_control(fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &r)) return;
    for (uint32_t i = 0; i < r.count_planes && i < DRM_LISTED && !c->plane; i++) {
        struct drm_mode_get_plane p = {.plane_id = planes[i]};
        if (drm_control(fd, DRM_IOCTL_MODE_GETPLANE, &p) || output->pipe > 31) continue;
        if (p.possible_crtcs >> output->pipe & 1 && is_cursor(c, fd, planes[i])) c->plane = planes[i];
    }
}

static bool make_room(struct drm_cursor *c, uint32_t width, uint32_t height) {
    if (c->width == width && c->height == height) return true;
    size_t count = (size_t)width * height;
    free(c->shape);
    free(c->under);
    c->shape = calloc(count, 4);
    c->under = calloc(count, 4);
    bool made = c->shape && c->under;
    c->width = made ? width : 0;
    c->height = made ? height : 0;
    return made;
}

/* Copies the shape when it is another than before. */
static enum pb_status load(struct drm_cursor *c, int fd, uint32_t fb) {
    struct drm_buffer *b;
    enum pb_status status = drm_buffer_get(&c->cache, fd, fb, &b, NULL, 0);
    if (status) return status;
    uint32_t width = b->shared.width, height = b->shared.height;
    if (!b->memory || b->shared.fourcc != DRM_FORMAT_ARGB8888 || width > DRM_CURSOR_SIDE || height > DRM_CURSOR_SIDE)
        return PB_UNSUPPORTED;
    /* The drawn one must be gone from the picture before its room goes. */
    if ((c->width != width || c->height != height) && c->drawn) return PB_REINIT;
    if (!make_room(c, width, height)) return PB_ERROR;
    drm_buffer_begin(b);
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row = b->memory + (size_t)y * b->shared.stride[0];
        uint32_t *known = c->shape + (size_t)y * width;
        if (!memcmp(known, row, (size_t)width * 4)) continue;
        memcpy(known, row, (size_t)width * 4);
        c->changed = true;
    }
    drm_buffer_end(b);
    return PB_OK;
}

enum pb_status drm_cursor_look(struct drm_cursor *c, int fd, uint32_t crtc) {
    if (!c->plane) return PB_OK;
    struct properties p;
    uint64_t fb = 0, on = 0, x = 0, y = 0;
    int error = read_properties(fd, c->plane, &p);
    if (error) return drm_status_of(error) == PB_LOST ? PB_LOST : PB_OK;
    if (!value_of(&p, c->fb_id, &fb) || !value_of(&p, c->crtc_id, &on) || !value_of(&p, c->x_id, &x) ||
        !value_of(&p, c->y_id, &y) || on != crtc)
        fb = 0;
    if (fb) {
        enum pb_status status = load(c, fd, (uint32_t)fb);
        if (status == PB_REINIT) c->changed = true; /* loaded by the next look, after drm_cursor_remove */
        if (status && status != PB_REINIT) fb = 0;
    }
    if (!fb) drm_cache_clear(&c->cache);
    int64_t far = 100000; /* beyond any screen, and safe to add to */
    int64_t at_x = (int64_t)x < -far || (int64_t)x > far ? far : (int64_t)x;
    int64_t at_y = (int64_t)y < -far || (int64_t)y > far ? far : (int64_t)y;
    c->changed |= (fb != 0) != (c->fb != 0) || (fb && (at_x != c->x || at_y != c->y));
    c->fb = (uint32_t)fb;
    c->x = (int32_t)at_x;
    c->y = (int32_t)at_y;
    return PB_OK;
}

static uint8_t *pixel(uint8_t *bgra, uint32_t stride, int32_t x, int32_t y) {
    return bgra + (size_t)y * stride + (size_t)x * 4;
}

struct pb_rows drm_cursor_remove(struct drm_cursor *c, uint8_t *bgra, uint32_t stride) {
    if (!c->drawn) return (struct pb_rows){0, 0};
    c->drawn = false;
    size_t count = (size_t)(c->right - c->left);
    for (int32_t y = c->top; y < c->bottom && bgra; y++)
        memcpy(pixel(bgra, stride, c->left, y), c->under + (size_t)(y - c->top) * count, count * 4);
    return (struct pb_rows){(uint32_t)c->top, (uint32_t)c->bottom};
}

static uint32_t over(uint32_t source, uint32_t below) {
    uint32_t rest = 255 - (source >> 24), out = 0xff000000;
    for (int shift = 0; shift < 24; shift += 8) {
        uint32_t sum = ((source >> shift) & 255) + (((below >> shift) & 255) * rest + 127) / 255;
        out |= (sum > 255 ? 255 : sum) << shift;
    }
    return out;
}

static int32_t clip(int32_t value, uint32_t limit) { return value < 0 ? 0 : value > (int32_t)limit ? (int32_t)limit : value; }

struct pb_rows drm_cursor_draw(struct drm_cursor *c, uint8_t *bgra, uint32_t width, uint32_t height) {
    c->changed = false;
    if (!c->fb) return (struct pb_rows){0, 0};
    c->left = clip(c->x, width);
    c->top = clip(c->y, height);
    c->right = clip(c->x + (int32_t)c->width, width);
    c->bottom = clip(c->y + (int32_t)c->height, height);
    if (c->left >= c->right || c->top >= c->bottom) return (struct pb_rows){0, 0};
    uint32_t stride = width * 4;
    size_t count = (size_t)(c->right - c->left);
    for (int32_t y = c->top; y < c->bottom; y++) {
        uint8_t *row = pixel(bgra, stride, c->left, y);
        const uint32_t *shape = c->shape + (size_t)(y - c->y) * c->width + (c->left - c->x);
        memcpy(c->under + (size_t)(y - c->top) * count, row, count * 4);
        for (size_t i = 0; i < count; i++) {
            uint32_t below, drawn;
            memcpy(&below, row + i * 4, 4);
            drawn = over(shape[i], below);
            if (shape[i]) memcpy(row + i * 4, &drawn, 4);
        }
    }
    c->drawn = true;
    return (struct pb_rows){(uint32_t)c->top, (uint32_t)c->bottom};
}

void drm_cursor_close(struct drm_cursor *c) {
    drm_cache_clear(&c->cache);
    free(c->shape);
    free(c->under);
}
