/* sources: c/decode/vaapi.c c/decode/vaapi_session.c c/decode/vaapi_output.c c/decode/vaapi_h264.c c/decode/vaapi_h264_frames.c c/decode/h264_parse.c c/decode/vaapi_hevc.c c/decode/hevc_parse.c c/decode/hevc_parse_slice.c c/vaapi/ c/decode/openh264.c c/encode/openh264.c c/encode/h264_headers.c c/encode/hevc_headers.c tests/doubles/hevc.c libs: -lopenh264 -lx265 -lde265 */
/* The VA-API decoder, unchanged, on the stand-in driver, which decodes by what it is told of the stream: pictures are equal to
 * the software decoder's, to the bit. */
#include "va_world.h"
#include "../doubles/hevc.h"
#include "decode/hevc_parse.h"
#include "encode/h26x_headers.h"

static void need_picture(struct pb_decoder *d, enum pb_status status) {
    char text[512] = "";
    if (status != PB_OK) pb_decoder_vaapi.failure(d, text, sizeof text), fprintf(stderr, "status %d: %s\n", status, text);
    CHECK(status == PB_OK);
}

static struct pb_decoder *open_decoder(enum pb_codec codec) {
    char error[512] = "";
    struct pb_decoder *d = pb_decoder_vaapi.open(codec, error, sizeof error);
    if (!d) fprintf(stderr, "%s\n", error);
    CHECK(d);
    return d;
}

/* Real streams of either codec, by encoders in software, and what a decoder in software makes of them. */
struct source {
    bool hevc;
    struct pb_encoder *h264;
    struct hevc_coder *coder;
    struct pb_decoder *soft;
    struct hevc_picturer *picturer;
    struct nv12 picture;
    uint8_t *chroma;
    struct pb_access_unit unit;
};

static struct source source_open(enum pb_codec codec, uint32_t width, uint32_t height) {
    const struct pb_encoder_settings s = {.width = width, .height = height, .fps = 30, .bitrate_bps = 1500000, .quality = 50, .codec = PB_H264};
    const struct coder_settings hevc = {.hevc = true, .width = width, .height = height, .fps = 30, .bitrate_bps = 1500000, .finest = 10, .coarsest = 45};
    struct source o = {.hevc = codec == PB_HEVC, .picture = nv12_make(width, height), .chroma = malloc((size_t)width * height / 2)};
    if (o.hevc) o.coder = hevc_coder_open(&hevc), o.picturer = hevc_picturer_open();
    else o.h264 = pb_encoder_openh264.open(&s, NULL, 0), o.soft = pb_decoder_openh264.open(PB_H264, NULL, 0);
    CHECK(o.hevc ? o.coder != NULL : o.h264 && o.soft);
    return o;
}

static void source_next(struct source *o, uint32_t time, bool keyframe) {
    struct nv12 *p = &o->picture;
    uint32_t half = p->width / 2 * (p->height / 2);
    nv12_paint(p, time);
    for (uint32_t k = 0; k < half; k++) o->chroma[k] = p->picture.plane[1][k * 2], o->chroma[half + k] = p->picture.plane[1][k * 2 + 1];
    if (o->hevc) {
        struct coder_planes planes = {.plane = {p->data, o->chroma, o->chroma + half}, .stride = {p->width, p->width / 2, p->width / 2}, .width = p->width, .height = p->height};
        size_t size;
        CHECK(hevc_coder_encode(o->coder, &planes, keyframe || !time, &o->unit.data, &size, &o->unit.keyframe));
        o->unit.size = (uint32_t)size;
        return;
    }
    struct pb_picture whole = {.format = PB_I420, .width = p->width, .height = p->height, .plane = {p->data, o->chroma, o->chroma + half},
                               .stride = {p->width, p->width / 2, p->width / 2}};
    CHECK(pb_encoder_openh264.encode(o->h264, &whole, time * 33333, keyframe, &o->unit) == PB_OK && o->unit.size);
}

static void source_see(struct source *o, struct pb_picture *out) {
    struct coder_planes planes;
    if (!o->hevc) {
        CHECK(pb_decoder_openh264.decode(o->soft, o->unit.data, o->unit.size, out) == PB_OK);
        return;
    }
    CHECK(hevc_picturer_decode(o->picturer, o->unit.data, o->unit.size, &planes));
    *out = (struct pb_picture){.format = PB_I420, .width = planes.width, .height = planes.height};
    for (int i = 0; i < 3; i++) out->plane[i] = (uint8_t *)(uintptr_t)planes.plane[i], out->stride[i] = planes.stride[i];
}

