/* What a decoder in hardware must be told of an HEVC stream (ITU-T H.265, 7.3): parameter sets and slice headers, read from
 * hostile bytes. Only what encoders of streams make: main profile, I and P slices, no long-term references, tiles, dependent
 * slices or scaling lists. */
#ifndef PB_DECODE_HEVC_PARSE_H
#define PB_DECODE_HEVC_PARSE_H
#include "bit_reader.h"
#include "h264_parse.h"

enum { PB_HEVC_SPS = 16, PB_HEVC_PPS = 64, PB_HEVC_REFERENCES = 15, PB_HEVC_SETS = 64 };

/* Which pictures are kept, by their distance in order; first the `before` earlier ones, nearest first, then the later ones. */
struct pb_hevc_set {
    uint32_t before, count;
    int32_t distance[16];
    bool used[16];
};

struct pb_hevc_sps {
    bool valid, amp, sao, pcm, pcm_loop_off, tmvp, strong_intra;
    uint32_t width, height, left, right, top, bottom; /* pixels; the last four are not shown */
    uint32_t poc_bits, buffering, reordered;
    uint32_t log2_min_cb, log2_diff_cb, log2_min_tb, log2_diff_tb, depth_inter, depth_intra;
    uint32_t pcm_luma, pcm_chroma, log2_min_pcm, log2_diff_pcm;
    uint32_t sets;
    struct pb_hevc_set set[PB_HEVC_SETS];
};

struct pb_hevc_pps {
    bool valid, dependent, output_flag, sign_hiding, cabac_init, constrained_intra, transform_skip, cu_qp_delta, slice_chroma_offsets,
        weighted, weighted_bi, bypass, sync, across_slices, deblock_override, deblock_off, lists, extension;
    uint32_t sps, extra_bits, references, references_l1, qp_delta_depth, merge_level;
    int32_t init_qp, cb_offset, cr_offset, beta, tc; /* init_qp minus 26 */
};

struct pb_hevc_slice {
    bool first, idr, irap, intra, override, tmvp, sao_luma, sao_chroma, cabac_init, deblock_off, across, modified;
    uint32_t type, pps, address, poc_lsb, references, collocated, merge, entry_points;
    uint32_t set_bits;      /* that the slice's own set of references takes */
    uint32_t data_byte, emulation; /* where the data begin, counted from the NAL header; emulation prevention bytes up to there */
    int32_t qp_delta, cb_offset, cr_offset, beta, tc;
    struct pb_hevc_set set;
    uint8_t entry[16];
    uint32_t luma_denominator;
    int32_t chroma_denominator_delta;
    int8_t luma_weight[16], luma_offset[16], chroma_weight[16][2], chroma_offset[16][2]; /* weights: deltas */
};

/* Each begins behind the two bytes of the NAL header; a set is stored in its place only when it is whole. */
enum pb_parsed pb_hevc_read_sps(struct pb_bit_reader *r, struct pb_hevc_sps sets[PB_HEVC_SPS]);
enum pb_parsed pb_hevc_read_pps(struct pb_bit_reader *r, struct pb_hevc_pps sets[PB_HEVC_PPS]);
enum pb_parsed pb_hevc_read_slice(struct pb_bit_reader *r, unsigned nal_type, const struct pb_hevc_sps sps[PB_HEVC_SPS],
                                  const struct pb_hevc_pps pps[PB_HEVC_PPS], const struct pb_hevc_sps *active, struct pb_hevc_slice *s);

/* hevc_parse.c's, for hevc_parse_slice.c. */
bool pb_hevc_read_set(struct pb_bit_reader *r, const struct pb_hevc_set *sets, uint32_t index, uint32_t count, struct pb_hevc_set *out);
#endif
