/* sources: c/decode/vaapi.c c/decode/vaapi_session.c c/decode/vaapi_output.c c/decode/vaapi_h264.c c/decode/vaapi_h264_frames.c c/decode/h264_parse.c c/decode/vaapi_hevc.c c/vaapi/ c/decode/openh264.c c/encode/openh264.c libs: -lopenh264 */
/* The VA-API decoder, unchanged, on the stand-in driver, which decodes by what it is told of the stream: pictures are equal to
 * the software decoder's, to the bit. */
#include "va_world.h"

static void need_picture(struct pb_decoder *d, enum pb_status status) {
    char text[512] = "";
    if (status != PB_OK) pb_decoder_vaapi.failure(d, text, sizeof text), fprintf(stderr, "status %d: %s\n", status, text);
    CHECK(status == PB_OK);
}

static struct pb_decoder *open_decoder(void) {
    char error[512] = "";
    struct pb_decoder *d = pb_decoder_vaapi.open(PB_H264, error, sizeof error);
    if (!d) fprintf(stderr, "%s\n", error);
    CHECK(d);
    return d;
}

static void equal_to_software(uint32_t width, uint32_t height) {
    const struct pb_encoder_settings s = {.width = width, .height = height, .fps = 30, .bitrate_bps = 1500000, .quality = 50, .codec = PB_H264};
    struct pb_encoder *e = pb_encoder_openh264.open(&s, NULL, 0);
    struct pb_decoder *hard = open_decoder(), *soft = pb_decoder_openh264.open(PB_H264, NULL, 0);
    struct nv12 p = nv12_make(width, height);
    uint8_t *planes = malloc((size_t)width * height / 2);
    for (uint32_t i = 0; i < 20; i++) {
        struct pb_access_unit unit;
        struct pb_picture a, b;
        nv12_paint(&p, i);
        uint32_t half = width / 2 * (height / 2);
        for (uint32_t k = 0; k < half; k++) planes[k] = p.picture.plane[1][k * 2], planes[half + k] = p.picture.plane[1][k * 2 + 1];
        struct pb_picture source = {.format = PB_I420, .width = width, .height = height, .plane = {p.data, planes, planes + half}, .stride = {width, width / 2, width / 2}};
        CHECK(pb_encoder_openh264.encode(e, &source, i * 33333, i == 11, &unit) == PB_OK && unit.size);
        need_picture(hard, pb_decoder_vaapi.decode(hard, unit.data, unit.size, &a));
        CHECK(pb_decoder_openh264.decode(soft, unit.data, unit.size, &b) == PB_OK);
        CHECK(a.format == PB_NV12 && psnr(&a, &b) == 99);
    }
    pb_decoder_vaapi.close(hard);
    pb_decoder_openh264.close(soft);
    pb_encoder_openh264.close(e);
    free(planes);
    free(p.data);
    expect_clean();
}

int main(void) {
    world_begin();
    behave("");
    equal_to_software(320, 240);
    equal_to_software(334, 186);
    behave("no-getimage");
    equal_to_software(320, 240);
    return 0;
}
