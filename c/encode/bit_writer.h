/* Writes the headers of H.264 and HEVC bit by bit into a NAL unit with start code and emulation prevention. What does not fit
 * is left out and `overflowed` tells; no header here comes near the size. */
#ifndef PB_ENCODE_BIT_WRITER_H
#define PB_ENCODE_BIT_WRITER_H
#include <stdbool.h>
#include <stdint.h>

struct pb_nal {
    uint8_t data[256];
    uint32_t bits; /* written, start code included */
    uint32_t zeros; /* zero bytes just before the present one, counted where emulation must be prevented */
    bool overflowed;
};

static inline void pb_put_bit(struct pb_nal *n, unsigned bit) {
    uint32_t at = n->bits / 8;
    if (at + 1 >= sizeof n->data) {
        n->overflowed = true;
        return;
    }
    if (n->bits % 8 == 0) n->data[at] = 0;
    n->data[at] |= (uint8_t)(bit << (7 - n->bits % 8));
    if (++n->bits % 8) return;
    /* Two zero bytes and one below four would look like a start code, so a three goes between. */
    if (n->zeros >= 2 && n->data[at] <= 3) {
        n->data[at + 1] = n->data[at];
        n->data[at] = 3;
        n->bits += 8;
        n->zeros = 0;
        at++;
    }
    n->zeros = n->data[at] ? 0 : n->zeros + 1;
}

static inline void pb_put(struct pb_nal *n, uint32_t value, unsigned bits) {
    while (bits--) pb_put_bit(n, value >> bits & 1);
}

static inline void pb_put_ue(struct pb_nal *n, uint32_t value) {
    unsigned length = 0;
    while ((value + 1) >> (length + 1)) length++;
    pb_put(n, 0, length);
    pb_put(n, value + 1, length + 1);
}

static inline void pb_put_se(struct pb_nal *n, int32_t value) {
    pb_put_ue(n, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

/* `header` has one byte for H.264, two for HEVC. */
static inline void pb_nal_begin(struct pb_nal *n, uint32_t header, unsigned bytes) {
    *n = (struct pb_nal){.data = {0, 0, 0, 1}, .bits = 32};
    pb_put(n, header, bytes * 8);
}

/* A stop bit and zeros up to the byte's end: how parameter sets end, and HEVC's slice headers. */
static inline void pb_nal_align(struct pb_nal *n) {
    pb_put_bit(n, 1);
    while (n->bits % 8) pb_put_bit(n, 0);
}

static inline uint32_t pb_nal_bytes(const struct pb_nal *n) { return (n->bits + 7) / 8; }
#endif
