/* sources: c/media/grabber.c c/media/grabber_loop.c c/media/grabber_frame.c c/media/grabber_backends.c c/media/frame_queue.c c/convert/ c/encode/openh264.c c/capture/x11.c c/capture/x11_open.c c/capture/x11_image.c c/capture/x11_pointer.c c/camera/ c/x11/ libs: -lopenh264 -lyuv -ljpeg -lxcb -lxcb-damage -lxcb-xfixes -lxcb-shm -lxcb-randr -lxcb-xinput -lxcb-xtest */
/* The X11 capture on a real server with real drawing, seen through the decoder: content, silence, the pointer, a new size,
 * servers that lack things, and a server that dies. */
#include "xvfb.h"

#include "convert/convert.h"
#include "encode/encode.h"
#include "gen/abi.h"

#include <semaphore.h>
#include <time.h>
#include <wels/codec_api.h>
#include <xcb/randr.h>
#include <xcb/xtest.h>

enum { RED = 0xd02020, GREEN = 0x20b040, BLUE = 0x2040d0, WHITE = 0xffffff };

extern const struct pb_capture_backend pb_capture_x11;
const struct pb_capture_backend *const pb_capture_backends[] = {&pb_capture_x11, NULL};
extern const struct pb_encoder_backend pb_encoder_openh264;
const struct pb_encoder_backend *const pb_encoder_backends[] = {&pb_encoder_openh264, NULL};

static sem_t woken;
static void wake(void) { sem_post(&woken); }

struct screen {
    struct xvfb server;
    xcb_connection_t *x;
    xcb_screen_t *root;
    xcb_gcontext_t gc;
    struct pb_grabber *g;
    ISVCDecoder *decoder;
    struct pb_picture shown;
    uint32_t resized, lost;
};

static struct pb_grabber *grab_from(const char *display, char *error, size_t size) {
    return pb_grabber_open("x11", display, "auto", 0, 0, 60, 20000000, 0, PB_H264, wake, error, (uint32_t)size);
}

static void fill(struct screen *s, int16_t x, int16_t y, uint16_t width, uint16_t height, uint32_t colour) {
    xcb_rectangle_t rectangle = {x, y, width, height};
    xcb_change_gc(s->x, s->gc, XCB_GC_FOREGROUND, &colour);
    xcb_poly_fill_rectangle(s->x, s->root->root, s->gc, 1, &rectangle);
    xcb_flush(s->x);
}

static struct screen open_screen(const char *geometry, const char *option, const char *value) {
    struct screen s = {.server = xvfb_start(geometry, option, value)};
    s.x = xcb_connect(s.server.display, NULL);
    CHECK(!xcb_connection_has_error(s.x));
    s.root = xcb_setup_roots_iterator(xcb_get_setup(s.x)).data;
    s.gc = xcb_generate_id(s.x);
    uint32_t inferiors[] = {XCB_SUBWINDOW_MODE_INCLUDE_INFERIORS};
    xcb_create_gc(s.x, s.gc, s.root->root, XCB_GC_SUBWINDOW_MODE, inferiors);
    /* Whoever is connected last closes the server's session: this test stays until the end. */
    fill(&s, 0, 0, 4000, 4000, BLUE);
    char error[256] = "";
    s.g = grab_from(s.server.display, error, sizeof error);
    if (!s.g) fprintf(stderr, "%s\n", error);
    CHECK(s.g);
    int quiet = 0;
    SDecodingParam p = {.sVideoProperty = {.eVideoBsType = VIDEO_BITSTREAM_AVC}};
    CHECK(!WelsCreateDecoder(&s.decoder));
    (*s.decoder)->SetOption(s.decoder, DECODER_OPTION_TRACE_LEVEL, &quiet);
    CHECK(!(*s.decoder)->Initialize(s.decoder, &p));
    return s;
}

static void close_screen(struct screen *s) {
    pb_grabber_close(s->g);
    (*s->decoder)->Uninitialize(s->decoder);
    WelsDestroyDecoder(s->decoder);
    xcb_disconnect(s->x);
    xvfb_stop(&s->server);
    free(s->shown.plane[0]);
}

