/* library: libnvcuvid.so.1 sources: tests/doubles/nv_parser.c tests/doubles/nv_syntax.c tests/doubles/coder.c tests/doubles/hevc.c libs: -l:libcuda.so.1 -lopenh264 -lx265 -lde265 */
/* A stand-in for NVIDIA's decoder: checks each call (nv.h), decodes in software (coder.h) what its parser (nv_parser.c) handed
 * out. Options of the script:
 *   decoder=none        no codec is supported             max=N          largest side, in pixels
 *   pitch=N map=null    what it claims of a mapped picture   status=N    what it says of each picture (9: concealed) */
#include "coder.h"
#include "nv_parser.h"

#include <stdlib.h>

struct decoder {
    CUcontext context;
    CUVIDDECODECREATEINFO info;
    struct picturer *picturer;
    struct {
        uint8_t *nv12; /* rows of the coded width */
        cuvidDecodeStatus status;
    } surface[NV_MAX_SURFACES];
    CUdeviceptr mapped[NV_MAX_SURFACES];
};

static unsigned option(const char *name, unsigned otherwise) {
    const char *value = nv_option(name);
    return value ? (unsigned)strtoul(value, NULL, 0) : otherwise;
}

static CUresult refuse(const char *why) {
    nv_complain("%s", why);
    return (CUresult)1;
}

NV_EXPORT CUresult cuvidGetDecoderCaps(CUVIDDECODECAPS *caps) {
    int answer;
    if (nv_misbehaves("cuvidGetDecoderCaps", &answer)) return (CUresult)answer;
    if (!nv_current()) return refuse("cuvidGetDecoderCaps without a current context");
    if (!nv_zeros(caps->reserved1, sizeof caps->reserved1) || !nv_zeros(caps->reserved3, sizeof caps->reserved3))
        return refuse("cuvidGetDecoderCaps: reserved fields are not zero");
    bool known = (caps->eCodecType == cudaVideoCodec_H264 || caps->eCodecType == cudaVideoCodec_HEVC) &&
                 caps->eChromaFormat == cudaVideoChromaFormat_420 && !caps->nBitDepthMinus8 && !nv_option("decoder");
    caps->bIsSupported = known;
    caps->nOutputFormatMask = known ? 1u << cudaVideoSurfaceFormat_NV12 : 0;
    caps->nMaxWidth = caps->nMaxHeight = known ? option("max", NV_MAX_SIDE) : 0;
    caps->nMaxMBCount = NV_MAX_SIDE * NV_MAX_SIDE / 256;
    caps->nMinWidth = caps->nMinHeight = 16;
    return CUDA_SUCCESS;
}

/* What of the coded picture is put out: all of it unless told otherwise. */
struct area {
    size_t left, top, right, bottom;
};

static struct area area_of(const CUVIDDECODECREATEINFO *i) {
    if (nv_zeros(&i->display_area, sizeof i->display_area)) return (struct area){0, 0, i->ulWidth, i->ulHeight};
    return (struct area){(size_t)i->display_area.left, (size_t)i->display_area.top, (size_t)i->display_area.right, (size_t)i->display_area.bottom};
}

NV_EXPORT CUresult cuvidCreateDecoder(CUvideodecoder *out, CUVIDDECODECREATEINFO *i) {
    int answer;
    if (nv_misbehaves("cuvidCreateDecoder", &answer)) return (CUresult)answer;
    if (!nv_current()) return refuse("cuvidCreateDecoder without a current context");
    if (i->Reserved1 || !nv_zeros(i->Reserved2, sizeof i->Reserved2)) return refuse("cuvidCreateDecoder: reserved fields are not zero");
    if (!i->ulWidth || !i->ulHeight || i->ulWidth > option("max", NV_MAX_SIDE) || i->ulHeight > option("max", NV_MAX_SIDE))
        return refuse("cuvidCreateDecoder: a size beyond what the caps say");
    if (!i->ulNumDecodeSurfaces || i->ulNumDecodeSurfaces > NV_MAX_SURFACES) return refuse("cuvidCreateDecoder: a strange number of surfaces");
    struct area area = area_of(i);
    if (area.right > i->ulWidth || area.bottom > i->ulHeight || area.left >= area.right || area.top >= area.bottom)
        return refuse("cuvidCreateDecoder: a strange area");
    if (i->ulTargetWidth != area.right - area.left || i->ulTargetHeight != area.bottom - area.top)
        return refuse("cuvidCreateDecoder: scaling, which is not done here");
    if (!i->ulNumOutputSurfaces || i->ulNumOutputSurfaces > NV_MAX_SURFACES) return refuse("cuvidCreateDecoder: a strange number of outputs");
    if (i->ChromaFormat != cudaVideoChromaFormat_420 || i->OutputFormat != cudaVideoSurfaceFormat_NV12 || i->bitDepthMinus8)
        return refuse("cuvidCreateDecoder: another format than NV12");
    struct decoder *d = calloc(1, sizeof *d);
    d->context = nv_current();
    d->info = *i;
    d->picturer = picturer_open(i->CodecType == cudaVideoCodec_HEVC);
    nv_add(d, "decoder");
    *out = d;
    return CUDA_SUCCESS;
}

#define BEGIN(name) \
    struct decoder *d = handle; \
    int answer; \
    if (nv_misbehaves(name, &answer)) return (CUresult)answer; \
    if (!nv_is(d, "decoder")) return refuse(name ": no decoder"); \
    if (nv_current() != d->context) nv_complain(name ": the decoder's context is not current");

NV_EXPORT CUresult cuvidDestroyDecoder(CUvideodecoder handle) {
    BEGIN("cuvidDestroyDecoder")
    nv_remove(d, "decoder");
    for (int i = 0; i < NV_MAX_SURFACES; i++) {
        if (d->mapped[i]) nv_complain("cuvidDestroyDecoder: a picture is still mapped");
        free(d->surface[i].nv12);
    }
    picturer_close(d->picturer);
    free(d);
    return CUDA_SUCCESS;
}

