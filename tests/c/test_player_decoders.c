/* sources: c/media/player.c c/media/player_thread.c c/media/player_decoder.c c/media/player_units.c c/media/player_events.c c/decode/openh264.c c/display/headless.c c/meter/timecode.c libs: -lopenh264 -lyuv */
/* What the player goes on with when its decoder fails, which decoder it takes for which codec, and that pictures in NV12 look
 * like those in I420. A decoder that the test breaks by hand stands before the real one. */
#include "check.h"
#include "encoded.h"

#include "display/display.h"
#include "media/player.h"

#include <semaphore.h>
#include <string.h>

extern const struct pb_decoder_backend pb_decoder_openh264;

static struct {
    atomic_int answers; /* enum pb_status of the next calls */
    atomic_bool lies;   /* gives a picture without planes */
    atomic_int opened, hevc_units;
} device;

struct front {
    struct pb_decoder *real; /* NULL for HEVC, of which it gives grey pictures */
    uint8_t bytes[1024 * 128 * 3 / 2];
};

static bool probe(char *detail, size_t size) {
    (void)detail, (void)size;
    return true;
}

static struct pb_decoder *front_open(enum pb_codec codec, char *error, size_t size) {
    struct front *f = calloc(1, sizeof *f);
    if (codec == PB_H264) f->real = pb_decoder_openh264.open(codec, error, size);
    device.opened++;
    return (struct pb_decoder *)(void *)f;
}

/* As a hardware decoder gives it: NV12. */
static void interleave(struct front *f, struct pb_picture *p) {
    size_t luma = (size_t)p->width * p->height;
    uint8_t *chroma = f->bytes + luma;
    CHECK(luma * 3 / 2 <= sizeof f->bytes);
    for (uint32_t y = 0; y < p->height; y++) memcpy(f->bytes + (size_t)y * p->width, p->plane[0] + (size_t)y * p->stride[0], p->width);
    for (uint32_t y = 0; y < p->height / 2; y++)
        for (uint32_t x = 0; x < p->width / 2; x++) {
            *chroma++ = p->plane[1][(size_t)y * p->stride[1] + x];
            *chroma++ = p->plane[2][(size_t)y * p->stride[2] + x];
        }
    *p = (struct pb_picture){PB_NV12, p->width, p->height, {f->bytes, f->bytes + luma, NULL}, {p->width, p->width, 0}, NULL};
}

static enum pb_status front_decode(struct pb_decoder *d, const uint8_t *data, uint32_t size, struct pb_picture *picture) {
    struct front *f = (struct front *)(void *)d;
    if (device.answers) return (enum pb_status)(int)device.answers;
    if (!f->real) {
        device.hevc_units++;
        memset(f->bytes, 128, sizeof f->bytes);
        *picture = (struct pb_picture){PB_NV12, 64, 64, {f->bytes, f->bytes + 4096, NULL}, {64, 64, 0}, NULL};
        return PB_OK;
    }
    enum pb_status status = pb_decoder_openh264.decode(f->real, data, size, picture);
    if (status == PB_OK) interleave(f, picture);
    if (device.lies) picture->plane[1] = NULL;
    return status;
}

static void front_failure(const struct pb_decoder *d, char *out, size_t size) {
    (void)d;
    pb_error(out, size, "/dev/test: decode:\tno such device");
}

static void front_close(struct pb_decoder *d) {
    struct front *f = (struct front *)(void *)d;
    if (f->real) pb_decoder_openh264.close(f->real);
    free(f);
}

static struct pb_decoder_backend front = {.name = "device",
                                          .codecs = 1u << PB_H264 | 1u << PB_HEVC,
                                          .probe = probe,
                                          .open = front_open,
                                          .decode = front_decode,
                                          .failure = front_failure,
                                          .close = front_close};
const struct pb_decoder_backend *const pb_decoder_backends[] = {&front, &pb_decoder_openh264, NULL};
/* The same without a window, but for planes only. */
static struct pb_display_backend planes_only;
const struct pb_display_backend *const pb_display_backends[] = {&pb_display_headless, &planes_only, NULL};

static sem_t woken;
static void wake(void) { sem_post(&woken); }

static struct pb_player_event next(struct pb_player *p) {
    struct pb_player_event e;
    while (!pb_player_take(p, &e)) {
        sem_wait(&woken);
        pb_player_rearm(p);
    }
    return e;
}

static struct pb_player *start(const char *display, const char *decoder) {
    char error[256] = "";
    device.answers = PB_OK;
    device.lies = false;
    device.opened = device.hevc_units = 0;
    sem_init(&woken, 0, 0);
    struct pb_player *p = pb_player_open(display, "", decoder, "test", 64, 64, 0, wake, error, sizeof error);
    if (!p) fprintf(stderr, "%s\n", error);
    CHECK(p);
    return p;
}

static struct encoded stream;

static void push(struct pb_player *p, uint32_t frame, bool keyframe) {
    encoded_frame(&stream, (uint8_t)(50 + frame), 0, keyframe);
    CHECK(!pb_player_push(p, stream.bytes, stream.size, frame, 0, 0));
}

static void says(struct pb_player *p, const char *text) {
    char said[2048];
    pb_player_describe(p, said, sizeof said);
    if (!strstr(said, text)) fprintf(stderr, "said: %s\n", said);
    CHECK(strstr(said, text));
}

