/* See drm_double.h. Buffers are allocated to the byte, so that the address sanitizer sees who reads past them; unless whole
 * pages are asked for, as the kernel gives, where even the layout is spoilt. */
#include "drm_double.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SHARED = 100000, PROPERTY_TYPE = 1, PROPERTY_FB, PROPERTY_CRTC, PROPERTY_X, PROPERTY_Y };

struct drm_double drm_double;
static uint64_t identities;
static uint8_t *grave[256]; /* what is no framebuffer any more may still be mapped */
static int buried;
static int card_fd = -1;
static bool handle_open[256], shared_open[256];
static int handle_buffer[256], shared_buffer[256];
static uint64_t awaited;

static int refuse(int error) {
    errno = error;
    return -1;
}

static struct double_buffer *buffer_of(uint32_t fb) {
    uint32_t i = fb - DOUBLE_FIRST_FB;
    return i < DOUBLE_BUFFERS && drm_double.buffer[i].memory ? &drm_double.buffer[i] : NULL;
}

static int take(bool open[256]) {
    for (int i = 1; i < 256; i++)
        if (!open[i]) {
            open[i] = true;
            return i;
        }
    return 0;
}

static int double_open(const char *path) {
    if (strcmp(path, "/dev/dri/card0")) return refuse(ENOENT);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    card_fd = fd;
    drm_double.master = true;
    if (fd >= 0) drm_double.cards++;
    return fd;
}

static int double_close(int fd) {
    if (fd >= SHARED) {
        int i = fd - SHARED;
        if (i >= 256 || !shared_open[i]) return refuse(EBADF);
        shared_open[i] = false;
        drm_double.shared--;
        return 0;
    }
    if (fd != card_fd) return refuse(EBADF);
    drm_double.cards--;
    return close(fd);
}

static uint32_t handle_for(uint32_t fb) {
    int h = take(handle_open);
    handle_buffer[h] = (int)(fb - DOUBLE_FIRST_FB);
    drm_double.handles++;
    return (uint32_t)h;
}

static int resources(struct drm_mode_card_res *r) {
    if (r->count_crtcs) *(uint32_t *)(uintptr_t)r->crtc_id_ptr = DOUBLE_CRTC;
    if (r->count_connectors) *(uint32_t *)(uintptr_t)r->connector_id_ptr = DOUBLE_CONNECTOR;
    r->count_crtcs = r->count_connectors = drm_double.claims_crowds ? UINT32_MAX : 1;
    return 0;
}

static int crtc(struct drm_mode_crtc *c) {
    if (c->crtc_id != DOUBLE_CRTC) return refuse(ENOENT);
    c->fb_id = drm_double.shown;
    c->x = drm_double.x;
    c->y = drm_double.y;
    c->mode_valid = drm_double.shown != 0;
    c->mode = (struct drm_mode_modeinfo){.clock = 60, .hdisplay = (uint16_t)drm_double.width, .vdisplay = (uint16_t)drm_double.height,
                                         .htotal = 10, .vtotal = 10};
    return 0;
}

static int framebuffer2(struct drm_mode_fb_cmd2 *f) {
    if (drm_double.no_getfb2) return refuse(ENOTTY);
    const struct double_buffer *b = buffer_of(f->fb_id);
    if (!b) return refuse(ENOENT);
    f->width = b->width;
    f->height = b->height;
    f->pixel_format = b->fourcc;
    f->pitches[0] = b->pitch;
    f->offsets[0] = b->offset;
    f->flags = b->has_modifier ? DRM_MODE_FB_MODIFIERS : 0;
    f->modifier[0] = b->modifier;
    if (!drm_double.no_rights) f->handles[0] = handle_for(f->fb_id);
    return 0;
}

static int framebuffer(struct drm_mode_fb_cmd *f) {
    const struct double_buffer *b = buffer_of(f->fb_id);
    if (!b) return refuse(ENOENT);
    f->width = b->width;
    f->height = b->height;
    f->pitch = b->pitch;
    f->bpp = 32;
    f->depth = 24;
    f->handle = handle_for(f->fb_id);
    return 0;
}

static int properties(struct drm_mode_obj_get_properties *g) {
    bool cursor = g->obj_id == DOUBLE_CURSOR;
    const uint64_t values[] = {cursor ? 2 : 1, cursor ? drm_double.cursor_fb : drm_double.shown, DOUBLE_CRTC,
                               (uint64_t)(int64_t)drm_double.cursor_x, (uint64_t)(int64_t)drm_double.cursor_y};
    for (uint32_t i = 0; i < 5 && i < g->count_props; i++) {
        ((uint32_t *)(uintptr_t)g->props_ptr)[i] = PROPERTY_TYPE + i;
        ((uint64_t *)(uintptr_t)g->prop_values_ptr)[i] = values[i];
    }
    g->count_props = drm_double.claims_crowds ? UINT32_MAX : 5;
    return 0;
}

