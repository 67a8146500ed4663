/* sources: libs: */
/* Stands in for a compositor: owns a DRM card, sets modes on its first connector, paints pictures that are known pixel by pixel
 * into buffers of a named format, flips between two of them and moves a cursor. It is told what to do line by line on standard
 * input, and answers each line with "ok ..." or "error CALL: REASON". drm.lab.ts computes the same pictures. */
#include <errno.h>
#include <fcntl.h>
#include <libdrm/drm.h>
#include <libdrm/drm_fourcc.h>
#include <libdrm/drm_mode.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct buffer {
    uint32_t handle, fb, width, height, pitch, fourcc;
    uint64_t bytes;
    uint8_t *pixels;
};

static int card;
static uint32_t connector, crtc;
static struct buffer shown, spare, pointer;

static bool call(const char *name, unsigned long request, void *argument) {
    int result;
    do result = ioctl(card, request, argument);
    while (result && (errno == EINTR || errno == EAGAIN));
    if (result) printf("error %s: %s\n", name, strerror(errno));
    return !result;
}

static uint32_t fourcc_of(const char *name) {
    return (uint32_t)name[0] | (uint32_t)name[1] << 8 | (uint32_t)name[2] << 16 | (uint32_t)name[3] << 24;
}

static uint32_t bits_of(uint32_t fourcc) {
    return fourcc == DRM_FORMAT_RGB565 ? 16 : fourcc == DRM_FORMAT_RGB888 || fourcc == DRM_FORMAT_BGR888 ? 24 : 32;
}

static void drop(struct buffer *b) {
    if (b->pixels) munmap(b->pixels, b->bytes);
    if (b->fb) ioctl(card, DRM_IOCTL_MODE_RMFB, &b->fb);
    struct drm_mode_destroy_dumb d = {b->handle};
    if (b->handle) ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &d);
    *b = (struct buffer){.handle = 0};
}

static bool make(struct buffer *b, uint32_t width, uint32_t height, uint32_t fourcc) {
    struct drm_mode_create_dumb d = {.width = width, .height = height, .bpp = bits_of(fourcc)};
    *b = (struct buffer){.width = width, .height = height, .fourcc = fourcc};
    if (!call("CREATE_DUMB", DRM_IOCTL_MODE_CREATE_DUMB, &d)) return false;
    b->handle = d.handle;
    b->pitch = d.pitch;
    b->bytes = d.size;
    struct drm_mode_map_dumb m = {.handle = d.handle};
    if (!call("MAP_DUMB", DRM_IOCTL_MODE_MAP_DUMB, &m)) return false;
    b->pixels = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, card, (off_t)m.offset);
    struct drm_mode_fb_cmd2 f = {.width = width, .height = height, .pixel_format = fourcc, .handles = {d.handle}, .pitches = {d.pitch}};
    if (b->pixels == MAP_FAILED || !call("ADDFB2", DRM_IOCTL_MODE_ADDFB2, &f)) return false;
    b->fb = f.fb_id;
    return true;
}

static void put(const struct buffer *b, uint32_t x, uint32_t y, uint32_t red, uint32_t green, uint32_t blue) {
    uint8_t *p = b->pixels + (size_t)y * b->pitch + (size_t)x * bits_of(b->fourcc) / 8;
    uint32_t word = 0;
    uint32_t r10 = red << 2 | red >> 6, g10 = green << 2 | green >> 6, b10 = blue << 2 | blue >> 6;
    switch (b->fourcc) {
    case DRM_FORMAT_XRGB8888: word = red << 16 | green << 8 | blue; break;
    case DRM_FORMAT_ARGB8888: word = 0xff000000 | red << 16 | green << 8 | blue; break;
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_ABGR8888: word = 0xff000000 | blue << 16 | green << 8 | red; break;
    case DRM_FORMAT_BGRX8888: word = blue << 24 | green << 16 | red << 8; break;
    case DRM_FORMAT_RGB565: word = red >> 3 << 11 | green >> 2 << 5 | blue >> 3; break;
    case DRM_FORMAT_RGB888: word = red << 16 | green << 8 | blue; break;
    case DRM_FORMAT_BGR888: word = blue << 16 | green << 8 | red; break;
    case DRM_FORMAT_XRGB2101010: word = r10 << 20 | g10 << 10 | b10; break;
    case DRM_FORMAT_XBGR2101010: word = b10 << 20 | g10 << 10 | r10; break;
    default: break;
    }
    memcpy(p, &word, bits_of(b->fourcc) / 8);
}

