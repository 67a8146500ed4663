/* Colour conversion between BGRA and 4:2:0, BT.709, limited range. Works on whole pictures or on the changed rows only;
 * sizes may be odd: the last column and row then stand for their own chroma sample. Allocates nothing, keeps no state. */
#ifndef PB_CONVERT_H
#define PB_CONVERT_H
#include "../media/picture.h"
#include "../shim.h"

/* `rows` are rounded outwards to even ones. The target's chroma planes have (width + 1) / 2 by (height + 1) / 2 samples. */
void pb_convert_to_i420(const struct pb_picture *bgra, const struct pb_picture *i420, struct pb_rows rows);
void pb_convert_to_nv12(const struct pb_picture *bgra, const struct pb_picture *nv12, struct pb_rows rows);
/* Alpha becomes 255. */
void pb_convert_to_bgra(const struct pb_picture *i420, const struct pb_picture *bgra, struct pb_rows rows);

/* Two BGRA rows to two luma rows and one row each of chroma, from pixel `x` (even) up to `width`. For odd heights both
 * source rows (and both luma rows) may be the same. `step` is the distance between chroma samples: 1 planar, 2 interleaved. */
struct pb_row_pair {
    const uint8_t *top, *bottom;
    uint8_t *luma_top, *luma_bottom, *u, *v;
    uint32_t width, step;
};
void pb_convert_rows_portable(const struct pb_row_pair *rows, uint32_t x);
/* NULL when this machine lacks the instructions. Writes the same bytes as the portable one. */
typedef void (*pb_convert_rows_fn)(const struct pb_row_pair *rows, uint32_t x);
pb_convert_rows_fn pb_convert_rows_simd(void);
#endif
