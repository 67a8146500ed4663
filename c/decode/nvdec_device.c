/* Opening NVDEC: the driver's libraries, a GPU that decodes the codec, and words for what goes wrong. */
#include "nvdec.h"

#include <stdlib.h>
#include <string.h>

/* CUDA's numbers for what a stream can bring about; every other failure is the device's. */
enum { INVALID_VALUE = 1, INVALID_IMAGE = 200, INVALID_SOURCE = 300, NOT_SUPPORTED = 801 };

const char *pb_nvdec_codec_name(enum pb_codec codec) { return codec == PB_HEVC ? "HEVC" : "H.264"; }

enum pb_status pb_nvdec_fail(struct pb_decoder *d, const char *call, CUresult code) {
    int number = (int)code;
    pb_cuda_explain(&d->cuda, call, code, d->failure, sizeof d->failure);
    bool of_stream = number == INVALID_VALUE || number == INVALID_IMAGE || number == INVALID_SOURCE || number == NOT_SUPPORTED;
    return of_stream ? PB_ERROR : PB_LOST;
}

bool pb_nvdec_enter(struct pb_decoder *d) {
    CUresult code = pb_cuda_enter(&d->cuda);
    if (code) pb_cuda_explain(&d->cuda, "cuCtxPushCurrent", code, d->failure, sizeof d->failure);
    d->entered = !code;
    return d->entered;
}

void pb_nvdec_leave(struct pb_decoder *d) {
    if (d->entered) pb_cuda_leave(&d->cuda);
    d->entered = false;
}

static const char packages[] = "Debian: apt install libnvcuvid1; a container must be given the driver's video part, "
                               "NVIDIA_DRIVER_CAPABILITIES=video,compute,utility";

static bool load(struct pb_decoder *d, char *error, size_t size) {
    void *library;
    if (!pb_cuda_load(&d->cuda, error, size)) return false;
    if (!pb_nvidia_library("libnvcuvid.so.1", packages, &library, error, size)) return false;
#define F(name, type, symbol) \
    if (!pb_nvidia_symbol(library, symbol, &d->name)) { \
        pb_error(error, size, "this NVIDIA driver is too old: libnvcuvid.so.1 lacks %s; install version 470 or newer", symbol); \
        return false; \
    }
    PB_CUVID_FUNCTIONS(F)
#undef F
    return true;
}

static bool ask_limits(struct pb_decoder *d, enum pb_codec codec) {
    memset(&d->limits, 0, sizeof d->limits);
    d->limits.eCodecType = codec == PB_HEVC ? cudaVideoCodec_HEVC : cudaVideoCodec_H264;
    d->limits.eChromaFormat = cudaVideoChromaFormat_420;
    CUresult code = d->GetDecoderCaps(&d->limits);
    if (code) {
        pb_nvdec_fail(d, "cuvidGetDecoderCaps", code);
        return false;
    }
    if (d->limits.bIsSupported && d->limits.nOutputFormatMask & 1u << cudaVideoSurfaceFormat_NV12) return true;
    pb_error(d->failure, sizeof d->failure, "%s does not decode %s; use another decoder", d->cuda.name, pb_nvdec_codec_name(codec));
    return false;
}

void pb_nvdec_close_device(struct pb_decoder *d) {
    pb_nvdec_leave(d);
    pb_cuda_give_back(&d->cuda);
}

bool pb_nvdec_open_device(struct pb_decoder *d, enum pb_codec codec, char *error, size_t size) {
    if (!load(d, error, size)) return false;
    for (int number = 0; number < d->cuda.devices; number++) {
        if (pb_cuda_take(&d->cuda, number, d->failure, sizeof d->failure) && pb_nvdec_enter(d) && ask_limits(d, codec)) return true;
        pb_nvdec_close_device(d);
        /* Of several GPUs the first is the one that a person thinks of. */
        if (number == 0) pb_error(error, size, "%s", d->failure);
    }
    return false;
}

bool pb_nvdec_probe(char *detail, size_t size) {
    struct pb_decoder *d = calloc(1, sizeof *d);
    bool ok = d && pb_nvdec_open_device(d, PB_H264, detail, size);
    if (ok) {
        unsigned width = d->limits.nMaxWidth, height = d->limits.nMaxHeight;
        bool hevc = ask_limits(d, PB_HEVC);
        pb_error(detail, size, "%s, H.264 up to %ux%u%s", d->cuda.name, width, height, hevc ? ", HEVC" : "");
        pb_nvdec_close_device(d);
    }
    free(d);
    return ok;
}
