/* sources: c/encode/vaapi.c c/encode/vaapi_session.c c/encode/vaapi_input.c c/encode/vaapi_rate.c c/encode/vaapi_output.c c/encode/vaapi_h264.c c/encode/vaapi_hevc.c c/encode/h264_headers.c c/encode/hevc_headers.c c/vaapi/ c/decode/openh264.c tests/doubles/hevc.c libs: -lopenh264 -lx265 -lde265 */
/* The VA-API encoder, unchanged, on the stand-in driver, which checks every call: what comes out decodes to what went in. */
#include "va_world.h"
#include "../doubles/hevc.h"

#include <libdrm/drm_fourcc.h>
#include <sys/mman.h>

static const struct pb_encoder_settings small = {.width = 320, .height = 240, .fps = 30, .bitrate_bps = 2000000, .quality = 50, .codec = PB_H264};


/* A decoder in software for either codec. */
struct viewer {
    bool hevc;
    struct pb_decoder *h264;
    struct hevc_picturer *other;
};

static struct viewer viewer_open(enum pb_codec codec) {
    struct viewer v = {.hevc = codec == PB_HEVC};
    if (v.hevc) v.other = hevc_picturer_open();
    else v.h264 = pb_decoder_openh264.open(PB_H264, NULL, 0);
    return v;
}

static bool viewer_see(struct viewer *v, const struct pb_access_unit *unit, struct pb_picture *out) {
    if (!v->hevc) return pb_decoder_openh264.decode(v->h264, unit->data, unit->size, out) == PB_OK;
    struct coder_planes planes;
    if (!hevc_picturer_decode(v->other, unit->data, unit->size, &planes)) return false;
    *out = (struct pb_picture){.format = PB_I420, .width = planes.width, .height = planes.height};
    for (int i = 0; i < 3; i++) out->plane[i] = (uint8_t *)(uintptr_t)planes.plane[i], out->stride[i] = planes.stride[i];
    return true;
}

static void viewer_close(struct viewer *v) {
    if (v->hevc) hevc_picturer_close(v->other);
    else pb_decoder_openh264.close(v->h264);
}

/* Encodes one picture and sees it; its bytes stay in `unit`. */
static double round_trip(struct pb_encoder *e, struct viewer *v, struct nv12 *p, uint32_t time, bool keyframe, struct pb_access_unit *unit) {
    struct pb_picture seen;
    nv12_paint(p, time);
    need(pb_encoder_vaapi.encode(e, &p->picture, time * 33333, keyframe, unit), e);
    CHECK(viewer_see(v, unit, &seen));
    return psnr(&p->picture, &seen);
}

static void pictures_survive(enum pb_codec codec, uint32_t width, uint32_t height, uint32_t slices) {
    struct pb_encoder_settings s = small;
    bool hevc = codec == PB_HEVC;
    s.codec = codec;
    s.width = width;
    s.height = height;
    s.slices = slices;
    struct pb_encoder *e = open_vaapi(&s);
    struct viewer v = viewer_open(codec);
    struct nv12 p = nv12_make(width, height);
    for (uint32_t i = 0; i < 12; i++) {
        struct pb_access_unit unit;
        double alike = round_trip(e, &v, &p, i, i == 7, &unit);
        CHECK(unit.keyframe == (i == 0 || i == 7) && has_nal(&unit, hevc ? unit.keyframe ? 19 : 1 : unit.keyframe ? 5 : 1, hevc));
        for (unsigned set = 0; set < (hevc ? 3 : 2); set++) CHECK(has_nal(&unit, hevc ? 32 + set : 7 + set, hevc) == unit.keyframe);
        if (!hevc) CHECK(count_nals(&unit, unit.keyframe ? 5 : 1) == (slices ? slices : 1));
        if (alike < 30) fprintf(stderr, "picture %u of %ux%u: %.1f dB\n", i, width, height, alike);
        CHECK(alike > 30);
    }
    viewer_close(&v);
    pb_encoder_vaapi.close(e);
    free(p.data);
    expect_clean();
}

