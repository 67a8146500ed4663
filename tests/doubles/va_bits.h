/* Bits of NAL units for the VA stand-in, read and written apart from the shim's own code, so that a mistake there is seen. */
#ifndef VA_STANDIN_BITS_H
#define VA_STANDIN_BITS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bits {
    uint8_t *data;
    size_t at, count, capacity; /* bits; bytes */
    bool ended;                 /* read beyond the end */
};

static inline void bits_free(struct bits *b) {
    free(b->data);
    memset(b, 0, sizeof *b);
}

static inline void put(struct bits *b, uint32_t value, unsigned width) {
    while (width--) {
        if (b->count / 8 >= b->capacity) {
            b->capacity = b->capacity ? b->capacity * 2 : 256;
            b->data = realloc(b->data, b->capacity);
            if (!b->data) abort();
        }
        if (b->count % 8 == 0) b->data[b->count / 8] = 0;
        if (value >> width & 1) b->data[b->count / 8] |= (uint8_t)(0x80 >> b->count % 8);
        b->count++;
    }
}

static inline void put_ue(struct bits *b, uint32_t value) {
    unsigned length = 31 - (unsigned)__builtin_clz(value + 1);
    put(b, 0, length);
    put(b, value + 1, length + 1);
}

static inline void put_se(struct bits *b, int32_t value) { put_ue(b, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)(-value) * 2); }

static inline void put_stop(struct bits *b) {
    put(b, 1, 1);
    while (b->count % 8) put(b, 0, 1);
}

static inline uint32_t get(struct bits *b, unsigned width) {
    uint32_t value = 0;
    while (width--) {
        if (b->at >= b->count) {
            b->ended = true;
            return 0;
        }
        value = value << 1 | (b->data[b->at / 8] >> (7 - b->at % 8) & 1u);
        b->at++;
    }
    return value;
}

static inline uint32_t get_ue(struct bits *b) {
    unsigned zeros = 0;
    while (!get(b, 1) && !b->ended && zeros < 31) zeros++;
    return (1u << zeros) - 1 + get(b, zeros);
}

static inline int32_t get_se(struct bits *b) {
    uint32_t value = get_ue(b);
    return value & 1 ? (int32_t)(value / 2 + 1) : -(int32_t)(value / 2);
}

/* The bits of a NAL unit without start code: emulation prevention taken out. */
static inline struct bits unescape(const uint8_t *data, size_t size) {
    struct bits b = {.data = malloc(size + 1), .capacity = size + 1};
    if (!b.data) abort();
    unsigned zeros = 0;
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        if (zeros >= 2 && data[i] == 3) {
            zeros = 0;
            continue;
        }
        b.data[out++] = data[i];
        zeros = data[i] ? 0 : zeros + 1;
    }
    b.count = out * 8;
    return b;
}

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

static inline void append(struct bytes *to, const void *data, size_t size) {
    if (to->size + size > to->capacity) {
        to->capacity = (to->size + size) * 2;
        to->data = realloc(to->data, to->capacity);
        if (!to->data) abort();
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

/* A NAL unit with start code and emulation prevention. */
static inline void append_nal(struct bytes *to, const struct bits *b) {
    static const uint8_t start[4] = {0, 0, 0, 1}, three = 3;
    unsigned zeros = 0;
    append(to, start, 4);
    for (size_t i = 0; i < b->count / 8; i++) {
        if (zeros >= 2 && b->data[i] <= 3) {
            append(to, &three, 1);
            zeros = 0;
        }
        append(to, &b->data[i], 1);
        zeros = b->data[i] ? 0 : zeros + 1;
    }
}

/* The next NAL unit of an Annex B stream: where it begins behind its start code, and its size. NULL at the end. */
static inline const uint8_t *next_nal(const uint8_t **at, const uint8_t *end, size_t *size) {
    const uint8_t *p = *at;
    while (p + 3 <= end && !(p[0] == 0 && p[1] == 0 && p[2] == 1)) p++;
    if (p + 3 > end) return NULL;
    const uint8_t *begin = p += 3;
    while (p < end && !(p + 3 <= end && p[0] == 0 && p[1] == 0 && p[2] <= 1)) p++;
    *at = p;
    while (p > begin && p[-1] == 0) p--;
    *size = (size_t)(p - begin);
    return begin;
}
#endif
