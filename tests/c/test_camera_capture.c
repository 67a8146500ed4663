/* sources: c/capture/camera.c c/camera/abi.c c/camera/v4l2.c c/camera/v4l2_formats.c c/camera/v4l2_choose.c c/camera/v4l2_format.c c/camera/v4l2_stream.c c/camera/v4l2_controls.c c/camera/v4l2_set.c c/camera/v4l2_list.c c/camera/camera.c c/camera/converter.c c/camera/raw.c c/camera/mjpeg.c tests/doubles/v4l2_double.c libs: -lyuv -ljpeg */
/* A camera as a source of the grabber's pictures, and as the thread that keeps its newest frame for TypeScript: the newest frame
 * wins, a broken one changes nothing, new formats and ends are passed on. The device is played by the stand-in. */
#include "../doubles/v4l2_double.h"
#include "capture/capture.h"
#include "check.h"
#include "gen/abi.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

extern const struct pb_capture_backend pb_capture_camera;

enum { WIDTH = 32, HEIGHT = 16, BYTES = WIDTH * HEIGHT * 2 };

static uint8_t black[BYTES], white[BYTES], rubbish[BYTES];

static void paint(void) {
    for (int i = 0; i < BYTES; i += 2) {
        black[i] = 16, white[i] = 235;
        black[i + 1] = white[i + 1] = 128;
    }
    memset(rubbish, 0x5a, sizeof rubbish);
}

static void begin(uint32_t fourcc) {
    double_reset();
    memset(double_devices[0].modes, 0, sizeof double_devices[0].modes);
    double_devices[0].modes[0] = (struct double_mode){fourcc, WIDTH, HEIGHT, 30};
    double_devices[0].picture = black;
    double_devices[0].picture_size = BYTES;
    double_devices[0].frames = 1;
}

static struct pb_capture *open_capture(const char *target) {
    char error[256] = "";
    const struct pb_capture_settings settings = {.target = target, .fps = 30};
    struct pb_capture *c = pb_capture_camera.open(&settings, error, sizeof error);
    if (!c) fprintf(stderr, "%s\n", error);
    CHECK(c);
    return c;
}

static bool is_all(const struct pb_picture *p, uint8_t value) {
    bool all = true;
    for (uint32_t i = 0; i < p->width * p->height; i++) {
        const uint8_t *pixel = p->plane[0] + 4 * i;
        for (int part = 0; part < 3; part++) all &= pixel[part] > value - 4 && pixel[part] < value + 4;
        all &= pixel[3] == 255;
    }
    return all;
}

static uint32_t captured(struct pb_camera_stats *stats) {
    char what[256];
    return pb_camera_captured(what, sizeof what, stats);
}

static void as_source(void) {
    const struct pb_capture_backend *b = &pb_capture_camera;
    struct pb_picture p;
    struct pb_rows rows;
    struct pb_camera_stats stats;
    uint32_t width, height;
    uint64_t damage;
    char detail[256];
    begin(V4L2_PIX_FMT_YUYV);
    CHECK(b->probe("test", detail, sizeof detail) && strstr(detail, "/dev/video0 Test Camera"));
    CHECK(captured(&stats) == PB_CAMERA_STATE_NONE);
    struct pb_capture *c = open_capture("/dev/video0");
    b->size(c, &width, &height);
    CHECK(width == WIDTH && height == HEIGHT && b->descriptor(c) >= 0);
    /* The first picture is there at once. */
    CHECK(b->grab(c, true, &p, &rows) == PB_OK && rows.bottom == HEIGHT && p.width == WIDTH && is_all(&p, 0));
    CHECK(b->grab(c, false, &p, &rows) == PB_OK && rows.top == rows.bottom);
    CHECK(b->wait(c, -1, 1, &damage) == PB_AGAIN);
    int wake = eventfd(1, EFD_CLOEXEC);
    CHECK(b->wait(c, wake, -1, &damage) == PB_AGAIN);
    close(wake);
    /* What came between the waking and the turn is what is shown. */
    double_devices[0].frames = 1;
    uint64_t before = pb_monotonic_us();
    CHECK(b->wait(c, -1, -1, &damage) == PB_OK && damage >= before && damage <= pb_monotonic_us());
    double_devices[0].picture = white;
    double_devices[0].frames = 1;
    CHECK(b->grab(c, false, &p, &rows) == PB_OK && rows.bottom == HEIGHT && is_all(&p, 255));
    CHECK(captured(&stats) == PB_CAMERA_STATE_STREAMS && stats.frames == 3 && stats.skipped == 1);
    /* A frame that was waited for is not lost when no newer one comes. */
    double_devices[0].picture = black;
    double_devices[0].frames = 1;
    CHECK(b->wait(c, -1, -1, &damage) == PB_OK && b->wait(c, -1, 0, &damage) == PB_AGAIN);
    CHECK(b->grab(c, false, &p, &rows) == PB_OK && rows.bottom == HEIGHT && is_all(&p, 0));
    /* Another size. */
    double_devices[0].modes[0].width = 2 * WIDTH;
    double_devices[0].picture = NULL;
    double_devices[0].change = true;
    CHECK(b->wait(c, -1, -1, &damage) == PB_OK && b->grab(c, false, &p, &rows) == PB_REINIT);
    b->size(c, &width, &height);
    CHECK(width == 2 * WIDTH);
    double_devices[0].frames = 1;
    CHECK(b->grab(c, true, &p, &rows) == PB_OK && p.width == 2 * WIDTH && rows.bottom == HEIGHT);
    /* Away: the last picture stays. */
    double_devices[0].frames = 1;
    CHECK(b->wait(c, -1, -1, &damage) == PB_OK);
    double_unplug(0);
    CHECK(b->grab(c, false, &p, &rows) == PB_OK && rows.top == rows.bottom);
    CHECK(captured(&stats) == PB_CAMERA_STATE_AWAY && stats.gone == 1 && b->descriptor(c) < 0);
    b->close(c);
    CHECK(captured(&stats) == PB_CAMERA_STATE_NONE && !double_open_fds && !double_maps);

    begin(V4L2_PIX_FMT_YUYV);
    c = open_capture("/dev/video0,gone=end");
    double_unplug(0);
    CHECK(b->wait(c, -1, -1, &damage) == PB_LOST);
    b->close(c);
    CHECK(!double_open_fds && !double_maps);
}

