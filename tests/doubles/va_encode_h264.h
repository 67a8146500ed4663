/* The VA stand-in's H.264 encoder: one picture as it was rendered, and what is known of the stream. */
#ifndef VA_STANDIN_ENCODE_H264_H
#define VA_STANDIN_ENCODE_H264_H
#include "va_h264.h"
#include "va_standin.h"

#include <wels/codec_api.h>

#define NEED(o, ...) do { if (!(o)) return violation(d, VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture (H.264): " __VA_ARGS__); } while (0)
enum { SLICES = 32, HEADERS = SLICES + 8 };

struct h264_job { /* one picture, as it was rendered */
    const VAEncSequenceParameterBufferH264 *sequence;
    const VAEncPictureParameterBufferH264 *picture;
    const VAEncSliceParameterBufferH264 *slice[SLICES];
    unsigned slices, headers;
    struct { const VAEncPackedHeaderParameterBuffer *about; const uint8_t *data; size_t size; unsigned before; } header[HEADERS];
};

struct h264_state {
    ISVCEncoder *codec;
    VAEncSequenceParameterBufferH264 sequence;
    bool has_sequence, started;
    uint32_t bitrate, fps, min_qp, max_qp, running_bitrate, running_fps;
    uint32_t slice_count, frame_num, mbs[SLICES];
    uint64_t made; /* pictures; the last one's number */
    struct sps from_sps, to_sps;
    struct pps from_pps, to_pps;
    struct bytes packed_sets;
    uint8_t *i420;
};

VAStatus h264_check_sequence(struct driver *d, struct object *c, const VAEncSequenceParameterBufferH264 *q);
VAStatus h264_check_picture(struct driver *d, struct object *c, struct h264_state *s, const struct h264_job *job);
VAStatus h264_check_slices(struct driver *d, struct object *c, const struct h264_job *job);
#endif
