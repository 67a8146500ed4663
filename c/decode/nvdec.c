/* H.264 and HEVC by an NVIDIA GPU (NVDEC). Pictures are shown in the order in which they are decoded: no stream here reorders
 * any, so that an access unit gives its picture at once. The picture is copied out of the GPU's memory, because displays take
 * pixels, and the GPU's copy is given back before decode() returns. A damaged picture is an error, concealed or not. */
#include "nvdec.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PITCH = 65536 };

static void close_decoder(struct pb_decoder *d) {
    if (!d) return;
    if (d->cuda.context) {
        pb_nvdec_enter(d);
        if (d->parser) d->DestroyVideoParser(d->parser);
        if (d->decoder) d->DestroyDecoder(d->decoder);
        if (d->memory) d->cuda.MemFreeHost(d->memory);
        pb_nvdec_close_device(d);
    }
    free(d);
}

static struct pb_decoder *open_decoder(enum pb_codec codec, char *error, size_t error_size) {
    struct pb_decoder *d = calloc(1, sizeof *d);
    if (!d) {
        pb_error(error, error_size, "no memory");
        return NULL;
    }
    d->codec = codec;
    if (!pb_nvdec_open_device(d, codec, error, error_size)) goto fail;
    CUVIDPARSERPARAMS p;
    memset(&p, 0, sizeof p);
    p.CodecType = d->limits.eCodecType;
    p.ulMaxNumDecodeSurfaces = 1; /* the sequence says how many; 1 until then, as NVIDIA's samples have it */
    p.ulErrorThreshold = 0;
    p.ulMaxDisplayDelay = 0;
    p.pUserData = d;
    p.pfnSequenceCallback = pb_nvdec_on_sequence;
    p.pfnDecodePicture = pb_nvdec_on_picture;
    CUresult code = d->CreateVideoParser(&d->parser, &p);
    if (code || !d->parser) {
        d->parser = NULL;
        pb_cuda_explain(&d->cuda, "cuvidCreateVideoParser", code, error, error_size);
        goto fail;
    }
    pb_nvdec_leave(d);
    return d;
fail:
    pb_nvdec_leave(d);
    close_decoder(d);
    return NULL;
}

static bool has_start_code(const uint8_t *data, uint32_t size) {
    return size >= 5 && !data[0] && !data[1] && (data[2] == 1 || (!data[2] && data[3] == 1));
}

/* Is there a slice among the units? Then a picture must come of it. */
static bool has_slice(enum pb_codec codec, const uint8_t *data, uint32_t size) {
    for (uint32_t i = 2; i + 1 < size; i++) {
        if (data[i] != 1 || data[i - 1] || data[i - 2]) continue;
        unsigned type = codec == PB_HEVC ? data[i + 1] >> 1 & 63u : data[i + 1] & 31u;
        if (codec == PB_HEVC ? type < 32 : type >= 1 && type <= 5) return true;
    }
    return false;
}

static bool reserve(struct pb_decoder *d, size_t bytes) {
    if (bytes <= d->bytes) return true;
    if (d->memory) d->cuda.MemFreeHost(d->memory);
    d->memory = NULL;
    d->bytes = 0;
    void *memory = NULL;
    CUresult code = d->cuda.MemAllocHost(&memory, bytes);
    if (code || !memory) {
        pb_nvdec_fail(d, "cuMemAllocHost", code);
        return false;
    }
    d->memory = memory;
    d->bytes = bytes;
    return true;
}

static CUresult copy_plane(struct pb_decoder *d, CUdeviceptr from, size_t pitch, uint32_t top, uint32_t rows, uint8_t *to,
                           uint32_t stride) {
    CUDA_MEMCPY2D copy;
    memset(&copy, 0, sizeof copy);
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = from;
    copy.srcPitch = pitch;
    copy.srcXInBytes = d->left;
    copy.srcY = top;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = to;
    copy.dstPitch = stride;
    copy.WidthInBytes = d->width;
    copy.Height = rows;
    return d->cuda.Memcpy2D(&copy);
}