/* While nobody wants pictures the device is off, and who comes back sees no old one. */
static void at_rest(void) {
    const struct pb_capture_backend *b = &pb_capture_camera;
    struct pb_picture p;
    struct pb_rows rows;
    struct pb_camera_stats stats;
    uint64_t damage;
    begin(V4L2_PIX_FMT_YUYV);
    struct pb_capture *c = open_capture("/dev/video0");
    CHECK(double_devices[0].on && captured(&stats) == PB_CAMERA_STATE_STREAMS);
    b->rest(c, true);
    CHECK(!double_devices[0].on && b->descriptor(c) < 0 && captured(&stats) == PB_CAMERA_STATE_RESTS);
    double_devices[0].frames = 1;
    double_devices[0].picture = white;
    CHECK(b->wait(c, -1, 1, &damage) == PB_AGAIN && captured(&stats) == PB_CAMERA_STATE_RESTS && stats.frames == 1);
    b->rest(c, false);
    CHECK(double_devices[0].on && b->descriptor(c) >= 0 && captured(&stats) == PB_CAMERA_STATE_STREAMS);
    CHECK(b->grab(c, true, &p, &rows) == PB_OK && is_all(&p, 255));
    /* One that was pulled out and put in again is opened anew; what it holds now is seen. */
    b->rest(c, true);
    b->rest(c, true);
    double_unplug(0);
    CHECK(b->wait(c, -1, 1, &damage) == PB_AGAIN && captured(&stats) == PB_CAMERA_STATE_RESTS && !stats.gone);
    b->rest(c, false);
    CHECK(captured(&stats) == PB_CAMERA_STATE_AWAY && stats.faults == 1);
    double_devices[0].present = true;
    double_devices[0].picture = black;
    double_devices[0].frames = 1;
    CHECK(b->grab(c, true, &p, &rows) == PB_OK && is_all(&p, 0));
    CHECK(captured(&stats) == PB_CAMERA_STATE_STREAMS && stats.reopened == 1);
    /* Away when the rest begins and when it ends: nothing is looked for meanwhile. */
    double_unplug(0);
    CHECK(b->wait(c, -1, 1, &damage) == PB_AGAIN && captured(&stats) == PB_CAMERA_STATE_AWAY);
    b->rest(c, true);
    double_devices[0].present = true;
    CHECK(b->wait(c, -1, 700, &damage) == PB_AGAIN && captured(&stats) == PB_CAMERA_STATE_AWAY && !double_open_fds);
    b->rest(c, false);
    double_devices[0].frames = 1;
    CHECK(b->grab(c, true, &p, &rows) == PB_OK && captured(&stats) == PB_CAMERA_STATE_STREAMS && stats.reopened == 2);
    b->rest(c, true);
    b->close(c);
    CHECK(!double_open_fds && !double_maps);
}