static void decode(struct screen *s, const struct pb_encoded *f) {
    uint8_t *planes[3] = {0};
    SBufferInfo info;
    memset(&info, 0, sizeof info);
    CHECK(!(*s->decoder)->DecodeFrameNoDelay(s->decoder, (uint8_t *)(uintptr_t)f->data, (int)f->size, planes, &info));
    CHECK(info.iBufferStatus == 1);
    SSysMEMBuffer *b = &info.UsrData.sSystemBuffer;
    CHECK((uint32_t)b->iWidth == f->width && (uint32_t)b->iHeight == f->height);
    struct pb_picture yuv = {PB_I420, f->width, f->height, {planes[0], planes[1], planes[2]},
                             {(uint32_t)b->iStride[0], (uint32_t)b->iStride[1], (uint32_t)b->iStride[1]}, NULL};
    free(s->shown.plane[0]);
    s->shown = (struct pb_picture){PB_BGRA, f->width, f->height, {malloc((size_t)f->width * f->height * 4)}, {f->width * 4}, NULL};
    pb_convert_to_bgra(&yuv, &s->shown, (struct pb_rows){0, f->height});
}

/* Takes and decodes what there is; sleeps for at most `ms` when there is nothing. False when the time was over. */
static bool step(struct screen *s, int ms) {
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += ms / 1000;
    limit.tv_nsec += ms % 1000 * 1000000L;
    if (limit.tv_nsec >= 1000000000L) limit.tv_sec++, limit.tv_nsec -= 1000000000L;
    if (sem_timedwait(&woken, &limit)) return false;
    pb_grabber_rearm(s->g);
    for (struct pb_encoded f; pb_grabber_take(s->g, &f); pb_grabber_release(s->g)) {
        if (f.kind == PB_ENCODED_FRAME) decode(s, &f);
        if (f.kind == PB_ENCODED_RESIZED) s->resized++;
        if (f.kind == PB_ENCODED_LOST) s->lost++;
    }
    return true;
}

static bool is(const struct screen *s, uint32_t x, uint32_t y, uint32_t colour) {
    if (x >= s->shown.width || y >= s->shown.height) return false;
    const uint8_t *p = s->shown.plane[0] + (size_t)y * s->shown.stride[0] + 4 * (size_t)x;
    for (int c = 0; c < 3; c++)
        if (abs(p[c] - (int)(colour >> 8 * c & 255)) > 24) return false;
    return true;
}

#define UNTIL(s, condition) \
    while (!(condition)) CHECK(step((s), 20000))

static void settle(struct screen *s) {
    while (step(s, 700)) {}
}

static struct pb_grabber_stats stats(struct screen *s) {
    struct pb_grabber_stats out;
    pb_grabber_stats(s->g, &out);
    return out;
}

static void content_and_silence(struct screen *s) {
    UNTIL(s, is(s, 10, 10, BLUE) && is(s, 600, 440, BLUE));
    CHECK(s->shown.width == 640 && s->shown.height == 480);
    fill(s, 100, 50, 64, 32, RED);
    UNTIL(s, is(s, 130, 66, RED));
    CHECK(is(s, 90, 66, BLUE) && is(s, 175, 66, BLUE) && is(s, 130, 40, BLUE) && is(s, 130, 90, BLUE));
    fill(s, 300, 0, 40, 24, GREEN);
    fill(s, 300, 456, 40, 24, WHITE);
    UNTIL(s, is(s, 320, 12, GREEN) && is(s, 320, 468, WHITE));
    settle(s);
    struct pb_grabber_stats before = stats(s);
    sleep(1);
    struct pb_grabber_stats after = stats(s);
    CHECK(!memcmp(&before, &after, sizeof after));
    pb_grabber_set(s->g, PB_GRABBER_KEY_KEYFRAME, 1);
    UNTIL(s, stats(s).keyframes > before.keyframes);
    CHECK(stats(s).captured == before.captured);
    settle(s);
}

/* A square white pointer of 16 pixels with its hot spot in the middle. */
static void set_pointer(struct screen *s) {
    xcb_pixmap_t bits = xcb_generate_id(s->x);
    xcb_gcontext_t gc = xcb_generate_id(s->x);
    xcb_cursor_t cursor = xcb_generate_id(s->x);
    uint32_t one[] = {1};
    xcb_rectangle_t all = {0, 0, 16, 16};
    xcb_create_pixmap(s->x, 1, bits, s->root->root, 16, 16);
    xcb_create_gc(s->x, gc, bits, XCB_GC_FOREGROUND, one);
    xcb_poly_fill_rectangle(s->x, bits, gc, 1, &all);
    xcb_create_cursor(s->x, cursor, bits, bits, 0xffff, 0xffff, 0xffff, 0, 0, 0, 8, 8);
    xcb_change_window_attributes(s->x, s->root->root, XCB_CW_CURSOR, &cursor);
    xcb_flush(s->x);
}

