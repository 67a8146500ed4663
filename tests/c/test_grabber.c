/* sources: c/media/grabber.c c/media/grabber_loop.c c/media/grabber_frame.c c/media/grabber_backends.c c/media/frame_queue.c c/convert/ c/encode/openh264.c c/capture/pattern.c c/meter/timecode.c libs: -lopenh264 */
/* The grabber's thread over the real encoder, with the test picture and a source that the test drives: what it does on
 * changes, silence, keyframe requests, a full queue, a pause, a new size, new rates, and the source's end. */
#include "check.h"
#include "scripted.h"

#include "gen/abi.h"
#include "media/frame_queue.h"

#include <semaphore.h>
#include <string.h>
#include <wels/codec_api.h>

extern const struct pb_encoder_backend pb_encoder_openh264;
const struct pb_encoder_backend *const pb_encoder_backends[] = {&pb_encoder_openh264, NULL};

extern const struct pb_capture_backend pb_capture_pattern;
const struct pb_capture_backend *const pb_capture_backends[] = {&scripted, &pb_capture_pattern, NULL};

static sem_t woken;
static void wake(void) { sem_post(&woken); }

static struct pb_grabber *start(const char *capture, const char *target, uint32_t width, uint32_t height, uint32_t fps) {
    char error[256] = "";
    sem_init(&woken, 0, 0);
    struct pb_grabber *g = pb_grabber_open(capture, target, "auto", width, height, fps, 4000000, 0, PB_H264, wake, error, sizeof error);
    if (!g) fprintf(stderr, "%s\n", error);
    CHECK(g);
    return g;
}

/* The next frame or notice; a test that waits for ever is ended by whoever runs it. */
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

static ISVCDecoder *decoder(void) {
    ISVCDecoder *d;
    SDecodingParam p = {.sVideoProperty = {.eVideoBsType = VIDEO_BITSTREAM_AVC}};
    int quiet = 0;
    CHECK(!WelsCreateDecoder(&d));
    (*d)->SetOption(d, DECODER_OPTION_TRACE_LEVEL, &quiet);
    CHECK(!(*d)->Initialize(d, &p));
    return d;
}

/* Decodes one frame, which must give a picture at once, and returns its middle's brightness. */
static uint8_t decode(ISVCDecoder *d, const struct pb_encoded *frame) {
    uint8_t *planes[3] = {0};
    SBufferInfo info;
    memset(&info, 0, sizeof info);
    CHECK(!(*d)->DecodeFrameNoDelay(d, (const uint8_t *)(uintptr_t)frame->data, (int)frame->size, planes, &info));
    CHECK(info.iBufferStatus == 1);
    SSysMEMBuffer *b = &info.UsrData.sSystemBuffer;
    CHECK((uint32_t)b->iWidth == frame->width && (uint32_t)b->iHeight == frame->height);
    return planes[0][(size_t)(b->iHeight / 2) * (size_t)b->iStride[0] + (size_t)b->iWidth / 2];
}

static void end(ISVCDecoder *d) {
    (*d)->Uninitialize(d);
    WelsDestroyDecoder(d);
}

static void moving_picture(uint32_t width, uint32_t height) {
    struct pb_grabber *g = start("pattern", "", width, height, 120);
    ISVCDecoder *d = decoder();
    uint64_t last = 0, first = 0;
    for (uint32_t i = 0; i < 30; i++) {
        struct pb_encoded f = next(g);
        CHECK(f.kind == PB_ENCODED_FRAME && f.sequence == i && f.width == (width & ~1u) && f.height == (height & ~1u));
        CHECK((f.flags == PB_ENCODED_FLAG_KEYFRAME) == (i == 0));
        CHECK(f.damage_us <= f.capture_us && f.capture_us <= f.captured_us && f.captured_us <= f.converted_us);
        CHECK(f.converted_us <= f.encoded_us && f.capture_us > last);
        last = f.capture_us;
        if (!i) first = last;
        decode(d, &f);
        if (i % 2) pb_grabber_release(g);
    }
    /* 29 intervals of 1/120 s, 2 % and one frame's slack less: a limit from below holds on any machine. */
    CHECK(last - first > 28 * 8166 - 8333);
    end(d);
    pb_grabber_close(g);
}

static void silence(void) {
    struct pb_grabber *g = start("pattern", "still", 320, 200, 60);
    for (int i = 0; i < 3; i++) CHECK(next(g).kind == PB_ENCODED_FRAME); /* the picture, and twice sharper */
    struct pb_grabber_stats before = stats(g);
    CHECK(before.captured == 1 && before.encoded == 3);
    usleep(200000); /* the thread goes to sleep; what is proven is that a second passes without anything */
    before = stats(g);
    sleep(1);
    struct pb_grabber_stats after = stats(g);
    CHECK(!memcmp(&before, &after, sizeof after));
    pb_grabber_set(g, PB_GRABBER_KEY_KEYFRAME, 1);
    struct pb_encoded f = next(g);
    CHECK(f.flags == PB_ENCODED_FLAG_KEYFRAME && stats(g).captured == 1 && stats(g).keyframes == 2);
    pb_grabber_close(g);
}

