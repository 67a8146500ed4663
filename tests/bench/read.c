/* sources: c/meter/timecode.c libs: -lxcb -lxcb-shm */
/* The reader of the glass-to-glass meter: polls the timecode's place on the sink display and tells how old each new
 * picture is when it is first seen. Painter and reader must run on one machine, because one clock serves both.
 * usage: read DISPLAY SECONDS [X Y [SCALE [SKIP_SECONDS]]]     X, Y: top left of the streamed picture on the sink;
 * SCALE: sink pixels per source pixel; SKIP_SECONDS: not counted at the start. A poll adds at most its own 0.6 ms.
 * Prints one line of JSON; exit status 1 when no timecode was seen. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "meter/timecode.h"
#include "shim.h"

enum { MAX_FRAMES = 1 << 17, PAUSE_NS = 500000 };

struct place {
    int16_t x, y;
    uint16_t width, height; /* pixels of the sink */
    double cell;            /* pixels */
};

struct screen {
    xcb_connection_t *connection;
    xcb_window_t root;
    xcb_shm_seg_t segment;
    const uint8_t *pixels;
};

struct tally {
    double latency_ms[MAX_FRAMES], gap_ms[MAX_FRAMES];
    uint32_t frames, skipped, backwards, unreadable, polls;
    uint64_t first_us, last_us;
};

static bool open_screen(struct screen *s, const char *display, const struct place *place) {
    s->connection = xcb_connect(display, NULL);
    if (xcb_connection_has_error(s->connection)) return false;
    s->root = xcb_setup_roots_iterator(xcb_get_setup(s->connection)).data->root;
    int id = shmget(IPC_PRIVATE, (size_t)place->width * place->height * 4, IPC_CREAT | 0600);
    if (id < 0) return false;
    s->pixels = shmat(id, NULL, 0);
    s->segment = xcb_generate_id(s->connection);
    xcb_generic_error_t *refused = xcb_request_check(s->connection, xcb_shm_attach_checked(s->connection, s->segment, (uint32_t)id, 0));
    shmctl(id, IPC_RMID, NULL);
    return s->pixels != (void *)-1 && !refused;
}

static bool grab(struct screen *s, const struct place *place) {
    xcb_shm_get_image_reply_t *reply = xcb_shm_get_image_reply(
        s->connection,
        xcb_shm_get_image(s->connection, s->root, place->x, place->y, place->width, place->height, ~0u,
                          XCB_IMAGE_FORMAT_Z_PIXMAP, s->segment, 0),
        NULL);
    free(reply);
    return reply != NULL;
}

static void count_frame(struct tally *t, uint64_t painted_us, uint64_t seen_us, int step) {
    if (t->frames == 0) t->first_us = seen_us;
    else {
        t->gap_ms[t->frames - 1] = (double)(seen_us - t->last_us) / 1e3;
        if (step > 1) t->skipped += (uint32_t)step - 1;
        if (step < 0) t->backwards++;
    }
    t->latency_ms[t->frames++] = ((double)seen_us - (double)painted_us) / 1e3;
    t->last_us = seen_us;
}

static bool watch(struct screen *s, const struct place *place, double seconds, double skip_seconds, struct tally *t) {
    uint64_t start_us = pb_monotonic_us(), now_us = start_us;
    bool have = false;
    uint16_t seen = 0;
    while ((double)(now_us - start_us) / 1e6 < seconds && t->frames < MAX_FRAMES) {
        if (!grab(s, place)) return false;
        now_us = pb_monotonic_us();
        uint64_t painted_us;
        uint16_t frame;
        t->polls++;
        if (!pb_timecode_read(s->pixels, place->width * 4u, place->width, place->height, place->cell, now_us, &painted_us, &frame))
            t->unreadable++;
        else if (!have || frame != seen) {
            if ((double)(now_us - start_us) / 1e6 >= skip_seconds) count_frame(t, painted_us, now_us, (int16_t)(frame - seen));
            seen = frame;
            have = true;
        }
        nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
    }
    return true;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_tally(struct tally *t) {
    uint32_t n = t->frames, gaps = n - 1;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += t->latency_ms[i];
    qsort(t->latency_ms, n, sizeof(double), ascending);
    qsort(t->gap_ms, gaps, sizeof(double), ascending);
    printf("{\"frames\":%u,\"fps\":%.2f,\"skipped\":%u,\"backwards\":%u,\"unreadable\":%u,\"polls\":%u,", n,
           gaps / ((double)(t->last_us - t->first_us) / 1e6), t->skipped, t->backwards, t->unreadable, t->polls);
    printf("\"latency\":{\"mean\":%.2f,\"min\":%.2f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f},", sum / n,
           t->latency_ms[0], t->latency_ms[n / 2], t->latency_ms[(uint64_t)n * 90 / 100],
           t->latency_ms[(uint64_t)n * 99 / 100], t->latency_ms[n - 1]);
    printf("\"gap\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}}\n", t->gap_ms[gaps / 2], t->gap_ms[(uint64_t)gaps * 99 / 100],
           t->gap_ms[gaps - 1]);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: read DISPLAY SECONDS [X Y [SCALE [SKIP_SECONDS]]]\n");
        return 64;
    }
    double seconds = atof(argv[2]), scale = argc > 5 ? atof(argv[5]) : 1, skip_seconds = argc > 6 ? atof(argv[6]) : 1;
    struct place place = {.cell = PB_TIMECODE_CELL * scale,
                          .width = (uint16_t)(PB_TIMECODE_COLUMNS * PB_TIMECODE_CELL * scale + 0.5),
                          .height = (uint16_t)(PB_TIMECODE_ROWS * PB_TIMECODE_CELL * scale + 0.5)};
    if (argc > 4) {
        place.x = (int16_t)atoi(argv[3]);
        place.y = (int16_t)atoi(argv[4]);
    }
    struct screen screen;
    if (!open_screen(&screen, argv[1], &place)) {
        fprintf(stderr, "%s cannot be opened\n", argv[1]);
        return 1;
    }
    struct tally *tally = calloc(1, sizeof *tally);
    if (!tally) return 1;
    if (!watch(&screen, &place, seconds, skip_seconds, tally)) {
        fprintf(stderr, "%s cannot be read: the timecode's place lies outside the screen, or the display went away\n", argv[1]);
        return 1;
    }
    if (tally->frames < 2) {
        printf("{\"frames\":%u,\"error\":\"no timecode seen\",\"unreadable\":%u,\"polls\":%u}\n", tally->frames, tally->unreadable,
               tally->polls);
        return 1;
    }
    print_tally(tally);
    xcb_disconnect(screen.connection);
    free(tally);
    return 0;
}