/* The picture of surface `unit.surface`, in rows of our own. */
static enum pb_status fetch(struct pb_decoder *d, struct pb_picture *picture) {
    uint32_t stride = (d->width + 63) & ~63u;
    size_t luma = (size_t)stride * d->height;
    if (!reserve(d, luma + luma / 2)) return PB_LOST;
    CUVIDPROCPARAMS how;
    memset(&how, 0, sizeof how);
    how.progressive_frame = 1;
    unsigned long long mapped = 0;
    unsigned pitch = 0;
    CUresult code = d->MapVideoFrame(d->decoder, d->unit.surface, &mapped, &pitch, &how);
    if (code) {
        pb_nvdec_fail(d, "cuvidMapVideoFrame64", code);
        return PB_LOST;
    }
    CUVIDGETDECODESTATUS state;
    memset(&state, 0, sizeof state);
    /* Older chips cannot say; then a picture is taken as it is. */
    bool told = d->GetDecodeStatus(d->decoder, d->unit.surface, &state) == CUDA_SUCCESS;
    bool damaged = told && state.decodeStatus >= cuvidDecodeStatus_Error;
    bool sane = mapped && pitch >= d->coded_width && pitch <= MAX_PITCH;
    if (!damaged && sane) {
        code = copy_plane(d, mapped, pitch, d->top, d->height, d->memory, stride);
        CUdeviceptr chroma = mapped + (CUdeviceptr)pitch * d->coded_height;
        if (!code) code = copy_plane(d, chroma, pitch, d->top / 2, d->height / 2, d->memory + luma, stride);
    }
    CUresult unmapped = mapped ? d->UnmapVideoFrame(d->decoder, mapped) : CUDA_SUCCESS;
    if (damaged) {
        pb_error(d->failure, sizeof d->failure, "%s: a damaged picture", d->cuda.name);
        return PB_ERROR;
    }
    if (!sane) {
        pb_error(d->failure, sizeof d->failure,
                 "%s: cuvidMapVideoFrame64 gave rows of %u bytes for %u pixels: a fault of the driver", d->cuda.name, pitch, d->coded_width);
        return PB_LOST;
    }
    if (code || unmapped) {
        pb_nvdec_fail(d, code ? "cuMemcpy2D" : "cuvidUnmapVideoFrame64", code ? code : unmapped);
        return PB_LOST;
    }
    *picture = (struct pb_picture){.format = PB_NV12,
                                   .width = d->width,
                                   .height = d->height,
                                   .plane = {d->memory, d->memory + luma},
                                   .stride = {stride, stride}};
    return PB_OK;
}

static enum pb_status parse(struct pb_decoder *d, const uint8_t *data, uint32_t size) {
    d->unit.sequences = d->unit.pictures = 0;
    d->unit.surface = -1;
    d->unit.status = PB_OK;
    CUVIDSOURCEDATAPACKET packet;
    memset(&packet, 0, sizeof packet);
    /* The unit is whole: the parser need not wait for the next to see that. */
    packet.flags = CUVID_PKT_ENDOFPICTURE;
    packet.payload = data;
    packet.payload_size = size;
    CUresult code = d->ParseVideoData(d->parser, &packet);
    if (d->unit.status != PB_OK) return d->unit.status;
    if (code) return pb_nvdec_fail(d, "cuvidParseVideoData", code);
    if (d->unit.surface >= 0) return PB_OK;
    if (!has_slice(d->codec, data, size)) return PB_AGAIN;
    pb_error(d->failure, sizeof d->failure, "%s: no picture came of an access unit", d->cuda.name);
    return PB_ERROR;
}

static enum pb_status decode(struct pb_decoder *d, const uint8_t *data, uint32_t size, struct pb_picture *picture) {
    if (!data || size > PB_MAX_FRAME_BYTES || !has_start_code(data, size)) {
        pb_error(d->failure, sizeof d->failure, "bytes that are no access unit");
        return PB_ERROR;
    }
    if (!pb_nvdec_enter(d)) return PB_LOST;
    enum pb_status status = parse(d, data, size);
    if (status == PB_OK) status = fetch(d, picture);
    pb_nvdec_leave(d);
    return status;
}

static void failure(const struct pb_decoder *d, char *out, size_t size) { pb_error(out, size, "%s", d->failure); }

const struct pb_decoder_backend pb_decoder_nvdec = {
    .name = "nvdec",
    .codecs = 1u << PB_H264 | 1u << PB_HEVC,
    .probe = pb_nvdec_probe,
    .open = open_decoder,
    .decode = decode,
    .failure = failure,
    .close = close_decoder,
};
