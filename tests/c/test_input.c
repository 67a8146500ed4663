/* sources: c/input/ c/display/x11.c c/display/x11_open.c c/display/x11_buffer.c c/display/x11_input.c c/x11/ libs: -lyuv -lxcb-shm -lxcb-xtest -lxcb */
/* Input all the way round on a private X server: what is injected by XTEST comes out of the window as the same Linux events,
 * for every key code there is; nothing stays down; a dead server is an answer. Also the log and what is refused. */
#include "check.h"
#include "xvfb.h"

#include "display/x11.h"
#include "gen/abi.h"

#include <linux/input-event-codes.h>
#include <poll.h>
#include <string.h>

extern const struct pb_display_backend pb_display_x11;
enum { PATIENCE_MS = 10000 };

static struct pb_display *window;
static struct pb_input *injector;
static unsigned lamps_told;

/* The next event of the window, SHOWN aside. */
static struct pb_window_event next(void) {
    struct pb_window_event e;
    for (;;) {
        memset(&e, 0, sizeof e);
        enum pb_status status = pb_display_x11.event(window, &e);
        CHECK(status == PB_OK || status == PB_AGAIN);
        if (status == PB_OK && e.kind == PB_WINDOW_INPUT && e.type == EV_LED) lamps_told |= 1u << e.code;
        else if (status == PB_OK && e.kind != PB_WINDOW_SHOWN) return e;
        struct pollfd fd = {pb_display_x11.descriptor(window), POLLIN, 0};
        if (status == PB_AGAIN) CHECK(poll(&fd, 1, PATIENCE_MS) == 1);
    }
}

static void expect(uint16_t type, uint16_t code, int32_t value) {
    struct pb_window_event e = next();
    if (e.kind != PB_WINDOW_INPUT || e.type != type || e.code != code || e.value != value)
        fprintf(stderr, "wanted %u %u %d, got kind %d: %u %u %d\n", type, code, value, (int)e.kind, e.type, e.code, e.value);
    CHECK(e.kind == PB_WINDOW_INPUT && e.type == type && e.code == code && e.value == value);
}

static void inject(uint16_t type, uint16_t code, int32_t value) { CHECK(!pb_input_send(injector, type, code, value)); }

static void sync_report(void) { inject(EV_SYN, SYN_REPORT, 0); }

/* The pointer's first move also settles where it is. */
static void point_at(int32_t x, int32_t y) {
    inject(EV_ABS, ABS_X, x);
    inject(EV_ABS, ABS_Y, y);
    sync_report();
}

static void every_key_goes_round(void) {
    unsigned keys = 0;
    for (uint16_t code = 0; code <= KEY_MAX; code++) {
        bool key = code > 0 && code <= 247;
        if (code >= BTN_MISC && code <= BTN_GEAR_UP) continue;
        CHECK(!pb_input_send(injector, EV_KEY, code, 1) == key);
        if (!key) continue;
        sync_report();
        keys++;
        /* The server keeps these two for itself: they change its video mode. */
        bool kept = code == KEY_VIDEO_NEXT || code == KEY_VIDEO_PREV;
        if (kept) inject(EV_KEY, code, 0);
        if (kept) continue;
        expect(EV_KEY, code, 1);
        expect(EV_SYN, SYN_REPORT, 0);
        inject(EV_KEY, code, 0);
        sync_report();
        expect(EV_KEY, code, 0);
        expect(EV_SYN, SYN_REPORT, 0);
    }
    CHECK(keys == 247);
    CHECK(lamps_told == (1u << LED_CAPSL | 1u << LED_NUML));
}

static void a_held_key_does_not_repeat(void) {
    inject(EV_KEY, KEY_A, 1);
    inject(EV_KEY, KEY_A, 2);
    inject(EV_SYN, SYN_REPORT, 0);
    expect(EV_KEY, KEY_A, 1);
    expect(EV_SYN, SYN_REPORT, 0);
    /* Longer than the server waits before it repeats: nothing but its repeats can come. */
    struct pollfd fd = {pb_display_x11.descriptor(window), POLLIN, 0};
    for (int repeats = 0; repeats < 3; repeats++) {
        CHECK(poll(&fd, 1, PATIENCE_MS) == 1);
        struct pb_window_event e;
        CHECK(pb_display_x11.event(window, &e) == PB_AGAIN);
    }
    inject(EV_KEY, KEY_A, 0);
    sync_report();
    expect(EV_KEY, KEY_A, 0);
    expect(EV_SYN, SYN_REPORT, 0);
}