static int property(struct drm_mode_get_property *p) {
    static const char *const names[] = {"type", "FB_ID", "CRTC_ID", "CRTC_X", "CRTC_Y"};
    if (p->prop_id < PROPERTY_TYPE || p->prop_id > PROPERTY_Y) return refuse(ENOENT);
    memset(p->name, 'n', sizeof p->name); /* no end where none is promised */
    strcpy(p->name, names[p->prop_id - PROPERTY_TYPE]);
    return 0;
}

static int plane_resources(struct drm_mode_get_plane_res *r) {
    const uint32_t planes[] = {DOUBLE_PRIMARY, DOUBLE_CURSOR};
    for (uint32_t i = 0; i < 2 && i < r->count_planes; i++) ((uint32_t *)(uintptr_t)r->plane_id_ptr)[i] = planes[i];
    r->count_planes = drm_double.claims_crowds ? UINT32_MAX : 2;
    return 0;
}

static int shared_for(struct drm_prime_handle *p) {
    if (drm_double.no_prime) return refuse(ENOSYS);
    if (p->handle > 255 || !handle_open[p->handle]) return refuse(ENOENT);
    int i = take(shared_open);
    shared_buffer[i] = handle_buffer[p->handle];
    drm_double.shared++;
    p->fd = SHARED + i;
    return 0;
}

static int close_handle(const struct drm_gem_close *c) {
    if (c->handle > 255 || !handle_open[c->handle]) return refuse(EINVAL);
    handle_open[c->handle] = false;
    drm_double.handles--;
    return 0;
}

static int map_dumb(struct drm_mode_map_dumb *m) {
    if (drm_double.no_dumb) return refuse(ENOSYS);
    if (m->handle > 255 || !handle_open[m->handle]) return refuse(ENOENT);
    m->offset = (uint64_t)(handle_buffer[m->handle] + 1) << 32;
    return 0;
}

static int vblank(union drm_wait_vblank *v) {
    if (drm_double.no_vblank) return refuse(EOPNOTSUPP);
    awaited = drm_double.mute_vblank ? 0 : v->request.signal;
    if (awaited) eventfd_write(card_fd, 1);
    return 0;
}

static int answer(unsigned long request, void *argument) {
    switch (request) {
    case DRM_IOCTL_DROP_MASTER: drm_double.master = false; return 0;
    case DRM_IOCTL_SET_CLIENT_CAP:
    case DMA_BUF_IOCTL_SYNC: return 0;
    case DRM_IOCTL_VERSION: return 0;
    case DRM_IOCTL_MODE_GETRESOURCES: return resources(argument);
    case DRM_IOCTL_MODE_GETCONNECTOR: {
        struct drm_mode_get_connector *c = argument;
        c->encoder_id = drm_double.unplugged ? 0 : 5;
        c->connector_type = DRM_MODE_CONNECTOR_VIRTUAL;
        c->connector_type_id = 1;
        return 0;
    }
    case DRM_IOCTL_MODE_GETENCODER: ((struct drm_mode_get_encoder *)argument)->crtc_id = DOUBLE_CRTC; return 0;
    case DRM_IOCTL_MODE_GETCRTC: return crtc(argument);
    case DRM_IOCTL_MODE_GETPLANERESOURCES: return plane_resources(argument);
    case DRM_IOCTL_MODE_GETPLANE: ((struct drm_mode_get_plane *)argument)->possible_crtcs = 1; return 0;
    case DRM_IOCTL_MODE_OBJ_GETPROPERTIES: return properties(argument);
    case DRM_IOCTL_MODE_GETPROPERTY: return property(argument);
    case DRM_IOCTL_MODE_GETFB2: return framebuffer2(argument);
    case DRM_IOCTL_MODE_GETFB: return framebuffer(argument);
    case DRM_IOCTL_PRIME_HANDLE_TO_FD: return shared_for(argument);
    case DRM_IOCTL_GEM_CLOSE: return close_handle(argument);
    case DRM_IOCTL_MODE_MAP_DUMB: return map_dumb(argument);
    case DRM_IOCTL_WAIT_VBLANK: return vblank(argument);
    default: return refuse(ENOTTY);
    }
}

