/* Opening NVENC: the driver's libraries, a GPU that has an encoder, a session on it, and words for what goes wrong. */
#include "nvenc.h"

#include <string.h>

enum { MAX_CODECS = 32 };

const GUID *pb_nvenc_codec(enum pb_codec codec) {
    return codec == PB_HEVC ? &NV_ENC_CODEC_HEVC_GUID : &NV_ENC_CODEC_H264_GUID;
}

const char *pb_nvenc_codec_name(enum pb_codec codec) { return codec == PB_HEVC ? "HEVC" : "H.264"; }

/* By number, as nvEncodeAPI.h has them. */
static const char *const names[] = {
    "SUCCESS", "NO_ENCODE_DEVICE", "UNSUPPORTED_DEVICE", "INVALID_ENCODERDEVICE", "INVALID_DEVICE", "DEVICE_NOT_EXIST",
    "INVALID_PTR", "INVALID_EVENT", "INVALID_PARAM", "INVALID_CALL", "OUT_OF_MEMORY", "ENCODER_NOT_INITIALIZED",
    "UNSUPPORTED_PARAM", "LOCK_BUSY", "NOT_ENOUGH_BUFFER", "INVALID_VERSION", "MAP_FAILED", "NEED_MORE_INPUT",
    "ENCODER_BUSY", "EVENT_NOT_REGISTERD", "GENERIC", "INCOMPATIBLE_CLIENT_KEY", "UNIMPLEMENTED",
    "RESOURCE_REGISTER_FAILED", "RESOURCE_NOT_REGISTERED", "RESOURCE_NOT_MAPPED",
};

static const char *remedy_of(NVENCSTATUS status) {
    switch (status) {
    case NV_ENC_ERR_NO_ENCODE_DEVICE:
    case NV_ENC_ERR_UNSUPPORTED_DEVICE:
        return "this GPU has no video encoder (chips for data centres such as A100, H100 and H200 have none); use another encoder";
    case NV_ENC_ERR_OUT_OF_MEMORY:
    case NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY:
        return "its memory or its number of sessions is used up: end another program that encodes on it";
    case NV_ENC_ERR_INVALID_DEVICE:
    case NV_ENC_ERR_INVALID_ENCODERDEVICE:
    case NV_ENC_ERR_DEVICE_NOT_EXIST: return "the GPU is gone; nvidia-smi and the kernel's log tell what became of it";
    case NV_ENC_ERR_INVALID_VERSION: return "the driver is too old: install version 470 or newer";
    default: return "nvidia-smi and the kernel's log may tell more";
    }
}

void pb_nvenc_fail(struct pb_encoder *e, const char *call, NVENCSTATUS status) {
    bool known = (unsigned)status < sizeof names / sizeof names[0];
    const char *said = e->session && e->api.nvEncGetLastErrorString ? e->api.nvEncGetLastErrorString(e->session) : NULL;
    char detail[100] = "";
    if (said && *said) pb_error(detail, sizeof detail, ", \"%.90s\"", said);
    pb_error(e->failure, sizeof e->failure, "%s: %s: NV_ENC_ERR_%s (%d%s); %s", e->cuda.name, call,
             known ? names[status] : "of a number unknown", (int)status, detail, remedy_of(status));
}

static const char packages[] = "Debian: apt install libnvidia-encode1; a container must be given the driver's video part, "
                               "NVIDIA_DRIVER_CAPABILITIES=video,compute,utility";

bool pb_nvenc_load(struct pb_encoder *e, char *error, size_t size) {
    if (!pb_cuda_load(&e->cuda, error, size)) return false;
    void *library;
    if (!pb_nvidia_library("libnvidia-encode.so.1", packages, &library, error, size)) return false;
    NVENCSTATUS (*max_version)(uint32_t *);
    NVENCSTATUS (*create)(NV_ENCODE_API_FUNCTION_LIST *);
    if (!pb_nvidia_symbol(library, "NvEncodeAPIGetMaxSupportedVersion", &max_version) ||
        !pb_nvidia_symbol(library, "NvEncodeAPICreateInstance", &create)) {
        pb_error(error, size, "libnvidia-encode.so.1 is none that NVIDIA made: it lacks NvEncodeAPICreateInstance");
        return false;
    }
    uint32_t version = 0;
    NVENCSTATUS status = max_version(&version);
    /* The lowest four bits are the minor number. */
    if (status || version < (NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION)) {
        pb_error(error, size, "this NVIDIA driver knows NVENC %u.%u, and %d.%d is needed: install driver 470 or newer",
                 version >> 4, version & 15, NVENCAPI_MAJOR_VERSION, NVENCAPI_MINOR_VERSION);
        return false;
    }
    memset(&e->api, 0, sizeof e->api);
    e->api.version = NV_ENCODE_API_FUNCTION_LIST_VER;
    status = create(&e->api);
    const NV_ENCODE_API_FUNCTION_LIST *a = &e->api;
    bool complete = a->nvEncOpenEncodeSessionEx && a->nvEncGetEncodeGUIDCount && a->nvEncGetEncodeGUIDs &&
                    a->nvEncGetEncodeCaps && a->nvEncGetEncodePresetConfigEx && a->nvEncInitializeEncoder &&
                    a->nvEncCreateInputBuffer && a->nvEncDestroyInputBuffer && a->nvEncCreateBitstreamBuffer &&
                    a->nvEncDestroyBitstreamBuffer && a->nvEncEncodePicture && a->nvEncLockBitstream &&
                    a->nvEncUnlockBitstream && a->nvEncLockInputBuffer && a->nvEncUnlockInputBuffer &&
                    a->nvEncReconfigureEncoder && a->nvEncDestroyEncoder;
    if (!status && complete) return true;
    pb_error(error, size, "NvEncodeAPICreateInstance answered %d%s: reinstall the NVIDIA driver", (int)status,
             status ? "" : " and left functions out");
    return false;
}