static void pointer_buttons_and_wheel(void) {
    static const uint16_t buttons[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
    point_at(0, 0);
    expect(EV_ABS, ABS_X, 0);
    expect(EV_ABS, ABS_Y, 0);
    expect(EV_SYN, SYN_REPORT, 0);
    point_at(65535, 65535);
    expect(EV_ABS, ABS_X, 65535);
    expect(EV_ABS, ABS_Y, 65535);
    expect(EV_SYN, SYN_REPORT, 0);
    for (unsigned i = 0; i < sizeof buttons / sizeof *buttons; i++)
        for (int32_t value = 1; value >= 0; value--) {
            inject(EV_KEY, buttons[i], value);
            sync_report();
            expect(EV_ABS, ABS_X, 65535);
            expect(EV_ABS, ABS_Y, 65535);
            expect(EV_KEY, buttons[i], value);
            expect(EV_SYN, SYN_REPORT, 0);
        }
    static const struct {
        uint16_t code;
        int32_t value;
    } turns[] = {{REL_WHEEL, 1}, {REL_WHEEL, -1}, {REL_HWHEEL, 1}, {REL_HWHEEL, -1}, {REL_WHEEL, 3}};
    for (unsigned i = 0; i < sizeof turns / sizeof *turns; i++) {
        inject(EV_REL, turns[i].code, turns[i].value);
        sync_report();
        for (int32_t n = turns[i].value < 0 ? 1 : turns[i].value; n > 0; n--) {
            expect(EV_ABS, ABS_X, 65535);
            expect(EV_ABS, ABS_Y, 65535);
            expect(EV_REL, turns[i].code, turns[i].value < 0 ? -1 : 1);
            expect(EV_SYN, SYN_REPORT, 0);
        }
    }
    /* Relative motion of one group is one step. */
    inject(EV_REL, REL_X, -100);
    inject(EV_REL, REL_Y, -50);
    inject(EV_REL, REL_X, -27);
    sync_report();
    struct pb_window_event x = next(), y = next();
    CHECK(x.code == ABS_X && x.value < 65535 && y.code == ABS_Y && y.value < 65535);
    expect(EV_SYN, SYN_REPORT, 0);
}

/* In relative mode the pointer moves on and on without ever reaching an edge. */
static void relative_mode(void) {
    CHECK(pb_display_x11.grab_pointer(window, true) == PB_OK);
    struct pb_window_event e;
    struct pollfd fd = {pb_display_x11.descriptor(window), POLLIN, 0};
    int64_t moved = 0, asked = 0;
    for (int step = 0; step < 100; step++) {
        /* A hand gives the server time to put the pointer back; this test is faster than any hand. */
        while (window->warping) {
            enum pb_status status = pb_display_x11.event(window, &e);
            CHECK(status == PB_AGAIN || (status == PB_OK && e.type == EV_SYN));
            if (status == PB_AGAIN && window->warping) CHECK(poll(&fd, 1, PATIENCE_MS) == 1);
        }
        inject(EV_REL, REL_X, 20);
        sync_report();
        asked += 20;
        while (moved < asked) {
            e = next();
            if (e.type == EV_REL && e.code == REL_X) moved += e.value;
            CHECK(e.type != EV_ABS);
        }
        CHECK(moved == asked);
    }
    CHECK(pb_display_x11.grab_pointer(window, false) == PB_OK);
    expect(EV_SYN, SYN_REPORT, 0);
}

static void nothing_stays_down(void) {
    inject(EV_KEY, KEY_LEFTSHIFT, 1);
    inject(EV_KEY, KEY_Q, 1);
    inject(EV_KEY, KEY_Q, 0);
    inject(EV_KEY, BTN_LEFT, 1);
    sync_report();
    CHECK(pb_input_release_all(injector) == 2);
    CHECK(pb_input_release_all(injector) == 0);
    int32_t shift = 1, left = 1;
    while (shift || left) {
        struct pb_window_event e = next();
        if (e.type == EV_KEY && e.code == KEY_LEFTSHIFT) shift = e.value;
        if (e.type == EV_KEY && e.code == BTN_LEFT) left = e.value;
    }
    expect(EV_SYN, SYN_REPORT, 0);
    /* Closing releases as well. */
    inject(EV_KEY, KEY_LEFTCTRL, 1);
    sync_report();
    pb_input_close(injector);
    expect(EV_KEY, KEY_LEFTCTRL, 1);
    expect(EV_SYN, SYN_REPORT, 0);
    expect(EV_KEY, KEY_LEFTCTRL, 0);
    expect(EV_SYN, SYN_REPORT, 0);
}

/* As a window manager does it when a person closes the window. */
static void closing_is_told(void) {
    xcb_client_message_event_t m = {.response_type = XCB_CLIENT_MESSAGE, .format = 32, .window = window->window};
    m.type = window->atoms.protocols;
    m.data.data32[0] = window->atoms.delete_window;
    xcb_send_event(window->x, 0, window->window, 0, (const char *)&m);
    xcb_flush(window->x);
    while (next().kind != PB_WINDOW_CLOSED) continue;
}

static void what_cannot_be_injected_is_refused(void) {
    static const uint32_t wrong[][2] = {{EV_REL, REL_DIAL}, {EV_ABS, ABS_Z}, {EV_KEY, 0}, {EV_KEY, KEY_MAX}, {EV_KEY, 70000},
                                        {EV_FF, 1}, {65537, 30}, {EV_KEY, BTN_TOUCH}};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) CHECK(pb_input_send(injector, wrong[i][0], wrong[i][1], 1) == -1);
}