/* A grey JPEG of 32x16 pixels, whose 8 blocks have the constant term that `code` says: no tables, as cameras send it. */
static uint32_t make_jpeg(uint8_t *out) {
    static const uint8_t head[] = {0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, HEIGHT, 0, WIDTH, 1, 1, 0x11, 0,
                                   0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0};
    uint8_t *to = out;
    memcpy(to, head, 2);
    static const uint8_t table[] = {0xff, 0xdb, 0, 67, 0};
    memcpy(to + 2, table, sizeof table);
    memset(to + 2 + sizeof table, 8, 64);
    to += 2 + sizeof table + 64;
    memcpy(to, head + 2, sizeof head - 2);
    to += sizeof head - 2;
    /* Each block: no difference (00), end of block (1010); eight of them are 48 bits. */
    static const uint8_t blocks[] = {0x28, 0xa2, 0x8a, 0x28, 0xa2, 0x8a, 0xff, 0xd9};
    memcpy(to, blocks, sizeof blocks);
    return (uint32_t)(to + sizeof blocks - out);
}

static void compressed(void) {
    const struct pb_capture_backend *b = &pb_capture_camera;
    struct pb_picture p;
    struct pb_rows rows;
    struct pb_camera_stats stats;
    uint64_t damage;
    uint8_t jpeg[256];
    begin(V4L2_PIX_FMT_MJPEG);
    double_devices[0].picture = jpeg;
    double_devices[0].picture_size = make_jpeg(jpeg);
    struct pb_capture *c = open_capture("/dev/video0");
    CHECK(b->grab(c, true, &p, &rows) == PB_OK && is_all(&p, 128));
    double_devices[0].picture = rubbish;
    double_devices[0].frames = 1;
    CHECK(b->wait(c, -1, -1, &damage) == PB_OK && b->grab(c, false, &p, &rows) == PB_OK);
    CHECK(rows.top == rows.bottom && is_all(&p, 128) && captured(&stats) == PB_CAMERA_STATE_STREAMS);
    CHECK(b->wait(c, -1, 0, &damage) == PB_AGAIN && captured(&stats) && stats.undecodable == 1);
    b->close(c);
    CHECK(!double_open_fds && !double_maps);
}

static sem_t woken;
static void wake(void) { sem_post(&woken); }

static unsigned until_gone;

/* Runs in the camera's thread, which is the only one that touches the stand-in while it runs. */
static int lie_gone(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)argument;
    if (request != VIDIOC_DQBUF || --until_gone) return status;
    d->present = false;
    errno = ENODEV;
    return -1;
}

static void as_thread(void) {
    char error[256] = "";
    uint8_t *bgra = malloc(WIDTH * HEIGHT * 4);
    struct pb_camera_frame f;
    struct pb_camera_stats stats;
    begin(V4L2_PIX_FMT_YUYV);
    double_devices[0].frames = -1;
    double_devices[0].picture = white;
    until_gone = 400;
    double_lie = lie_gone;
    sem_init(&woken, 0, 0);
    CHECK(!pb_camera_open("/dev/video9", 0, 0, 0, wake, error, sizeof error) && strstr(error, "/dev/video9"));
    struct pb_camera *c = pb_camera_open("/dev/video0,gone=end", 0, 0, 0, wake, error, sizeof error);
    CHECK(c);
    unsigned frames = 0;
    uint32_t last = 0;
    for (f.flags = 0; !(f.flags & PB_CAMERA_FLAG_LOST);) {
        sem_wait(&woken);
        pb_camera_rearm(c);
        while (pb_camera_take(c, &f) && !(f.flags & PB_CAMERA_FLAG_LOST)) {
            CHECK(f.size == BYTES && f.width == WIDTH && f.stride == WIDTH * 2 && !memcmp((void *)(uintptr_t)f.data, white, BYTES));
            CHECK(!frames || f.sequence > last);
            last = f.sequence;
            frames++;
            CHECK(pb_camera_decode(c, bgra, WIDTH * HEIGHT * 4, error, sizeof error) == 0 && bgra[0] > 250 && bgra[3] == 255);
            CHECK(pb_camera_decode(c, bgra, WIDTH * HEIGHT * 4 - 1, error, sizeof error) == -1);
        }
    }
    pb_camera_stats(c, &stats);
    CHECK(frames && stats.gone == 1 && stats.frames > 0 && stats.undecodable == 0);
    CHECK(pb_camera_describe(c, error, sizeof error) && strstr(error, "is away"));
    pb_camera_close(c);
    CHECK(!double_open_fds && !double_maps);
    /* Ended while it streams, without anybody taking. */
    begin(V4L2_PIX_FMT_YUYV);
    double_devices[0].frames = -1;
    c = pb_camera_open("", 0, 0, 0, wake, error, sizeof error);
    CHECK(c);
    sem_wait(&woken);
    pb_camera_close(c);
    pb_camera_close(NULL);
    CHECK(!double_open_fds && !double_maps);
    free(bgra);
}

int main(void) {
    paint();
    as_source();
    at_rest();
    compressed();
    as_thread();
    return 0;
}
