/* sources: c/decode/nvdec.c c/decode/nvdec_device.c c/decode/nvdec_parse.c c/encode/nvenc.c c/encode/nvenc_config.c c/encode/nvenc_session.c c/nvidia/ c/decode/openh264.c c/encode/openh264.c libs: -lopenh264 */
/* The NVDEC decoder over a stand-in for NVIDIA's libraries that checks each call and decodes in software: pictures are those
 * that openh264 gives, sequences change, strangers' bytes do no harm, and each way in which a driver may fail or lie ends in the
 * right answer with a sentence for a person, leaving nothing behind. */
#include "nv_standin.h"

#include "decode/decode.h"
#include "encode/encode.h"

extern const struct pb_decoder_backend pb_decoder_nvdec, pb_decoder_openh264;
extern const struct pb_encoder_backend pb_encoder_nvenc, pb_encoder_openh264;
static const struct pb_decoder_backend *const nvdec = &pb_decoder_nvdec;

enum { UNITS = 12 };

/* A stream kept in memory: a keyframe, then P pictures. */
static struct stream {
    uint8_t *bytes[UNITS];
    uint32_t size[UNITS];
    struct nv12 last;
} small, large, baseline, hevc;

static struct stream made(const struct pb_encoder_backend *b, uint32_t width, uint32_t height, enum pb_codec codec) {
    struct pb_encoder_settings s = {
        .width = width, .height = height, .fps = 60, .bitrate_bps = 4000000, .quality = 50, .codec = codec, .slices = 2};
    char error[512] = "";
    struct pb_encoder *e = b->open(&s, error, sizeof error);
    if (!e) fprintf(stderr, "%s\n", error);
    CHECK(e);
    struct stream made = {.last = nv12_new(width, height)};
    uint8_t *planar = malloc((size_t)width * height * 3 / 2);
    for (unsigned i = 0; i < UNITS; i++) {
        struct pb_picture p = made.last.picture;
        nv12_paint(&made.last, i);
        if (b->input == PB_I420) {
            p = (struct pb_picture){.format = PB_I420, .width = width, .height = height, .stride = {width, width / 2, width / 2}};
            for (int k = 0; k < 3; k++) p.plane[k] = planar + (k ? (size_t)width * height * (unsigned)(3 + k) / 4 : 0);
            for (uint32_t y = 0; y < height; y++) memcpy(p.plane[0] + y * width, made.last.picture.plane[0] + y * made.last.picture.stride[0], width);
            for (uint32_t y = 0; y < height / 2; y++)
                for (uint32_t x = 0; x < width / 2; x++)
                    for (unsigned k = 0; k < 2; k++) p.plane[1 + k][y * width / 2 + x] = chroma_at(&made.last.picture, k, x, y);
        }
        struct pb_access_unit unit;
        CHECK(b->encode(e, &p, i, false, &unit) == PB_OK && unit.size && unit.keyframe == (i == 0));
        made.bytes[i] = malloc(unit.size);
        made.size[i] = unit.size;
        memcpy(made.bytes[i], unit.data, unit.size);
    }
    b->close(e);
    free(planar);
    return made;
}

static void make_streams(void) {
    standin_begin("");
    small = made(&pb_encoder_nvenc, 320, 240, PB_H264);
    large = made(&pb_encoder_nvenc, 486, 274, PB_H264); /* no multiples of 16: the surface is larger than the picture */
    baseline = made(&pb_encoder_openh264, 320, 240, PB_H264);
    hevc = made(&pb_encoder_nvenc, 320, 244, PB_HEVC);
    standin_is_content("streams");
}

static void discard(struct stream *s) {
    for (unsigned i = 0; i < UNITS; i++) free(s->bytes[i]);
    free(s->last.memory);
}

static struct pb_decoder *opened(enum pb_codec codec) {
    char error[512] = "";
    struct pb_decoder *d = nvdec->open(codec, error, sizeof error);
    if (!d) fprintf(stderr, "%s\n", error);
    CHECK(d);
    return d;
}

static void equals_openh264(struct pb_decoder *d, const struct stream *s) {
    struct pb_decoder *reference = pb_decoder_openh264.open(PB_H264, NULL, 0);
    for (unsigned i = 0; i < UNITS; i++) {
        struct pb_picture a, b;
        CHECK(nvdec->decode(d, s->bytes[i], s->size[i], &a) == PB_OK);
        CHECK(pb_decoder_openh264.decode(reference, s->bytes[i], s->size[i], &b) == PB_OK);
        CHECK(a.format == PB_NV12 && likeness(&a, &b) == 99); /* not one sample differs */
    }
    pb_decoder_openh264.close(reference);
}

static void pictures_are_exact(void) {
    standin_begin("");
    struct pb_decoder *d = opened(PB_H264);
    /* One after the other in one decoder: the size changes with the sequence, to and fro. */
    equals_openh264(d, &small);
    equals_openh264(d, &large);
    equals_openh264(d, &baseline);
    nvdec->close(d);
    standin_is_content("pictures are exact");
}