static void lost_at_a_keyframe(void) {
    struct pb_player *p = start("headless", "auto");
    says(p, "headless\tdevice\t\t");
    push(p, 1, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    device.answers = PB_LOST;
    push(p, 2, true);
    CHECK(next(p).kind == PB_PLAYER_DECODER);
    struct pb_player_event e = next(p);
    CHECK(e.kind == PB_PLAYER_SHOWN && e.frame_id == 2);
    says(p, "headless\topenh264\tdevice: /dev/test: decode: no such device\t");
    struct pb_player_stats s;
    pb_player_stats(p, &s);
    CHECK(s.decoder_changes == 1 && s.decode_errors == 0);
    pb_player_close(p);
}

static void lost_in_between(void) {
    struct pb_player *p = start("headless", "auto");
    push(p, 1, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    device.answers = PB_LOST;
    push(p, 2, false);
    CHECK(next(p).kind == PB_PLAYER_DECODER && next(p).kind == PB_PLAYER_DECODE_ERROR);
    device.answers = PB_OK;
    push(p, 3, false);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    push(p, 4, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    says(p, "headless\topenh264\t");
    pb_player_close(p);
}

/* Damage is the network's doing, unless it never ends. */
static void fails_at_every_keyframe(void) {
    struct pb_player *p = start("headless", "auto");
    device.answers = PB_ERROR;
    for (uint32_t frame = 0; frame < 4; frame++) {
        push(p, frame, true);
        CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    }
    push(p, 4, true);
    CHECK(next(p).kind == PB_PLAYER_DECODER && next(p).kind == PB_PLAYER_SHOWN);
    pb_player_close(p);
    p = start("headless", "device");
    device.answers = PB_ERROR;
    for (uint32_t frame = 0; frame < 12; frame++) {
        push(p, frame, true);
        CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    }
    device.answers = PB_OK;
    push(p, 12, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    pb_player_close(p);
}

static void a_named_one_is_not_replaced(void) {
    struct pb_player *p = start("headless", "device");
    device.answers = PB_LOST;
    push(p, 1, true);
    CHECK(next(p).kind == PB_PLAYER_NO_DECODER && next(p).kind == PB_PLAYER_DECODE_ERROR);
    says(p, "it was named, so no other is tried");
    device.answers = PB_OK;
    push(p, 2, true);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    pb_player_close(p);
}

static void a_picture_without_planes_is_refused(void) {
    struct pb_player *p = start("headless", "device");
    device.lies = true;
    push(p, 1, true);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    device.lies = false;
    push(p, 2, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    pb_player_close(p);
}

static void nv12_looks_like_i420(void) {
    static uint8_t pixels[2][1024 * 128 * 4], planes[1024 * 128 * 4];
    struct encoded coded;
    encoded_open(&coded, 1024, 128);
    encoded_frame(&coded, 90, 123400, true);
    const char *decoders[] = {"device", "openh264"};
    for (int i = 0; i < 2; i++) {
        struct pb_player *p = start("headless", decoders[i]);
        CHECK(!pb_player_push(p, coded.bytes, coded.size, 1, 0, 0) && next(p).kind == PB_PLAYER_SHOWN);
        CHECK(pb_player_snapshot(p, pixels[i], sizeof pixels[i]) == (1024u << 16 | 128));
        pb_player_close(p);
    }
    CHECK(!memcmp(pixels[0], pixels[1], sizeof planes));
    struct pb_player *p = start("planes", "device");
    CHECK(!pb_player_push(p, coded.bytes, coded.size, 1, 0, 0) && next(p).kind == PB_PLAYER_SHOWN);
    CHECK(pb_player_snapshot(p, planes, sizeof planes) && !memcmp(planes, pixels[0], sizeof planes));
    pb_player_close(p);
    encoded_close(&coded);
}

/* Parameter sets, then a slice: IDR_W_RADL, or one that needs others. */
static const uint8_t hevc_keyframe[] = {0, 0, 0, 1, 32 << 1, 1, 9, 0, 0, 1, 19 << 1, 1, 0xaf, 0x80};
static const uint8_t hevc_other[] = {0, 0, 0, 1, 1 << 1, 1, 0xaf, 0x80};

static void every_codec_has_its_decoder(void) {
    uint32_t hevc = PB_HEVC << PB_ENCODED_CODEC_SHIFT;
    CHECK(pb_decoder_codecs("auto") == 3 && pb_decoder_codecs("openh264") == 1 && pb_decoder_codecs("nix") == 0);
    struct pb_player *p = start("headless", "auto");
    push(p, 1, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    pb_player_push(p, hevc_other, sizeof hevc_other, 2, hevc, 0);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR && device.hevc_units == 0);
    pb_player_push(p, hevc_keyframe, sizeof hevc_keyframe, 3, hevc, 0);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    pb_player_push(p, hevc_other, sizeof hevc_other, 4, hevc, 0);
    CHECK(next(p).kind == PB_PLAYER_SHOWN && device.hevc_units == 2);
    push(p, 5, false);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    push(p, 6, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    CHECK(pb_player_push(p, hevc_keyframe, sizeof hevc_keyframe, 7, 2 << PB_ENCODED_CODEC_SHIFT, 0) == -1);
    pb_player_close(p);
    /* Told once, and what can be decoded still is. */
    p = start("headless", "openh264");
    for (uint32_t frame = 1; frame < 4; frame++) {
        pb_player_push(p, hevc_keyframe, sizeof hevc_keyframe, frame, hevc, 0);
        if (frame == 1) CHECK(next(p).kind == PB_PLAYER_NO_DECODER);
        CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    }
    says(p, "openh264: it does not decode HEVC");
    push(p, 4, true);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    pb_player_close(p);
}

int main(void) {
    planes_only = pb_display_headless;
    planes_only.name = "planes";
    planes_only.takes_nv12 = false;
    encoded_open(&stream, 64, 64);
    lost_at_a_keyframe();
    lost_in_between();
    fails_at_every_keyframe();
    a_named_one_is_not_replaced();
    a_picture_without_planes_is_refused();
    nv12_looks_like_i420();
    every_codec_has_its_decoder();
    encoded_close(&stream);
    return 0;
}
