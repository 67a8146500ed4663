/* sources: c/encode/nvenc.c c/encode/nvenc_config.c c/encode/nvenc_session.c c/nvidia/ c/decode/openh264.c libs: -lopenh264 */
/* The NVENC encoder over a stand-in for NVIDIA's libraries that checks each call and encodes in software. */
#include "nv_standin.h"

#include "../doubles/nv_encode.h"
#include "decode/decode.h"
#include "encode/encode.h"

extern const struct pb_encoder_backend pb_encoder_nvenc;
extern const struct pb_decoder_backend pb_decoder_openh264;
static const struct pb_encoder_backend *const nvenc = &pb_encoder_nvenc;

static const struct nv_session_seen *(*seen)(void);
static const struct pb_encoder_settings usual = {.width = 320, .height = 240, .fps = 60, .bitrate_bps = 4000000, .quality = 50};

static struct pb_encoder *opened(const struct pb_encoder_settings *s) {
    char error[512] = "";
    struct pb_encoder *e = nvenc->open(s, error, sizeof error);
    if (!e) fprintf(stderr, "%s\n", error);
    CHECK(e);
    return e;
}

static void pictures_survive(void) {
    standin_begin("");
    struct pb_encoder *e = opened(&usual);
    struct pb_decoder *d = pb_decoder_openh264.open(PB_H264, NULL, 0);
    struct nv12 p = nv12_new(usual.width, usual.height);
    for (unsigned i = 0; i < 10; i++) {
        nv12_paint(&p, i);
        struct pb_access_unit unit;
        CHECK(nvenc->encode(e, &p.picture, i * 16667, i == 6, &unit) == PB_OK);
        CHECK(unit.size && unit.keyframe == (i == 0 || i == 6));
        struct pb_picture out;
        CHECK(pb_decoder_openh264.decode(d, unit.data, unit.size, &out) == PB_OK);
        CHECK(likeness(&p.picture, &out) > 35);
    }
    CHECK(seen()->encoded == 10 && seen()->keyframes == 2);
    nvenc->close(e);
    pb_decoder_openh264.close(d);
    free(p.memory);
    standin_is_content("pictures survive");
}

int main(void) {
    standin_load("libcuda.so.1");
    void *symbol = standin_symbol(standin_load("libnvidia-encode.so.1"), "nv_session_seen");
    memcpy(&seen, &symbol, sizeof symbol);
    pictures_survive();
    return 0;
}