bool pb_nvenc_knows(struct pb_encoder *e, enum pb_codec codec) {
    GUID list[MAX_CODECS];
    uint32_t count = 0;
    NVENCSTATUS status = e->api.nvEncGetEncodeGUIDCount(e->session, &count);
    if (!status && count > MAX_CODECS) count = MAX_CODECS;
    uint32_t written = 0;
    if (!status && count) status = e->api.nvEncGetEncodeGUIDs(e->session, list, count, &written);
    if (status) {
        pb_nvenc_fail(e, "nvEncGetEncodeGUIDs", status);
        return false;
    }
    for (uint32_t i = 0; i < written && i < count; i++)
        if (!memcmp(&list[i], pb_nvenc_codec(codec), sizeof list[i])) return true;
    pb_error(e->failure, sizeof e->failure, "%s does not encode %s; use another encoder or codec", e->cuda.name,
             pb_nvenc_codec_name(codec));
    return false;
}

static bool ask_limits(struct pb_encoder *e, enum pb_codec codec) {
    const struct {
        NV_ENC_CAPS what;
        int *into;
    } questions[] = {
        {NV_ENC_CAPS_WIDTH_MIN, &e->limits.min_width}, {NV_ENC_CAPS_HEIGHT_MIN, &e->limits.min_height},
        {NV_ENC_CAPS_WIDTH_MAX, &e->limits.max_width}, {NV_ENC_CAPS_HEIGHT_MAX, &e->limits.max_height},
        {NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES, &e->limits.rate_controls},
        {NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE, &e->limits.custom_vbv},
        {NV_ENC_CAPS_SUPPORT_CABAC, &e->limits.cabac}, {NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE, &e->limits.dynamic_rate},
    };
    for (unsigned i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        NV_ENC_CAPS_PARAM question;
        memset(&question, 0, sizeof question);
        question.version = NV_ENC_CAPS_PARAM_VER;
        question.capsToQuery = questions[i].what;
        *questions[i].into = 0;
        NVENCSTATUS status = e->api.nvEncGetEncodeCaps(e->session, *pb_nvenc_codec(codec), &question, questions[i].into);
        if (status) {
            pb_nvenc_fail(e, "nvEncGetEncodeCaps", status);
            return false;
        }
    }
    return true;
}

bool pb_nvenc_enter(struct pb_encoder *e) {
    CUresult code = pb_cuda_enter(&e->cuda);
    if (code) pb_cuda_explain(&e->cuda, "cuCtxPushCurrent", code, e->failure, sizeof e->failure);
    e->entered = !code;
    return e->entered;
}

void pb_nvenc_leave(struct pb_encoder *e) {
    if (e->entered) pb_cuda_leave(&e->cuda);
    e->entered = false;
}

static bool open_on(struct pb_encoder *e, int number, enum pb_codec codec) {
    if (!pb_cuda_take(&e->cuda, number, e->failure, sizeof e->failure)) return false;
    if (!pb_nvenc_enter(e)) {
        pb_cuda_give_back(&e->cuda);
        return false;
    }
    NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS open;
    memset(&open, 0, sizeof open);
    open.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
    open.apiVersion = NVENCAPI_VERSION;
    open.deviceType = NV_ENC_DEVICE_TYPE_CUDA;
    open.device = e->cuda.context;
    NVENCSTATUS status = e->api.nvEncOpenEncodeSessionEx(&open, &e->session);
    if (status || !e->session) {
        e->session = NULL;
        pb_nvenc_fail(e, "nvEncOpenEncodeSessionEx", status ? status : NV_ENC_ERR_GENERIC);
    } else if (pb_nvenc_knows(e, codec) && ask_limits(e, codec)) {
        return true;
    }
    pb_nvenc_close_session(e);
    return false;
}

bool pb_nvenc_open_session(struct pb_encoder *e, enum pb_codec codec, char *error, size_t size) {
    for (int number = 0; number < e->cuda.devices; number++) {
        if (open_on(e, number, codec)) return true;
        /* Of several GPUs the first is the one that a person thinks of. */
        if (number == 0) pb_error(error, size, "%s", e->failure);
    }
    return false;
}

void pb_nvenc_close_session(struct pb_encoder *e) {
    if (e->session) e->api.nvEncDestroyEncoder(e->session);
    e->session = NULL;
    pb_nvenc_leave(e);
    pb_cuda_give_back(&e->cuda);
}