static void move_pointer(struct screen *s, int16_t x, int16_t y) {
    xcb_test_fake_input(s->x, XCB_MOTION_NOTIFY, 0, 0, s->root->root, x, y, 0);
    xcb_flush(s->x);
}

static void pointer(struct screen *s) {
    fill(s, 0, 0, 640, 480, BLUE);
    move_pointer(s, 200, 200);
    set_pointer(s);
    UNTIL(s, is(s, 200, 200, WHITE));
    CHECK(is(s, 214, 200, BLUE) && is(s, 186, 200, BLUE) && is(s, 200, 214, BLUE));
    move_pointer(s, 420, 333);
    UNTIL(s, is(s, 420, 333, WHITE) && is(s, 200, 200, BLUE));
    /* Drawing beneath the pointer does not wipe it out, and it leaves the drawing whole. */
    fill(s, 400, 320, 40, 30, RED);
    UNTIL(s, is(s, 405, 325, RED) && is(s, 420, 333, WHITE));
    move_pointer(s, 0, 0);
    UNTIL(s, is(s, 2, 2, WHITE) && is(s, 420, 333, RED));
    settle(s);
    struct pb_grabber_stats before = stats(s);
    sleep(1);
    CHECK(stats(s).wakeups == before.wakeups);
    move_pointer(s, 320, 240);
    UNTIL(s, is(s, 320, 240, WHITE) && is(s, 2, 2, BLUE));
}

static void resize(struct screen *s, uint16_t width, uint16_t height) {
    xcb_randr_get_screen_resources_reply_t *r =
        xcb_randr_get_screen_resources_reply(s->x, xcb_randr_get_screen_resources(s->x, s->root->root), NULL);
    CHECK(r && r->num_crtcs);
    free(xcb_randr_set_crtc_config_reply(s->x,
                                         xcb_randr_set_crtc_config(s->x, xcb_randr_get_screen_resources_crtcs(r)[0], 0,
                                                                   r->config_timestamp, 0, 0, 0, XCB_RANDR_ROTATION_ROTATE_0, 0, NULL),
                                         NULL));
    free(r);
    xcb_generic_error_t *refused =
        xcb_request_check(s->x, xcb_randr_set_screen_size_checked(s->x, s->root->root, width, height, 100, 100));
    CHECK(!refused);
    uint32_t before = s->resized;
    UNTIL(s, s->resized > before && s->shown.width == (width & ~1u) && s->shown.height == (height & ~1u));
    fill(s, 0, 0, 4000, 4000, GREEN);
    UNTIL(s, is(s, width - 9u, height - 9u, GREEN));
    char text[512], wanted[64];
    pb_grabber_describe(s->g, text, sizeof text);
    snprintf(wanted, sizeof wanted, "x11\topenh264\t%u\t%u\t", width & ~1u, height & ~1u);
    CHECK(!strncmp(text, wanted, strlen(wanted)));
    fill(s, 0, 0, 4000, 4000, BLUE);
    UNTIL(s, is(s, width - 9u, height - 9u, BLUE));
}

static void without_shared_memory(void) {
    struct screen s = open_screen("200x120x24", "-extension", "MIT-SHM");
    char text[512];
    pb_grabber_describe(s.g, text, sizeof text);
    CHECK(strstr(text, "shares no memory"));
    fill(&s, 50, 40, 64, 32, RED);
    UNTIL(&s, is(&s, 80, 55, RED) && is(&s, 20, 55, BLUE));
    close_screen(&s);
}

static void refusal(const char *display, const char *says) {
    char error[512] = "";
    CHECK(!grab_from(display, error, sizeof error));
    if (!strstr(error, says)) fprintf(stderr, "said: %s\n", error);
    CHECK(strstr(error, says));
}

static void refusals(void) {
    struct xvfb coarse = xvfb_start("200x120x16", NULL, NULL), bare = xvfb_start("200x120x24", "-extension", "DAMAGE");
    refusal(coarse.display, "16 bits a pixel");
    refusal(bare.display, "lacks the DAMAGE");
    xvfb_stop(&coarse);
    xvfb_stop(&bare);
    refusal(":39999", "no server answers there");
    refusal("nonsense", "cannot be opened");
    unsetenv("DISPLAY");
    refusal("", "set DISPLAY");
}

int main(void) {
    sem_init(&woken, 0, 0);
    struct screen s = open_screen("640x480x24", NULL, NULL);
    content_and_silence(&s);
    pointer(&s);
    resize(&s, 401, 301);
    resize(&s, 640, 480);
    kill(s.server.pid, SIGKILL);
    UNTIL(&s, s.lost);
    close_screen(&s);
    without_shared_memory();
    refusals();
    return 0;
}
