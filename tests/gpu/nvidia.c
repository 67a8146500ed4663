/* sources: c/media/grabber.c c/media/grabber_loop.c c/media/grabber_frame.c c/media/grabber_backends.c c/media/frame_queue.c c/convert/ c/encode/openh264.c c/encode/nvenc.c c/encode/nvenc_config.c c/encode/nvenc_session.c c/nvidia/ c/decode/openh264.c c/decode/nvdec.c c/decode/nvdec_device.c c/decode/nvdec_parse.c c/capture/pattern.c c/meter/timecode.c libs: -Wl,-Bstatic -lopenh264 -lstdc++ -Wl,-Bdynamic -static-libgcc */
/* For a machine with an NVIDIA GPU: decodes real streams by NVDEC and holds each picture against the software decoder's, sample
 * by sample; encodes by NVENC where the chip can, and otherwise sees that it says so and that the grabber takes another encoder.
 * One file that needs libc and the driver only. `nvidia STREAM.265 PICTURES.nv12 [small]`; status 77 where there is no GPU. Small
 * pictures are for stand-ins, which are slow. */
#include "../c/nv_standin.h"

#include "capture/capture.h"
#include "decode/decode.h"
#include "encode/encode.h"
#include "gen/abi.h"

#include <semaphore.h>
#include <stdio.h>

extern const struct pb_capture_backend pb_capture_pattern;
extern const struct pb_encoder_backend pb_encoder_nvenc, pb_encoder_openh264;
extern const struct pb_decoder_backend pb_decoder_nvdec, pb_decoder_openh264;
const struct pb_capture_backend *const pb_capture_backends[] = {&pb_capture_pattern, NULL};
const struct pb_encoder_backend *const pb_encoder_backends[] = {&pb_encoder_nvenc, &pb_encoder_openh264, NULL};

enum { PICTURES = 40 };
static int failures;

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double median_ms(uint64_t *us, size_t count) {
    qsort(us, count, sizeof *us, ascending);
    return (double)us[count / 2] / 1000;
}

static void to_planar(const struct pb_picture *from, uint8_t *memory, struct pb_picture *to) {
    uint32_t width = from->width, height = from->height;
    size_t luma = (size_t)width * height;
    *to = (struct pb_picture){.format = PB_I420,
                              .width = width,
                              .height = height,
                              .plane = {memory, memory + luma, memory + luma * 5 / 4},
                              .stride = {width, width / 2, width / 2}};
    for (uint32_t y = 0; y < height; y++) memcpy(to->plane[0] + (size_t)y * width, from->plane[0] + (size_t)y * from->stride[0], width);
    for (uint32_t y = 0; y < height / 2; y++)
        for (uint32_t x = 0; x < width / 2; x++)
            for (unsigned k = 0; k < 2; k++) to->plane[1 + k][(size_t)y * width / 2 + x] = chroma_at(from, k, x, y);
}

/* openh264 encodes; both decoders decode; not one sample may differ. The decoder is the caller's, so that sizes change in it. */
static void decodes_exactly(struct pb_decoder *d, uint32_t width, uint32_t height) {
    struct pb_encoder_settings s = {.width = width, .height = height, .fps = 60, .bitrate_bps = 8000000, .quality = 50};
    struct pb_encoder *e = pb_encoder_openh264.open(&s, NULL, 0);
    struct pb_decoder *software = pb_decoder_openh264.open(PB_H264, NULL, 0);
    struct nv12 p = nv12_new(width, height);
    uint8_t *memory = malloc((size_t)width * height * 3 / 2);
    uint64_t us[PICTURES];
    CHECK(e && software && memory);
    for (unsigned i = 0; i < PICTURES; i++) {
        struct pb_picture planar, a, b;
        struct pb_access_unit unit;
        nv12_paint(&p, i);
        to_planar(&p.picture, memory, &planar);
        CHECK(pb_encoder_openh264.encode(e, &planar, i, i == 20, &unit) == PB_OK);
        uint64_t begin = pb_monotonic_us();
        enum pb_status status = pb_decoder_nvdec.decode(d, unit.data, unit.size, &a);
        us[i] = pb_monotonic_us() - begin;
        char why[512] = "";
        pb_decoder_nvdec.failure(d, why, sizeof why);
        if (status) printf("picture %u: status %d, %s\n", i, (int)status, why);
        CHECK(status == PB_OK && pb_decoder_openh264.decode(software, unit.data, unit.size, &b) == PB_OK);
        CHECK(likeness(&a, &b) == 99);
    }
    printf("ok: NVDEC decodes H.264 %ux%u exactly as openh264 does, first %.2f ms, median %.2f ms with the copy\n", width, height,
           (double)us[0] / 1000, median_ms(us, PICTURES));
    pb_encoder_openh264.close(e);
    pb_decoder_openh264.close(software);
    free(memory), free(p.memory);
}

