/* What the files of the NVDEC decoder share: one GPU with a parser (libnvcuvid's own) and the decoder that the parser's calls
 * feed. Follows NVIDIA's Video Codec SDK 11.1. */
#ifndef PB_NVDEC_H
#define PB_NVDEC_H
#include "../nvidia/cuda.h"
#include "decode.h"

#include <ffnvcodec/dynlink_nvcuvid.h>

#define PB_CUVID_FUNCTIONS(F) \
    F(GetDecoderCaps, tcuvidGetDecoderCaps, "cuvidGetDecoderCaps") \
    F(CreateVideoParser, tcuvidCreateVideoParser, "cuvidCreateVideoParser") \
    F(ParseVideoData, tcuvidParseVideoData, "cuvidParseVideoData") \
    F(DestroyVideoParser, tcuvidDestroyVideoParser, "cuvidDestroyVideoParser") \
    F(CreateDecoder, tcuvidCreateDecoder, "cuvidCreateDecoder") \
    F(DestroyDecoder, tcuvidDestroyDecoder, "cuvidDestroyDecoder") \
    F(DecodePicture, tcuvidDecodePicture, "cuvidDecodePicture") \
    F(GetDecodeStatus, tcuvidGetDecodeStatus, "cuvidGetDecodeStatus") \
    F(MapVideoFrame, tcuvidMapVideoFrame64, "cuvidMapVideoFrame64") \
    F(UnmapVideoFrame, tcuvidUnmapVideoFrame64, "cuvidUnmapVideoFrame64")

struct pb_decoder {
    struct pb_cuda cuda;
#define F(name, type, symbol) type *name;
    PB_CUVID_FUNCTIONS(F)
#undef F
    enum pb_codec codec;
    CUVIDDECODECAPS limits;
    CUvideoparser parser;
    CUvideodecoder decoder;               /* NULL before the first sequence */
    uint32_t coded_width, coded_height;   /* of the decoder's surfaces */
    uint32_t surfaces;
    uint32_t left, top, width, height;    /* what is shown of them; all even */
    bool referable;                       /* a picture was decoded that others may refer to */
    /* What the parser's calls found in the access unit at hand. */
    struct {
        uint32_t sequences, pictures;
        int surface;                      /* that holds the picture, or -1 */
        enum pb_status status;            /* why a call refused, or PB_OK */
    } unit;
    uint8_t *memory; /* pinned: the picture's rows, luma then chroma */
    size_t bytes;
    bool entered;
    char failure[384]; /* of the last call that failed */
};

/* Opens the libraries and the first GPU that decodes `codec`, and asks for its limits; stays entered. */
bool pb_nvdec_open_device(struct pb_decoder *d, enum pb_codec codec, char *error, size_t size);
void pb_nvdec_close_device(struct pb_decoder *d);
/* The GPU's context becomes the thread's current one, for the calls until pb_nvdec_leave; false with `failure` set. */
bool pb_nvdec_enter(struct pb_decoder *d);
void pb_nvdec_leave(struct pb_decoder *d);
bool pb_nvdec_probe(char *detail, size_t size);
const char *pb_nvdec_codec_name(enum pb_codec codec);

/* Notes in `failure` that `call` answered `code`. Returns what that means: PB_ERROR when the stream may be to blame. */
enum pb_status pb_nvdec_fail(struct pb_decoder *d, const char *call, CUresult code);

/* The parser's calls (nvdec_parse.c): 0 stops the parser, with the reason in unit.status. */
int pb_nvdec_on_sequence(void *decoder, CUVIDEOFORMAT *format);
int pb_nvdec_on_picture(void *decoder, CUVIDPICPARAMS *picture);
#endif
