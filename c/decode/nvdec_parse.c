/* What libnvcuvid's parser calls while it reads an access unit: a new sequence makes a decoder, a picture is handed to it.
 * The parser tells what a stranger's bytes say, so that every size and number is looked at first. A picture that refers to
 * one that is not there is refused: hardware would fill in something and call it a success. */
#include "nvdec.h"

#include <string.h>

/* An access unit is one picture of one sequence; more are a stranger's try to keep the GPU busy. */
enum { MAX_SEQUENCES = 1, MAX_PICTURES = 2, MAX_SURFACES = 32, MAX_REFERENCES = 16 };

__attribute__((format(printf, 3, 4))) static int refuse(struct pb_decoder *d, enum pb_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(d->failure, sizeof d->failure, format, args);
    va_end(args);
    d->unit.status = status;
    return 0;
}

static bool plausible(const CUVIDEOFORMAT *f) {
    int right = f->display_area.right, bottom = f->display_area.bottom, left = f->display_area.left, top = f->display_area.top;
    return f->coded_width && f->coded_height && f->coded_width <= PB_MAX_WIDTH && f->coded_height <= PB_MAX_HEIGHT && left >= 0 &&
           top >= 0 && left < right && top < bottom && (uint32_t)right <= f->coded_width && (uint32_t)bottom <= f->coded_height &&
           !((left | top | right | bottom | (int)f->coded_width | (int)f->coded_height) & 1);
}

static bool within(const CUVIDDECODECAPS *limits, const CUVIDEOFORMAT *f) {
    return f->coded_width <= limits->nMaxWidth && f->coded_height <= limits->nMaxHeight && f->coded_width >= limits->nMinWidth &&
           f->coded_height >= limits->nMinHeight && (uint64_t)f->coded_width * f->coded_height / 256 <= limits->nMaxMBCount;
}

static bool create(struct pb_decoder *d, const CUVIDEOFORMAT *f, uint32_t surfaces) {
    CUVIDDECODECREATEINFO info;
    memset(&info, 0, sizeof info);
    info.ulWidth = info.ulMaxWidth = info.ulTargetWidth = f->coded_width;
    info.ulHeight = info.ulMaxHeight = info.ulTargetHeight = f->coded_height;
    info.ulNumDecodeSurfaces = surfaces;
    info.ulNumOutputSurfaces = 1;
    info.CodecType = f->codec;
    info.ChromaFormat = cudaVideoChromaFormat_420;
    info.OutputFormat = cudaVideoSurfaceFormat_NV12;
    info.DeinterlaceMode = cudaVideoDeinterlaceMode_Weave;
    info.ulCreationFlags = cudaVideoCreate_PreferCUVID;
    CUresult code = d->CreateDecoder(&d->decoder, &info);
    if (!code && d->decoder) return true;
    d->decoder = NULL;
    /* Whatever it says: the stream was found sound and within the limits, so another decoder must take it. */
    pb_nvdec_fail(d, "cuvidCreateDecoder", code);
    d->unit.status = PB_LOST;
    return false;
}

int pb_nvdec_on_sequence(void *decoder, CUVIDEOFORMAT *f) {
    struct pb_decoder *d = decoder;
    if (++d->unit.sequences > MAX_SEQUENCES) return refuse(d, PB_ERROR, "an access unit with more than one sequence");
    if (f->codec != d->limits.eCodecType || !plausible(f))
        return refuse(d, PB_ERROR, "a stream of %ux%u pixels, shown from %d,%d to %d,%d", f->coded_width, f->coded_height,
                      f->display_area.left, f->display_area.top, f->display_area.right, f->display_area.bottom);
    if (f->chroma_format != cudaVideoChromaFormat_420 || f->bit_depth_luma_minus8 || f->bit_depth_chroma_minus8)
        return refuse(d, PB_ERROR, "a stream that is not 4:2:0 of 8 bits");
    if (!within(&d->limits, f))
        return refuse(d, PB_LOST, "%s decodes %s from %ux%u to %ux%u pixels, the stream has %ux%u; use another decoder",
                      d->cuda.name, pb_nvdec_codec_name(d->codec), d->limits.nMinWidth, d->limits.nMinHeight, d->limits.nMaxWidth,
                      d->limits.nMaxHeight, f->coded_width, f->coded_height);
    uint32_t surfaces = f->min_num_decode_surfaces ? f->min_num_decode_surfaces : 1;
    if (surfaces > MAX_SURFACES) return refuse(d, PB_ERROR, "a stream that needs %u pictures in memory", surfaces);
    bool fits = d->decoder && d->coded_width == f->coded_width && d->coded_height == f->coded_height && d->surfaces == surfaces;
    if (!fits) {
        if (d->decoder) d->DestroyDecoder(d->decoder);
        d->decoder = NULL;
        d->referable = false;
        d->unit.surface = -1;
        if (!create(d, f, surfaces)) return 0;
    }
    d->coded_width = f->coded_width;
    d->coded_height = f->coded_height;
    d->surfaces = surfaces;
    d->left = (uint32_t)f->display_area.left;
    d->top = (uint32_t)f->display_area.top;
    d->width = (uint32_t)(f->display_area.right - f->display_area.left);
    d->height = (uint32_t)(f->display_area.bottom - f->display_area.top);
    return (int)surfaces;
}

static bool lacks_h264_reference(const CUVIDH264PICPARAMS *h) {
    for (unsigned i = 0; i < MAX_REFERENCES; i++)
        if (h->dpb[i].used_for_reference && (h->dpb[i].not_existing || h->dpb[i].PicIdx < 0)) return true;
    return false;
}

static bool lacks_any(const CUVIDHEVCPICPARAMS *h, const unsigned char *list, int count) {
    if (count < 0 || count > 8) return true;
    for (int i = 0; i < count; i++)
        if (list[i] >= MAX_REFERENCES || h->RefPicIdx[list[i]] < 0) return true;
    return false;
}

static bool lacks_reference(const struct pb_decoder *d, const CUVIDPICPARAMS *p) {
    if (p->intra_pic_flag) return false;
    if (!d->referable) return true;
    if (d->codec == PB_H264) return lacks_h264_reference(&p->CodecSpecific.h264);
    const CUVIDHEVCPICPARAMS *h = &p->CodecSpecific.hevc;
    return lacks_any(h, h->RefPicSetStCurrBefore, h->NumPocStCurrBefore) ||
           lacks_any(h, h->RefPicSetStCurrAfter, h->NumPocStCurrAfter) ||
           lacks_any(h, h->RefPicSetLtCurr, h->NumPocLtCurr);
}

int pb_nvdec_on_picture(void *decoder, CUVIDPICPARAMS *p) {
    struct pb_decoder *d = decoder;
    if (++d->unit.pictures > MAX_PICTURES) return refuse(d, PB_ERROR, "an access unit with more than one picture");
    if (!d->decoder || p->CurrPicIdx < 0 || (uint32_t)p->CurrPicIdx >= d->surfaces)
        return refuse(d, PB_ERROR, "a picture outside of any sequence");
    if (p->field_pic_flag) return refuse(d, PB_ERROR, "an interlaced stream");
    if (lacks_reference(d, p)) return refuse(d, PB_ERROR, "a picture whose reference is missing");
    CUresult code = d->DecodePicture(d->decoder, p);
    if (code) {
        d->unit.status = pb_nvdec_fail(d, "cuvidDecodePicture", code);
        return 0;
    }
    d->referable = true;
    d->unit.surface = p->CurrPicIdx;
    return 1;
}
