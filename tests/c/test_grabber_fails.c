/* sources: c/media/grabber.c c/media/grabber_loop.c c/media/grabber_frame.c c/media/grabber_backends.c c/media/frame_queue.c c/convert/ c/encode/openh264.c c/capture/pattern.c c/meter/timecode.c libs: -lopenh264 */
/* What the grabber goes on with when something fails: another encoder from a keyframe, another source, or a clear end. An
 * encoder and a source that the test breaks by hand stand before the real ones. */
#include "check.h"
#include "scripted.h"
#include "scripted_encoder.h"

#include "gen/abi.h"

#include <semaphore.h>
#include <string.h>

extern const struct pb_capture_backend pb_capture_pattern;

/* A source with a size of its own, which nothing is captured from before the first one fails. */
static struct pb_capture *other_open(const struct pb_capture_settings *s, char *error, size_t size) {
    struct pb_capture_settings smaller = *s;
    smaller.width = 320, smaller.height = 180;
    return pb_capture_pattern.open(&smaller, error, size);
}

static struct pb_capture_backend other;
const struct pb_capture_backend *const pb_capture_backends[] = {&scripted, &other, &pb_capture_pattern, NULL};
const struct pb_encoder_backend *const pb_encoder_backends[] = {&front, &pb_encoder_openh264, NULL};

static sem_t woken;
static void wake(void) { sem_post(&woken); }

static struct pb_grabber *start(const char *capture, const char *encoder) {
    char error[512] = "";
    script_start(64, 48, 1);
    sem_init(&woken, 0, 0);
    device.answers = PB_OK;
    device.refuses = device.lies = device.cannot_import = false;
    device.opened = device.imported = device.keyframes_asked = 0;
    struct pb_grabber *g = pb_grabber_open(capture, "", encoder, 0, 0, 240, 4000000, 0, PB_H264, wake, error, sizeof error);
    if (!g) fprintf(stderr, "%s\n", error);
    CHECK(g);
    return g;
}

static struct pb_encoded next(struct pb_grabber *g) {
    struct pb_encoded frame;
    while (!pb_grabber_take(g, &frame)) {
        sem_wait(&woken);
        pb_grabber_rearm(g);
    }
    return frame;
}

static struct pb_grabber_stats stats(struct pb_grabber *g) {
    struct pb_grabber_stats s;
    pb_grabber_stats(g, &s);
    return s;
}

static void says(const struct pb_encoded *notice, uint32_t kind, const char *text) {
    char said[4096] = "";
    CHECK(notice->kind == kind && notice->size < sizeof said);
    memcpy(said, (const void *)(uintptr_t)notice->data, notice->size);
    if (!strstr(said, text)) fprintf(stderr, "said: %s\n", said);
    CHECK(strstr(said, text));
}

static void names(struct pb_grabber *g, const char *capture_and_encoder) {
    char text[512];
    pb_grabber_describe(g, text, sizeof text);
    CHECK(!strncmp(text, capture_and_encoder, strlen(capture_and_encoder)));
}

static struct pb_encoded next_notice(struct pb_grabber *g) {
    struct pb_encoded f;
    do f = next(g);
    while (f.kind == PB_ENCODED_FRAME);
    return f;
}

static void another_encoder_goes_on(enum pb_status how, uint64_t faults) {
    struct pb_grabber *g = start("scripted", "auto");
    CHECK(next(g).flags == PB_ENCODED_FLAG_KEYFRAME);
    names(g, "scripted\tdevice\t");
    script_change(2);
    CHECK(next(g).flags == 0);
    device.answers = how;
    script_change(3);
    struct pb_encoded f = next(g);
    says(&f, PB_ENCODED_ENCODER, "device\topenh264\t/dev/test: encode: no such device");
    f = next(g);
    CHECK(f.kind == PB_ENCODED_FRAME && f.flags == PB_ENCODED_FLAG_KEYFRAME && f.sequence == 2);
    names(g, "scripted\topenh264\t");
    script_change(4);
    CHECK(next(g).sequence == 3);
    CHECK(stats(g).encoder_changes == 1 && stats(g).encoder_faults == faults && stats(g).keyframes == 2);
    /* A new size does not bring back what failed. */
    device.answers = PB_OK;
    pthread_mutex_lock(&script.lock);
    script.width = 96, script.resized = true;
    pthread_mutex_unlock(&script.lock);
    script_change(5);
    CHECK(next_notice(g).kind == PB_ENCODED_RESIZED && next(g).flags == PB_ENCODED_FLAG_KEYFRAME);
    names(g, "scripted\topenh264\t");
    pb_grabber_close(g);
}