static void source_close(struct source *o) {
    if (o->hevc) hevc_coder_close(o->coder), hevc_picturer_close(o->picturer);
    else pb_encoder_openh264.close(o->h264), pb_decoder_openh264.close(o->soft);
    free(o->picture.data);
    free(o->chroma);
}

static void equal_to_software(enum pb_codec codec, uint32_t width, uint32_t height) {
    struct source o = source_open(codec, width, height);
    struct pb_decoder *hard = open_decoder(codec);
    for (uint32_t i = 0; i < 20; i++) {
        struct pb_picture a, b;
        source_next(&o, i, i == 11);
        need_picture(hard, pb_decoder_vaapi.decode(hard, o.unit.data, o.unit.size, &a));
        source_see(&o, &b);
        CHECK(a.format == PB_NV12 && psnr(&a, &b) == 99);
    }
    pb_decoder_vaapi.close(hard);
    source_close(&o);
    expect_clean();
}

/* What other encoders make: several references in an order of the stream's own, weights, 8x8 transforms, slices. */
static void equal_on_other_streams(const char *codec, unsigned slices, const char *options) {
    static uint8_t bytes[1 << 20];
    char file[96], command[1024];
    if (system("command -v ffmpeg >/dev/null")) {
        printf("ffmpeg is not installed\n");
        exit(77);
    }
    bool hevc = !strcmp(codec, "libx265");
    snprintf(file, sizeof file, "%s.%s", report_path, hevc ? "hevc" : "h264");
    snprintf(command, sizeof command, "ffmpeg -nostdin -v error -y -f lavfi -i testsrc=size=322x242:rate=30,fade=in:0:30 -frames:v 30 -pix_fmt yuv420p -c:v %s %s %s </dev/null >/dev/null 2>&1",
             codec, options, file);
    CHECK(!system(command));
    FILE *f = fopen(file, "rb");
    CHECK(f);
    size_t size = fread(bytes, 1, sizeof bytes, f), begin = 0;
    fclose(f);
    unlink(file);
    struct pb_decoder *hard = open_decoder(hevc ? PB_HEVC : PB_H264);
    struct source o = {.hevc = hevc, .soft = hevc ? NULL : pb_decoder_openh264.open(PB_H264, NULL, 0), .picturer = hevc ? hevc_picturer_open() : NULL};
    unsigned pictures = 0, seen = 0;
    for (size_t i = 4; i <= size; i++) {
        if (i + 1 < size && !memcmp(bytes + i - 3, "\0\0\1", 3)) seen += hevc ? bytes[i] >> 1 < 32 : (bytes[i] & 31) == 1 || (bytes[i] & 31) == 5;
        /* Each access unit begins with a delimiter. */
        bool ends = i == size || (i + 4 < size && !memcmp(bytes + i, "\0\0\0\1", 4) && (hevc ? bytes[i + 4] >> 1 == 35 : (bytes[i + 4] & 31) == 9));
        if (!ends) continue;
        struct pb_picture a, b;
        o.unit = (struct pb_access_unit){.data = bytes + begin, .size = (uint32_t)(i - begin)};
        need_picture(hard, pb_decoder_vaapi.decode(hard, o.unit.data, o.unit.size, &a));
        source_see(&o, &b);
        CHECK(psnr(&a, &b) == 99);
        pictures++;
        begin = i;
    }
    CHECK(pictures == 30 && seen == 30 * slices);
    pb_decoder_vaapi.close(hard);
    if (hevc) hevc_picturer_close(o.picturer);
    else pb_decoder_openh264.close(o.soft);
    expect_clean();
}

/* After a loss nothing is shown that was made from it, and a keyframe sets things right. */
static void losses(enum pb_codec codec) {
    struct source o = source_open(codec, 320, 240);
    struct pb_decoder *d = open_decoder(codec);
    struct pb_picture picture;
    char text[512];
    for (uint32_t i = 0; i < 8; i++) {
        source_next(&o, i, i == 6);
        if (i == 3) continue;
        enum pb_status status = pb_decoder_vaapi.decode(d, o.unit.data, o.unit.size, &picture);
        CHECK(status == (i < 3 || i >= 6 ? PB_OK : PB_ERROR));
        if (status != PB_ERROR) continue;
        pb_decoder_vaapi.failure(d, text, sizeof text);
        CHECK(strstr(text, "stream is damaged"));
        if (i != 5) continue;
        /* As players do it: nothing of what was damaged lives on. */
        pb_decoder_vaapi.close(d);
        d = open_decoder(codec);
    }
    pb_decoder_vaapi.close(d);
    source_close(&o);
    expect_clean();
}

