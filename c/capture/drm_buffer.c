/* Framebuffers as memory of this process: GETFB2 names the buffer, PRIME shares it, and it is mapped by its dma-buf or, where
 * the driver cannot, by MAP_DUMB. Numbers of framebuffers are used again by the kernel, so a mapping is kept by what the
 * buffer is and not by its number, and no handle stays open. Nothing a driver says of sizes is believed unchecked. */
#include "drm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <unistd.h>

enum { KEEP_US = 2000000 }; /* a buffer that was not shown for so long is let go: it may hold memory of the card */

static void empty(struct drm_buffer *b) {
    if (!b->identity) return;
    if (b->mapping) drm_io->unmap(b->mapping, b->mapped);
    for (unsigned i = 0; i < 4; i++) {
        bool again = false;
        for (unsigned k = 0; k < i; k++) again |= b->shared.fd[k] == b->shared.fd[i];
        if (b->shared.fd[i] >= 0 && !again) drm_io->close(b->shared.fd[i]);
    }
    *b = (struct drm_buffer){.identity = 0};
}

void drm_cache_clear(struct drm_cache *cache) {
    for (unsigned i = 0; i < DRM_BUFFERS; i++) empty(&cache->buffer[i]);
}

static void synchronise(const struct drm_buffer *b, uint64_t flags) {
    struct dma_buf_sync s = {.flags = DMA_BUF_SYNC_READ | flags};
    if (b->mapping && !b->by_dumb) drm_control(b->shared.fd[0], DMA_BUF_IOCTL_SYNC, &s);
}

void drm_buffer_begin(const struct drm_buffer *b) { synchronise(b, DMA_BUF_SYNC_START); }
void drm_buffer_end(const struct drm_buffer *b) { synchronise(b, DMA_BUF_SYNC_END); }

/* What the driver says of a framebuffer; drivers without GETFB2 know only the plainest. */
static int describe(int fd, uint32_t fb, struct drm_mode_fb_cmd2 *out) {
    *out = (struct drm_mode_fb_cmd2){.fb_id = fb};
    int error = drm_control(fd, DRM_IOCTL_MODE_GETFB2, out);
    if (error != EINVAL && error != ENOTTY && error != EOPNOTSUPP) return error;
    struct drm_mode_fb_cmd plain = {.fb_id = fb};
    if ((error = drm_control(fd, DRM_IOCTL_MODE_GETFB, &plain))) return error;
    uint32_t fourcc = plain.bpp == 32 && plain.depth == 30   ? DRM_FORMAT_XRGB2101010
                      : plain.bpp == 32 && plain.depth == 32 ? DRM_FORMAT_ARGB8888
                      : plain.bpp == 32                      ? DRM_FORMAT_XRGB8888
                      : plain.bpp == 16                      ? DRM_FORMAT_RGB565
                                                             : 0;
    *out = (struct drm_mode_fb_cmd2){.fb_id = fb, .width = plain.width, .height = plain.height, .pixel_format = fourcc,
                                     .handles = {plain.handle}, .pitches = {plain.pitch}};
    return 0;
}

static void close_handles(int fd, const struct drm_mode_fb_cmd2 *f) {
    for (unsigned i = 0; i < 4; i++) {
        bool again = false;
        for (unsigned k = 0; k < i; k++) again |= f->handles[k] == f->handles[i];
        struct drm_gem_close c = {.handle = f->handles[i]};
        if (f->handles[i] && !again) drm_control(fd, DRM_IOCTL_GEM_CLOSE, &c);
    }
}

/* Where MAP_DUMB would map it; 0 when it does not. */
static uint64_t dumb_offset(int fd, uint32_t handle) {
    struct drm_mode_map_dumb m = {.handle = handle};
    return drm_control(fd, DRM_IOCTL_MODE_MAP_DUMB, &m) ? 0 : m.offset;
}