/* Damage ends in an answer, and a new decoder with a keyframe goes on. */
static void survives_damage(void) {
    struct pb_encoder_settings s = {.width = 640, .height = 480, .fps = 60, .bitrate_bps = 4000000, .quality = 50};
    struct pb_encoder *e = pb_encoder_openh264.open(&s, NULL, 0);
    struct nv12 p = nv12_new(640, 480);
    uint8_t *memory = malloc(640 * 480 * 3 / 2);
    unsigned answers[PB_ERROR + 1] = {0};
    struct pb_decoder *d = pb_decoder_nvdec.open(PB_H264, NULL, 0);
    uint32_t seed = 5;
    CHECK(e && d && memory);
    for (unsigned i = 0; i < PICTURES; i++) {
        struct pb_picture planar, out;
        struct pb_access_unit unit;
        nv12_paint(&p, i);
        to_planar(&p.picture, memory, &planar);
        CHECK(pb_encoder_openh264.encode(e, &planar, i, i % 4 == 0, &unit) == PB_OK);
        uint8_t *bytes = malloc(unit.size);
        memcpy(bytes, unit.data, unit.size);
        for (unsigned k = 0; k < 3 && i % 4 == 1; k++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[(seed >> 8) % unit.size] ^= (uint8_t)(1 + (seed >> 24) % 255);
        }
        enum pb_status status = i % 4 == 2 ? PB_AGAIN : pb_decoder_nvdec.decode(d, bytes, unit.size, &out);
        CHECK(status != PB_LOST && (i % 4 || status == PB_OK));
        if (i % 4 == 3) answers[status]++;
        if (i % 4 == 3) pb_decoder_nvdec.close(d), d = pb_decoder_nvdec.open(PB_H264, NULL, 0);
        free(bytes);
    }
    /* What follows a picture that was left out must be refused. Worth the rest of the run even if it is not. */
    bool refused = answers[PB_ERROR] == PICTURES / 4;
    printf("%s: of %d pictures after one left out, %u were refused\n", refused ? "ok" : "FAIL", PICTURES / 4, answers[PB_ERROR]);
    failures += !refused;
    pb_decoder_nvdec.close(d);
    pb_encoder_openh264.close(e);
    free(memory), free(p.memory);
}

