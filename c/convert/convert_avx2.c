/* The AVX2 rows of convert.c: 32 pixels of two rows a step, chosen at run time. Luma multiplies pixels made signed
 * (p - 128) with unsigned coefficients, because 157 does not fit a signed byte; chroma multiplies unsigned pixels with
 * signed coefficients. All sums stay within 16 bits until two neighbours meet in 32, so the bytes equal the portable ones. */
#include "convert.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2"), always_inline)) static inline

/* 16 sums of 16 pixels in order, from two products of 8 pixels each; `sums` pairs within 128-bit halves. */
AVX2 __m256i sums_in_order(__m256i low, __m256i high) {
    return _mm256_permute4x64_epi64(_mm256_hadd_epi16(low, high), 0xd8);
}

AVX2 __m256i luma16(__m256i low, __m256i high) {
    const __m256i coefficients = _mm256_set1_epi32(0x002f9d10), half = _mm256_set1_epi8((char)0x80);
    /* (p - 128) summed up lacks 128 * 220; with 16 * 256 and the rounding that is below 2^16, so the shift is logical. */
    const __m256i bias = _mm256_set1_epi16((short)(128 * 220 + 16 * 256 + 128));
    __m256i a = _mm256_maddubs_epi16(coefficients, _mm256_xor_si256(low, half));
    __m256i b = _mm256_maddubs_epi16(coefficients, _mm256_xor_si256(high, half));
    return _mm256_srli_epi16(_mm256_add_epi16(sums_in_order(a, b), bias), 8);
}

AVX2 void luma32(const __m256i *p, uint8_t *out) {
    __m256i packed = _mm256_packus_epi16(luma16(p[0], p[1]), luma16(p[2], p[3]));
    _mm256_storeu_si256((__m256i *)out, _mm256_permute4x64_epi64(packed, 0xd8));
}

/* 8 chroma samples in 32 bits from 16 pixels, rows already averaged. */
AVX2 __m256i chroma8(__m256i low, __m256i high, __m256i coefficients) {
    __m256i sums = sums_in_order(_mm256_maddubs_epi16(low, coefficients), _mm256_maddubs_epi16(high, coefficients));
    __m256i pairs = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
    return _mm256_srai_epi32(_mm256_add_epi32(pairs, _mm256_set1_epi32(128 * 512 + 256)), 9);
}

AVX2 __m128i chroma16(const __m256i *p, __m256i coefficients) {
    __m256i words = _mm256_packs_epi32(chroma8(p[0], p[1], coefficients), chroma8(p[2], p[3], coefficients));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

__attribute__((target("avx2"))) static void rows_avx2(const struct pb_row_pair *r, uint32_t x) {
    const __m256i u_coefficients = _mm256_set1_epi32(0x00e6aa70), v_coefficients = _mm256_set1_epi32(0x00709af6);
    for (; x + 32 <= r->width; x += 32) {
        __m256i top[4], bottom[4];
        for (int i = 0; i < 4; i++) {
            top[i] = _mm256_loadu_si256((const __m256i *)(r->top + 4 * (size_t)x) + i);
            bottom[i] = _mm256_loadu_si256((const __m256i *)(r->bottom + 4 * (size_t)x) + i);
        }
        luma32(top, r->luma_top + x);
        luma32(bottom, r->luma_bottom + x);
        for (int i = 0; i < 4; i++) top[i] = _mm256_avg_epu8(top[i], bottom[i]);
        __m128i u = chroma16(top, u_coefficients), v = chroma16(top, v_coefficients);
        if (r->step == 1) {
            _mm_storeu_si128((__m128i *)(r->u + x / 2), u);
            _mm_storeu_si128((__m128i *)(r->v + x / 2), v);
        } else {
            _mm_storeu_si128((__m128i *)(r->u + x), _mm_unpacklo_epi8(u, v));
            _mm_storeu_si128((__m128i *)(r->u + x + 16), _mm_unpackhi_epi8(u, v));
        }
    }
    if (x < r->width) pb_convert_rows_portable(r, x);
}

pb_convert_rows_fn pb_convert_rows_simd(void) { return __builtin_cpu_supports("avx2") ? rows_avx2 : NULL; }
#else
pb_convert_rows_fn pb_convert_rows_simd(void) { return NULL; }
#endif
