/* sources: c/capture/drm.c c/capture/drm_device.c c/capture/drm_buffer.c c/capture/drm_format.c c/capture/drm_grab.c c/capture/drm_rows.c c/capture/drm_cursor.c c/capture/drm_pace.c tests/doubles/drm_double.c */
/* The DRM capture on a driver that can be told to lie: pictures in place and converted, tearing noticed, the cursor, other
 * sizes, buffers that take each other's number, what cannot be mapped; then every call made to fail in turn, and answers
 * spoilt at random. Whatever happens, nothing stays open and nothing beyond a buffer is read. */
#include "check.h"

#include "../doubles/drm_double.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

extern const struct pb_capture_backend pb_capture_drm;
static const struct pb_capture_backend *const drm = &pb_capture_drm;
static int wake = -1;

enum { W = 24, H = 20 };

static struct pb_capture *open_with(struct pb_capture_settings s, const char *reason) {
    char error[512] = "";
    struct pb_capture *c = drm->open(&s, error, sizeof error);
    if (reason && !strstr(error, reason)) fprintf(stderr, "\"%s\" is not in: %s\n", reason, error);
    if (!reason && !c) fprintf(stderr, "%s\n", error);
    CHECK(!c == (reason != NULL) && (!reason || strstr(error, reason)));
    return c;
}

static struct pb_capture *open_it(void) { return open_with((struct pb_capture_settings){.fps = 240, .cursor = true}, NULL); }

static void paint(int place, uint32_t value) {
    const struct double_buffer *b = &drm_double.buffer[place];
    for (uint32_t y = 0; y < b->height; y++)
        for (uint32_t x = 0; x < b->width; x++) {
            uint32_t word = value + y * 1000 + x;
            memcpy(b->memory + b->offset + (size_t)y * b->pitch + x * 4, &word, 4);
        }
}

static uint32_t at(const struct pb_picture *p, uint32_t x, uint32_t y) {
    uint32_t word;
    memcpy(&word, p->plane[0] + (size_t)y * p->stride[0] + x * 4, 4);
    return word;
}

static struct pb_rows grab(struct pb_capture *c, struct pb_picture *p) {
    struct pb_rows rows;
    CHECK(drm->grab(c, false, p, &rows) == PB_OK);
    return rows;
}

static void end(struct pb_capture *c) {
    drm->close(c);
    CHECK(drm_double_end());
}

static void in_place(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    paint(0, 7);
    struct pb_capture *c = open_it();
    CHECK(!drm_double.master); /* before anything else may need it */
    struct pb_picture p;
    uint64_t when = 0;
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK && when);
    struct pb_rows rows = grab(c, &p);
    CHECK(rows.top == 0 && rows.bottom == H && p.plane[0] == drm_double.buffer[0].memory && at(&p, 3, 5) == 7 + 5003);
    CHECK(p.dmabuf && p.dmabuf->fourcc == DRM_FORMAT_XRGB8888 && p.dmabuf->fd[0] >= 0 && p.dmabuf->stride[0] == p.stride[0]);
    CHECK(drm->release(c) == PB_OK && drm->release(c) == PB_OK);
    rows = grab(c, &p);
    CHECK(rows.top == rows.bottom); /* nothing changed */
    CHECK(drm->wait(c, wake, 60, &when) == PB_AGAIN);
    uint32_t other = 99;
    memcpy(drm_double.buffer[0].memory + 6 * p.stride[0] + 8, &other, 4);
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK);
    rows = grab(c, &p);
    CHECK(rows.top == 6 && rows.bottom == 7);
    /* It changes again while it is read: that shows with the next look. */
    other = 98;
    memcpy(drm_double.buffer[0].memory + 6 * p.stride[0] + 8, &other, 4);
    CHECK(drm->release(c) == PB_OK && drm->wait(c, wake, 1000, &when) == PB_OK);
    rows = grab(c, &p);
    CHECK(rows.top == 6 && rows.bottom == 7);
    CHECK(eventfd_write(wake, 1) == 0 && drm->wait(c, wake, 60000, &when) == PB_AGAIN);
    eventfd_t count;
    eventfd_read(wake, &count);
    end(c);
}

