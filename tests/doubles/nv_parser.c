/* The stand-in for NVDEC's parser: cuts packets into pictures and calls back. Without CUVID_PKT_ENDOFPICTURE it holds each
 * picture back until the next begins, as the real one does. Options of the script: coded=N area=N surfaces=N index=N, what it
 * claims of the coded width, the right edge, the surfaces needed and the picture's surface. */
#include "nv_parser.h"

#include <stdlib.h>

enum { SETS = 3, SLICES = 64 };

struct parser {
    CUVIDPARSERPARAMS params;
    struct nv_sequence read, active;
    struct {
        uint8_t *bytes;
        size_t size;
    } set[SETS]; /* the newest video, sequence and picture parameter sets, with start codes */
    bool new_sets; /* since the last picture: decoders in software take them only once */
    uint8_t *unit;
    size_t size, capacity, sets_size;
    unsigned offsets[SLICES], slices;
    struct nv_slice slice;
    unsigned surfaces, next, last_order;
    int last_surface;
    CUvideotimestamp now, timestamp; /* of the packet, of the picture */
};

__thread struct nv_handed nv_handed;

static unsigned option(const char *name, unsigned otherwise) {
    const char *value = nv_option(name);
    return value ? (unsigned)strtoul(value, NULL, 0) : otherwise;
}

static CUresult refuse(const char *why) {
    nv_complain("%s", why);
    return (CUresult)1;
}

