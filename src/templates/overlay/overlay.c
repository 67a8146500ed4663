/* Shows a frame buffer in shared memory over everything else on an X11 screen: `overlay FRAMES [X Y]`. The window is
 * transparent where the pictures are, lets every click through to what lies beneath, and stays on top. It reads shared memory
 * and draws; it touches no other window and no other program. Without its frame buffer it is hidden and waits for it. */
#include "draw.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 250, RAISE_PAUSE_MS = 100 };

static int arrived; /* eventfd of the listener's thread */

static void tell(void *unused) {
    (void)unused;
    eventfd_write(arrived, 1);
}

/* Sleeps until the listener told, which is returned, the X server said something, or the time is over. */
static bool sleep_until(const struct screen *screen, int timeout_ms) {
    struct pollfd fds[2] = {{xcb_get_file_descriptor(screen->connection), POLLIN, 0}, {arrived, POLLIN, 0}};
    eventfd_t count;
    xcb_flush(screen->connection);
    return poll(fds, 2, timeout_ms) > 0 && fds[1].revents && !eventfd_read(arrived, &count);
}

/* Shows one frame buffer until its program ends. */
static void show(struct screen *screen, struct pb_frames *frames, int x, int y) {
    struct overlay overlay;
    if (!overlay_open(&overlay, screen, frames->width, frames->height, x, y)) {
        fprintf(stderr, "no memory for a window of %ux%u\n", frames->width, frames->height);
        exit(1);
    }
    struct pb_frames_listener *listener = pb_frames_listen(frames, tell, NULL);
    if (!listener) exit(1);
    bool armed = false;
    uint64_t raised_us = 0;
    while (pb_frames_has_writer(frames)) {
        overlay_events(&overlay);
        if (!overlay.busy) overlay_draw(&overlay, frames);
        /* Not again at once: two windows that both want to be on top must not keep the server busy. */
        uint64_t now = pb_os_now_us();
        bool may_raise = now >= raised_us + RAISE_PAUSE_MS * 1000;
        if (overlay.moved && may_raise) {
            overlay_raise(&overlay);
            raised_us = now;
        }
        /* While the server reads the last picture, the next one could not be drawn anyway. */
        if (!armed && !overlay.busy) pb_frames_arm(listener, overlay.seq);
        armed |= !overlay.busy;
        if (sleep_until(screen, overlay.moved ? RAISE_PAUSE_MS : -1)) armed = false;
    }
    pb_frames_unlisten(listener);
    overlay_close(&overlay);
}

int main(int count, char **arguments) {
    if (count != 2 && count != 4) {
        fprintf(stderr, "usage: %s FRAMES [X Y]\n", arguments[0]);
        return 2;
    }
    struct screen screen;
    const char *problem = screen_open(&screen);
    if (problem) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    arrived = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (arrived < 0) return 1;
    bool told = false;
    for (;;) {
        struct pb_frames frames;
        char error[256];
        if (pb_frames_open(&frames, arguments[1], 0, 0, error, sizeof error)) {
            told = false;
            show(&screen, &frames, count == 4 ? atoi(arguments[2]) : 0, count == 4 ? atoi(arguments[3]) : 0);
            pb_frames_close(&frames);
        } else if (!told) {
            fprintf(stderr, "waiting: %s\n", error);
            told = true;
        }
        sleep_until(&screen, LOOK_AGAIN_MS);
        if (screen_lost(&screen)) return 0;
    }
}
