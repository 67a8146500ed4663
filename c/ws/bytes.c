/* What is done to bytes on the way in: unmasking (RFC 6455 section 5.3) and the check of UTF-8 (RFC 3629). Pure. */
#include "ws.h"

void ws_unmask(uint8_t *to, const uint8_t *from, size_t size, const uint8_t mask[4], uint32_t phase) {
    uint8_t turned[16];
    for (uint32_t i = 0; i < 16; i++) turned[i] = mask[(phase + i) & 3];
    typedef uint64_t lane __attribute__((vector_size(16)));
    lane key;
    memcpy(&key, turned, sizeof key);
    size_t i = 0;
    for (; i + 64 <= size; i += 64) {
        lane part[4];
        memcpy(part, from + i, sizeof part);
        for (uint32_t k = 0; k < 4; k++) part[k] ^= key;
        memcpy(to + i, part, sizeof part);
    }
    for (; i + 16 <= size; i += 16) {
        lane part;
        memcpy(&part, from + i, sizeof part);
        part ^= key;
        memcpy(to + i, &part, sizeof part);
    }
    for (; i < size; i++) to[i] = from[i] ^ turned[i & 15];
}

/* Length of the sequence that starts with two bytes `a`, `b`, by the well-formed ranges of Unicode's table 3-7; 0: none. */
static uint32_t sequence(uint8_t a, uint8_t b) {
    if (a >= 0xc2 && a <= 0xdf) return (b & 0xc0) == 0x80 ? 2 : 0;
    if (a == 0xe0) return b >= 0xa0 && b <= 0xbf ? 3 : 0;
    if (a == 0xed) return b >= 0x80 && b <= 0x9f ? 3 : 0;
    if (a >= 0xe1 && a <= 0xef) return (b & 0xc0) == 0x80 ? 3 : 0;
    if (a == 0xf0) return b >= 0x90 && b <= 0xbf ? 4 : 0;
    if (a >= 0xf1 && a <= 0xf3) return (b & 0xc0) == 0x80 ? 4 : 0;
    if (a == 0xf4) return b >= 0x80 && b <= 0x8f ? 4 : 0;
    return 0;
}

bool ws_valid_utf8(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size;) {
        if (size - i >= 8) {
            uint64_t word;
            memcpy(&word, bytes + i, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        if (bytes[i] < 0x80) {
            i++;
            continue;
        }
        const uint32_t length = size - i >= 2 ? sequence(bytes[i], bytes[i + 1]) : 0;
        if (!length || size - i < length) return false;
        for (uint32_t k = 2; k < length; k++)
            if ((bytes[i + k] & 0xc0) != 0x80) return false;
        i += length;
    }
    return true;
}
