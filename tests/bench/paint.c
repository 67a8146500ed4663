/* sources: c/meter/ libs: -lxcb -lxcb-shm */
/* The painter of the glass-to-glass meter as a program: shows a scene on an X display for some seconds, or until a signal.
 * usage: paint DISPLAY WIDTH HEIGHT FPS SECONDS [static|scroll|video|demo]      (0 0: the whole screen)
 * Prints one line of JSON at its end. Exit status 1 when the display cannot show it or went away. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "meter/scene.h"

static volatile sig_atomic_t interrupted;
static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: paint DISPLAY WIDTH HEIGHT FPS SECONDS [static|scroll|video|demo]\n");
        return 64;
    }
    char error[256] = "";
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    double seconds = atof(argv[5]);
    struct pb_scene *scene = pb_scene_open(argv[1], (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]),
                                           argc > 6 ? argv[6] : "scroll", error, sizeof error);
    if (!scene) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    uint64_t start_us = pb_monotonic_us();
    while (!interrupted && !pb_scene_ended(scene) && (double)(pb_monotonic_us() - start_us) / 1e6 < seconds)
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    bool ended = pb_scene_ended(scene);
    printf("{\"painted\":%llu,\"seconds\":%.2f,\"late\":%llu}\n", (unsigned long long)pb_scene_painted(scene),
           (double)(pb_monotonic_us() - start_us) / 1e6, (unsigned long long)pb_scene_late(scene));
    pb_scene_close(scene);
    return ended ? 1 : 0;
}