/* Exports every plane. Planes of one buffer share a descriptor. */
static void export(int fd, const struct drm_mode_fb_cmd2 *f, struct pb_dmabuf *out) {
    *out = (struct pb_dmabuf){
        .fourcc = f->pixel_format,
        .modifier = f->flags & DRM_MODE_FB_MODIFIERS ? f->modifier[0] : DRM_FORMAT_MOD_INVALID,
        .width = f->width,
        .height = f->height,
        .fd = {-1, -1, -1, -1},
    };
    for (unsigned i = 0; i < 4 && f->handles[i]; i++) {
        out->offset[i] = f->offsets[i];
        out->stride[i] = f->pitches[i];
        out->planes = i + 1;
        for (unsigned k = 0; k < i; k++)
            if (f->handles[k] == f->handles[i]) out->fd[i] = out->fd[k];
        struct drm_prime_handle p = {.handle = f->handles[i], .flags = DRM_CLOEXEC, .fd = -1};
        if (out->fd[i] < 0 && !drm_control(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p)) out->fd[i] = p.fd;
    }
}

static bool is_linear(uint64_t modifier) { return modifier == DRM_FORMAT_MOD_LINEAR || modifier == DRM_FORMAT_MOD_INVALID; }

/* Maps what can be read by this processor. False, with a sentence, when nothing can; `needed` is 0 for what need not be tried. */
static bool map(struct drm_buffer *b, int fd, uint64_t dumb, uint64_t needed, char *error, size_t size) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    b->mapped = (size_t)((needed + page - 1) / page * page);
    if (b->shared.fd[0] >= 0) {
        int64_t bytes = drm_io->bytes(b->shared.fd[0]);
        if (bytes >= 0 && (uint64_t)bytes < needed) {
            pb_error(error, size, "its buffer has %lld bytes, but %llu are needed", (long long)bytes, (unsigned long long)needed);
            return false;
        }
        b->mapping = bytes < 0 ? NULL : drm_io->map(b->shared.fd[0], 0, b->mapped);
    }
    if (!b->mapping && dumb) {
        b->by_dumb = true;
        b->mapping = drm_io->map(fd, dumb, b->mapped);
    }
    if (!b->mapping) {
        pb_error(error, size, "neither its dma-buf nor MAP_DUMB can be mapped: %s", strerror(errno));
        return false;
    }
    b->memory = (const uint8_t *)b->mapping + b->shared.offset[0];
    return true;
}

static struct drm_buffer *find(struct drm_cache *cache, uint64_t identity, const struct pb_dmabuf *s) {
    for (unsigned i = 0; i < DRM_BUFFERS; i++) {
        struct drm_buffer *b = &cache->buffer[i];
        const struct pb_dmabuf *k = &b->shared;
        if (b->identity == identity && k->fourcc == s->fourcc && k->modifier == s->modifier && k->width == s->width &&
            k->height == s->height && k->planes == s->planes && !memcmp(k->offset, s->offset, sizeof k->offset) &&
            !memcmp(k->stride, s->stride, sizeof k->stride))
            return b;
    }
    return NULL;
}

static void let_go_of_old(struct drm_cache *cache, uint64_t now) {
    for (unsigned i = 0; i < DRM_BUFFERS; i++)
        if (cache->buffer[i].identity && now - cache->buffer[i].used_us > KEEP_US) empty(&cache->buffer[i]);
}

/* A place for a new buffer: an empty one, or that which was not shown for longest. */
static struct drm_buffer *make_room(struct drm_cache *cache) {
    struct drm_buffer *oldest = &cache->buffer[0];
    for (unsigned i = 1; i < DRM_BUFFERS; i++)
        if (cache->buffer[i].used_us < oldest->used_us) oldest = &cache->buffer[i];
    empty(oldest);
    return oldest;
}

static enum pb_status no_rights(char *error, size_t size) {
    char path[256] = "patchbay";
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) path[length] = 0;
    pb_error(error, size, "GETFB2 hides the screen's pixels from a process without CAP_SYS_ADMIN; run: sudo setcap "
                          "cap_sys_admin+ep %s", path);
    return PB_UNSUPPORTED;
}