static void tearing(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double_put(1, W, H, DRM_FORMAT_XRGB8888);
    paint(0, 1);
    paint(1, 2);
    struct pb_capture *c = open_it();
    struct pb_picture p;
    grab(c, &p);
    drm_double.shown++; /* another is shown while this one is read */
    CHECK(drm->release(c) == PB_AGAIN);
    struct pb_rows rows = grab(c, &p);
    CHECK(rows.bottom - rows.top == H && at(&p, 0, 0) == 2 && drm->release(c) == PB_OK);
    /* Where every picture is replaced while it is read, it comes to an end all the same. */
    uint64_t begun = pb_monotonic_us();
    enum pb_status status;
    do {
        grab(c, &p);
        drm_double.shown = drm_double.shown == DOUBLE_FIRST_FB ? DOUBLE_FIRST_FB + 1 : DOUBLE_FIRST_FB;
        status = drm->release(c);
    } while (status == PB_AGAIN);
    CHECK(status == PB_OK && pb_monotonic_us() - begun < 10000000);
    end(c);
}

static int flips_left;

static void flip_after_reading(unsigned long request) {
    static int looks;
    if (request != DRM_IOCTL_MODE_GETCRTC || !flips_left) return;
    if (++looks % 2) return; /* the look after reading, not that before */
    flips_left--;
    drm_double.shown = drm_double.shown == DOUBLE_FIRST_FB ? DOUBLE_FIRST_FB + 1 : DOUBLE_FIRST_FB;
}

static void converted(void) {
    drm_double_start(W, H, DRM_FORMAT_XBGR8888);
    drm_double_put(1, W, H, DRM_FORMAT_XBGR8888);
    paint(0, 0x112233);
    paint(1, 0x445566);
    struct pb_capture *c = open_it();
    struct pb_picture p;
    grab(c, &p);
    CHECK(p.plane[0] != drm_double.buffer[0].memory && p.stride[0] == W * 4 && at(&p, 0, 0) == 0xff332211 && p.dmabuf);
    flips_left = 1; /* torn once, within grab(), which then reads again */
    drm_double.before = flip_after_reading;
    CHECK(grab(c, &p).bottom == H && !flips_left && at(&p, 0, 0) == 0xff665544);
    CHECK(drm->release(c) == PB_OK);
    drm_double.before = NULL;
    /* Memory that is slow to read is read once and handed out as a copy. */
    paint(1, 0x445566);
    drm_double_put(1, W, H, DRM_FORMAT_XRGB8888);
    paint(1, 5);
    CHECK(drm_look(c) == PB_OK);
    c->buffer->slow = true;
    CHECK(grab(c, &p).bottom == H && p.plane[0] != drm_double.buffer[1].memory && at(&p, 2, 1) == 1007);
    uint32_t other = 99;
    memcpy(drm_double.buffer[1].memory + 6 * drm_double.buffer[1].pitch, &other, 4);
    struct pb_rows rows = grab(c, &p);
    CHECK(rows.top == 6 && rows.bottom == 7 && at(&p, 0, 6) == 99);
    end(c);
}

static void cursor(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    struct double_buffer *b = drm_double_put(5, 8, 8, DRM_FORMAT_ARGB8888);
    for (size_t i = 0; i + 4 <= b->bytes; i += 4) memcpy(b->memory + i, &(uint32_t){0x80400000}, 4); /* half-transparent red */
    paint(0, 0);
    struct pb_capture *c = open_it();
    struct pb_picture p;
    uint64_t when;
    grab(c, &p);
    CHECK(drm->release(c) == PB_OK);
    drm_double.cursor_fb = DOUBLE_FIRST_FB + 5;
    drm_double.cursor_x = 20, drm_double.cursor_y = -3;
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK);
    struct pb_rows rows = grab(c, &p);
    CHECK(rows.top == 0 && rows.bottom == 5 && p.plane[0] != drm_double.buffer[0].memory && !p.dmabuf);
    CHECK(at(&p, 20, 4) >> 16 == 0xff40 && at(&p, 19, 4) == 4019 && at(&p, 20, 5) == 5020);
    drm_double.cursor_x = -3, drm_double.cursor_y = 15;
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK);
    rows = grab(c, &p);
    CHECK(rows.top == 0 && rows.bottom == H && at(&p, 20, 4) == 4020 && at(&p, 4, 19) >> 16 == 0xff40 && at(&p, 5, 19) == 19005);
    /* Its shape changes in place, then its size. */
    memcpy(b->memory, &(uint32_t){0xff000001}, 4);
    drm_double.cursor_x = drm_double.cursor_y = 0;
    grab(c, &p);
    CHECK(at(&p, 0, 0) == 0xff000001);
    drm_double_put(5, 4, 4, DRM_FORMAT_ARGB8888);
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK);
    grab(c, &p);
    CHECK(at(&p, 0, 0) == 0 && at(&p, 7, 7) == 7007 && at(&p, 3, 3) == 3003);
    drm_double.cursor_fb = 0;
    drm_double.cursor_x = INT32_MAX, drm_double.cursor_y = INT32_MIN;
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK);
    grab(c, &p);
    CHECK(p.plane[0] == drm_double.buffer[0].memory && drm->release(c) == PB_OK);
    drm_double.cursor_fb = DOUBLE_FIRST_FB + 5; /* far outside */
    grab(c, &p);
    drm_double_put(5, 600, 4, DRM_FORMAT_ARGB8888); /* larger than any cursor */
    grab(c, &p);
    CHECK(p.plane[0] == drm_double.buffer[0].memory);
    end(c);
}

