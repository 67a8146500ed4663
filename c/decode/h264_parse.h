/* What a decoder in hardware must be told of an H.264 stream (ITU-T H.264, 7.3): parameter sets and slice headers, read from
 * hostile bytes. Only what encoders of streams make: progressive 4:2:0 of 8 bits, I and P slices, no scaling lists. */
#ifndef PB_DECODE_H264_PARSE_H
#define PB_DECODE_H264_PARSE_H
#include "bit_reader.h"

enum { PB_H264_SPS = 32, PB_H264_PPS = 64, PB_H264_REFERENCES = 16, PB_H264_OPERATIONS = 66 };

enum pb_parsed {
    PB_PARSED,
    PB_PARSED_DAMAGED,  /* not what the standard allows, or cut off */
    PB_PARSED_UNKNOWN   /* allowed, but nothing that is decoded here */
};

struct pb_h264_sps {
    bool valid, gaps, direct_8x8;
    uint32_t profile, level, frame_num_bits, poc_type, poc_bits, references;
    uint32_t wide, high;               /* macroblocks */
    uint32_t left, right, top, bottom; /* pixels that are not shown */
};

struct pb_h264_pps {
    bool valid, cabac, bottom_order, weighted, loop_control, constrained_intra, redundant, transform_8x8;
    uint32_t sps, references, weighted_bi;
    int32_t init_qp, init_qs, chroma_offset, second_chroma_offset; /* the first two minus 26 */
};

struct pb_h264_operation {
    uint32_t op, value, second;
};

struct pb_h264_slice {
    bool idr, intra, override, long_term_reference, adaptive;
    uint32_t nal_ref, first, pps, frame_num, idr_id, poc_lsb, references; /* references: 1 to 32 */
    int32_t delta_bottom, qp_delta, alpha, beta;
    uint32_t cabac_init, loop, data_bit; /* data_bit: where the slice's data begin, counted from the NAL header */
    uint32_t modifications, markings;
    struct pb_h264_operation modification[PB_H264_OPERATIONS], marking[PB_H264_OPERATIONS];
    bool luma_weights, chroma_weights;
    uint32_t luma_denominator, chroma_denominator;
    int16_t luma_weight[32], luma_offset[32], chroma_weight[32][2], chroma_offset[32][2];
};

/* Each begins behind the NAL header; a set is stored in its place only when it is whole. */
enum pb_parsed pb_h264_read_sps(struct pb_bit_reader *r, struct pb_h264_sps sets[PB_H264_SPS]);
enum pb_parsed pb_h264_read_pps(struct pb_bit_reader *r, struct pb_h264_pps sets[PB_H264_PPS]);
/* `active` is the running sequence's set; NULL takes the one that the slice names, which a slice of an IDR picture may. */
enum pb_parsed pb_h264_read_slice(struct pb_bit_reader *r, uint8_t nal, const struct pb_h264_sps sps[PB_H264_SPS],
                                  const struct pb_h264_pps pps[PB_H264_PPS], const struct pb_h264_sps *active,
                                  struct pb_h264_slice *s);
#endif