static void the_log_writes_down(void) {
    char path[] = "/tmp/patchbay-log-XXXXXX", text[128] = "", error[256] = "";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    struct pb_input *log = pb_input_open("log", path, error, sizeof error);
    CHECK(log && !pb_input_send(log, EV_KEY, KEY_A, 1) && !pb_input_send(log, EV_ABS, ABS_X, -5));
    CHECK(pb_input_describe(log, text, sizeof text) && !strncmp(text, "log\t", 4));
    pb_input_close(log);
    ssize_t size = read(fd, text, sizeof text - 1);
    CHECK(size > 0);
    text[size] = 0;
    CHECK(!strcmp(text, "1 30 1\n3 0 -5\n1 30 0\n0 0 0\n"));
    close(fd);
    unlink(path);
    CHECK(!pb_input_open("log", "/nowhere/at/all", error, sizeof error) && strstr(error, "/nowhere/at/all"));
    CHECK(!pb_input_open("nix", "", error, sizeof error) && strstr(error, "\"nix\""));
    CHECK(!pb_input_open("xtest", ":39999", error, sizeof error) && strstr(error, ":39999"));
    pb_input_close(NULL);
}

int main(void) {
    char error[256] = "";
    struct xvfb server = xvfb_start("640x480x24", NULL, NULL);
    struct pb_display_settings settings = {server.display, "input", 640, 480, true, false};
    window = pb_display_x11.open(&settings, error, sizeof error);
    injector = pb_input_open("auto", server.display, error, sizeof error);
    CHECK(window && injector);
    CHECK(window->keymap.evdev);
    /* The window has the keyboard once the server says that it is mapped, which its answers to both sides order. */
    struct pb_window_event e;
    while (!window->mapped) {
        struct pollfd fd = {pb_display_x11.descriptor(window), POLLIN, 0};
        if (pb_display_x11.event(window, &e) == PB_AGAIN && !window->mapped) CHECK(poll(&fd, 1, PATIENCE_MS) == 1);
    }
    free(xcb_get_input_focus_reply(window->x, xcb_get_input_focus(window->x), NULL));
    every_key_goes_round();
    a_held_key_does_not_repeat();
    pointer_buttons_and_wheel();
    relative_mode();
    closing_is_told();
    what_cannot_be_injected_is_refused();
    nothing_stays_down();
    the_log_writes_down();
    injector = pb_input_open("xtest", server.display, error, sizeof error);
    CHECK(injector);
    inject(EV_KEY, KEY_A, 1);
    xvfb_stop(&server);
    struct pollfd fd = {pb_display_x11.descriptor(window), POLLIN, 0};
    enum pb_status status;
    while ((status = pb_display_x11.event(window, &e)) != PB_LOST) CHECK(status == PB_OK || poll(&fd, 1, PATIENCE_MS) == 1);
    while (!pb_input_send(injector, EV_SYN, SYN_REPORT, 0)) CHECK(poll(NULL, 0, 1) == 0);
    CHECK(pb_input_send(injector, EV_KEY, KEY_A, 0) == -1);
    pb_input_close(injector);
    pb_display_x11.close(window);
    return 0;
}