static void hevc_survives(void) {
    standin_begin("");
    struct pb_decoder *d = opened(PB_HEVC);
    struct pb_picture p;
    for (unsigned i = 0; i < UNITS; i++) CHECK(nvdec->decode(d, hevc.bytes[i], hevc.size[i], &p) == PB_OK);
    CHECK(likeness(&p, &hevc.last.picture) > 35);
    /* A picture that is left out is missed by the next. */
    CHECK(nvdec->decode(d, hevc.bytes[0], hevc.size[0], &p) == PB_OK);
    CHECK(nvdec->decode(d, hevc.bytes[2], hevc.size[2], &p) == PB_ERROR);
    nvdec->close(d);
    standin_is_content("HEVC");
}

static void damage_is_told(void) {
    standin_begin("");
    struct pb_decoder *d = opened(PB_H264);
    struct pb_picture p;
    char why[512] = "";
    CHECK(nvdec->decode(d, small.bytes[1], small.size[1], &p) == PB_ERROR); /* no keyframe yet */
    CHECK(nvdec->decode(d, small.bytes[0], small.size[0], &p) == PB_OK);
    CHECK(nvdec->decode(d, small.bytes[2], small.size[2], &p) == PB_ERROR);
    nvdec->failure(d, why, sizeof why);
    CHECK(strstr(why, "reference is missing"));
    CHECK(nvdec->decode(d, (const uint8_t *)"nonsense", 8, &p) == PB_ERROR);
    CHECK(nvdec->decode(d, small.bytes[0], 3, &p) == PB_ERROR);
    CHECK(nvdec->decode(d, NULL, 0, &p) == PB_ERROR);
    CHECK(nvdec->decode(d, small.bytes[0], PB_MAX_FRAME_BYTES + 1, &p) == PB_ERROR);
    CHECK(nvdec->decode(d, (const uint8_t *)"\0\0\0\1\x09\x10", 6, &p) == PB_AGAIN); /* a delimiter alone */
    /* Two pictures in one unit are taken, three are too many. */
    size_t size = small.size[0] * 3ul;
    uint8_t *many = malloc(size);
    for (unsigned i = 0; i < 3; i++) memcpy(many + i * small.size[0], small.bytes[0], small.size[0]);
    CHECK(nvdec->decode(d, many, small.size[0] * 2, &p) == PB_OK);
    CHECK(nvdec->decode(d, many, (uint32_t)size, &p) == PB_ERROR);
    /* A second sequence is. */
    uint8_t *changing = malloc(size = small.size[0] + (size_t)large.size[0]);
    memcpy(changing, small.bytes[0], small.size[0]);
    memcpy(changing + small.size[0], large.bytes[0], large.size[0]);
    struct pb_decoder *fresh = opened(PB_H264);
    CHECK(nvdec->decode(fresh, changing, (uint32_t)size, &p) == PB_ERROR);
    nvdec->close(fresh);
    /* Whatever happened before, a keyframe starts anew. */
    CHECK(nvdec->decode(d, large.bytes[0], large.size[0], &p) == PB_OK && p.width == 486);
    free(many), free(changing);
    nvdec->close(d);
    standin_is_content("damage");
}

static void strangers_do_no_harm(const struct stream *s, enum pb_codec codec) {
    standin_begin("");
    struct pb_decoder *d = opened(codec);
    uint32_t seed = 7;
    unsigned refused = 0;
    for (unsigned round = 0; round < 120; round++) {
        unsigned at = round % 3 ? round % UNITS : 0;
        uint32_t size = s->size[at];
        uint8_t *bytes = malloc(size);
        memcpy(bytes, s->bytes[at], size);
        for (unsigned k = 0; k < 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t where = (seed >> 8) % (k ? size : size < 64 ? size : 64);
            bytes[where] ^= (uint8_t)(1u << (seed & 7));
        }
        if (round % 5 == 0) size = 1 + (seed >> 9) % size;
        struct pb_picture p;
        enum pb_status status = nvdec->decode(d, bytes, size, &p);
        CHECK(status != PB_UNSUPPORTED && status != PB_REINIT);
        if (status == PB_OK) CHECK(p.width && p.height && p.plane[0] && p.plane[1] && p.stride[0] >= p.width);
        if (status != PB_OK) {
            refused++;
            nvdec->close(d);
            d = opened(codec);
        }
        free(bytes);
    }
    CHECK(refused > 20);
    nvdec->close(d);
    standin_is_content("strangers");
}

static void opening_fails(const char *script, const char *words) {
    char error[512] = "";
    standin_begin(script);
    CHECK(!nvdec->open(PB_H264, error, sizeof error));
    if (!strstr(error, words)) fprintf(stderr, "%s: \"%s\" does not say \"%s\"\n", script, error, words);
    CHECK(strstr(error, words));
    standin_is_content(script);
    standin_begin(script);
    *error = 0;
    nvdec->probe(error, sizeof error);
    CHECK(*error);
    standin_is_content(script);
}

