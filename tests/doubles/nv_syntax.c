/* The stand-in for NVDEC: reads of parameter sets and slice headers as much as its parser must tell. H.264: ITU-T H.264 sections
 * 7.3.2.1 and 7.3.3; HEVC: H.265 sections 7.3.2.2 and 7.3.6. */
#include "nv_parser.h"

struct bits {
    const uint8_t *at, *end;
    unsigned left, zeros; /* bits left of *at; zero bytes before it */
};

static unsigned bit(struct bits *b) {
    if (b->at >= b->end) return 0;
    if (b->left == 8 && b->zeros >= 2 && *b->at == 3) { /* emulation prevention */
        b->zeros = 0;
        if (++b->at >= b->end) return 0;
    }
    unsigned value = *b->at >> (b->left - 1) & 1u;
    if (--b->left == 0) {
        b->zeros = *b->at ? 0 : b->zeros + 1;
        b->at++;
        b->left = 8;
    }
    return value;
}

static unsigned number(struct bits *b, unsigned count) {
    unsigned value = 0;
    while (count--) value = value << 1 | bit(b);
    return value;
}

static unsigned exponential(struct bits *b) {
    unsigned zeros = 0;
    while (zeros < 31 && b->at < b->end && !bit(b)) zeros++;
    return (1u << zeros) - 1 + number(b, zeros);
}

static struct bits reader(const uint8_t *data, size_t size) { return (struct bits){data, data + size, 8, 0}; }

static void h264_sequence(struct bits *b, struct nv_sequence *s) {
    unsigned profile = number(b, 8);
    number(b, 16);
    exponential(b);
    s->chroma_format = 1;
    if (profile >= 100) {
        s->chroma_format = exponential(b);
        s->depth = exponential(b);
        exponential(b);
        bit(b);
        if (bit(b)) return; /* scaling lists: nobody here makes them */
    }
    s->order_bits = exponential(b) + 4;
    unsigned type = exponential(b);
    if (type == 0) exponential(b);
    if (type == 1) return;
    s->references = exponential(b);
    bit(b);
    s->width = (exponential(b) + 1) * 16;
    unsigned rows = exponential(b) + 1, frames_only = bit(b);
    s->height = rows * 16 * (2 - frames_only);
    if (!frames_only) bit(b);
    bit(b);
    s->right = s->width, s->bottom = s->height;
    if (bit(b)) {
        s->left = exponential(b) * 2, s->right -= exponential(b) * 2;
        s->top = exponential(b) * 2, s->bottom -= exponential(b) * 2;
    }
    s->good = true;
}

static void hevc_sequence(struct bits *b, struct nv_sequence *s) {
    number(b, 4);
    if (number(b, 3)) return; /* one layer is all that anybody makes here */
    bit(b);
    for (int i = 0; i < 12; i++) number(b, 8); /* profile, tier and level */
    exponential(b);
    s->chroma_format = exponential(b);
    s->width = exponential(b), s->height = exponential(b);
    s->right = s->width, s->bottom = s->height;
    if (bit(b)) {
        s->left = exponential(b) * 2, s->right -= exponential(b) * 2;
        s->top = exponential(b) * 2, s->bottom -= exponential(b) * 2;
    }
    s->depth = exponential(b);
    exponential(b);
    s->order_bits = exponential(b) + 4;
    bit(b);
    s->references = exponential(b);
    s->good = true;
}

struct nv_sequence nv_read_sequence(const uint8_t *unit, size_t size, bool hevc) {
    struct nv_sequence s = {.hevc = hevc};
    size_t head = hevc ? 2 : 1;
    if (size <= head) return s;
    struct bits b = reader(unit + head, size - head);
    if (hevc)
        hevc_sequence(&b, &s);
    else
        h264_sequence(&b, &s);
    s.good = s.good && s.width && s.height && s.width <= 16384 && s.height <= 16384 && s.order_bits <= 16 && s.references <= 16;
    return s;
}

struct nv_slice nv_read_slice(const uint8_t *unit, size_t size, const struct nv_sequence *sequence) {
    struct nv_slice slice = {0};
    size_t head = sequence->hevc ? 2 : 1;
    if (size <= head) return slice;
    struct bits b = reader(unit + head, size - head);
    if (sequence->hevc) {
        unsigned type = unit[0] >> 1 & 63u;
        slice.first = bit(&b);
        slice.idr = type == 19 || type == 20;
        slice.intra = type >= 16 && type <= 23;
        if (slice.intra) bit(&b);
        exponential(&b);
        if (!slice.first) return slice;
        exponential(&b);
        slice.order = slice.idr ? 0 : number(&b, sequence->order_bits);
        return slice;
    }
    slice.idr = (unit[0] & 31u) == 5;
    slice.first = exponential(&b) == 0;
    slice.intra = exponential(&b) % 5 == 2;
    exponential(&b);
    slice.order = number(&b, sequence->order_bits);
    return slice;
}
