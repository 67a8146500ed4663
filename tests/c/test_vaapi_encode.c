/* sources: c/encode/vaapi.c c/encode/vaapi_session.c c/encode/vaapi_input.c c/encode/vaapi_rate.c c/encode/vaapi_output.c c/encode/vaapi_h264.c c/encode/vaapi_hevc.c c/encode/h264_headers.c c/encode/hevc_headers.c c/vaapi/ c/decode/openh264.c libs: -lopenh264 */
/* The VA-API encoder, unchanged, on the stand-in driver, which checks every call: what comes out decodes to what went in. */
#include "va_world.h"

static const struct pb_encoder_settings small = {.width = 320, .height = 240, .fps = 30, .bitrate_bps = 2000000, .quality = 50, .codec = PB_H264};

static void pictures_survive(void) {
    struct pb_encoder *e = open_vaapi(&small);
    struct pb_decoder *d = pb_decoder_openh264.open(PB_H264, NULL, 0);
    struct nv12 p = nv12_make(320, 240);
    for (uint32_t i = 0; i < 12; i++) {
        struct pb_access_unit unit;
        struct pb_picture seen;
        nv12_paint(&p, i);
        need(pb_encoder_vaapi.encode(e, &p.picture, i * 33333, i == 7, &unit), e);
        CHECK(unit.keyframe == (i == 0 || i == 7) && has_nal(&unit, unit.keyframe ? 5 : 1, false));
        CHECK(has_nal(&unit, 7, false) == unit.keyframe && has_nal(&unit, 8, false) == unit.keyframe);
        CHECK(pb_decoder_openh264.decode(d, unit.data, unit.size, &seen) == PB_OK);
        double alike = psnr(&p.picture, &seen);
        if (alike < 30) fprintf(stderr, "picture %u: %.1f dB\n", i, alike);
        CHECK(alike > 30);
    }
    pb_decoder_openh264.close(d);
    pb_encoder_vaapi.close(e);
    free(p.data);
    expect_clean();
}

int main(void) {
    world_begin();
    behave("");
    pictures_survive();
    world_end();
    return 0;
}
