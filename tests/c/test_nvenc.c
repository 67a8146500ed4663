/* sources: c/encode/nvenc.c c/encode/nvenc_config.c c/encode/nvenc_session.c c/nvidia/ c/decode/openh264.c libs: -lopenh264 */
/* The NVENC encoder over a stand-in for NVIDIA's libraries that checks each call and encodes in software: pictures survive,
 * keyframes come when asked for, rates change while running, and each way in which a driver may fail or lie ends in the right
 * answer with a sentence for a person, leaving nothing behind. */
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

static unsigned units_of(const struct pb_access_unit *unit, unsigned type) {
    unsigned found = 0;
    for (uint32_t i = 2; i + 1 < unit->size; i++)
        if (unit->data[i] == 1 && !unit->data[i - 1] && !unit->data[i - 2] && (unit->data[i + 1] & 31u) == type) found++;
    return found;
}

static void pictures_survive(void) {
    standin_begin("");
    struct pb_encoder_settings s = usual;
    s.width = 323, s.height = 243; /* odd sizes lose their last row and column, here as in software */
    struct pb_encoder *e = opened(&s);
    struct pb_decoder *d = pb_decoder_openh264.open(PB_H264, NULL, 0);
    struct nv12 p = nv12_new(322, 242);
    for (unsigned i = 0; i < 10; i++) {
        nv12_paint(&p, i);
        struct pb_access_unit unit;
        CHECK(nvenc->encode(e, &p.picture, i * 16667, i == 6, &unit) == PB_OK);
        bool keyframe = i == 0 || i == 6;
        CHECK(unit.size && unit.keyframe == keyframe);
        CHECK(units_of(&unit, 7) == keyframe && units_of(&unit, 8) == keyframe && units_of(&unit, 5) == keyframe);
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

static bool same(const GUID *a, const GUID *b) { return !memcmp(a, b, sizeof *a); }

static void configuration_is_for_latency(void) {
    standin_begin("");
    struct pb_encoder_settings s = usual;
    s.slices = 3;
    struct pb_encoder *e = opened(&s);
    const NV_ENC_INITIALIZE_PARAMS *init = &seen()->init;
    const NV_ENC_CONFIG *c = &seen()->config;
    CHECK(init->tuningInfo == NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY && same(&init->presetGUID, &NV_ENC_PRESET_P3_GUID));
    CHECK(c->rcParams.rateControlMode == NV_ENC_PARAMS_RC_CBR && c->rcParams.averageBitRate == 4000000);
    CHECK(c->rcParams.vbvBufferSize == 4000000 / 60 && c->rcParams.zeroReorderDelay && !c->rcParams.enableLookahead);
    CHECK(c->gopLength == NVENC_INFINITE_GOPLENGTH && c->frameIntervalP == 1);
    const NV_ENC_CONFIG_H264 *h = &c->encodeCodecConfig.h264Config;
    CHECK(h->repeatSPSPPS && h->maxNumRefFrames == 1 && h->sliceMode == 3 && h->sliceModeData == 3);
    const NV_ENC_CONFIG_H264_VUI_PARAMETERS *v = &h->h264VUIParameters;
    CHECK(v->videoSignalTypePresentFlag && !v->videoFullRangeFlag && v->colourDescriptionPresentFlag);
    CHECK(v->colourPrimaries == 1 && v->transferCharacteristics == 1 && v->colourMatrix == 1);
    struct nv12 p = nv12_new(320, 240);
    nv12_paint(&p, 0);
    struct pb_access_unit unit;
    CHECK(nvenc->encode(e, &p.picture, 0, false, &unit) == PB_OK && units_of(&unit, 5) == 3);
    nvenc->close(e);
    standin_is_content("configuration");

    s = usual;
    s.codec = PB_HEVC, s.slices = 2;
    standin_begin("");
    e = opened(&s);
    const NV_ENC_CONFIG_HEVC *w = &seen()->config.encodeCodecConfig.hevcConfig;
    CHECK(same(&seen()->init.encodeGUID, &NV_ENC_CODEC_HEVC_GUID) && same(&seen()->config.profileGUID, &NV_ENC_HEVC_PROFILE_MAIN_GUID));
    CHECK(w->repeatSPSPPS && w->maxNumRefFramesInDPB == 1 && w->sliceMode == 3 && w->sliceModeData == 2 && !w->pixelBitDepthMinus8);
    CHECK(w->hevcVUIParameters.colourMatrix == 1 && !w->hevcVUIParameters.videoFullRangeFlag);
    nvenc->close(e);
    standin_is_content("HEVC");

    /* Better presets for who asks for more, faster ones for more pixels; CAVLC where there is no CABAC. */
    const struct {
        uint32_t width, height, quality;
        const GUID *preset;
    } cases[] = {{320, 240, 0, &NV_ENC_PRESET_P1_GUID}, {320, 240, 30, &NV_ENC_PRESET_P2_GUID}, {320, 240, 100, &NV_ENC_PRESET_P7_GUID},
                 {2560, 1440, 50, &NV_ENC_PRESET_P2_GUID}, {3840, 2160, 50, &NV_ENC_PRESET_P1_GUID}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        standin_begin("cabac=0");
        s = usual;
        s.width = cases[i].width, s.height = cases[i].height, s.quality = cases[i].quality;
        e = opened(&s);
        CHECK(same(&seen()->init.presetGUID, cases[i].preset));
        CHECK(same(&seen()->config.profileGUID, &NV_ENC_H264_PROFILE_BASELINE_GUID));
        nvenc->close(e);
        standin_is_content("presets");
    }
    free(p.memory);
}

/* Total size of `count` pictures of noise, that no rate control finds easy. */
static size_t bytes_of_noise(struct pb_encoder *e, struct nv12 *p, unsigned count) {
    size_t sum = 0;
    static uint32_t seed = 1;
    for (unsigned i = 0; i < count; i++) {
        for (size_t at = 0; at < (size_t)p->picture.stride[0] * p->picture.height; at++) {
            seed = seed * 1664525u + 1013904223u;
            p->memory[at] = (uint8_t)(64 + (seed >> 26));
        }
        struct pb_access_unit unit;
        CHECK(nvenc->encode(e, &p->picture, i, false, &unit) == PB_OK);
        sum += unit.size;
    }
    return sum;
}

static void settings_change_while_running(void) {
    standin_begin("");
    struct pb_encoder *e = opened(&usual);
    uint32_t sessions = seen()->sessions;
    struct nv12 p = nv12_new(320, 240);
    size_t much = bytes_of_noise(e, &p, 20);
    struct pb_encoder_settings s = usual;
    s.bitrate_bps = 500000, s.fps = 30;
    CHECK(nvenc->reconfigure(e, &s) == PB_OK);
    bytes_of_noise(e, &p, 10); /* rate control takes its time */
    CHECK(bytes_of_noise(e, &p, 20) < much / 2);
    const NV_ENC_RC_PARAMS *r = &seen()->config.rcParams;
    CHECK(seen()->reconfigured == 1 && r->averageBitRate == 500000 && r->vbvBufferSize == 500000 / 30);
    CHECK(seen()->init.frameRateNum == 30 && seen()->keyframes == 1);
    s.quality = 80;
    uint32_t before = r->maxQP.qpInterP;
    CHECK(nvenc->reconfigure(e, &s) == PB_OK && seen()->config.rcParams.maxQP.qpInterP < before);
    /* The interval is counted here, so that nothing needs to be told. */
    s.keyframe_interval = 4;
    CHECK(nvenc->reconfigure(e, &s) == PB_OK && seen()->reconfigured == 2);
    bytes_of_noise(e, &p, 8);
    CHECK(seen()->keyframes == 3 && seen()->sessions == sessions);
    s.width = 640;
    CHECK(nvenc->reconfigure(e, &s) == PB_REINIT);
    s.width = 320, s.slices = 2;
    CHECK(nvenc->reconfigure(e, &s) == PB_REINIT);
    struct nv12 other = nv12_new(64, 64);
    struct pb_access_unit unit;
    CHECK(nvenc->encode(e, &other.picture, 0, false, &unit) == PB_REINIT);
    nvenc->close(e);
    standin_is_content("settings change");
    free(p.memory), free(other.memory);
}

/* Opening fails, with a sentence that says these words, and nothing stays behind. */
static void opening_fails(const char *script, const struct pb_encoder_settings *s, const char *words) {
    char error[512] = "", detail[512] = "";
    standin_begin(script);
    CHECK(!nvenc->open(s, error, sizeof error));
    if (!strstr(error, words)) fprintf(stderr, "%s: \"%s\" does not say \"%s\"\n", script, error, words);
    CHECK(strstr(error, words));
    standin_is_content(script);
    standin_begin(script);
    nvenc->probe(detail, sizeof detail);
    CHECK(*detail);
    standin_is_content(script);
}

/* Encoding ends with `expected` within three pictures. */
static void encoding_fails(const char *script, enum pb_status expected, const char *words) {
    standin_begin(script);
    struct pb_encoder *e = opened(&usual);
    struct nv12 p = nv12_new(320, 240);
    nv12_paint(&p, 0);
    struct pb_access_unit unit;
    enum pb_status status = PB_OK;
    for (unsigned i = 0; i < 3 && status == PB_OK; i++) status = nvenc->encode(e, &p.picture, i, false, &unit);
    char failure[512] = "";
    nvenc->failure(e, failure, sizeof failure);
    if (status != expected || !strstr(failure, words)) fprintf(stderr, "%s: status %d, \"%s\"\n", script, (int)status, failure);
    CHECK(status == expected && strstr(failure, words));
    nvenc->close(e);
    free(p.memory);
    standin_is_content(script);
}

static void drivers_fail(void) {
    opening_fails("cuInit@1=100", &usual, "/dev/nvidia0");
    opening_fails("cuInit@1=803", &usual, "restart the machine");
    opening_fails("devices=0", &usual, "CUDA_ERROR_NO_DEVICE");
    opening_fails("cuDeviceGet@*=999", &usual, "CUDA_ERROR_UNKNOWN");
    opening_fails("cuDevicePrimaryCtxRetain@*=2", &usual, "Stand-in GPU: cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY");
    opening_fails("cuCtxPushCurrent@1=46", &usual, "cuCtxPushCurrent: CUDA_ERROR_DEVICE_UNAVAILABLE");
    opening_fails("api=160", &usual, "knows NVENC 10.0, and 11.1 is needed: install driver 470");
    opening_fails("NvEncodeAPICreateInstance@*=15", &usual, "reinstall the NVIDIA driver");
    opening_fails("chip=none", &usual, "this GPU has no video encoder (chips for data centres such as A100, H100 and H200 have none)");
    opening_fails("nvEncOpenEncodeSessionEx@*=1", &usual, "NV_ENC_ERR_NO_ENCODE_DEVICE (1); this GPU has no video encoder");
    opening_fails("nvEncOpenEncodeSessionEx@*=10", &usual, "end another program that encodes");
    opening_fails("codecs=none", &usual, "does not encode H.264");
    opening_fails("codecs=hevc", &usual, "does not encode H.264");
    opening_fails("max=200", &usual, "from 16x16 to 200x200 pixels, the picture has 320x240");
    opening_fails("rates=1", &usual, "at a constant rate");
    opening_fails("nvEncGetEncodeCaps@3=20", &usual, "nvEncGetEncodeCaps: NV_ENC_ERR_GENERIC (20, \"told to fail by a test\")");
    opening_fails("nvEncGetEncodePresetConfigEx@1=8", &usual, "nvEncGetEncodePresetConfigEx: NV_ENC_ERR_INVALID_PARAM");
    opening_fails("nvEncInitializeEncoder@1=10", &usual, "nvEncInitializeEncoder: NV_ENC_ERR_OUT_OF_MEMORY");
    opening_fails("nvEncCreateInputBuffer@1=10", &usual, "nvEncCreateInputBuffer");
    opening_fails("nvEncCreateBitstreamBuffer@1=99", &usual, "of a number unknown (99");
    opening_fails("null=input", &usual, "nvEncCreateInputBuffer");
    opening_fails("null=output", &usual, "nvEncCreateBitstreamBuffer");
    struct pb_encoder_settings s = usual;
    s.width = s.height = 0;
    opening_fails("", &s, "the picture has 0x0");
    s.width = s.height = 16384;
    opening_fails("", &s, "the picture has 16384x16384");
    s = usual;
    s.fps = 0;
    opening_fails("", &s, "needs a frame rate");
    /* The second GPU has what the first lacks. */
    standin_begin("devices=2 nvEncOpenEncodeSessionEx@1=1");
    nvenc->close(opened(&usual));
    standin_is_content("the second GPU");
}

static void devices_get_lost(void) {
    encoding_fails("nvEncEncodePicture@2=5", PB_LOST, "Stand-in GPU: nvEncEncodePicture: NV_ENC_ERR_DEVICE_NOT_EXIST (5");
    encoding_fails("nvEncLockInputBuffer@3=4", PB_LOST, "the GPU is gone");
    encoding_fails("nvEncLockBitstream@1=20", PB_LOST, "nvEncLockBitstream: NV_ENC_ERR_GENERIC");
    encoding_fails("cuCtxPushCurrent@3=46", PB_LOST, "CUDA_ERROR_DEVICE_UNAVAILABLE");
    encoding_fails("nvEncEncodePicture@2=17", PB_LOST, "NV_ENC_ERR_NEED_MORE_INPUT");
    encoding_fails("pitch=0", PB_LOST, "gave rows of 0 bytes for 320 pixels: a fault of the driver");
    encoding_fails("pitch=4000000000", PB_LOST, "a fault of the driver");
    encoding_fails("null=input-data", PB_LOST, "a fault of the driver");
    encoding_fails("size=4294967295", PB_LOST, "gave 4294967295 bytes that are no picture");
    encoding_fails("null=bytes", PB_LOST, "that are no picture");
    encoding_fails("bytes=junk", PB_LOST, "gave 64 bytes that are no picture");
    /* Busy passes; a keyframe that does not come is not called one; an empty picture is a skipped one. */
    encoding_fails("nvEncEncodePicture@1=18 nvEncEncodePicture@2=18 nvEncLockBitstream@1=13 idr=never", PB_OK, "");
    encoding_fails("size=0", PB_OK, "");
    encoding_fails("nvEncEncodePicture@*=18", PB_LOST, "NV_ENC_ERR_ENCODER_BUSY");
    standin_begin("nvEncReconfigureEncoder@1=12");
    struct pb_encoder *e = opened(&usual);
    struct pb_encoder_settings s = usual;
    s.bitrate_bps = 1000000;
    CHECK(nvenc->reconfigure(e, &s) == PB_REINIT);
    CHECK(nvenc->reconfigure(e, &s) == PB_OK);
    nvenc->close(e);
    standin_is_content("reconfigure");
    standin_begin("dynamic=0");
    e = opened(&usual);
    CHECK(nvenc->reconfigure(e, &s) == PB_REINIT);
    nvenc->close(e);
    standin_is_content("no change while running");
    char detail[512] = "";
    standin_begin("");
    CHECK(nvenc->probe(detail, sizeof detail) && strstr(detail, "Stand-in GPU, H.264 up to 4096x4096, HEVC"));
    standin_is_content("probe");
}

int main(void) {
    standin_load("libcuda.so.1");
    void *symbol = standin_symbol(standin_load("libnvidia-encode.so.1"), "nv_session_seen");
    memcpy(&seen, &symbol, sizeof symbol);
    pictures_survive();
    configuration_is_for_latency();
    settings_change_while_running();
    drivers_fail();
    devices_get_lost();
    return 0;
}
