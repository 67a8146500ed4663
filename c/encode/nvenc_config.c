/* How NVENC is told to encode: ultra-low latency, constant rate with a buffer of a single picture, P pictures only, parameter
 * sets before each keyframe, BT.709 in limited range. The group of pictures is endless: nvenc.c asks for keyframes itself, so
 * that their interval can change while running, which the driver refuses. CABAC as the specification's section 7 has it. */
#include "nvenc.h"
#include "quality.h"

#include <string.h>

enum { SLICES_NUMBERED = 3, MAX_SLICES = 32 }; /* slice mode 3: a number of slices in each picture */
enum { UNSPECIFIED_FORMAT = 5, BT_709 = 1 };
static const uint64_t full_hd_rate = 1920ull * 1080 * 60; /* pixels a second */

/* P1 is the fastest of the seven and P7 the best. Neutral quality takes P3 up to 1080p at 60 Hz, and a step less for each
 * doubling beyond, so that a frame is done well within its time; who wants more than neutral gets more. */
static const GUID *preset_of(const struct pb_encoder_settings *s) {
    static const GUID *const presets[] = {&NV_ENC_PRESET_P1_GUID, &NV_ENC_PRESET_P2_GUID, &NV_ENC_PRESET_P3_GUID,
                                          &NV_ENC_PRESET_P4_GUID, &NV_ENC_PRESET_P5_GUID, &NV_ENC_PRESET_P6_GUID,
                                          &NV_ENC_PRESET_P7_GUID};
    int at = s->quality <= 50 ? (int)s->quality / 25 : s->quality < 100 ? 2 + (int)(s->quality - 50) / 12 : 6;
    for (uint64_t rate = (uint64_t)s->width * s->height * s->fps; rate > full_hd_rate && at > 0; rate /= 2) at--;
    return presets[at > 6 ? 6 : at];
}

static void set_colours(NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui) {
    vui->videoSignalTypePresentFlag = 1;
    vui->videoFormat = UNSPECIFIED_FORMAT;
    vui->videoFullRangeFlag = 0;
    vui->colourDescriptionPresentFlag = 1;
    vui->colourPrimaries = vui->transferCharacteristics = vui->colourMatrix = BT_709;
    /* Says that no picture is reordered, so that decoders show each at once. */
    vui->bitstreamRestrictionFlag = 1;
}

static void set_h264(NV_ENC_CONFIG *config, const struct pb_nvenc_limits *limits, uint32_t slices) {
    NV_ENC_CONFIG_H264 *h = &config->encodeCodecConfig.h264Config;
    config->profileGUID = limits->cabac ? NV_ENC_H264_PROFILE_MAIN_GUID : NV_ENC_H264_PROFILE_BASELINE_GUID;
    h->entropyCodingMode = limits->cabac ? NV_ENC_H264_ENTROPY_CODING_MODE_CABAC : NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
    h->idrPeriod = NVENC_INFINITE_GOPLENGTH;
    h->disableSPSPPS = 0;
    h->repeatSPSPPS = 1;
    h->outputAUD = 0;
    h->level = NV_ENC_LEVEL_AUTOSELECT;
    h->chromaFormatIDC = 1;
    h->maxNumRefFrames = 1;
    h->sliceMode = SLICES_NUMBERED;
    h->sliceModeData = slices;
    set_colours(&h->h264VUIParameters);
}

static void set_hevc(NV_ENC_CONFIG *config, uint32_t slices) {
    NV_ENC_CONFIG_HEVC *h = &config->encodeCodecConfig.hevcConfig;
    config->profileGUID = NV_ENC_HEVC_PROFILE_MAIN_GUID;
    h->idrPeriod = NVENC_INFINITE_GOPLENGTH;
    h->disableSPSPPS = 0;
    h->repeatSPSPPS = 1;
    h->outputAUD = 0;
    h->level = NV_ENC_LEVEL_AUTOSELECT;
    h->tier = NV_ENC_TIER_HEVC_MAIN;
    h->chromaFormatIDC = 1;
    h->pixelBitDepthMinus8 = 0;
    h->maxNumRefFramesInDPB = 1;
    h->sliceMode = SLICES_NUMBERED;
    h->sliceModeData = slices;
    set_colours(&h->hevcVUIParameters);
}

void pb_nvenc_set_rate(NV_ENC_INITIALIZE_PARAMS *init, NV_ENC_CONFIG *config, const struct pb_nvenc_limits *limits,
                       const struct pb_encoder_settings *s) {
    init->frameRateNum = s->fps;
    init->frameRateDen = 1;
    NV_ENC_RC_PARAMS *rate = &config->rcParams;
    rate->rateControlMode = NV_ENC_PARAMS_RC_CBR;
    rate->averageBitRate = rate->maxBitRate = s->bitrate_bps;
    /* No picture may take longer to send than the time until the next. */
    rate->vbvBufferSize = rate->vbvInitialDelay = limits->custom_vbv ? s->bitrate_bps / s->fps : 0;
    uint32_t finest = (uint32_t)pb_finest_quantiser(s->quality), coarsest = (uint32_t)pb_coarsest_quantiser(s->quality);
    rate->enableMinQP = rate->enableMaxQP = 1;
    rate->minQP = (NV_ENC_QP){finest, finest, finest};
    rate->maxQP = (NV_ENC_QP){coarsest, coarsest, coarsest};
}

NVENCSTATUS pb_nvenc_configure(struct pb_encoder *e) {
    const struct pb_encoder_settings *s = &e->settings;
    const GUID *codec = pb_nvenc_codec(s->codec), *preset = preset_of(s);
    NV_ENC_PRESET_CONFIG made;
    memset(&made, 0, sizeof made);
    made.version = NV_ENC_PRESET_CONFIG_VER;
    made.presetCfg.version = NV_ENC_CONFIG_VER;
    NVENCSTATUS status =
        e->api.nvEncGetEncodePresetConfigEx(e->session, *codec, *preset, NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &made);
    if (status) return status;

    NV_ENC_CONFIG *config = &e->config;
    *config = made.presetCfg;
    config->version = NV_ENC_CONFIG_VER;
    config->gopLength = NVENC_INFINITE_GOPLENGTH;
    config->frameIntervalP = 1; /* each picture is a P picture: nothing is reordered */
    config->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
    config->rcParams.zeroReorderDelay = 1;
    config->rcParams.enableLookahead = 0;
    uint32_t rows = (e->height + 63) / 64, most = rows < MAX_SLICES ? rows : MAX_SLICES;
    uint32_t slices = s->slices < 1 ? 1 : s->slices < most ? s->slices : most;
    if (s->codec == PB_HEVC)
        set_hevc(config, slices);
    else
        set_h264(config, &e->limits, slices);

    NV_ENC_INITIALIZE_PARAMS *init = &e->init;
    memset(init, 0, sizeof *init);
    init->version = NV_ENC_INITIALIZE_PARAMS_VER;
    init->encodeGUID = *codec;
    init->presetGUID = *preset;
    init->tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
    init->encodeWidth = init->darWidth = init->maxEncodeWidth = e->width;
    init->encodeHeight = init->darHeight = init->maxEncodeHeight = e->height;
    init->enablePTD = 1;
    init->encodeConfig = config;
    pb_nvenc_set_rate(init, config, &e->limits, s);
    return NV_ENC_SUCCESS;
}
