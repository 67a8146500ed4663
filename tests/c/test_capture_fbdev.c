/* sources: c/capture/fbdev.c c/capture/fbdev_format.c */
/* The framebuffer capture on a file as Xvfb writes it: pixels of every supported depth, a damaged head in every field, a
 * file that shrinks while it is read, and only changed bands reported. */
#include "check.h"

#include "capture/capture.h"
#include "capture/fbdev.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

extern const struct pb_capture_backend pb_capture_fbdev;

enum { WIDTH = 96, HEIGHT = 70, COLOURS = 3, HEAD = 100 + 60, PIXELS = HEAD + COLOURS * 12 };

static void put(uint8_t *head, int n, uint32_t value) {
    for (int i = 0; i < 4; i++) head[4 * n + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void write_head(uint8_t *head, uint32_t bits, uint32_t red, uint32_t green, uint32_t blue) {
    memset(head, 0, HEAD);
    put(head, 0, HEAD), put(head, 1, 7), put(head, 2, 2), put(head, 3, 24), put(head, 4, WIDTH), put(head, 5, HEIGHT);
    put(head, 11, bits), put(head, 12, WIDTH * bits / 8), put(head, 13, 4);
    put(head, 14, red), put(head, 15, green), put(head, 16, blue), put(head, 19, COLOURS);
}

static char path[64];

static int make_file(uint32_t bits, uint32_t red, uint32_t green, uint32_t blue) {
    strcpy(path, "/tmp/patchbay-fbdev-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    uint8_t head[HEAD];
    write_head(head, bits, red, green, blue);
    CHECK(pwrite(fd, head, HEAD, 0) == HEAD);
    CHECK(!ftruncate(fd, PIXELS + WIDTH * HEIGHT * bits / 8));
    return fd;
}

static struct pb_capture *open_it(void) {
    char error[256] = "";
    const struct pb_capture_settings settings = {.target = path, .fps = 240};
    struct pb_capture *c = pb_capture_fbdev.open(&settings, error, sizeof error);
    if (!c) fprintf(stderr, "%s\n", error);
    CHECK(c);
    return c;
}

static void pixel_is(uint32_t bits, uint32_t red, uint32_t green, uint32_t blue, uint32_t value, uint32_t bgr) {
    int fd = make_file(bits, red, green, blue);
    off_t at = PIXELS + (off_t)(5 * WIDTH + 7) * bits / 8;
    CHECK(pwrite(fd, &value, bits / 8, at) == bits / 8);
    struct pb_capture *c = open_it();
    struct pb_picture picture;
    struct pb_rows rows;
    CHECK(pb_capture_fbdev.grab(c, true, &picture, &rows) == PB_OK);
    CHECK(picture.width == WIDTH && picture.height == HEIGHT && rows.top == 0 && rows.bottom == HEIGHT);
    const uint8_t *p = picture.plane[0] + 5 * picture.stride[0] + 7 * 4;
    CHECK((p[0] | p[1] << 8 | p[2] << 16) == (int)bgr);
    pb_capture_fbdev.close(c);
    close(fd);
    unlink(path);
}

static void only_changes(void) {
    int fd = make_file(32, 0xff0000, 0xff00, 0xff), wake = eventfd(0, EFD_NONBLOCK);
    struct pb_capture *c = open_it();
    struct pb_picture picture;
    struct pb_rows rows;
    uint64_t at = 0;
    CHECK(pb_capture_fbdev.wait(c, wake, 1000, &at) == PB_OK && at);
    CHECK(pb_capture_fbdev.grab(c, false, &picture, &rows) == PB_OK && rows.bottom == HEIGHT);
    CHECK(pb_capture_fbdev.grab(c, false, &picture, &rows) == PB_OK && rows.top == rows.bottom);
    uint32_t red = 0xff0000;
    CHECK(pwrite(fd, &red, 4, PIXELS + 40 * WIDTH * 4) == 4);
    CHECK(pb_capture_fbdev.grab(c, false, &picture, &rows) == PB_OK && rows.top <= 40 && rows.bottom > 40);
    CHECK(rows.bottom - rows.top < HEIGHT && picture.plane[0][40 * picture.stride[0] + 2] == 255);
    CHECK(eventfd_write(wake, 1) == 0);
    uint64_t before = pb_monotonic_us();
    CHECK(pb_capture_fbdev.wait(c, wake, 60000, &at) == PB_AGAIN || pb_monotonic_us() - before < 30000000);
    /* The server took another size: the caller is told, and then gets pictures of that size. */
    uint8_t half[4] = {0, 0, 0, HEIGHT / 2};
    CHECK(pwrite(fd, half, 4, 20) == 4);
    CHECK(pb_capture_fbdev.grab(c, false, &picture, &rows) == PB_REINIT);
    CHECK(pb_capture_fbdev.grab(c, true, &picture, &rows) == PB_OK && picture.height == HEIGHT / 2);
    CHECK(!ftruncate(fd, 500));
    CHECK(pb_capture_fbdev.grab(c, false, &picture, &rows) == PB_LOST);
    pb_capture_fbdev.close(c);
    close(fd);
    close(wake);
    unlink(path);
}

static bool parses(const uint8_t *head, size_t size, uint64_t file) {
    struct fbdev_format f;
    char error[256] = "";
    bool good = fbdev_parse_xwd(head, size, file, &f, error, sizeof error);
    CHECK(good || error[0]);
    return good;
}

static void damaged_heads(void) {
    uint8_t head[HEAD], broken[HEAD];
    uint64_t file = PIXELS + WIDTH * HEIGHT * 4;
    write_head(head, 32, 0xff0000, 0xff00, 0xff);
    CHECK(parses(head, 100, file) && !parses(head, 99, file) && !parses(head, 0, 0) && !parses(head, 100, file - 1));
    static const int checked[] = {0, 1, 2, 4, 5, 7, 11, 12, 14, 15, 16, 19};
    for (size_t i = 0; i < sizeof checked / sizeof checked[0]; i++) {
        memcpy(broken, head, HEAD);
        put(broken, checked[i], 0xffffffff);
        CHECK(!parses(broken, 100, file));
    }
    uint32_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        memcpy(broken, head, HEAD);
        for (int n = 0; n < 3; n++) {
            seed = seed * 1664525 + 1013904223;
            broken[(seed >> 8) % 100] = (uint8_t)(seed >> 24);
        }
        struct fbdev_format f;
        if (fbdev_parse_xwd(broken, 100, file, &f, NULL, 0)) CHECK(f.offset + (uint64_t)f.stride * f.height <= file);
    }
}

int main(void) {
    pixel_is(32, 0xff0000, 0xff00, 0xff, 0x00112233, 0x112233);
    pixel_is(32, 0xff, 0xff00, 0xff0000, 0x00112233, 0x332211);
    pixel_is(24, 0xff0000, 0xff00, 0xff, 0x112233, 0x112233);
    pixel_is(16, 0xf800, 0x7e0, 0x1f, 0xf81f, 0xff00ff);
    only_changes();
    damaged_heads();
    return 0;
}
