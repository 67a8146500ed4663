/* sources: c/encode/vaapi.c c/encode/vaapi_session.c c/encode/vaapi_input.c c/encode/vaapi_rate.c c/encode/vaapi_output.c c/encode/vaapi_h264.c c/encode/vaapi_hevc.c c/encode/h264_headers.c c/encode/hevc_headers.c c/vaapi/ c/decode/openh264.c tests/doubles/hevc.c libs: -lopenh264 -lx265 -lde265 */
/* The VA-API encoder, unchanged, on the stand-in driver, which checks every call: what comes out decodes to what went in. */
#include "va_world.h"
#include "../doubles/hevc.h"

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

int main(void) {
    world_begin();
    behave("");
    pictures_survive(PB_H264, 320, 240, 0);
    pictures_survive(PB_H264, 334, 186, 3);
    pictures_survive(PB_HEVC, 320, 240, 0);
    pictures_survive(PB_HEVC, 334, 186, 0);
    return 0;
}
