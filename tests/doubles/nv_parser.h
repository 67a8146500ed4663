/* The inside of the stand-in for NVDEC: what its parser reads of a stream, and what it hands to its decoder behind the back of
 * the program between them, to see that nothing was changed on the way. */
#ifndef NV_PARSER_DOUBLE_H
#define NV_PARSER_DOUBLE_H
#include "nv.h"

#include <ffnvcodec/dynlink_nvcuvid.h>

enum { NV_MAX_SURFACES = 32, NV_MAX_SIDE = 4096 };

struct nv_sequence {
    bool hevc, good;
    unsigned width, height, left, top, right, bottom; /* pixels, coded and shown */
    unsigned chroma_format, depth, references, order_bits; /* bits of frame_num or of the picture order count */
};

struct nv_slice {
    bool first, intra, idr;
    unsigned order; /* frame_num or the picture order count's low bits */
};

/* `unit` begins at the unit's header, behind the start code. */
struct nv_sequence nv_read_sequence(const uint8_t *unit, size_t size, bool hevc);
struct nv_slice nv_read_slice(const uint8_t *unit, size_t size, const struct nv_sequence *sequence);

/* The picture that the parser hands out: its parameters, and all its bytes with the parameter sets. */
struct nv_handed {
    const CUVIDPICPARAMS *given;
    CUVIDPICPARAMS copy;
    const uint8_t *bytes;
    size_t size;
};
extern __thread struct nv_handed nv_handed;
#endif