static void sizes(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    paint(0, 0);
    struct pb_capture *c = open_it();
    struct pb_picture p;
    struct pb_rows rows;
    uint32_t width, height;
    grab(c, &p);
    drm_double_put(1, 2 * W, H + 4, DRM_FORMAT_XRGB8888);
    paint(1, 0);
    drm_double.shown++;
    drm_double.width = 2 * W;
    drm_double.height = H + 4;
    CHECK(drm->grab(c, false, &p, &rows) == PB_REINIT);
    drm->size(c, &width, &height);
    CHECK(width == 2 * W && height == H + 4);
    CHECK(drm->grab(c, true, &p, &rows) == PB_OK && p.height == H + 4 && rows.bottom == H + 4);
    /* A part of it, then one that reaches beyond it. */
    drm_double.x = 10, drm_double.y = 2, drm_double.width = W, drm_double.height = H;
    CHECK(drm->grab(c, true, &p, &rows) == PB_REINIT && drm->grab(c, true, &p, &rows) == PB_OK);
    CHECK(at(&p, 0, 0) == 2010 && p.dmabuf->offset[0] == 2 * p.stride[0] + 40 && p.dmabuf->width == W);
    drm_double.x = 2 * W - 5, drm_double.y = 0;
    CHECK(drm->grab(c, true, &p, &rows) == PB_REINIT && drm->grab(c, true, &p, &rows) == PB_OK && p.width == 5);
    drm_double.x = 2 * W;
    CHECK(drm->grab(c, true, &p, &rows) == PB_ERROR);
    drm_double.x = UINT32_MAX;
    CHECK(drm->grab(c, true, &p, &rows) == PB_ERROR);
    char why[512];
    drm->failure(c, why, sizeof why);
    CHECK(strstr(why, "/dev/dri/card0: Virtual-1 shows"));
    end(c);
    static const uint32_t hostile[] = {0, 16384, 16385, 65535, UINT32_MAX};
    for (unsigned i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        for (int side = 0; side < 2; side++) {
            drm_double_start(W, H, DRM_FORMAT_XRGB8888);
            *(side ? &drm_double.buffer[0].width : &drm_double.buffer[0].height) = hostile[i];
            open_with((struct pb_capture_settings){.fps = 60}, hostile[i] == 16384 ? side ? "cannot be" : "are needed" : "cannot be");
            CHECK(drm_double_end());
        }
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double.buffer[0].offset = UINT32_MAX;
    open_with((struct pb_capture_settings){.fps = 60}, "bytes, but");
    CHECK(drm_double_end());
}

/* The kernel gives a framebuffer's number to the next one at once. */
static void same_number(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    paint(0, 1);
    struct pb_capture *c = open_it();
    struct pb_picture p;
    uint64_t when;
    grab(c, &p);
    CHECK(drm->release(c) == PB_OK);
    drm_double_put(0, W, H, DRM_FORMAT_XRGB8888);
    paint(0, 2);
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK && grab(c, &p).bottom == H && at(&p, 0, 0) == 2);
    end(c);
}

static void ways_to_map(void) {
    struct pb_picture p;
    for (int way = 0; way < 3; way++) {
        drm_double_start(W, H, DRM_FORMAT_XRGB8888);
        paint(0, 3);
        drm_double.no_prime_map = way == 0;
        drm_double.no_prime = way == 1;
        drm_double.no_getfb2 = way == 2;
        struct pb_capture *c = open_it();
        grab(c, &p);
        CHECK(at(&p, 1, 0) == 4 && !p.dmabuf == (way == 1) && drm->release(c) == PB_OK);
        CHECK(!grab(c, &p).bottom && drm_double.maps == 1);
        end(c);
    }
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double.no_prime = drm_double.no_dumb = true;
    open_with((struct pb_capture_settings){.fps = 60}, "neither its dma-buf nor MAP_DUMB can be mapped");
    CHECK(drm_double_end());
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double.no_rights = true;
    open_with((struct pb_capture_settings){.fps = 60}, "sudo setcap cap_sys_admin+ep /");
    CHECK(drm_double_end());
    drm_double_start(W, H, DRM_FORMAT_NV12);
    open_with((struct pb_capture_settings){.fps = 60}, "(NV12, 24x20) cannot be read: this pixel format is not known");
    CHECK(drm_double_end());
}