static void spoil(unsigned long request, void *argument) {
    uint32_t *seed = &drm_double.spoil_seed;
    *seed = *seed * 1664525 + 1013904223;
    uint32_t size = _IOC_SIZE(request);
    if (!argument || !size || *seed >> 28) return;
    for (int i = 0; i < 3; i++) {
        *seed = *seed * 1664525 + 1013904223;
        ((uint8_t *)argument)[(*seed >> 8) % size] = (uint8_t)(*seed >> 24);
    }
}

static int double_control(int fd, unsigned long request, void *argument) {
    (void)fd;
    drm_double.calls++;
    if (drm_double.before) drm_double.before(request);
    /* Failing to close or to drop would be the kernel's own leak. */
    bool closes = request == DRM_IOCTL_GEM_CLOSE || request == DRM_IOCTL_DROP_MASTER;
    if (drm_double.calls == drm_double.fail_call && !closes) return refuse(drm_double.fail_errno);
    int result = answer(request, argument);
    if (!result && drm_double.spoil_seed && !closes) spoil(request, argument);
    return result;
}

static void *double_map(int fd, uint64_t offset, size_t bytes) {
    int i = fd >= SHARED ? shared_buffer[(fd - SHARED) & 255] : (int)(offset >> 32) - 1;
    if (fd >= SHARED && drm_double.no_prime_map) return errno = EINVAL, NULL;
    if (i < 0 || i >= DOUBLE_BUFFERS || !drm_double.buffer[i].memory) return errno = EINVAL, NULL;
    /* The kernel maps whole pages. */
    if (!bytes || bytes > (drm_double.buffer[i].bytes + 4095) / 4096 * 4096) return errno = EINVAL, NULL;
    drm_double.maps++;
    return drm_double.buffer[i].memory;
}

static void double_unmap(void *memory, size_t bytes) {
    (void)memory, (void)bytes;
    drm_double.maps--;
}

static int64_t double_bytes(int fd) {
    int i = fd - SHARED;
    return i > 0 && i < 256 && shared_open[i] ? (int64_t)drm_double.buffer[shared_buffer[i]].bytes : -1;
}

static uint64_t double_identity(int fd) {
    int i = fd - SHARED;
    return i > 0 && i < 256 && shared_open[i] ? drm_double.buffer[shared_buffer[i]].identity : 0;
}

static ssize_t double_read(int fd, void *to, size_t bytes) {
    eventfd_t count;
    if (eventfd_read(fd, &count) || bytes < sizeof(struct drm_event_vblank)) return refuse(EAGAIN);
    struct drm_event_vblank e = {.base = {DRM_EVENT_VBLANK, sizeof e}, .user_data = awaited};
    memcpy(to, &e, sizeof e);
    return sizeof e;
}

const struct drm_io drm_double_io = {
    .open = double_open,
    .close = double_close,
    .control = double_control,
    .map = double_map,
    .unmap = double_unmap,
    .bytes = double_bytes,
    .identity = double_identity,
    .read = double_read,
};

struct double_buffer *drm_double_put(int place, uint32_t width, uint32_t height, uint32_t fourcc) {
    struct double_buffer *b = &drm_double.buffer[place];
    const struct drm_format *f = drm_format_find(fourcc);
    if (b->memory && buried < 256) grave[buried++] = b->memory;
    *b = (struct double_buffer){.fourcc = fourcc, .width = width, .height = height, .pitch = width * (f ? f->bytes : 4) + 8,
                                .identity = ++identities};
    b->bytes = (size_t)b->pitch * height;
    b->memory = calloc(1, drm_double.whole_pages ? (b->bytes + 4095) / 4096 * 4096 : b->bytes);
    return b;
}

void drm_double_start(uint32_t width, uint32_t height, uint32_t fourcc) {
    bool whole_pages = drm_double.whole_pages;
    drm_double = (struct drm_double){.whole_pages = whole_pages, .shown = DOUBLE_FIRST_FB, .width = width, .height = height};
    memset(handle_open, 0, sizeof handle_open);
    memset(shared_open, 0, sizeof shared_open);
    drm_double_put(0, width, height, fourcc);
    drm_io = &drm_double_io;
}

bool drm_double_end(void) {
    for (int i = 0; i < DOUBLE_BUFFERS; i++) {
        free(drm_double.buffer[i].memory);
        drm_double.buffer[i].memory = NULL;
    }
    while (buried) free(grave[--buried]);
    return !drm_double.cards && !drm_double.shared && !drm_double.handles && !drm_double.maps && !drm_double.master;
}
