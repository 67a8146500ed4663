/* The stand-in for NVENC: what it says that it can do, its presets, and what it holds against a configuration. */
#include "nv_session.h"

enum { PRESETS = 7 };

NVENCSTATUS nv_guid_count(void *encoder, uint32_t *count) {
    BEGIN("nvEncGetEncodeGUIDCount")
    *count = option_is("codecs", "none") ? 0 : option_is("codecs", "hevc") ? 1 : 2;
    return NV_ENC_SUCCESS;
}

NVENCSTATUS nv_guids(void *encoder, GUID *list, uint32_t size, uint32_t *count) {
    BEGIN("nvEncGetEncodeGUIDs")
    uint32_t n = 0;
    if (size > n && !option_is("codecs", "none")) list[n++] = NV_ENC_CODEC_HEVC_GUID;
    if (size > n && !nv_option("codecs")) list[n++] = NV_ENC_CODEC_H264_GUID;
    *count = n;
    return NV_ENC_SUCCESS;
}

NVENCSTATUS nv_caps(void *encoder, GUID codec, NV_ENC_CAPS_PARAM *p, int *value) {
    (void)codec;
    BEGIN("nvEncGetEncodeCaps")
    VERSION("nvEncGetEncodeCaps", p, NV_ENC_CAPS_PARAM_VER)
    RESERVED("nvEncGetEncodeCaps", p->reserved)
    if (!value) return refuse(NV_ENC_ERR_INVALID_PTR, "nvEncGetEncodeCaps", "NULL");
    switch (p->capsToQuery) {
    case NV_ENC_CAPS_WIDTH_MAX:
    case NV_ENC_CAPS_HEIGHT_MAX: *value = (int)option("max", MAX_SIDE); break;
    case NV_ENC_CAPS_WIDTH_MIN:
    case NV_ENC_CAPS_HEIGHT_MIN: *value = MIN_SIDE; break;
    case NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES: *value = (int)option("rates", NV_ENC_PARAMS_RC_CBR | NV_ENC_PARAMS_RC_VBR); break;
    case NV_ENC_CAPS_SUPPORT_CABAC: *value = (int)option("cabac", 1); break;
    case NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE: *value = (int)option("dynamic", 1); break;
    case NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE: *value = 1; break;
    default: *value = 0;
    }
    return NV_ENC_SUCCESS;
}

static const GUID *preset(int at) {
    static const GUID *const presets[PRESETS] = {&NV_ENC_PRESET_P1_GUID, &NV_ENC_PRESET_P2_GUID, &NV_ENC_PRESET_P3_GUID,
                                                 &NV_ENC_PRESET_P4_GUID, &NV_ENC_PRESET_P5_GUID, &NV_ENC_PRESET_P6_GUID,
                                                 &NV_ENC_PRESET_P7_GUID};
    return presets[at];
}

static bool known_preset(const GUID *guid) {
    for (int i = 0; i < PRESETS; i++)
        if (same(guid, preset(i))) return true;
    return false;
}

/* What a preset fills in is not what a stream needs as it stands: an interval of keyframes, and sets of parameters only once. */
NVENCSTATUS nv_preset_config(void *encoder, GUID codec, GUID wanted, NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG *p) {
    const char *name = "nvEncGetEncodePresetConfigEx";
    BEGIN(name)
    VERSION(name, p, NV_ENC_PRESET_CONFIG_VER)
    if (p->presetCfg.version != NV_ENC_CONFIG_VER) return refuse(NV_ENC_ERR_INVALID_VERSION, name, "another version of NV_ENC_CONFIG");
    if (!known_preset(&wanted)) return refuse(NV_ENC_ERR_UNSUPPORTED_PARAM, name, "no preset P1 to P7");
    if (tuning <= NV_ENC_TUNING_INFO_UNDEFINED || tuning >= NV_ENC_TUNING_INFO_COUNT)
        return refuse(NV_ENC_ERR_INVALID_PARAM, name, "presets P1 to P7 need a tuning");
    NV_ENC_CONFIG *c = &p->presetCfg;
    memset(c, 0, sizeof *c);
    c->version = NV_ENC_CONFIG_VER;
    c->profileGUID = NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID;
    c->gopLength = 250;
    c->frameIntervalP = 1;
    c->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
    c->rcParams.version = NV_ENC_RC_PARAMS_VER;
    c->rcParams.rateControlMode = NV_ENC_PARAMS_RC_VBR;
    c->rcParams.averageBitRate = 2000000;
    if (same(&codec, &NV_ENC_CODEC_HEVC_GUID)) {
        c->encodeCodecConfig.hevcConfig.chromaFormatIDC = 1;
    } else {
        c->encodeCodecConfig.h264Config.chromaFormatIDC = 1;
        c->encodeCodecConfig.h264Config.idrPeriod = 250;
    }
    return NV_ENC_SUCCESS;
}