static void draw(const struct decoder *d, const struct coder_planes *p, uint8_t *nv12) {
    /* What lies beyond the picture shown is nobody's business; here it is as loud as can be. */
    size_t width = d->info.ulWidth, height = d->info.ulHeight;
    memset(nv12, 255, width * height * 3 / 2);
    for (uint32_t y = 0; y < p->height && y < height; y++)
        memcpy(nv12 + y * width, p->plane[0] + (size_t)y * p->stride[0], p->width < width ? p->width : width);
    for (uint32_t y = 0; y < p->height / 2 && y < height / 2; y++)
        for (uint32_t x = 0; x < p->width / 2 && x < width / 2; x++)
            for (int c = 0; c < 2; c++) nv12[width * height + y * width + 2 * x + (size_t)c] = p->plane[1 + c][(size_t)y * p->stride[1 + c] + x];
}

NV_EXPORT CUresult cuvidDecodePicture(CUvideodecoder handle, CUVIDPICPARAMS *p) {
    BEGIN("cuvidDecodePicture")
    if (p != nv_handed.given || memcmp(p, &nv_handed.copy, sizeof *p)) return refuse("cuvidDecodePicture: not what the parser gave");
    if (p->CurrPicIdx < 0 || (unsigned)p->CurrPicIdx >= d->info.ulNumDecodeSurfaces) return refuse("cuvidDecodePicture: no such surface");
    struct coder_planes planes;
    bool sound = picturer_decode(d->picturer, nv_handed.bytes, nv_handed.size, &planes);
    uint8_t **nv12 = &d->surface[p->CurrPicIdx].nv12;
    if (!*nv12) *nv12 = malloc(d->info.ulWidth * d->info.ulHeight * 3 / 2);
    if (sound) draw(d, &planes, *nv12);
    /* Hardware tells later that a picture was damaged. */
    d->surface[p->CurrPicIdx].status = sound ? cuvidDecodeStatus_Success : cuvidDecodeStatus_Error;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuvidGetDecodeStatus(CUvideodecoder handle, int surface, CUVIDGETDECODESTATUS *status) {
    BEGIN("cuvidGetDecodeStatus")
    if (surface < 0 || surface >= NV_MAX_SURFACES || !nv_zeros(status->reserved, sizeof status->reserved))
        return refuse("cuvidGetDecodeStatus: strange parameters");
    status->decodeStatus = (cuvidDecodeStatus)option("status", d->surface[surface].status);
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuvidMapVideoFrame64(CUvideodecoder handle, int surface, unsigned long long *out, unsigned *pitch, CUVIDPROCPARAMS *how) {
    BEGIN("cuvidMapVideoFrame64")
    if (surface < 0 || surface >= NV_MAX_SURFACES || !d->surface[surface].nv12) return refuse("cuvidMapVideoFrame64: nothing was decoded there");
    if (!nv_zeros(how->Reserved, sizeof how->Reserved) || how->reserved_zero || how->Reserved1)
        return refuse("cuvidMapVideoFrame64: reserved fields are not zero");
    unsigned slot = 0;
    while (slot < d->info.ulNumOutputSurfaces && d->mapped[slot]) slot++;
    if (slot == d->info.ulNumOutputSurfaces) return refuse("cuvidMapVideoFrame64: all outputs are mapped");
    if (nv_option("map")) {
        *out = 0, *pitch = 0;
        return CUDA_SUCCESS;
    }
    struct area area = area_of(&d->info);
    size_t coded = d->info.ulWidth, width = area.right - area.left, height = area.bottom - area.top, row = ((width + 255) & ~255ul) + 256;
    d->mapped[slot] = nv_device_new(row * height * 3 / 2);
    uint8_t *to = nv_device_bytes(d->mapped[slot], row * height * 3 / 2);
    for (size_t y = 0; y < height * 3 / 2; y++) {
        size_t from = y < height ? area.top + y : d->info.ulHeight + area.top / 2 + (y - height);
        memcpy(to + y * row, d->surface[surface].nv12 + from * coded + area.left, width);
    }
    *out = d->mapped[slot];
    *pitch = option("pitch", (unsigned)row);
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuvidUnmapVideoFrame64(CUvideodecoder handle, unsigned long long picture) {
    BEGIN("cuvidUnmapVideoFrame64")
    for (int i = 0; i < NV_MAX_SURFACES; i++) {
        if (!picture || d->mapped[i] != picture) continue;
        d->mapped[i] = 0;
        nv_device_free(picture);
        return CUDA_SUCCESS;
    }
    return refuse("cuvidUnmapVideoFrame64: it is not mapped");
}

/* Looked up by other programs, called by none that only decodes one stream. */
#define ABSENT(name) \
    NV_EXPORT CUresult name(void); \
    CUresult name(void) { return refuse(#name " is not part of this stand-in"); }
ABSENT(cuvidReconfigureDecoder) ABSENT(cuvidMapVideoFrame) ABSENT(cuvidUnmapVideoFrame)
ABSENT(cuvidCtxLockCreate) ABSENT(cuvidCtxLockDestroy) ABSENT(cuvidCtxLock) ABSENT(cuvidCtxUnlock)
ABSENT(cuvidCreateVideoSource) ABSENT(cuvidCreateVideoSourceW) ABSENT(cuvidDestroyVideoSource)
ABSENT(cuvidSetVideoSourceState) ABSENT(cuvidGetVideoSourceState) ABSENT(cuvidGetSourceVideoFormat)
ABSENT(cuvidGetSourceAudioFormat)