/* Pictures of noise cannot be predicted, so their size is what the rate control allows. */
static uint64_t bytes_of(struct pb_encoder *e, struct nv12 *p, uint32_t pictures) {
    static uint32_t noise = 1;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < pictures; i++) {
        struct pb_access_unit unit;
        for (size_t k = 0; k < (size_t)p->width * p->height; k++) noise = noise * 1664525 + 1013904223, p->data[k] = (uint8_t)(100 + (noise >> 28));
        need(pb_encoder_vaapi.encode(e, &p->picture, 0, false, &unit), e);
        CHECK(!i || !unit.keyframe);
        bytes += unit.size;
    }
    return bytes;
}

static void rates_change(enum pb_codec codec) {
    struct pb_encoder_settings s = small;
    s.codec = codec;
    s.bitrate_bps = 4000000;
    struct pb_encoder *e = open_vaapi(&s);
    struct nv12 p = nv12_make(320, 240);
    nv12_paint(&p, 0);
    bytes_of(e, &p, 15);
    uint64_t before = bytes_of(e, &p, 15);
    s.bitrate_bps = 500000;
    CHECK(pb_encoder_vaapi.reconfigure(e, &s) == PB_OK);
    bytes_of(e, &p, 15);
    uint64_t after = bytes_of(e, &p, 15);
    if (after * 2 > before) fprintf(stderr, "codec %u: %llu bytes, then %llu\n", (unsigned)codec, (unsigned long long)before, (unsigned long long)after);
    CHECK(after * 2 < before);
    s.fps = 60;
    s.quality = 80;
    CHECK(pb_encoder_vaapi.reconfigure(e, &s) == PB_OK);
    bytes_of(e, &p, 2);
    s.width = 640;
    CHECK(pb_encoder_vaapi.reconfigure(e, &s) == PB_REINIT);
    pb_encoder_vaapi.close(e);
    free(p.data);
    expect_clean();
}

/* The driver offers less: the stream is as good. */
static void offers_less(const char *words, const char *profile) {
    behave(words);
    struct pb_encoder_settings s = small;
    s.slices = strstr(words, "no-slices") ? 4 : 0;
    struct pb_encoder *e = open_vaapi(&s);
    struct viewer v = viewer_open(PB_H264);
    struct nv12 p = nv12_make(320, 240);
    struct pb_access_unit unit;
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(round_trip(e, &v, &p, i, i == 2, &unit) > 30);
        CHECK(unit.keyframe == !(i % 2) || i == 1);
        if (!i) CHECK(has_nal(&unit, 7, false) && has_nal(&unit, 8, false) && !memcmp(unit.data + 5, profile, 1));
    }
    viewer_close(&v);
    pb_encoder_vaapi.close(e);
    free(p.data);
    expect_clean();
    behave("");
}

static void keyframes_come_by_themselves(void) {
    struct pb_encoder_settings s = small;
    s.keyframe_interval = 3;
    struct pb_encoder *e = open_vaapi(&s);
    struct viewer v = viewer_open(PB_H264);
    struct nv12 p = nv12_make(320, 240);
    struct pb_access_unit unit;
    for (uint32_t i = 0; i < 7; i++) {
        round_trip(e, &v, &p, i, false, &unit);
        CHECK(unit.keyframe == (i % 3 == 0));
    }
    viewer_close(&v);
    pb_encoder_vaapi.close(e);
    free(p.data);
    expect_clean();
}

