/* Products on AVX2: vpmaddwd on 16-bit operands, which is exact (vpmaddubsw would saturate). A quad
   of input is four i16, widened once for all channels when it was staged; a unit of weights is four
   channels of four i8, widened on the way to the register. So a channel has two lanes, added up at
   the end. */

#include "wane_integer_pairs__avx2.h"
#include "wane_integer_tile.h"

#if WANE_X86

#include <immintrin.h>

#define INLINE WANE_TARGET_AVX2 static inline __attribute__((always_inline))

typedef __m256i wane_lane_avx2;
typedef int16_t wane_element_avx2;

INLINE __m256i wane_lane_zero_avx2(void) { return _mm256_setzero_si256(); }

INLINE __m256i wane_lane_weights_avx2(const int8_t *packed) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)packed));
}

INLINE __m256i wane_lane_input_avx2(const int16_t *x) {
  long long quad;
  memcpy(&quad, x, sizeof quad);
  return _mm256_set1_epi64x(quad);
}

INLINE __m256i wane_lane_dot_avx2(__m256i sums, __m256i x, __m256i w) {
  return _mm256_add_epi32(sums, _mm256_madd_epi16(x, w));
}

/* Two units at a time: adds the lanes of each channel and puts the eight channels in order. */
INLINE void wane_lane_store_avx2(const __m256i *lanes, int units, int32_t *to) {
  WANE_UNROLL
  for (int u = 0; u < units; u += 2) {
    __m256i pairs = _mm256_hadd_epi32(lanes[u], lanes[u + 1]);
    __m256i ordered = _mm256_permute4x64_epi64(pairs, _MM_SHUFFLE(3, 1, 2, 0));
    _mm256_storeu_si256((__m256i *)(to + 4 * u), ordered);
  }
}

/* Twelve accumulators, two weights, one input and one product: all sixteen registers. */
WANE_INTEGER_TILE(avx2, WANE_TARGET_AVX2, wane_integer_6x2__avx2, 6, 2)
WANE_INTEGER_TILE(avx2, WANE_TARGET_AVX2, wane_integer_4x2__avx2, 4, 2)
WANE_INTEGER_TILE(avx2, WANE_TARGET_AVX2, wane_integer_2x4__avx2, 2, 4)
WANE_INTEGER_TILE(avx2, WANE_TARGET_AVX2, wane_integer_1x4__avx2, 1, 4)

enum { unit_bytes = 16 };

/* One block: 16 channels are four units. Too few pixels: the last one is computed again. */
WANE_TARGET_AVX2 static void wane_integer_tile__avx2(const wane_integer_band *band,
                                                     const int32_t *offsets, size_t rows,
                                                     const int8_t *packed, size_t blocks,
                                                     int32_t (*sums)[WANE_INTEGER_CHANNELS]) {
  (void)blocks;
  int32_t padded[WANE_INTEGER_ROWS];
  if (rows != 1 && rows != 2 && rows != 4 && rows != 6) {
    for (size_t r = 0; r < WANE_INTEGER_ROWS; r++) padded[r] = offsets[r < rows ? r : rows - 1];
    offsets = padded;
  }
  switch (rows) {
    case 1:
      wane_integer_1x4__avx2(band, offsets, packed, unit_bytes, sums);
      return;
    case 2:
      wane_integer_2x4__avx2(band, offsets, packed, unit_bytes, sums);
      return;
    case 3:
    case 4:
      for (size_t half = 0; half < 2; half++)
        wane_integer_4x2__avx2(band, offsets, packed + 2 * half * unit_bytes, unit_bytes,
                               (int32_t(*)[WANE_INTEGER_CHANNELS])(sums[0] + 8 * half));
      return;
    default:
      for (size_t half = 0; half < 2; half++)
        wane_integer_6x2__avx2(band, offsets, packed + 2 * half * unit_bytes, unit_bytes,
                               (int32_t(*)[WANE_INTEGER_CHANNELS])(sums[0] + 8 * half));
      return;
  }
}

WANE_TARGET_AVX2 void wane_integer_band__avx2(const wane_integer_band *band) {
  if (wane_integer_pairs_pay(band))
    wane_integer_pairs_band__avx2(band);
  else
    wane_integer_band_loop(band, wane_integer_tile__avx2, 1);
}

#else
typedef int wane_integer_band_avx2_is_for_x86;
#endif
