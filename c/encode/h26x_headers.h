/* Parameter sets and slice headers of the streams that hardware encoders make here: I and P pictures of one reference, none
 * reordered, one picture buffer, BT.709 in limited range. One struct holds what a stream is; the headers and the parameters
 * for the driver are both filled from it, so that they cannot disagree. */
#ifndef PB_ENCODE_H26X_HEADERS_H
#define PB_ENCODE_H26X_HEADERS_H
#include "bit_writer.h"

enum {
    PB_H264_FRAME_NUM_BITS = 8, PB_HEVC_POC_BITS = 8, PB_INITIAL_QP = 26,
    PB_NAL_H264_SLICE = 1, PB_NAL_H264_IDR = 5, PB_NAL_H264_SPS = 7, PB_NAL_H264_PPS = 8,
    PB_NAL_HEVC_TRAIL_R = 1, PB_NAL_HEVC_IDR = 19, PB_NAL_HEVC_VPS = 32, PB_NAL_HEVC_SPS = 33, PB_NAL_HEVC_PPS = 34,
};

struct pb_h264_stream {
    uint32_t width, height;      /* pixels shown, even */
    uint32_t wide, high;         /* macroblocks */
    uint32_t profile_idc;        /* 66 (constrained baseline), 77 (main) or 100 (high, without its 8x8 transform) */
    uint32_t level_idc, fps;
};

struct pb_h264_slice_start {
    uint32_t first_macroblock, frame_num, idr_pic_id;
    bool idr;
};

struct pb_hevc_stream {
    uint32_t width, height;       /* pixels shown, even */
    uint32_t coded_width, coded_height; /* multiples of the smallest coding block */
    uint32_t level_idc, fps;
    uint32_t log2_min_cb, log2_ctb, log2_min_tb, log2_max_tb, depth_inter, depth_intra;
    bool amp, sao, strong_intra, sign_hiding, transform_skip, cu_qp_delta;
};

struct pb_hevc_slice_start {
    uint32_t address, poc; /* of the first coding tree block; of the picture since the last IDR picture */
    bool idr;
};

/* Smallest level that takes such a stream: level_idc as written, 10 times the level in H.264 and 30 times in HEVC. */
uint32_t pb_h264_level(uint32_t macroblocks, uint32_t fps, uint32_t bitrate_bps);
uint32_t pb_hevc_level(uint32_t pixels, uint32_t fps, uint32_t bitrate_bps);

void pb_h264_sps(struct pb_nal *n, const struct pb_h264_stream *s);
void pb_h264_pps(struct pb_nal *n, const struct pb_h264_stream *s);
/* Ends where the slice's data begins, mostly in the midst of a byte. */
void pb_h264_slice_header(struct pb_nal *n, const struct pb_h264_stream *s, const struct pb_h264_slice_start *slice);

void pb_hevc_vps(struct pb_nal *n, const struct pb_hevc_stream *s);
void pb_hevc_sps(struct pb_nal *n, const struct pb_hevc_stream *s);
void pb_hevc_pps(struct pb_nal *n, const struct pb_hevc_stream *s);
void pb_hevc_slice_header(struct pb_nal *n, const struct pb_hevc_stream *s, const struct pb_hevc_slice_start *slice);
#endif