/* A picture in a descriptor, as a capture of a screen hands it over: red, green and blue fields, which come out in BT.709. */
static void imports(void) {
    enum { WIDE = 320, HIGH = 240, STRIDE = 1344 };
    static const uint32_t colours[3] = {0xff0000, 0x00ff00, 0x0000ff};
    static const uint8_t expected[3][3] = {{63, 102, 240}, {173, 42, 26}, {32, 240, 118}};
    int fd = memfd_create("screen", MFD_CLOEXEC);
    CHECK(fd >= 0 && !ftruncate(fd, STRIDE * HIGH));
    uint8_t *pixels = mmap(NULL, STRIDE * HIGH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (uint32_t y = 0; y < HIGH; y++)
        for (uint32_t x = 0; x < WIDE; x++) memcpy(pixels + y * STRIDE + x * 4, &colours[x * 3 / WIDE], 4);
    struct pb_dmabuf dmabuf = {.fourcc = DRM_FORMAT_XRGB8888, .width = WIDE, .height = HIGH, .planes = 1, .fd = {fd}, .stride = {STRIDE}};
    const struct pb_picture screen = {.format = PB_BGRA, .width = WIDE, .height = HIGH, .dmabuf = &dmabuf};
    struct pb_encoder *e = open_vaapi(&small);
    struct viewer v = viewer_open(PB_H264);
    struct pb_access_unit unit;
    struct pb_picture seen;
    for (uint32_t i = 0; i < 3; i++) {
        need(pb_encoder_vaapi.encode(e, &screen, 0, false, &unit), e);
        CHECK(unit.keyframe == !i && viewer_see(&v, &unit, &seen));
    }
    for (unsigned i = 0; i < 3; i++) {
        uint32_t x = 50 + i * 110, y = 100;
        int got[3] = {seen.plane[0][y * seen.stride[0] + x], chroma_at(&seen, x / 2, y / 2, 0), chroma_at(&seen, x / 2, y / 2, 1)};
        for (unsigned k = 0; k < 3; k++) CHECK(abs(got[k] - expected[i][k]) <= 3);
    }
    /* What the driver cannot read is told, and costs the stream nothing: no keyframe is needed. */
    dmabuf.modifier = 1;
    CHECK(pb_encoder_vaapi.encode(e, &screen, 0, false, &unit) == PB_UNSUPPORTED);
    dmabuf.modifier = 0;
    dmabuf.fourcc = DRM_FORMAT_NV12;
    CHECK(pb_encoder_vaapi.encode(e, &screen, 0, false, &unit) == PB_UNSUPPORTED);
    struct nv12 p = nv12_make(WIDE, HIGH);
    CHECK(round_trip(e, &v, &p, 1, false, &unit) > 25 && !unit.keyframe);
    pb_encoder_vaapi.close(e);
    expect_clean();
    const char *const without[] = {"no-import", "no-vpp"};
    for (unsigned i = 0; i < 2; i++) {
        behave(without[i]);
        dmabuf.fourcc = DRM_FORMAT_XRGB8888;
        e = open_vaapi(&small);
        CHECK(pb_encoder_vaapi.encode(e, &screen, 0, false, &unit) == PB_UNSUPPORTED);
        pb_encoder_vaapi.close(e);
        expect_clean();
    }
    behave("");
    viewer_close(&v);
    free(p.data);
    munmap(pixels, STRIDE * HIGH);
    close(fd);
}

/* `call` fails or the driver lies: the first time it is an error, then the device is lost; a device that comes round goes on
 * with a keyframe. Each says which device, which call and what to do. */
static void fails(const char *words, const char *call, bool for_good) {
    char text[512] = "";
    unsigned descriptors = open_descriptors();
    behave(words);
    struct pb_encoder *e = pb_encoder_vaapi.open(&small, text, sizeof text);
    struct nv12 p = nv12_make(320, 240);
    bool failed = !e;
    for (uint32_t i = 0; e && i < 6; i++) {
        struct pb_access_unit unit;
        nv12_paint(&p, i);
        enum pb_status status = pb_encoder_vaapi.encode(e, &p.picture, 0, i == 1, &unit);
        if (status == PB_OK) {
            CHECK(!failed || unit.keyframe);
            if (failed) break;
            continue;
        }
        CHECK(status == (failed ? PB_LOST : PB_ERROR) && !unit.size);
        failed = true;
        pb_encoder_vaapi.failure(e, text, sizeof text);
        if (status == PB_LOST) {
            if (!for_good) fprintf(stderr, "%s: lost: %s\n", words, text);
            CHECK(for_good);
            break;
        }
    }
    bool told = failed && strstr(text, call) && strstr(text, server.display) && (strstr(text, "openh264") || strstr(text, "apt install"));
    if (!told) fprintf(stderr, "%s: \"%s\"\n", words, text);
    CHECK(told);
    if (e) pb_encoder_vaapi.close(e);
    free(p.data);
    expect_clean();
    CHECK(open_descriptors() == descriptors);
    behave("");
}

static void probes(void) {
    char text[512] = "";
    CHECK(pb_encoder_vaapi.probe(text, sizeof text) && strstr(text, "H.264, HEVC") && strstr(text, "Stand-in"));
    setenv("LIBVA_DRIVER_NAME", "absent", 1);
    CHECK(!pb_encoder_vaapi.probe(text, sizeof text) && strstr(text, "vaInitialize") && strstr(text, "apt install va-driver-all"));
    setenv("LIBVA_DRIVER_NAME", "standin", 1);
    setenv("PATCHBAY_VA_DEVICE", ":4711", 1);
    CHECK(!pb_encoder_vaapi.probe(text, sizeof text) && strstr(text, ":4711") && strstr(text, "X server"));
    setenv("PATCHBAY_VA_DEVICE", "/dev/dri/renderD191", 1);
    CHECK(!pb_encoder_vaapi.probe(text, sizeof text) && strstr(text, "/dev/dri/renderD191: open"));
    setenv("PATCHBAY_VA_DEVICE", "/dev/null", 1);
    CHECK(!pb_encoder_vaapi.probe(text, sizeof text) && strstr(text, "no DRM device"));
    setenv("PATCHBAY_VA_DEVICE", server.display, 1);
    struct pb_encoder_settings s = small;
    s.width = 8000;
    CHECK(!pb_encoder_vaapi.open(&s, text, sizeof text) && strstr(text, "up to 4096x2304"));
    s.width = 0;
    CHECK(!pb_encoder_vaapi.open(&s, text, sizeof text));
    s = small;
    behave("no-hevc");
    s.codec = PB_HEVC;
    CHECK(!pb_encoder_vaapi.open(&s, text, sizeof text) && strstr(text, "HEVC"));
    behave("no-lp");
    s.codec = PB_H264;
    pb_encoder_vaapi.close(open_vaapi(&s));
    expect_clean();
    behave("");
}

int main(void) {
    world_begin();
    behave("");
    probes();
    pictures_survive(PB_H264, 320, 240, 0);
    pictures_survive(PB_H264, 334, 186, 3);
    pictures_survive(PB_HEVC, 320, 240, 0);
    pictures_survive(PB_HEVC, 334, 186, 0);
    behave("three-slices");
    pictures_survive(PB_HEVC, 334, 186, 3);
    behave("");
    rates_change(PB_H264);
    rates_change(PB_HEVC);
    keyframes_come_by_themselves();
    offers_less("no-packed", "\x4d");
    offers_less("no-packed no-sets", "\x4d");
    offers_less("baseline", "\x42");
    offers_less("no-cbr", "\x4d");
    offers_less("no-derive no-slices", "\x4d");
    offers_less("coded=split", "\x4d");
    imports();
    fails("fail=vaCreateConfig:1", "vaCreateConfig", true);
    fails("fail=vaCreateSurfaces:1", "vaCreateSurfaces", true);
    fails("fail=vaCreateContext:1", "vaCreateContext", true);
    fails("fail=vaCreateBuffer:1", "vaCreateBuffer (coded)", true);
    fails("fail=vaCreateBuffer:12", "vaCreateBuffer", false);
    fails("fail=vaBeginPicture:3", "vaBeginPicture", false);
    fails("fail=vaRenderPicture:3", "vaRenderPicture", false);
    fails("fail=vaEndPicture:3", "vaEndPicture", false);
    fails("fail=vaSyncSurface:3", "vaSyncSurface", false);
    fails("fail=vaMapBuffer:4", "vaMapBuffer", false);
    fails("lose=3", "vaSyncSurface", true);
    fails("hang", "vaSyncSurface", true);
    fails("image=pitch", "driver", true);
    fails("image=size", "driver", true);
    fails("image=narrow", "driver", true);
    fails("image=null", "vaMapBuffer", true);
    fails("coded=size", "vaMapBuffer", true);
    fails("coded=cycle", "vaMapBuffer", true);
    fails("coded=null", "vaMapBuffer", true);
    fails("coded=empty", "vaMapBuffer", true);
    fails("coded=overflow", "vaMapBuffer", true);
    fails("coded=noise", "vaMapBuffer", true);
    fails("ignore-idr", "vaMapBuffer", true);
    return 0;
}