/* Why a linear buffer, or one that is none, has no memory here. */
static void explain(const struct pb_dmabuf *s, const char *why, char *error, size_t size) {
    char name[5], modifier[64];
    drm_format_name(s->fourcc, name);
    drm_modifier_name(s->modifier, modifier, sizeof modifier);
    if (is_linear(s->modifier))
        pb_error(error, size, "the framebuffer (%s, %ux%u) cannot be read: %s", name, s->width, s->height, why);
    else
        pb_error(error, size, "the framebuffer (%s) lies in memory as modifier %s says, which only the GPU can read; encode with "
                              "--encoder vaapi, or capture with --capture x11", name, modifier);
}

/* Examines a buffer that is not known, while its handles are open: without one, its MAP_DUMB cannot be mapped. */
static enum pb_status adopt(int fd, const struct drm_mode_fb_cmd2 *f, uint64_t dumb, struct drm_buffer *fresh, char *error, size_t size) {
    const struct drm_format *format = drm_format_find(f->pixel_format);
    char why[160] = "this pixel format is not known here; encode with --encoder vaapi";
    uint64_t needed = format ? drm_layout_bytes(f->width, f->height, format->bytes, f->pitches[0], f->offsets[0]) : 0;
    if (format && !needed) {
        pb_error(error, size, "the driver says that framebuffer %u has %ux%u pixels in rows of %u bytes, which cannot be", f->fb_id,
                 f->width, f->height, f->pitches[0]);
        return PB_ERROR;
    }
    bool mapped = needed && is_linear(fresh->shared.modifier) && map(fresh, fd, dumb, needed, why, sizeof why);
    if (!mapped) explain(&fresh->shared, why, error, size);
    if (!mapped && fresh->shared.fd[0] < 0) return PB_UNSUPPORTED;
    if (mapped) {
        drm_buffer_begin(fresh);
        fresh->slow = drm_memory_is_slow(fresh->memory, (size_t)(needed - f->offsets[0]));
        drm_buffer_end(fresh);
    }
    return PB_OK;
}

enum pb_status drm_buffer_get(struct drm_cache *cache, int fd, uint32_t fb, struct drm_buffer **buffer, char *error, size_t size) {
    struct drm_mode_fb_cmd2 f;
    int failed = describe(fd, fb, &f);
    if (failed) {
        pb_error(error, size, "GETFB2 of framebuffer %u: %s", fb, strerror(failed));
        return drm_status_of(failed);
    }
    if (!f.handles[0]) {
        close_handles(fd, &f);
        return no_rights(error, size);
    }
    struct drm_buffer fresh = {.used_us = pb_monotonic_us()};
    export(fd, &f, &fresh.shared);
    uint64_t dumb = 0;
    if (fresh.shared.fd[0] >= 0) fresh.identity = drm_io->identity(fresh.shared.fd[0]);
    struct drm_buffer *known = fresh.identity ? find(cache, fresh.identity, &fresh.shared) : NULL;
    if (!known && is_linear(fresh.shared.modifier)) dumb = dumb_offset(fd, f.handles[0]);
    /* The offset stands for the buffer as long as it lives, and the mapping keeps it alive. */
    if (!known && !fresh.identity && dumb) {
        fresh.identity = dumb;
        known = find(cache, fresh.identity, &fresh.shared);
    }
    if (!fresh.identity) fresh.identity = UINT64_MAX;
    enum pb_status status = known ? PB_OK : adopt(fd, &f, dumb, &fresh, error, size);
    close_handles(fd, &f);
    if (known || status) empty(&fresh);
    if (status) return status;
    if (!known) {
        known = make_room(cache);
        *known = fresh;
    }
    known->used_us = pb_monotonic_us();
    let_go_of_old(cache, known->used_us);
    *buffer = known;
    return PB_OK;
}
