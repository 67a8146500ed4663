/* sources: c/display/x11.c c/display/x11_open.c c/display/x11_buffer.c c/display/x11_input.c c/input/x11_keymap.c c/input/evdev_read.c c/x11/ libs: -lyuv -lxcb -lxcb-shm -lxcb-xinput -lxcb-xfixes -lxcb-randr */
/* A window shows pictures in NV12, as hardware decodes them, like those in I420: in their own size bit by bit, scaled nearly. */
#include "xvfb.h"

#include "display/display.h"

#include <poll.h>
#include <string.h>

extern const struct pb_display_backend pb_display_x11;

enum { WIDTH = 160, HEIGHT = 120 };
static uint8_t planar[WIDTH * HEIGHT * 3 / 2], paired[WIDTH * HEIGHT * 3 / 2], seen[2][320 * 240 * 4];

static void compose(void) {
    for (int i = 0; i < WIDTH * HEIGHT; i++) planar[i] = paired[i] = (uint8_t)(16 + (i / WIDTH + i % WIDTH) % 200);
    for (int i = 0; i < WIDTH * HEIGHT / 4; i++) {
        uint8_t u = (uint8_t)(60 + i % (WIDTH / 2)), v = (uint8_t)(200 - i / (WIDTH / 2) * 2);
        planar[WIDTH * HEIGHT + i] = paired[WIDTH * HEIGHT + 2 * i] = u;
        planar[WIDTH * HEIGHT * 5 / 4 + i] = paired[WIDTH * HEIGHT + 2 * i + 1] = v;
    }
}

static size_t shown_as(struct pb_display *d, const struct pb_picture *p, uint8_t *out) {
    struct pb_window_event e = {0};
    while (pb_display_x11.show(d, p) == PB_AGAIN) pb_display_x11.event(d, &e);
    for (;;) {
        enum pb_status status = pb_display_x11.event(d, &e);
        CHECK(status == PB_OK || status == PB_AGAIN);
        if (status == PB_OK && e.kind == PB_WINDOW_SHOWN) break;
        struct pollfd fd = {pb_display_x11.descriptor(d), POLLIN, 0};
        if (status == PB_AGAIN) poll(&fd, 1, 10);
    }
    const struct pb_picture *s = pb_display_x11.shown(d);
    CHECK(s);
    for (uint32_t y = 0; y < s->height; y++) memcpy(out + (size_t)y * s->width * 4, s->plane[0] + (size_t)y * s->stride[0], s->width * 4);
    return (size_t)s->width * s->height * 4;
}

static void compare(const char *display, uint32_t width, uint32_t height, int tolerance) {
    char error[256] = "";
    struct pb_display_settings settings = {.target = display, .title = "test", .width = width, .height = height};
    struct pb_display *d = pb_display_x11.open(&settings, error, sizeof error);
    if (!d) fprintf(stderr, "%s\n", error);
    CHECK(d && pb_display_x11.takes_nv12);
    struct pb_picture i420 = {PB_I420, WIDTH, HEIGHT, {planar, planar + WIDTH * HEIGHT, planar + WIDTH * HEIGHT * 5 / 4},
                              {WIDTH, WIDTH / 2, WIDTH / 2}, NULL};
    struct pb_picture nv12 = {PB_NV12, WIDTH, HEIGHT, {paired, paired + WIDTH * HEIGHT, NULL}, {WIDTH, WIDTH, 0}, NULL};
    size_t bytes = shown_as(d, &i420, seen[0]);
    CHECK(bytes == shown_as(d, &nv12, seen[1]) && bytes == (size_t)width * height * 4);
    int worst = 0;
    for (size_t i = 0; i < bytes; i++) worst = abs(seen[0][i] - seen[1][i]) > worst ? abs(seen[0][i] - seen[1][i]) : worst;
    if (worst > tolerance) fprintf(stderr, "%ux%u: a colour is off by %d\n", width, height, worst);
    CHECK(worst <= tolerance);
    pb_display_x11.close(d);
}

int main(void) {
    struct xvfb server = xvfb_start("640x480x24", NULL, NULL);
    compose();
    compare(server.display, WIDTH, HEIGHT, 0);
    compare(server.display, 320, 240, 4);
    compare(server.display, 80, 60, 4);
    xvfb_stop(&server);
    return 0;
}
