/* Reads headers of H.264 and HEVC bit by bit. The bytes come from the network: reading past the end gives zeros and sets
 * `over`, and no value is larger than 32 bits. */
#ifndef PB_DECODE_BIT_READER_H
#define PB_DECODE_BIT_READER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PB_HEADER_BYTES = 2048 }; /* more than any header of a stream that is decoded here has */

struct pb_bit_reader {
    uint8_t data[PB_HEADER_BYTES];
    uint32_t bits, at; /* there are, read */
    uint32_t removed[64], removals; /* where emulation prevention bytes stood, in bytes of `data`; only the first ones */
    bool over;
};

/* The first bytes of a NAL unit, without emulation prevention. */
static inline void pb_read_begin(struct pb_bit_reader *r, const uint8_t *nal, size_t size) {
    uint32_t out = 0, zeros = 0;
    r->at = r->removals = 0;
    r->over = false;
    for (size_t i = 0; i < size && out < PB_HEADER_BYTES; i++) {
        if (zeros >= 2 && nal[i] == 3) {
            if (r->removals < 64) r->removed[r->removals] = out;
            r->removals++;
            zeros = 0;
            continue;
        }
        zeros = nal[i] ? 0 : zeros + 1;
        r->data[out++] = nal[i];
    }
    r->bits = out * 8;
}

static inline uint32_t pb_read(struct pb_bit_reader *r, unsigned bits) {
    uint32_t value = 0;
    for (; bits; bits--) {
        if (r->at >= r->bits) {
            r->over = true;
            return 0;
        }
        value = value << 1 | (r->data[r->at / 8] >> (7 - r->at % 8) & 1u);
        r->at++;
    }
    return value;
}

static inline bool pb_read_flag(struct pb_bit_reader *r) { return pb_read(r, 1) != 0; }

static inline uint32_t pb_read_ue(struct pb_bit_reader *r) {
    unsigned zeros = 0;
    while (!pb_read_flag(r)) {
        if (r->over || ++zeros == 32) {
            r->over = true;
            return 0;
        }
    }
    return zeros ? (1u << zeros) - 1 + pb_read(r, zeros) : 0;
}

/* A value of at most `most`; a larger one counts as reading past the end. */
static inline uint32_t pb_read_ue_max(struct pb_bit_reader *r, uint32_t most) {
    uint32_t value = pb_read_ue(r);
    if (value <= most) return value;
    r->over = true;
    return 0;
}

static inline int32_t pb_read_se(struct pb_bit_reader *r, int32_t least, int32_t most) {
    uint32_t value = pb_read_ue(r);
    int64_t number = value & 1 ? (int64_t)value / 2 + 1 : -(int64_t)(value / 2);
    if (number >= least && number <= most) return (int32_t)number;
    r->over = true;
    return 0;
}

/* Is there something before the stop bit? */
static inline bool pb_read_more(const struct pb_bit_reader *r) {
    uint32_t last = r->bits;
    while (last > r->at && !(r->data[(last - 1) / 8] >> (7 - (last - 1) % 8) & 1)) last--;
    return last > r->at + 1;
}

/* The next NAL unit in [*at, end) of Annex B: behind its start code, with its size. NULL at the end. */
static inline const uint8_t *pb_next_nal(const uint8_t **at, const uint8_t *end, size_t *size) {
    const uint8_t *p = *at;
    while (end - p >= 3 && (p[0] || p[1] || p[2] != 1)) p++;
    if (end - p < 4) return NULL;
    const uint8_t *begin = p += 3;
    while (end - p >= 3 && (p[0] || p[1] || p[2] > 1)) p++;
    if (end - p < 3) p = end;
    *at = p;
    while (p > begin && !p[-1]) p--;
    *size = (size_t)(p - begin);
    return begin;
}
#endif