/* Bytes from the network: cut off and changed at will. Nothing crashes, and the driver is told nothing that breaks its rules. */
static void hostile(enum pb_codec codec) {
    struct source o = source_open(codec, 64, 64);
    uint32_t seed = 7;
    uint8_t *bytes = malloc(1 << 16);
    struct pb_decoder *d = open_decoder(codec);
    struct pb_picture picture;
    for (uint32_t round = 0; round < 400; round++) {
        source_next(&o, round, round % 8 == 0);
        uint32_t size = o.unit.size, changes = round % 4;
        CHECK(size < 1 << 16);
        memcpy(bytes, o.unit.data, size);
        /* Headers stand in front. */
        for (uint32_t i = 0; i < changes; i++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t at = 4 + (seed >> 8) % (size < 80 ? size - 4 : 76);
            bytes[at] = (uint8_t)(bytes[at] ^ 1u << (seed >> 29));
        }
        if (round % 16 == 5) size = 5 + (seed >> 9) % (size - 5);
        enum pb_status status = pb_decoder_vaapi.decode(d, bytes, size, &picture);
        CHECK(status == PB_OK || status == PB_AGAIN || status == PB_ERROR || status == PB_LOST);
        if (status == PB_LOST) pb_decoder_vaapi.close(d), d = open_decoder(codec);
    }
    CHECK(pb_decoder_vaapi.decode(d, bytes, 0, &picture) == PB_ERROR);
    pb_decoder_vaapi.close(d);
    free(bytes);
    source_close(&o);
    unlink(report_path); /* a driver may be told what a hostile stream says of itself */
}

/* The readers alone, on the headers that encoders here write: whole ones are read, and changed ones do no harm. */
static void readers_withstand_damage(void) {
    static struct pb_h264_sps h264_sps[PB_H264_SPS];
    static struct pb_h264_pps h264_pps[PB_H264_PPS];
    static struct pb_hevc_sps hevc_sps[PB_HEVC_SPS];
    static struct pb_hevc_pps hevc_pps[PB_HEVC_PPS];
    static struct pb_bit_reader r;
    struct pb_h264_slice h264;
    struct pb_hevc_slice hevc;
    const struct pb_h264_stream a = {.width = 334, .height = 186, .wide = 21, .high = 12, .profile_idc = 77, .level_idc = 31, .fps = 60};
    const struct pb_hevc_stream b = {.width = 334, .height = 186, .coded_width = 336, .coded_height = 192, .level_idc = 93, .fps = 60, .log2_min_cb = 4,
                                     .log2_ctb = 5, .log2_min_tb = 2, .log2_max_tb = 5, .depth_inter = 3, .depth_intra = 3, .amp = true, .sao = true, .cu_qp_delta = true};
    struct pb_nal nal[6];
    pb_h264_sps(&nal[0], &a);
    pb_h264_pps(&nal[1], &a);
    pb_h264_slice_header(&nal[2], &a, &(struct pb_h264_slice_start){.frame_num = 200});
    pb_hevc_sps(&nal[3], &b);
    pb_hevc_pps(&nal[4], &b);
    pb_hevc_slice_header(&nal[5], &b, &(struct pb_hevc_slice_start){.poc = 200});
    uint32_t seed = 1;
    for (uint32_t round = 0; round < 60000; round++) {
        unsigned kind = round % 6, head = kind < 3 ? 5 : 6, size = pb_nal_bytes(&nal[kind]) - head;
        uint8_t bytes[256];
        memcpy(bytes, nal[kind].data + head, size);
        bool whole = round < 6;
        for (uint32_t i = whole ? 3 : round / 6 % 4; i < 3; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[(seed >> 8) % size] ^= (uint8_t)(1u << (seed >> 29));
        }
        pb_read_begin(&r, bytes, whole ? size : 1 + (seed >> 4) % (size + 40 < sizeof bytes ? size + 40 : size));
        enum pb_parsed p = kind == 0   ? pb_h264_read_sps(&r, h264_sps)
                           : kind == 1 ? pb_h264_read_pps(&r, h264_pps)
                           : kind == 2 ? pb_h264_read_slice(&r, 0x61, h264_sps, h264_pps, NULL, &h264)
                           : kind == 3 ? pb_hevc_read_sps(&r, hevc_sps)
                           : kind == 4 ? pb_hevc_read_pps(&r, hevc_pps)
                                       : pb_hevc_read_slice(&r, 1, hevc_sps, hevc_pps, NULL, &hevc);
        CHECK(!whole || p == PB_PARSED);
        if (round == 2) CHECK(h264_sps[0].right == 2 && h264_sps[0].bottom == 6 && h264.frame_num == 200 && h264.references == 1 && h264.data_bit == nal[2].bits - 32);
        if (round == 5) CHECK(hevc_sps[0].right == 2 && hevc_sps[0].bottom == 6 && hevc.poc_lsb == 200 && hevc.set.distance[0] == -1 && hevc.data_byte == size + 2);
    }
}

