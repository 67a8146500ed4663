/* Headers of HEVC slices as the VA stand-in reads and writes them: of streams with one reference, which x265 and its kin make. */
#ifndef VA_STANDIN_HEVC_H
#define VA_STANDIN_HEVC_H
#include "va_bits.h"

/* No padding: they are compared as memory. */
struct hevc_sets { /* what a slice header depends on */
    uint32_t poc_bits, blocks, st_sets, init_qp; /* blocks: coding tree blocks of a picture */
    uint32_t sao, tmvp, strong, amp, long_term;
    uint32_t cabac_init, weighted, chroma_offsets, across, output_flag, dependent, tiles, sync, deblock_control, deblock_override, lists, extension;
    uint32_t extra_bits, default_l0;
    uint32_t ctb, min_cb, min_tb, max_tb, depth_inter, depth_intra, level, wide, high;
    uint32_t sign_hiding, transform_skip, qp_delta;
    uint32_t qp_delta_depth;
};

struct hevc_slice {
    uint32_t nal, address, type, poc, merge, l0;
    bool idr, override, sao_luma, sao_chroma, across, tmvp;
    int32_t qp_delta;
    uint32_t references; /* in the slice's own set */
};

bool hevc_read_sps(struct bits *b, struct hevc_sets *s);
bool hevc_read_pps(struct bits *b, struct hevc_sets *s);
/* From the NAL header on, up to the slice's data, at a whole byte. */
bool hevc_read_slice(struct bits *b, const struct hevc_sets *sets, struct hevc_slice *s);
void hevc_write_slice(struct bits *b, const struct hevc_sets *sets, const struct hevc_slice *s);
#endif
