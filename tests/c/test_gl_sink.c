/* sources: src/templates/ld-preload/sink.c c/shmem/frames.c c/shmem/open.c c/os/linux.c c/os/linux_wait.c c/os/names.c */
/* Where the OpenGL capture puts its pictures: rows turned and opaque, a new frame buffer with a new size, who counts as a
 * reader, a name that somebody else has, and a fork. What reads the pictures has the template's own test. */
#include "check.h"

#include "../../src/templates/ld-preload/sink.h"
#include "shmem/frames.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[64];

static struct pb_frames open_it(void) {
    struct pb_frames f;
    char error[256] = "";
    if (!pb_frames_open(&f, name, 0, 0, error, sizeof error)) fprintf(stderr, "%s\n", error);
    CHECK(f.header);
    return f;
}

static bool has(struct pb_frames *f, const uint8_t *expected, uint64_t pts_ms) {
    uint8_t got[64];
    struct pb_frames_state state;
    CHECK(f->picture_bytes <= sizeof got);
    CHECK(pb_frames_read(f, 0, 100, got, &state) == PB_FRAMES_OK);
    return state.pts_ms == pts_ms && !memcmp(got, expected, f->picture_bytes);
}

static void turned_and_opaque(void) {
    static const uint8_t rows[2][2][4] = {{{1, 2, 3, 0}, {4, 5, 6, 7}}, {{8, 9, 10, 255}, {11, 12, 13, 128}}};
    static const uint8_t shown[2][2][4] = {{{8, 9, 10, 255}, {11, 12, 13, 255}}, {{1, 2, 3, 255}, {4, 5, 6, 255}}};
    CHECK(sink_demand(0) == SINK_UNREAD);
    sink_write(&rows[0][0][0], 2, 2, 5000);
    struct pb_frames f = open_it();
    CHECK(f.width == 2 && f.height == 2 && has(&f, &shown[0][0][0], 5));
    /* Another size: the old one ends, the name is the new one's. */
    sink_write(&rows[0][0][0], 1, 3, 6000);
    CHECK(!pb_frames_has_writer(&f));
    pb_frames_close(&f);
    f = open_it();
    static const uint8_t tall[3][4] = {{8, 9, 10, 255}, {4, 5, 6, 255}, {1, 2, 3, 255}};
    CHECK(f.width == 1 && f.height == 3 && has(&f, &tall[0][0], 6));
    pb_frames_close(&f);
}

static void readers(void) {
    struct pb_frames f = open_it();
    CHECK(sink_demand(10000000) == SINK_UNREAD);
    atomic_store(&f.header->sleepers, 1);
    CHECK(sink_demand(10000000) == SINK_READ);
    /* A moment without a sleeper is one that works on the last picture. */
    atomic_store(&f.header->sleepers, 0);
    CHECK(sink_demand(10400000) == SINK_READ && sink_demand(10600000) == SINK_UNREAD);
    pb_frames_close(&f);
}

static void taken(void) {
    static const uint8_t pixel[4] = {1, 2, 3, 4};
    struct pb_frames other;
    char error[256];
    sink_close();
    CHECK(pb_frames_create(&other, name, 4, 4, error, sizeof error));
    sink_write(pixel, 1, 1, 20000000);
    CHECK(sink_demand(20500000) == SINK_CLOSED && sink_demand(21000000) == SINK_UNREAD);
    CHECK(open_it().width == 4 && pb_frames_has_writer(&other));
    pb_frames_close(&other);
    sink_write(pixel, 1, 1, 21000000);
    struct pb_frames f = open_it();
    CHECK(f.width == 1);
    pb_frames_close(&f);
}

/* The child leaves the parent's frame buffer alone, and cannot have its name. */
static void forked(void) {
    static const uint8_t red[4] = {200, 0, 0, 255}, green[4] = {0, 200, 0, 255};
    sink_write(red, 1, 1, 30000000);
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        sink_abandon();
        sink_write(green, 1, 1, 31000000);
        _exit(sink_demand(31000000) == SINK_CLOSED ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    struct pb_frames f = open_it();
    CHECK(has(&f, red, 30000) && pb_frames_has_writer(&f));
    sink_write(green, 1, 1, 32000000);
    CHECK(has(&f, green, 32000));
    pb_frames_close(&f);
}

int main(void) {
    snprintf(name, sizeof name, "gl-sink-%d", (int)getpid());
    setenv("PATCHBAY_FRAMES", name, 1);
    turned_and_opaque();
    readers();
    taken();
    forked();
    sink_close();
    char error[256];
    struct pb_frames f;
    CHECK(!pb_frames_open(&f, name, 0, 0, error, sizeof error));
    return 0;
}