/* One bad frame is passed over, and the next is a keyframe by the same encoder. */
static void a_passing_fault(void) {
    struct pb_grabber *g = start("scripted", "auto");
    next(g);
    device.answers = PB_ERROR;
    script_change(2);
    while (!stats(g).encoder_faults) usleep(500);
    device.answers = PB_OK;
    struct pb_encoded f = next(g);
    CHECK(f.kind == PB_ENCODED_FRAME && f.flags == PB_ENCODED_FLAG_KEYFRAME && f.sequence == 1);
    names(g, "scripted\tdevice\t");
    pb_grabber_close(g);
}

static void a_named_encoder_ends(void) {
    struct pb_grabber *g = start("scripted", "device");
    next(g);
    device.answers = PB_LOST;
    script_change(2);
    struct pb_encoded f = next_notice(g);
    says(&f, PB_ENCODED_LOST, "The encoder device failed: /dev/test: encode: no such device. It was named, so no other is tried.");
    pb_grabber_close(g);
    char error[512] = "";
    device.refuses = true;
    script_start(64, 48, 1);
    CHECK(!pb_grabber_open("pattern", "", "device", 0, 0, 60, 4000000, 0, PB_H264, NULL, error, sizeof error));
    CHECK(strstr(error, "device: /dev/test: open: busy; end the other program"));
    CHECK(!pb_grabber_open("pattern", "", "auto", 0, 0, 60, 4000000, 0, PB_HEVC, NULL, error, sizeof error));
    CHECK(strstr(error, "device: it does not encode HEVC; openh264: it does not encode HEVC"));
    close(script.fd);
}

/* Its probe is content, but it does not open: TypeScript hears of it all the same. */
static void an_encoder_that_does_not_open(void) {
    struct pb_grabber *g;
    script_start(64, 48, 1);
    close(script.fd);
    device.refuses = true;
    char error[512];
    script_start(64, 48, 1);
    sem_init(&woken, 0, 0);
    g = pb_grabber_open("scripted", "", "auto", 0, 0, 240, 4000000, 0, PB_H264, wake, error, sizeof error);
    CHECK(g);
    struct pb_encoded f = next(g);
    says(&f, PB_ENCODED_ENCODER, "device\topenh264\t/dev/test: open: busy; end the other program");
    f = next(g);
    CHECK(f.flags == PB_ENCODED_FLAG_KEYFRAME && f.sequence == 0);
    pb_grabber_close(g);
}

static void an_encoder_that_lies(void) {
    struct pb_grabber *g = start("scripted", "auto");
    next(g);
    device.lies = true;
    device.answers = PB_ERROR;
    script_change(2);
    while (!stats(g).encoder_faults) usleep(500);
    device.answers = PB_OK;
    struct pb_encoded f = next(g);
    says(&f, PB_ENCODED_ENCODER, "device\topenh264\tit does not begin with a keyframe");
    CHECK(next(g).flags == PB_ENCODED_FLAG_KEYFRAME);
    pb_grabber_close(g);
}

static void another_source_goes_on(void) {
    struct pb_grabber *g = start("auto", "auto");
    CHECK(next(g).width == 64);
    pthread_mutex_lock(&script.lock);
    script.dies = true;
    pthread_mutex_unlock(&script.lock);
    script_change(2);
    struct pb_encoded f = next(g);
    CHECK(f.kind == PB_ENCODED_RESIZED && f.width == 320 && f.height == 180);
    f = next(g);
    says(&f, PB_ENCODED_CAPTURE, "scripted\tother\tthe display or device was closed");
    f = next(g);
    CHECK(f.kind == PB_ENCODED_FRAME && f.flags == PB_ENCODED_FLAG_KEYFRAME && f.width == 320);
    names(g, "other\tdevice\t320\t180");
    CHECK(stats(g).capture_changes == 1);
    pb_grabber_close(g);
}