/* Picture `n`: no pixel of it is equal to that of another within 256, so that a mixture of two shows. */
static void paint(const struct buffer *b, uint32_t n) {
    for (uint32_t y = 0; y < b->height; y++)
        for (uint32_t x = 0; x < b->width; x++)
            put(b, x, y, (x * 3 + n * 31) & 255, (y * 5 + n * 17) & 255, ((x ^ y) + n) & 255);
}

static void rectangle(const struct buffer *b, uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
    for (uint32_t row = y; row < y + height && row < b->height; row++)
        for (uint32_t column = x; column < x + width && column < b->width; column++) put(b, column, row, 255, 0, 128);
}

static bool find_screen(void) {
    uint32_t connectors[16], crtcs[16];
    struct drm_mode_card_res r = {.connector_id_ptr = (uintptr_t)connectors, .crtc_id_ptr = (uintptr_t)crtcs, .count_connectors = 16,
                                  .count_crtcs = 16};
    if (!call("GETRESOURCES", DRM_IOCTL_MODE_GETRESOURCES, &r)) return false;
    connector = r.count_connectors ? connectors[0] : 0;
    crtc = r.count_crtcs ? crtcs[0] : 0;
    struct drm_mode_get_connector probe = {.connector_id = connector}; /* makes the kernel look what is connected */
    return connector && crtc && call("GETCONNECTOR", DRM_IOCTL_MODE_GETCONNECTOR, &probe);
}

static bool set_crtc(const struct buffer *b, uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint32_t hz) {
    struct drm_mode_modeinfo m = {.hdisplay = (uint16_t)width, .vdisplay = (uint16_t)height, .vrefresh = hz, .type = DRM_MODE_TYPE_USERDEF};
    m.hsync_start = (uint16_t)(width + 16);
    m.hsync_end = (uint16_t)(width + 48);
    m.htotal = (uint16_t)(width + 80);
    m.vsync_start = (uint16_t)(height + 3);
    m.vsync_end = (uint16_t)(height + 7);
    m.vtotal = (uint16_t)(height + 20);
    m.clock = (uint32_t)m.htotal * m.vtotal * hz / 1000;
    snprintf(m.name, sizeof m.name, "%ux%u", width, height);
    struct drm_mode_crtc s = {.set_connectors_ptr = (uintptr_t)&connector, .count_connectors = 1, .crtc_id = crtc, .fb_id = b->fb, .x = x,
                              .y = y, .mode_valid = 1, .mode = m};
    return call("SETCRTC", DRM_IOCTL_MODE_SETCRTC, &s);
}

/* "mode WIDTH HEIGHT FOURCC N [HZ [X Y FBWIDTH FBHEIGHT]]" */
static bool set_mode(const char *arguments) {
    uint32_t width, height, n, hz = 60, x = 0, y = 0, fb_width = 0, fb_height = 0;
    char format[5];
    int got = sscanf(arguments, "%u %u %4s %u %u %u %u %u %u", &width, &height, format, &n, &hz, &x, &y, &fb_width, &fb_height);
    if (got < 4) return printf("error mode: arguments\n") < 0;
    struct buffer fresh, other;
    if (got < 9) fb_width = width, fb_height = height;
    if (!make(&fresh, fb_width, fb_height, fourcc_of(format)) || !make(&other, fb_width, fb_height, fourcc_of(format))) return false;
    paint(&fresh, n);
    if (!set_crtc(&fresh, x, y, width, height, hz)) return false;
    drop(&shown);
    drop(&spare);
    shown = fresh;
    spare = other;
    return true;
}

static bool await_flip(void) {
    struct pollfd p = {card, POLLIN, 0};
    char events[256];
    if (poll(&p, 1, 3000) == 1 && read(card, events, sizeof events) > 0) return true;
    printf("error PAGE_FLIP: no event came\n");
    return false;
}