static void fails(const char *words, const char *call) {
    unsigned descriptors = open_descriptors();
    char text[512] = "";
    behave(words);
    struct source o = source_open(PB_H264, 320, 240);
    struct pb_decoder *d = pb_decoder_vaapi.open(PB_H264, text, sizeof text);
    for (uint32_t i = 0; d && i < 6; i++) {
        struct pb_picture picture;
        source_next(&o, i, false);
        enum pb_status status = pb_decoder_vaapi.decode(d, o.unit.data, o.unit.size, &picture);
        if (status == PB_OK) continue;
        CHECK(status == PB_LOST);
        pb_decoder_vaapi.failure(d, text, sizeof text);
        break;
    }
    bool told = strstr(text, call) && strstr(text, server.display) && (strstr(text, "openh264") || strstr(text, "apt install"));
    if (!told) fprintf(stderr, "%s: \"%s\"\n", words, text);
    CHECK(told);
    if (d) pb_decoder_vaapi.close(d);
    source_close(&o);
    expect_clean();
    CHECK(open_descriptors() == descriptors);
    behave("");
}

int main(void) {
    readers_withstand_damage();
    world_begin();
    behave("");
    equal_to_software(PB_H264, 320, 240);
    equal_to_software(PB_H264, 334, 186);
    equal_to_software(PB_HEVC, 320, 240);
    equal_to_software(PB_HEVC, 336, 192);
    behave("no-getimage");
    equal_to_software(PB_H264, 320, 240);
    behave("");
    equal_on_other_streams("libx264", 3, "-profile:v high -x264-params aud=1:bframes=0:ref=4:weightp=2:slices=3:8x8dct=1:keyint=20:scenecut=0");
    equal_on_other_streams("libx265", 1, "-x265-params aud=1:bframes=0:ref=3:slices=1:keyint=20:scenecut=0:open-gop=0:log-level=0");
    equal_on_other_streams("libx265", 3, "-x265-params aud=1:bframes=0:ref=2:slices=3:wpp=1:pools=2:frame-threads=1:ctu=32:keyint=20:scenecut=0:open-gop=0:log-level=0");
    losses(PB_H264);
    losses(PB_HEVC);
    hostile(PB_H264);
    hostile(PB_HEVC);
    fails("fail=vaCreateConfig:1", "vaCreateConfig");
    fails("fail=vaCreateSurfaces:1", "vaCreateSurfaces");
    fails("fail=vaCreateContext:1", "vaCreateContext");
    fails("fail=vaCreateBuffer:3", "vaCreateBuffer");
    fails("fail=vaBeginPicture:2", "vaBeginPicture");
    fails("fail=vaRenderPicture:2", "vaRenderPicture");
    fails("fail=vaEndPicture:2", "vaEndPicture");
    fails("fail=vaSyncSurface:2", "vaSyncSurface");
    fails("fail=vaMapBuffer:2", "vaMapBuffer");
    fails("lose=3", "vaBeginPicture");
    fails("hang", "vaSyncSurface");
    fails("image=pitch", "driver");
    fails("image=size", "driver");
    fails("image=null", "vaMapBuffer");
    fails("no-getimage no-derive", "vaDeriveImage");
    return 0;
}
