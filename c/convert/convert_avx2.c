/* The AVX2 rows of convert.c: 32 pixels of two rows a step, chosen at run time. Luma multiplies pixels made signed
 * (p - 128) with unsigned coefficients, because 157 does not fit a signed byte; chroma multiplies unsigned pixels with
 * signed coefficients. Every sum fits 16 bits, so the bytes equal the portable ones. */
#include "convert.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2"), always_inline)) static inline

/* Brightness of 16 pixels as words, in the order that packing within 128-bit halves leaves. */
AVX2 __m256i luma16(__m256i low, __m256i high) {
    const __m256i coefficients = _mm256_set1_epi32(0x002f9d10), half = _mm256_set1_epi8((char)0x80);
    const __m256i ones = _mm256_set1_epi16(1);
    /* (p - 128) summed up lacks 128 * 220; with 16 * 256 and the rounding that is below 2^16, so the shift is logical. */
    const __m256i bias = _mm256_set1_epi16((short)(128 * 220 + 16 * 256 + 128));
    __m256i a = _mm256_madd_epi16(_mm256_maddubs_epi16(coefficients, _mm256_xor_si256(low, half)), ones);
    __m256i b = _mm256_madd_epi16(_mm256_maddubs_epi16(coefficients, _mm256_xor_si256(high, half)), ones);
    return _mm256_srli_epi16(_mm256_add_epi16(_mm256_packs_epi32(a, b), bias), 8);
}

/* Pixels stay in registers: arrays of them would go through the stack at -O2. */
struct pixels32 {
    __m256i a, b, c, d;
};

AVX2 struct pixels32 load32(const uint8_t *at) {
    const __m256i *p = (const __m256i *)(const void *)at;
    return (struct pixels32){_mm256_lddqu_si256(p), _mm256_lddqu_si256(p + 1), _mm256_lddqu_si256(p + 2), _mm256_lddqu_si256(p + 3)};
}

AVX2 void luma32(struct pixels32 p, uint8_t *out) {
    __m256i packed = _mm256_packus_epi16(luma16(p.a, p.b), luma16(p.c, p.d));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_permutevar8x32_epi32(packed, order));
}

/* Means of neighbours: 8 pixels out of 16, as pairs 0 1 4 5 and 2 3 6 7 in the two halves. */
AVX2 __m256i neighbours(__m256i low, __m256i high) {
    low = _mm256_avg_epu8(low, _mm256_srli_epi64(low, 32));
    high = _mm256_avg_epu8(high, _mm256_srli_epi64(high, 32));
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), 0x88));
}

AVX2 __m256i chroma16(__m256i low, __m256i high, uint32_t coefficients) {
    const __m256i c = _mm256_set1_epi32((int)coefficients), ones = _mm256_set1_epi16(1);
    __m256i a = _mm256_madd_epi16(_mm256_maddubs_epi16(low, c), ones);
    __m256i b = _mm256_madd_epi16(_mm256_maddubs_epi16(high, c), ones);
    __m256i sum = _mm256_add_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(128));
    return _mm256_add_epi16(_mm256_srai_epi16(sum, 8), _mm256_set1_epi16(128));
}

__attribute__((target("avx2"))) static void rows_avx2(const struct pb_row_pair *rows, uint32_t x) {
    /* A copy that no store can change, so that its fields stay in registers. */
    const struct pb_row_pair r = *rows;
    for (; x + 32 <= r.width; x += 32) {
        struct pixels32 top = load32(r.top + 4 * (size_t)x), bottom = load32(r.bottom + 4 * (size_t)x);
        luma32(top, r.luma_top + x);
        luma32(bottom, r.luma_bottom + x);
        __m256i low = neighbours(_mm256_avg_epu8(top.a, bottom.a), _mm256_avg_epu8(top.b, bottom.b));
        __m256i high = neighbours(_mm256_avg_epu8(top.c, bottom.c), _mm256_avg_epu8(top.d, bottom.d));
        __m256i both = _mm256_packus_epi16(chroma16(low, high, 0x00e6aa70), chroma16(low, high, 0x00709af6));
        /* Each half holds 8 bytes of U, then 8 of V; pairs of bytes alternate between the halves. */
        __m128i first = _mm256_castsi256_si128(both), second = _mm256_extracti128_si256(both, 1);
        __m128i u = _mm_unpacklo_epi16(first, second), v = _mm_unpackhi_epi16(first, second);
        if (r.step == 1) {
            _mm_storeu_si128((__m128i *)(void *)(r.u + x / 2), u);
            _mm_storeu_si128((__m128i *)(void *)(r.v + x / 2), v);
        } else {
            _mm_storeu_si128((__m128i *)(void *)(r.u + x), _mm_unpacklo_epi8(u, v));
            _mm_storeu_si128((__m128i *)(void *)(r.u + x + 16), _mm_unpackhi_epi8(u, v));
        }
    }
    if (x < r.width) pb_convert_rows_portable(rows, x);
}

pb_convert_rows_fn pb_convert_rows_simd(void) { return __builtin_cpu_supports("avx2") ? rows_avx2 : NULL; }
#else
pb_convert_rows_fn pb_convert_rows_simd(void) { return NULL; }
#endif