static bool flip(uint32_t n) {
    paint(&spare, n);
    struct drm_mode_crtc_page_flip f = {.crtc_id = crtc, .fb_id = spare.fb, .flags = DRM_MODE_PAGE_FLIP_EVENT};
    if (!call("PAGE_FLIP", DRM_IOCTL_MODE_PAGE_FLIP, &f) || !await_flip()) return false;
    struct buffer was = shown;
    shown = spare;
    spare = was;
    return true;
}

/* "cursor SIDE X Y": half of it see-through, premultiplied. */
static bool set_cursor(uint32_t side, int32_t x, int32_t y) {
    if (pointer.width != side) {
        struct buffer fresh;
        if (!make(&fresh, side, side, DRM_FORMAT_ARGB8888)) return false;
        for (uint32_t row = 0; row < side; row++)
            for (uint32_t column = 0; column < side; column++) {
                uint32_t alpha = column * 255 / (side - 1), grey = alpha / 2;
                uint32_t word = alpha << 24 | grey << 16 | alpha << 8 | grey / 2;
                memcpy(fresh.pixels + row * fresh.pitch + column * 4, &word, 4);
            }
        struct drm_mode_cursor2 c = {.flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE, .crtc_id = crtc, .x = x, .y = y, .width = side,
                                     .height = side, .handle = fresh.handle};
        if (!call("CURSOR2", DRM_IOCTL_MODE_CURSOR2, &c)) return false;
        drop(&pointer);
        pointer = fresh;
    }
    struct drm_mode_cursor2 c = {.flags = DRM_MODE_CURSOR_MOVE, .crtc_id = crtc, .x = x, .y = y};
    return call("CURSOR2", DRM_IOCTL_MODE_CURSOR2, &c);
}

static bool hide_cursor(void) {
    struct drm_mode_cursor2 c = {.flags = DRM_MODE_CURSOR_BO, .crtc_id = crtc};
    bool done = call("CURSOR2", DRM_IOCTL_MODE_CURSOR2, &c);
    drop(&pointer);
    return done;
}

static bool switch_off(void) {
    struct drm_mode_crtc s = {.crtc_id = crtc};
    return call("SETCRTC", DRM_IOCTL_MODE_SETCRTC, &s);
}

static bool obey(const char *line) {
    uint32_t a, b, c, d;
    int32_t x, y;
    if (!strncmp(line, "mode ", 5)) return set_mode(line + 5);
    if (sscanf(line, "paint %u", &a) == 1) return paint(&shown, a), true;
    if (sscanf(line, "rectangle %u %u %u %u", &a, &b, &c, &d) == 4) return rectangle(&shown, a, b, c, d), true;
    if (sscanf(line, "flips %u %u %u", &a, &b, &c) == 3) { /* FIRST COUNT PAUSE_MS */
        for (uint32_t i = 0; i < b; i++) {
            if (!flip(a + i)) return false;
            nanosleep(&(struct timespec){0, (long)c * 1000000}, NULL);
        }
        return true;
    }
    if (sscanf(line, "flip %u", &a) == 1) return flip(a);
    if (sscanf(line, "cursor %u %d %d", &a, &x, &y) == 3) return set_cursor(a, x, y);
    if (!strncmp(line, "nocursor", 8)) return hide_cursor();
    if (!strncmp(line, "off", 3)) return switch_off();
    if (!strncmp(line, "drop", 4)) return call("DROP_MASTER", DRM_IOCTL_DROP_MASTER, NULL);
    if (!strncmp(line, "master", 6)) return call("SET_MASTER", DRM_IOCTL_SET_MASTER, NULL);
    printf("error: unknown line %s", line);
    return false;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2 || (card = open(argv[1], O_RDWR | O_CLOEXEC)) < 0) return perror("drm_paint CARD"), 1;
    char driver[33] = "", line[200];
    struct drm_version v = {.name = driver, .name_len = 32};
    if (!call("VERSION", DRM_IOCTL_VERSION, &v) || !find_screen()) return 1;
    printf("ok %s\n", driver);
    while (fgets(line, sizeof line, stdin))
        if (obey(line)) printf("ok\n");
    return 0;
}