const char *nv_objection(const NV_ENC_INITIALIZE_PARAMS *p, const NV_ENC_CONFIG *c) {
    bool hevc = same(&p->encodeGUID, &NV_ENC_CODEC_HEVC_GUID);
    const NV_ENC_RC_PARAMS *r = &c->rcParams;
    if (!hevc && !same(&p->encodeGUID, &NV_ENC_CODEC_H264_GUID)) return "an unknown codec";
    if (c->version != NV_ENC_CONFIG_VER) return "another version of NV_ENC_CONFIG";
    if (!known_preset(&p->presetGUID)) return "no preset P1 to P7";
    if (p->tuningInfo <= NV_ENC_TUNING_INFO_UNDEFINED || p->tuningInfo >= NV_ENC_TUNING_INFO_COUNT) return "no tuning";
    if (p->encodeWidth < MIN_SIDE || p->encodeHeight < MIN_SIDE || p->encodeWidth > MAX_SIDE || p->encodeHeight > MAX_SIDE)
        return "a size beyond what the caps say";
    if (p->encodeWidth % 2 || p->encodeHeight % 2) return "an odd size";
    if (!p->frameRateNum || !p->frameRateDen) return "no frame rate";
    if (!p->enablePTD || p->enableEncodeAsync) return "not what this stand-in knows: enablePTD 1, enableEncodeAsync 0";
    if (c->frameIntervalP != 1) return "B pictures, which this stand-in does not make";
    if (!nv_zeros(p->reserved, sizeof p->reserved) || !nv_zeros(p->reserved2, sizeof p->reserved2) || p->privData || p->privDataSize)
        return "reserved fields are not zero";
    if (!nv_zeros(c->reserved, sizeof c->reserved) || !nv_zeros(c->reserved2, sizeof c->reserved2)) return "reserved fields of the config";
    if (r->rateControlMode == NV_ENC_PARAMS_RC_CBR && !r->averageBitRate) return "a constant rate of nothing";
    if (r->enableMinQP && r->enableMaxQP && r->minQP.qpInterP > r->maxQP.qpInterP) return "quantisers the wrong way round";
    if (r->enableMaxQP && r->maxQP.qpInterP > 51) return "a quantiser beyond 51";
    if (r->enableLookahead && r->zeroReorderDelay) return "lookahead without delay";
    const NV_ENC_CONFIG_H264 *h = &c->encodeCodecConfig.h264Config;
    const NV_ENC_CONFIG_HEVC *v = &c->encodeCodecConfig.hevcConfig;
    if ((hevc ? v->chromaFormatIDC : h->chromaFormatIDC) != 1) return "another chroma format than 4:2:0";
    if (hevc && !same(&c->profileGUID, &NV_ENC_HEVC_PROFILE_MAIN_GUID) && !same(&c->profileGUID, &NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID))
        return "a profile that is not HEVC's main";
    if (hevc && same(&c->profileGUID, &NV_ENC_H264_PROFILE_MAIN_GUID)) return "a profile of H.264";
    if (!hevc && same(&c->profileGUID, &NV_ENC_HEVC_PROFILE_MAIN_GUID)) return "a profile of HEVC";
    if (!hevc && same(&c->profileGUID, &NV_ENC_H264_PROFILE_BASELINE_GUID) && h->entropyCodingMode == NV_ENC_H264_ENTROPY_CODING_MODE_CABAC)
        return "CABAC in the baseline profile";
    if ((hevc ? v->idrPeriod : h->idrPeriod) < c->gopLength) return "keyframes more often than groups of pictures";
    return NULL;
}
