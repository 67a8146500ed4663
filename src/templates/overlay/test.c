/* The overlay on a private X server: its window has alpha and an empty input region, a click reaches the window beneath, the
 * pictures arrive premultiplied, it comes back to the top, and it is hidden when its frame buffer ends. The first argument is
 * the overlay. Without Xvfb there is nothing to test on, and this ends with status 77. */
#include "draw.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/shape.h>
#include <xcb/xtest.h>

#define CHECK(holds) ((holds) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds), exit(1)))
enum { WIDTH = 80, HEIGHT = 40, X = 30, Y = 20, PATIENCE_MS = 20000 };

extern char **environ;
static pid_t server, overlay;
static xcb_connection_t *c;
static xcb_window_t root;
static uint8_t picture[WIDTH * HEIGHT * 4];

static void stop_all(void) {
    if (overlay > 0) kill(overlay, SIGKILL);
    if (server > 0) kill(server, SIGKILL);
}

static void start_display(void) {
    int ends[2];
    char *arguments[] = {"Xvfb", "-displayfd", "9", "-noreset", "-nolisten", "tcp", "-screen", "0", "320x240x24", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    CHECK(!pipe2(ends, O_CLOEXEC));
    posix_spawn_file_actions_adddup2(&actions, ends[1], 9);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&server, "Xvfb", &actions, NULL, arguments, environ)) {
        printf("Xvfb is not installed\n");
        exit(77);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char display[16] = ":";
    FILE *number = fdopen(ends[0], "r");
    CHECK(number && fgets(display + 1, sizeof display - 1, number));
    fclose(number);
    display[strcspn(display, "\n")] = 0;
    setenv("DISPLAY", display, 1);
}

/* The next event of this type; others are of no interest. */
static xcb_generic_event_t *event_of(uint8_t type) {
    xcb_flush(c);
    for (;;) {
        xcb_generic_event_t *event;
        while ((event = xcb_poll_for_event(c))) {
            if ((event->response_type & 0x7F) == type) return event;
            free(event);
        }
        struct pollfd fd = {xcb_get_file_descriptor(c), POLLIN, 0};
        CHECK(poll(&fd, 1, PATIENCE_MS) > 0);
    }
}

static xcb_window_t topmost(void) {
    xcb_query_tree_reply_t *tree = xcb_query_tree_reply(c, xcb_query_tree(c, root), NULL);
    CHECK(tree && tree->children_len);
    xcb_window_t top = xcb_query_tree_children(tree)[tree->children_len - 1];
    free(tree);
    return top;
}

static void fill(int n) {
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const uint8_t pixel[4] = {(uint8_t)(i + n), (uint8_t)(i * 3), 255, (uint8_t)(i * 7)};
        memcpy(picture + 4 * i, pixel, 4);
    }
}

/* What the window holds now is the picture, each colour times alpha. */
static bool shows(xcb_window_t window) {
    xcb_get_image_reply_t *image =
        xcb_get_image_reply(c, xcb_get_image(c, XCB_IMAGE_FORMAT_Z_PIXMAP, window, 0, 0, WIDTH, HEIGHT, ~0u), NULL);
    CHECK(image && image->depth == 32);
    bool equal = true;
    const uint32_t *pixels = (const uint32_t *)xcb_get_image_data(image);
    for (int i = 0; i < WIDTH * HEIGHT && equal; i++) {
        const uint8_t *p = picture + 4 * i;
        uint32_t a = p[3], expected = a << 24;
        for (int k = 0; k < 3; k++) expected |= ((2 * p[k] * a + 255) / 510) << (16 - 8 * k);
        equal = pixels[i] == expected;
    }
    free(image);
    return equal;
}

static void await_picture(xcb_window_t window) {
    uint64_t until = pb_os_now_us() + PATIENCE_MS * 1000;
    while (!shows(window)) {
        CHECK(pb_os_now_us() < until);
        usleep(5000);
    }
}