/* The test picture is never what somebody meant to share. */
static void no_other_source(void) {
    other.named_only = true;
    struct pb_grabber *g = start("auto", "auto");
    next(g);
    pthread_mutex_lock(&script.lock);
    script.dies = true;
    pthread_mutex_unlock(&script.lock);
    script_change(2);
    struct pb_encoded f = next_notice(g);
    says(&f, PB_ENCODED_LOST, "What is captured went away: scripted: the display or device was closed.");
    pb_grabber_close(g);
    other.named_only = false;
}

static struct pb_dmabuf buffer = {.fourcc = 0x34325258, .modifier = 0x0100000000000002ull, .planes = 1, .fd = {-1, -1, -1, -1}};

static void a_picture_in_device_memory_is_imported(void) {
    struct pb_grabber *g = start("scripted", "auto");
    next(g);
    pthread_mutex_lock(&script.lock);
    script.dmabuf = &buffer;
    pthread_mutex_unlock(&script.lock);
    script_change(2);
    CHECK(next(g).flags == 0 && stats(g).imported == 1);
    pb_grabber_set(g, PB_GRABBER_KEY_KEYFRAME, 1);
    while (next(g).flags != PB_ENCODED_FLAG_KEYFRAME) {}
    CHECK(stats(g).imported >= 2 && device.imported >= 2);
    /* Those that were replaced while they were read are followed by another at once. */
    pthread_mutex_lock(&script.lock);
    script.torn = 5; /* more than a still picture is captured for sharpening */
    uint32_t grabs = script.grabs;
    pthread_mutex_unlock(&script.lock);
    script_change(7);
    for (uint32_t now = 0; now < grabs + 6;) {
        struct pb_encoded some;
        pb_grabber_take(g, &some);
        pthread_mutex_lock(&script.lock);
        now = script.grabs;
        pthread_mutex_unlock(&script.lock);
    }
    /* Then it cannot read such pictures any more: they are converted, without a word and without a missing frame. */
    device.cannot_import = true;
    uint64_t imported = stats(g).imported;
    script_change(3);
    struct pb_encoded f = next(g);
    while (stats(g).imported > imported) imported = stats(g).imported, f = next(g); /* sharpened meanwhile */
    CHECK(f.kind == PB_ENCODED_FRAME);
    script_change(4);
    CHECK(next(g).kind == PB_ENCODED_FRAME && stats(g).encoder_faults == 0 && stats(g).encoder_changes == 0);
    pb_grabber_close(g);
}

static void a_picture_that_nobody_can_read(const char *capture) {
    struct pb_grabber *g = start(capture, "auto");
    next(g);
    pthread_mutex_lock(&script.lock);
    script.dmabuf = &buffer;
    script.unmapped = true;
    pthread_mutex_unlock(&script.lock);
    device.cannot_import = true;
    script_change(2);
    struct pb_encoded f = next_notice(g);
    while (f.kind == PB_ENCODED_RESIZED) f = next_notice(g);
    says(&f, strcmp(capture, "auto") ? PB_ENCODED_LOST : PB_ENCODED_CAPTURE, "(format XR24, modifier 0x0100000000000002)");
    pb_grabber_close(g);
}

int main(void) {
    other = pb_capture_pattern;
    other.name = "other";
    other.open = other_open;
    another_encoder_goes_on(PB_LOST, 1);
    another_encoder_goes_on(PB_ERROR, 4);
    another_encoder_goes_on(PB_UNSUPPORTED, 1);
    another_encoder_goes_on(PB_REINIT, 4);
    a_passing_fault();
    a_named_encoder_ends();
    an_encoder_that_does_not_open();
    an_encoder_that_lies();
    another_source_goes_on();
    no_other_source();
    a_picture_in_device_memory_is_imported();
    a_picture_that_nobody_can_read("auto");
    a_picture_that_nobody_can_read("scripted");
    return 0;
}