NV_EXPORT CUresult cuvidCreateVideoParser(CUvideoparser *out, CUVIDPARSERPARAMS *p) {
    int answer;
    if (nv_misbehaves("cuvidCreateVideoParser", &answer)) return (CUresult)answer;
    if (p->CodecType != cudaVideoCodec_H264 && p->CodecType != cudaVideoCodec_HEVC) return refuse("cuvidCreateVideoParser: an unknown codec");
    if (!p->pfnSequenceCallback || !p->pfnDecodePicture) return refuse("cuvidCreateVideoParser without its callbacks");
    if (!p->ulMaxNumDecodeSurfaces || p->ulErrorThreshold > 100 || p->uReserved || !nv_zeros(p->uReserved1, sizeof p->uReserved1))
        return refuse("cuvidCreateVideoParser: strange parameters");
    struct parser *parser = calloc(1, sizeof *parser);
    parser->params = *p;
    nv_add(parser, "video parser");
    *out = parser;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuvidDestroyVideoParser(CUvideoparser handle) {
    struct parser *p = handle;
    if (!nv_remove(p, "video parser")) return (CUresult)1;
    for (int i = 0; i < SETS; i++) free(p->set[i].bytes);
    free(p->unit);
    free(p);
    return CUDA_SUCCESS;
}

static void append(struct parser *p, const uint8_t *bytes, size_t size) {
    if (p->size + size > p->capacity) p->unit = realloc(p->unit, p->capacity = (p->size + size) * 2);
    memcpy(p->unit + p->size, bytes, size);
    p->size += size;
}

static bool announce(struct parser *p) {
    const struct nv_sequence *s = &p->read;
    if (!memcmp(s, &p->active, sizeof *s)) return true;
    CUVIDEOFORMAT f;
    memset(&f, 0, sizeof f);
    f.codec = p->params.CodecType;
    f.progressive_sequence = 1;
    f.frame_rate.numerator = 60, f.frame_rate.denominator = 1;
    f.display_aspect_ratio.x = (int)(s->right - s->left), f.display_aspect_ratio.y = (int)(s->bottom - s->top);
    f.coded_width = option("coded", s->width);
    f.coded_height = s->height;
    f.display_area.left = (int)s->left, f.display_area.top = (int)s->top;
    f.display_area.right = (int)option("area", s->right), f.display_area.bottom = (int)s->bottom;
    f.chroma_format = (cudaVideoChromaFormat)s->chroma_format;
    f.bit_depth_luma_minus8 = f.bit_depth_chroma_minus8 = (unsigned char)s->depth;
    f.min_num_decode_surfaces = (unsigned char)option("surfaces", s->references + 2);
    int answer = p->params.pfnSequenceCallback(p->params.pUserData, &f);
    if (!answer) return false;
    p->surfaces = answer > 1 ? (unsigned)answer : p->params.ulMaxNumDecodeSurfaces;
    p->active = *s;
    p->next = 0;
    p->last_surface = -1;
    return true;
}

/* The one picture that this one may refer to; a number left out means that it was lost on the way. */
static void tell_reference(const struct parser *p, CUVIDPICPARAMS *picture) {
    unsigned mask = (1u << p->active.order_bits) - 1;
    bool there = p->last_surface >= 0 && p->slice.order == ((p->last_order + 1) & mask);
    if (p->active.hevc) {
        CUVIDHEVCPICPARAMS *h = &picture->CodecSpecific.hevc;
        for (int i = 0; i < 16; i++) h->RefPicIdx[i] = -1;
        h->IrapPicFlag = p->slice.intra, h->IdrPicFlag = p->slice.idr;
        if (p->slice.intra) return;
        h->NumPocTotalCurr = h->NumPocStCurrBefore = 1;
        if (there) h->RefPicIdx[0] = p->last_surface;
        return;
    }
    CUVIDH264PICPARAMS *h = &picture->CodecSpecific.h264;
    h->num_ref_frames = (int)p->active.references;
    h->ref_pic_flag = 1;
    h->frame_num = (int)p->slice.order;
    for (int i = 0; i < 16; i++) h->dpb[i].PicIdx = -1;
    if (p->slice.idr || p->slice.intra) return;
    h->dpb[0].used_for_reference = 3;
    h->dpb[0].PicIdx = there ? p->last_surface : -1;
    h->dpb[0].not_existing = !there;
}

static bool emit(struct parser *p) {
    if (!p->slices) return true;
    bool going_on = announce(p);
    if (going_on) {
        CUVIDPICPARAMS picture;
        memset(&picture, 0, sizeof picture);
        unsigned surface = p->next;
        p->next = (p->next + 1) % p->surfaces;
        picture.PicWidthInMbs = (int)(p->active.width + 15) / 16;
        picture.FrameHeightInMbs = (int)(p->active.height + 15) / 16;
        picture.CurrPicIdx = (int)option("index", surface);
        picture.pBitstreamData = p->unit + p->sets_size;
        picture.nBitstreamDataLen = (unsigned)(p->size - p->sets_size);
        picture.nNumSlices = p->slices;
        picture.pSliceDataOffsets = p->offsets;
        picture.ref_pic_flag = 1;
        picture.intra_pic_flag = p->slice.intra;
        tell_reference(p, &picture);
        nv_handed = (struct nv_handed){.given = &picture, .copy = picture, .bytes = p->unit, .size = p->size};
        going_on = p->params.pfnDecodePicture(p->params.pUserData, &picture) > 0;
        if (going_on && p->params.pfnDisplayPicture) {
            CUVIDPARSERDISPINFO shown = {.picture_index = picture.CurrPicIdx, .progressive_frame = 1, .timestamp = p->timestamp};
            going_on = p->params.pfnDisplayPicture(p->params.pUserData, &shown) > 0;
        }
        nv_handed.given = NULL;
        p->last_surface = (int)surface;
        p->last_order = p->slice.order;
    }
    p->size = p->sets_size = 0;
    p->slices = 0;
    return going_on;
}

static void keep_set(struct parser *p, int which, const uint8_t *unit, size_t size) {
    p->set[which].bytes = realloc(p->set[which].bytes, size + 4);
    memcpy(p->set[which].bytes, "\0\0\0\1", 4);
    memcpy(p->set[which].bytes + 4, unit, size);
    p->set[which].size = size + 4;
    p->new_sets = true;
    if (which == 1) p->read = nv_read_sequence(unit, size, p->params.CodecType == cudaVideoCodec_HEVC);
}

static bool take_slice(struct parser *p, const uint8_t *unit, size_t size) {
    if (!p->read.good) return true; /* without a sequence nothing can be made of it */
    struct nv_slice slice = nv_read_slice(unit, size, &p->read);
    if (slice.first && !emit(p)) return false;
    if (!p->slices) {
        p->size = 0;
        for (int i = 0; i < SETS && p->new_sets; i++) append(p, p->set[i].bytes, p->set[i].size);
        p->new_sets = false;
        p->sets_size = p->size;
        p->slice = slice;
        p->timestamp = p->now;
    }
    if (p->slices == SLICES) return true;
    p->slice.intra = p->slice.intra && (slice.intra || p->read.hevc);
    p->offsets[p->slices++] = (unsigned)(p->size - p->sets_size);
    append(p, (const uint8_t *)"\0\0\1", 3);
    append(p, unit, size);
    return true;
}

static bool take_unit(struct parser *p, const uint8_t *unit, size_t size) {
    if (!size) return true;
    bool hevc = p->params.CodecType == cudaVideoCodec_HEVC;
    unsigned type = hevc ? unit[0] >> 1 & 63u : unit[0] & 31u;
    if (hevc ? type < 22 : type == 1 || type == 5) return take_slice(p, unit, size);
    bool is_set = hevc ? type >= 32 && type <= 34 : type == 7 || type == 8;
    if (!is_set) return true;
    if (!emit(p)) return false;
    keep_set(p, hevc ? (int)type - 32 : (int)type - 6, unit, size);
    return true;
}

NV_EXPORT CUresult cuvidParseVideoData(CUvideoparser handle, CUVIDSOURCEDATAPACKET *packet) {
    struct parser *p = handle;
    int answer;
    if (nv_misbehaves("cuvidParseVideoData", &answer)) return (CUresult)answer;
    if (!nv_is(p, "video parser")) return refuse("cuvidParseVideoData: no parser");
    if (!nv_current()) nv_complain("cuvidParseVideoData without a current context");
    if (packet->payload_size && !packet->payload) return refuse("cuvidParseVideoData: no payload");
    const uint8_t *data = packet->payload, *end = data + packet->payload_size, *begin = NULL;
    bool going_on = true;
    p->now = packet->timestamp;
    for (const uint8_t *at = data; going_on && at + 3 <= end; at++) {
        if (at[0] || at[1] || at[2] != 1) continue;
        if (begin) going_on = take_unit(p, begin, (size_t)(at - begin) - (at > begin && !at[-1]));
        begin = at + 3;
    }
    if (going_on && begin) going_on = take_unit(p, begin, (size_t)(end - begin));
    if (going_on && packet->flags & (CUVID_PKT_ENDOFPICTURE | CUVID_PKT_ENDOFSTREAM)) going_on = emit(p);
    return going_on ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}