static xcb_window_t window_beneath(void) {
    xcb_window_t window = xcb_generate_id(c);
    const uint32_t values[] = {1, XCB_EVENT_MASK_BUTTON_PRESS};
    xcb_create_window(c, XCB_COPY_FROM_PARENT, window, root, 0, 0, 200, 150, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    xcb_map_window(c, window);
    return window;
}

static void is_an_overlay(const struct screen *screen, xcb_window_t window) {
    xcb_get_window_attributes_reply_t *a = xcb_get_window_attributes_reply(c, xcb_get_window_attributes(c, window), NULL);
    CHECK(a && a->visual == screen->visual && a->override_redirect);
    free(a);
    xcb_get_geometry_reply_t *g = xcb_get_geometry_reply(c, xcb_get_geometry(c, window), NULL);
    CHECK(g && g->depth == 32 && g->x == X && g->y == Y && g->width == WIDTH && g->height == HEIGHT);
    free(g);
    xcb_shape_get_rectangles_reply_t *input =
        xcb_shape_get_rectangles_reply(c, xcb_shape_get_rectangles(c, window, XCB_SHAPE_SK_INPUT), NULL);
    CHECK(input && input->rectangles_len == 0);
    free(input);
}

static void click_reaches(xcb_window_t beneath) {
    xcb_test_fake_input(c, XCB_MOTION_NOTIFY, 0, 0, root, X + 10, Y + 10, 0);
    xcb_test_fake_input(c, XCB_BUTTON_PRESS, 1, 0, root, 0, 0, 0);
    xcb_test_fake_input(c, XCB_BUTTON_RELEASE, 1, 0, root, 0, 0, 0);
    xcb_button_press_event_t *press = (xcb_button_press_event_t *)event_of(XCB_BUTTON_PRESS);
    CHECK(press->event == beneath && press->event_x == X + 10 && press->event_y == Y + 10);
    free(press);
}

static void comes_back_to_the_top(xcb_window_t window, xcb_window_t beneath) {
    const uint32_t above = XCB_STACK_MODE_ABOVE;
    for (int i = 0; i < 3; i++) {
        xcb_configure_window(c, beneath, XCB_CONFIG_WINDOW_STACK_MODE, &above);
        uint64_t until = pb_os_now_us() + PATIENCE_MS * 1000;
        while (topmost() != window) {
            CHECK(pb_os_now_us() < until);
            usleep(5000);
        }
    }
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    atexit(stop_all);
    start_display();
    struct screen screen;
    CHECK(!screen_open(&screen));
    c = screen.connection;
    root = screen.root;
    const uint32_t mask = XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
    xcb_window_t beneath = window_beneath();
    xcb_change_window_attributes(c, root, XCB_CW_EVENT_MASK, &mask);

    char name[64], error[256];
    struct pb_frames frames;
    snprintf(name, sizeof name, "overlay-test-%d", (int)getpid());
    char *command[] = {arguments[1], name, "30", "20", NULL};
    CHECK(!posix_spawn(&overlay, arguments[1], NULL, NULL, command, environ));
    CHECK(pb_frames_create(&frames, name, WIDTH, HEIGHT, error, sizeof error));
    fill(0);
    CHECK(pb_frames_write(&frames, picture, 0, 0, true) == PB_FRAMES_OK);
    xcb_map_notify_event_t *mapped;
    do mapped = (xcb_map_notify_event_t *)event_of(XCB_MAP_NOTIFY);
    while (mapped->window == beneath);
    xcb_window_t window = mapped->window;
    free(mapped);

    is_an_overlay(&screen, window);
    await_picture(window);
    for (int n = 1; n < 20; n++) {
        fill(n);
        CHECK(pb_frames_write(&frames, picture, 0, 0, true) == PB_FRAMES_OK);
    }
    await_picture(window);
    CHECK(topmost() == window);
    click_reaches(beneath);
    comes_back_to_the_top(window, beneath);
    await_picture(window);
    pb_frames_close(&frames);
    free(event_of(XCB_DESTROY_NOTIFY));
    kill(server, SIGTERM);
    int status;
    CHECK(waitpid(overlay, &status, 0) == overlay && status == 0);
    overlay = 0;
    printf("transparent, clicked through, on top, exact\n");
    return 0;
}