static void device_memory(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double.buffer[0].has_modifier = true;
    drm_double.buffer[0].modifier = I915_FORMAT_MOD_X_TILED;
    open_with((struct pb_capture_settings){.fps = 60}, "modifier 0x0100000000000001 (Intel X-tiled)");
    struct pb_capture *c = open_with((struct pb_capture_settings){.fps = 240, .device_pictures = true}, NULL);
    struct pb_picture p;
    uint64_t when;
    CHECK(grab(c, &p).bottom == H && !p.plane[0] && p.dmabuf && p.dmabuf->modifier == I915_FORMAT_MOD_X_TILED);
    CHECK(drm->release(c) == PB_OK && drm->wait(c, wake, 1000, &when) == PB_OK); /* nobody can see that it is still */
    /* A program that flips leaves the shown picture alone; to be sure it is taken again now and then. */
    struct double_buffer *other = drm_double_put(1, W, H, DRM_FORMAT_XRGB8888);
    other->has_modifier = true;
    other->modifier = I915_FORMAT_MOD_X_TILED;
    drm_double.shown++;
    CHECK(drm->wait(c, wake, 1000, &when) == PB_OK && grab(c, &p).bottom == H);
    CHECK(drm->wait(c, wake, 100, &when) == PB_AGAIN && drm->wait(c, wake, 20000, &when) == PB_OK);
    drm_double.shown--;
    drm_double.buffer[0].modifier = DRM_FORMAT_MOD_LINEAR;
    CHECK(grab(c, &p).bottom == H && p.plane[0]);
    end(c);
    /* It becomes so while it is captured, by someone who cannot use it. */
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    c = open_it();
    grab(c, &p);
    drm_double.buffer[0].has_modifier = true;
    drm_double.buffer[0].modifier = I915_FORMAT_MOD_Y_TILED;
    struct pb_rows rows;
    char why[512];
    CHECK(drm->grab(c, false, &p, &rows) == PB_UNSUPPORTED);
    drm->failure(c, why, sizeof why);
    CHECK(strstr(why, "Intel Y-tiled") && strstr(why, "--encoder vaapi"));
    end(c);
}