static uint8_t *whole_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    CHECK(file && !fseek(file, 0, SEEK_END));
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    CHECK(bytes && fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

/* Where the next access unit begins: at a delimiter (type 35), which each unit of the file begins with. */
static size_t next_unit(const uint8_t *bytes, size_t size, size_t from) {
    for (size_t i = from; i + 5 < size; i++)
        if (!bytes[i] && !bytes[i + 1] && !bytes[i + 2] && bytes[i + 3] == 1 && (bytes[i + 4] >> 1 & 63) == 35) return i;
    return size;
}

static void decodes_hevc(const char *stream, const char *pictures) {
    size_t size, bytes, used = 0;
    uint8_t *units = whole_file(stream, &size), *expected = whole_file(pictures, &bytes);
    char error[512] = "";
    struct pb_decoder *d = pb_decoder_nvdec.open(PB_HEVC, error, sizeof error);
    if (!d) printf("FAIL: %s\n", error);
    CHECK(d);
    unsigned count = 0;
    for (size_t at = 0, end; at < size; at = end, count++) {
        end = next_unit(units, size, at + 1);
        struct pb_picture out;
        CHECK(pb_decoder_nvdec.decode(d, units + at, (uint32_t)(end - at), &out) == PB_OK);
        size_t luma = (size_t)out.width * out.height;
        CHECK(used + luma * 3 / 2 <= bytes);
        struct pb_picture wanted = {.format = PB_NV12, .width = out.width, .height = out.height, .stride = {out.width, out.width},
                                    .plane = {expected + used, expected + used + luma}};
        CHECK(likeness(&out, &wanted) == 99);
        used += luma * 3 / 2;
    }
    CHECK(used == bytes && count > 1);
    printf("ok: NVDEC decodes HEVC exactly, %u pictures\n", count);
    pb_decoder_nvdec.close(d);
    free(units), free(expected);
}

static void encodes(enum pb_codec codec, uint32_t width, uint32_t height) {
    struct pb_encoder_settings s = {.width = width, .height = height, .fps = 60, .bitrate_bps = 10000000, .quality = 50, .codec = codec};
    char error[512] = "";
    struct pb_encoder *e = pb_encoder_nvenc.open(&s, error, sizeof error);
    if (!e) printf("FAIL: %s\n", error);
    CHECK(e);
    struct pb_decoder *d = codec == PB_H264 ? pb_decoder_openh264.open(codec, NULL, 0) : pb_decoder_nvdec.open(codec, NULL, 0);
    const struct pb_decoder_backend *decoder = codec == PB_H264 ? &pb_decoder_openh264 : &pb_decoder_nvdec;
    struct nv12 p = nv12_new(width, height);
    uint64_t us[PICTURES];
    CHECK(d);
    for (unsigned i = 0; i < PICTURES; i++) {
        struct pb_access_unit unit;
        struct pb_picture out;
        nv12_paint(&p, i);
        if (i == 30) s.bitrate_bps = 4000000;
        if (i == 30) CHECK(pb_encoder_nvenc.reconfigure(e, &s) == PB_OK);
        uint64_t begin = pb_monotonic_us();
        CHECK(pb_encoder_nvenc.encode(e, &p.picture, i, i == 20, &unit) == PB_OK);
        us[i] = pb_monotonic_us() - begin;
        CHECK(unit.keyframe == (i == 0 || i == 20));
        CHECK(decoder->decode(d, unit.data, unit.size, &out) == PB_OK && likeness(&p.picture, &out) > 30);
    }
    printf("ok: NVENC encodes %s %ux%u, median %.2f ms with the copy\n", codec == PB_H264 ? "H.264" : "HEVC", width, height,
           median_ms(us, PICTURES));
    pb_encoder_nvenc.close(e);
    decoder->close(d);
    free(p.memory);
}

static sem_t woken;
static void wake(void) { sem_post(&woken); }

static void grabber_takes(const char *encoder) {
    char error[1024] = "", text[1024] = "", start[64];
    sem_init(&woken, 0, 0);
    struct pb_grabber *g = pb_grabber_open("pattern", "", "auto", 640, 480, 60, 4000000, 0, PB_H264, wake, error, sizeof error);
    if (!g) printf("FAIL: %s\n", error);
    CHECK(g);
    struct pb_encoded frame;
    while (!pb_grabber_take(g, &frame)) {
        sem_wait(&woken);
        pb_grabber_rearm(g);
    }
    CHECK(frame.kind == PB_ENCODED_FRAME && frame.flags == PB_ENCODED_FLAG_KEYFRAME);
    pb_grabber_describe(g, text, sizeof text);
    snprintf(start, sizeof start, "pattern\t%s\t", encoder);
    CHECK(!strncmp(text, start, strlen(start)));
    printf("ok: auto takes %s\n", encoder);
    pb_grabber_close(g);
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    char detail[512] = "";
    if (count < 3) {
        printf("usage: nvidia STREAM.265 PICTURES.nv12 [small]\n");
        return 2;
    }
    uint32_t width = count > 3 ? 640 : 1920, height = count > 3 ? 360 : 1080;
    if (!pb_decoder_nvdec.probe(detail, sizeof detail)) {
        printf("no NVDEC here: %s\n", detail);
        return 77;
    }
    printf("nvdec: %s\n", detail);
    struct pb_decoder *d = pb_decoder_nvdec.open(PB_H264, detail, sizeof detail);
    CHECK(d);
    decodes_exactly(d, 320, 240);
    decodes_exactly(d, width, height);
    decodes_exactly(d, 642, 362);
    pb_decoder_nvdec.close(d);
    survives_damage();
    decodes_hevc(arguments[1], arguments[2]);
    bool encoder = pb_encoder_nvenc.probe(detail, sizeof detail);
    printf("nvenc: %s\n", detail);
    if (encoder) {
        encodes(PB_H264, width, height);
        encodes(PB_HEVC, width, height);
    } else {
        CHECK(strstr(detail, "no video encoder") || strstr(detail, "not installed"));
    }
    grabber_takes(encoder ? "nvenc" : "openh264");
    return failures > 0;
}