static void full_queue_and_pause(void) {
    script_start(64, 64, 1);
    struct pb_grabber *g = start("scripted", "", 0, 0, 240);
    for (uint32_t seed = 2; stats(g).skipped_full == 0; seed++) {
        script_change(seed);
        usleep(1000);
    }
    CHECK(stats(g).encoded == PB_FRAMES_QUEUED);
    script_change(0);
    for (int i = 0; i < PB_FRAMES_QUEUED; i++) CHECK(next(g).sequence == (uint32_t)i);
    CHECK(next(g).sequence == PB_FRAMES_QUEUED); /* all that changed meanwhile, in one frame */
    pb_grabber_set(g, PB_GRABBER_KEY_PAUSED, 1);
    usleep(20000);
    struct pb_encoded f;
    while (pb_grabber_take(g, &f)) {}
    uint64_t captured = stats(g).captured;
    script_change(77);
    usleep(50000);
    CHECK(stats(g).captured == captured);
    pb_grabber_set(g, PB_GRABBER_KEY_PAUSED, 0);
    CHECK(next(g).kind == PB_ENCODED_FRAME && stats(g).captured == captured + 1);
    pb_grabber_close(g);
}

static struct pb_encoded next_notice(struct pb_grabber *g) {
    struct pb_encoded f;
    do f = next(g);
    while (f.kind == PB_ENCODED_FRAME);
    return f;
}

static void new_size_and_end(void) {
    script_start(128, 96, 0);
    struct pb_grabber *g = start("scripted", "", 0, 0, 240);
    ISVCDecoder *d = decoder();
    struct pb_encoded f = next(g);
    CHECK(abs(decode(d, &f) - 126) <= 2);
    pthread_mutex_lock(&script.lock);
    script.width = 200, script.height = 151, script.resized = true;
    pthread_mutex_unlock(&script.lock);
    script_change(0);
    f = next_notice(g);
    CHECK(f.kind == PB_ENCODED_RESIZED && f.width == 200 && f.height == 150);
    f = next(g);
    CHECK(f.kind == PB_ENCODED_FRAME && f.flags == PB_ENCODED_FLAG_KEYFRAME && f.width == 200 && f.height == 150);
    CHECK(abs(decode(d, &f) - 126) <= 2);
    char text[256];
    CHECK(pb_grabber_describe(g, text, sizeof text) && !strcmp(text, "scripted\topenh264\t200\t150\th264\tdriven by a test"));
    pthread_mutex_lock(&script.lock);
    script.dies = true;
    pthread_mutex_unlock(&script.lock);
    script_change(1);
    CHECK(next_notice(g).kind == PB_ENCODED_LOST);
    end(d);
    pb_grabber_close(g);
}

static void lasting_fault_ends(void) {
    script_start(64, 64, 1);
    struct pb_grabber *g = start("scripted", "", 0, 0, 240);
    next(g);
    pthread_mutex_lock(&script.lock);
    script.faulty = true;
    pthread_mutex_unlock(&script.lock);
    script_change(2);
    CHECK(next_notice(g).kind == PB_ENCODED_LOST);
    pb_grabber_close(g);
}

static double mean_size(struct pb_grabber *g, uint32_t *seed) {
    double sum = 0;
    for (int i = 0; i < 60; i++) {
        script_change((*seed)++);
        struct pb_encoded f = next(g);
        if (i >= 30) sum += f.size;
    }
    return sum / 30;
}

static void new_rates(void) {
    uint32_t seed = 5;
    script_start(320, 240, 1);
    struct pb_grabber *g = start("scripted", "", 0, 0, 60);
    next(g);
    CHECK(!pb_grabber_set(g, PB_GRABBER_KEY_BITRATE_BPS, 20000000));
    double rich = mean_size(g, &seed);
    CHECK(!pb_grabber_set(g, PB_GRABBER_KEY_BITRATE_BPS, 3000000));
    double poor = mean_size(g, &seed);
    CHECK(poor < rich * 0.6 && stats(g).keyframes == 1); /* without a new start */
    CHECK(!pb_grabber_set(g, PB_GRABBER_KEY_FPS, 144) && !pb_grabber_set(g, PB_GRABBER_KEY_QUALITY, 90));
    script_change(seed);
    struct pb_encoded f = next(g);
    while (f.flags != PB_ENCODED_FLAG_KEYFRAME) f = next(g);
    CHECK(pb_grabber_set(g, PB_GRABBER_KEY_FPS, 0) == -1 && pb_grabber_set(g, PB_GRABBER_KEY_QUALITY, 101) == -1);
    CHECK(pb_grabber_set(g, PB_GRABBER_KEY_PAUSED, 2) == -1 && pb_grabber_set(g, 99, 1) == -1);
    pb_grabber_close(g);
}

static void refusal(const char *capture, const char *encoder, uint32_t width, uint32_t height, uint32_t fps, const char *says) {
    char error[256] = "";
    CHECK(!pb_grabber_open(capture, "", encoder, width, height, fps, 4000000, 0, PB_H264, NULL, error, sizeof error));
    if (!strstr(error, says)) fprintf(stderr, "said: %s\n", error);
    CHECK(strstr(error, says));
}

int main(void) {
    moving_picture(960, 128);
    moving_picture(333, 71);
    silence();
    full_queue_and_pause();
    new_size_and_end();
    lasting_fault_ends();
    new_rates();
    refusal("camera", "auto", 0, 0, 60, "no capture backend is called \"camera\"");
    refusal("pattern", "vp7", 0, 0, 60, "no encoder backend is called \"vp7\"");
    refusal("pattern", "auto", 5000, 100, 60, "4096x2304");
    refusal("pattern", "auto", 8, 8, 60, "16x16");
    refusal("pattern", "auto", 640, 480, 0, "out of range");
    return 0;
}