static void decoding_fails(const char *script, enum pb_status expected, const char *words) {
    standin_begin(script);
    struct pb_decoder *d = opened(PB_H264);
    enum pb_status status = PB_OK;
    for (unsigned i = 0; i < 3 && status == PB_OK; i++) {
        struct pb_picture p;
        status = nvdec->decode(d, small.bytes[i], small.size[i], &p);
    }
    char failure[512] = "";
    nvdec->failure(d, failure, sizeof failure);
    if (status != expected || !strstr(failure, words)) fprintf(stderr, "%s: status %d, \"%s\"\n", script, (int)status, failure);
    CHECK(status == expected && strstr(failure, words));
    nvdec->close(d);
    standin_is_content(script);
}

static void drivers_fail(void) {
    opening_fails("cuInit@1=100", "/dev/nvidia0");
    opening_fails("cuCtxPushCurrent@1=46", "CUDA_ERROR_DEVICE_UNAVAILABLE");
    opening_fails("decoder=none", "Stand-in GPU does not decode H.264; use another decoder");
    opening_fails("cuvidGetDecoderCaps@1=999", "cuvidGetDecoderCaps: CUDA_ERROR_UNKNOWN");
    opening_fails("cuvidCreateVideoParser@1=2", "cuvidCreateVideoParser: CUDA_ERROR_OUT_OF_MEMORY");
    decoding_fails("cuCtxPushCurrent@3=46", PB_LOST, "cuCtxPushCurrent: CUDA_ERROR_DEVICE_UNAVAILABLE");
    decoding_fails("cuvidParseVideoData@2=46", PB_LOST, "cuvidParseVideoData");
    decoding_fails("cuvidParseVideoData@2=1", PB_ERROR, "cuvidParseVideoData");
    decoding_fails("cuvidCreateDecoder@1=2", PB_LOST, "cuvidCreateDecoder: CUDA_ERROR_OUT_OF_MEMORY");
    decoding_fails("cuvidDecodePicture@2=46", PB_LOST, "cuvidDecodePicture");
    decoding_fails("cuvidDecodePicture@2=1", PB_ERROR, "cuvidDecodePicture");
    decoding_fails("cuvidMapVideoFrame64@1=999", PB_LOST, "cuvidMapVideoFrame64: CUDA_ERROR_UNKNOWN");
    decoding_fails("cuMemcpy2D@2=46", PB_LOST, "cuMemcpy2D: CUDA_ERROR_DEVICE_UNAVAILABLE");
    decoding_fails("cuMemAllocHost@1=2", PB_LOST, "cuMemAllocHost: CUDA_ERROR_OUT_OF_MEMORY");
    decoding_fails("status=8", PB_ERROR, "a damaged picture");
    decoding_fails("status=9", PB_ERROR, "a damaged picture");
    decoding_fails("cuvidGetDecodeStatus@*=801", PB_OK, ""); /* older chips cannot say */
    decoding_fails("pitch=16", PB_LOST, "gave rows of 16 bytes for 320 pixels: a fault of the driver");
    decoding_fails("pitch=4000000000", PB_LOST, "a fault of the driver");
    decoding_fails("map=null", PB_LOST, "a fault of the driver");
    decoding_fails("index=77", PB_ERROR, "outside of any sequence");
    decoding_fails("index=-1", PB_ERROR, "outside of any sequence");
    decoding_fails("surfaces=200", PB_ERROR, "needs 200 pictures");
    decoding_fails("coded=0", PB_ERROR, "a stream of 0x240 pixels");
    decoding_fails("coded=16384", PB_ERROR, "a stream of 16384x240 pixels");
    decoding_fails("area=4000000000", PB_ERROR, "a stream of 320x240 pixels, shown from 0,0");
    decoding_fails("area=321", PB_ERROR, "shown from 0,0 to 321,240");
    decoding_fails("max=200", PB_LOST, "from 16x16 to 200x200 pixels, the stream has 320x240; use another decoder");
    char detail[512] = "";
    standin_begin("");
    CHECK(nvdec->probe(detail, sizeof detail) && strstr(detail, "Stand-in GPU, H.264 up to 4096x4096, HEVC"));
    standin_is_content("probe");
}

int main(void) {
    standin_load("libcuda.so.1");
    standin_load("libnvidia-encode.so.1");
    standin_load("libnvcuvid.so.1");
    make_streams();
    pictures_are_exact();
    hevc_survives();
    damage_is_told();
    strangers_do_no_harm(&small, PB_H264);
    strangers_do_no_harm(&hevc, PB_HEVC);
    drivers_fail();
    discard(&small), discard(&large), discard(&baseline), discard(&hevc);
    return 0;
}
