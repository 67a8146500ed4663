/* Headers of H.264 as the VA stand-in reads and writes them: just what openh264 and its kin make. */
#ifndef VA_STANDIN_H264_H
#define VA_STANDIN_H264_H
#include "va_bits.h"

/* No padding: they are compared as memory. */
struct sps {
    uint32_t profile, constraints, level, id, frame_num_bits, poc_type, poc_bits, references, wide, high;
};

struct pps {
    uint32_t id, sps, default_l0;
    uint32_t cabac, bottom, loop_control, redundant, weighted, transform8;
    int32_t qp;
};

struct slice {
    uint32_t type, nal_ref, first, pps, frame_num, idr_id, poc_lsb, l0, cabac_init, loop, marking;
    uint32_t operations, operation[8][3]; /* of adaptive marking, the last 0 left out */
    bool idr, override, modified;
    int32_t qp_delta, alpha, beta;
};

bool read_sps(struct bits *b, struct sps *s);
bool read_pps(struct bits *b, struct pps *p);
/* Reads from behind the NAL header up to the slice's data. */
bool read_slice(struct bits *b, uint8_t header, const struct sps *sps, const struct pps *pps, struct slice *s);
/* Writes from the NAL header on. */
void write_slice(struct bits *b, const struct sps *sps, const struct pps *pps, const struct slice *s);
#endif
