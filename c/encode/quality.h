/* Quality, 0 to 100, as a window of quantisers of H.264 and HEVC, the same for each encoder: a low one forbids fine detail, a
 * high one forbids coarse blocks. 50 is neutral. */
#ifndef PB_ENCODE_QUALITY_H
#define PB_ENCODE_QUALITY_H
#include <stdint.h>

static inline int pb_finest_quantiser(uint32_t quality) {
    return quality < 50 ? 34 - (int)quality * 18 / 50 : 16 - (int)(quality - 50) * 8 / 50;
}

static inline int pb_coarsest_quantiser(uint32_t quality) { return quality < 50 ? 51 : 51 - (int)(quality - 50) * 16 / 50; }
#endif