static void dark(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double.shown = 0;
    open_with((struct pb_capture_settings){.fps = 60}, "none of its connectors shows anything");
    open_with((struct pb_capture_settings){.fps = 60, .target = "card0:Virtual-2"}, "Virtual-2 shows nothing now");
    open_with((struct pb_capture_settings){.fps = 60, .target = "card7"}, "/dev/dri/card7 cannot be opened: No such file");
    static const char *const wrong[] = {":0", "localhost:10.0", "card", "card0:", "card64", "card100", "cardx", "/dev/fb0", "card1/../0"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        open_with((struct pb_capture_settings){.fps = 60, .target = wrong[i]}, "names no screen of a DRM card");
    drm_double.shown = DOUBLE_FIRST_FB;
    setenv("DISPLAY", ":7", 1);
    unsetenv("WAYLAND_DISPLAY");
    open_with((struct pb_capture_settings){.fps = 60, .automatic = true}, "DISPLAY names an X display");
    setenv("WAYLAND_DISPLAY", "wayland-0", 1);
    drm->close(open_with((struct pb_capture_settings){.fps = 60, .automatic = true}, NULL));
    struct pb_capture *c = open_with((struct pb_capture_settings){.fps = 240, .target = "/dev/dri/card0:Virtual-1"}, NULL);
    struct pb_picture p;
    uint64_t when;
    grab(c, &p);
    CHECK(drm->release(c) == PB_OK);
    drm_double.shown = 0;
    drm_double.unplugged = true;
    CHECK(drm->wait(c, wake, 150, &when) == PB_AGAIN);
    drm_double.unplugged = false;
    drm_double.shown = DOUBLE_FIRST_FB;
    drm_double_put(0, W, H, DRM_FORMAT_XRGB8888);
    paint(0, 8);
    CHECK(drm->wait(c, wake, 10000, &when) == PB_OK && grab(c, &p).bottom == H && at(&p, 0, 0) == 8);
    end(c);
}

static void pacing(void) {
    static const bool ways[][2] = {{false, false}, {true, false}, {false, true}};
    for (int i = 0; i < 3; i++) { /* events; none to be had; promised, and they never come */
        drm_double_start(W, H, DRM_FORMAT_XRGB8888);
        drm_double.no_vblank = ways[i][0];
        drm_double.mute_vblank = ways[i][1];
        struct pb_capture *c = open_it();
        struct pb_picture p;
        uint64_t when = 0;
        for (uint32_t n = 0; n < 3; n++) {
            paint(0, n * 50);
            CHECK(drm->wait(c, wake, 20000, &when) == PB_OK && when && when <= pb_monotonic_us());
            grab(c, &p);
            CHECK(at(&p, 0, 0) == n * 50 && drm->release(c) == PB_OK);
        }
        end(c);
    }
    struct drm_pace pace = {0};
    drm_pace_set(&pace, 60, 60000);
    CHECK(pace.every == 1 && pace.interval_us == 16666);
    drm_pace_set(&pace, 60, 59940);
    CHECK(pace.every == 1);
    drm_pace_set(&pace, 30, 144000);
    CHECK(pace.every == 4 && pace.interval_us == 33333);
    drm_pace_set(&pace, 0, 0);
    CHECK(pace.every == 1 && pace.interval_us == 16667);
}

/* What a user of the capture does; any answer may come. Returns how often it went well. */
static int use(void) {
    char error[512], why[512];
    const struct pb_capture_settings s = {.fps = 240, .cursor = true};
    struct pb_capture *c = drm->open(&s, error, sizeof error);
    CHECK(c || error[0]);
    if (!c) return 0;
    int good = 0;
    for (int i = 0; i < 4; i++) {
        struct pb_picture p;
        struct pb_rows rows;
        uint64_t when;
        drm_double.cursor_x = i;
        drm_double.shown = DOUBLE_FIRST_FB + (uint32_t)(i & 1);
        drm->wait(c, wake, 2, &when);
        if (drm->grab(c, i == 0, &p, &rows) == PB_OK) {
            CHECK(rows.top <= rows.bottom && rows.bottom <= p.height);
            volatile uint8_t sum = 0;
            for (uint32_t y = 0; p.plane[0] && y < p.height; y++)
                for (uint32_t x = 0; x < p.width * 4; x++) sum = (uint8_t)(sum + p.plane[0][(size_t)y * p.stride[0] + x]);
            drm->release(c);
            good++;
        }
        drm->failure(c, why, sizeof why);
    }
    drm->close(c);
    return good;
}

static void scene(void) {
    drm_double_start(W, H, DRM_FORMAT_XRGB8888);
    drm_double_put(1, W, H, DRM_FORMAT_XBGR8888);
    drm_double_put(5, 8, 8, DRM_FORMAT_ARGB8888);
    drm_double.cursor_fb = DOUBLE_FIRST_FB + 5;
}

static void every_call_fails(void) {
    static const int errors[] = {ENODEV, EINVAL, ENOENT, ENOMEM, EACCES};
    scene();
    CHECK(use() == 4);
    int calls = drm_double.calls;
    CHECK(drm_double_end() && calls > 40);
    for (unsigned e = 0; e < sizeof errors / sizeof errors[0]; e++)
        for (int n = 1; n <= calls; n++) {
            scene();
            drm_double.fail_call = n;
            drm_double.fail_errno = errors[e];
            use();
            CHECK(drm_double_end());
        }
}

static void spoilt_answers(void) {
    int good = 0;
    drm_double.whole_pages = true;
    for (uint32_t seed = 1; seed <= 400; seed++) {
        scene();
        drm_double.spoil_seed = seed * 2654435761u | 1;
        good += use();
        drm_double.spoil_seed = 0;
        drm_double_end(); /* a spoilt handle cannot be closed, so these are not counted */
        CHECK(!drm_double.cards && !drm_double.maps);
    }
    CHECK(good > 100); /* it was not spoilt so much that nothing was tried */
    scene();
    drm_double.claims_crowds = true;
    CHECK(use() == 4 && drm_double_end());
}

int main(void) {
    wake = eventfd(0, EFD_NONBLOCK);
    in_place();
    tearing();
    converted();
    cursor();
    sizes();
    same_number();
    ways_to_map();
    device_memory();
    dark();
    pacing();
    every_call_fails();
    spoilt_answers();
    close(wake);
    return 0;
}
