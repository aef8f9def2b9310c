/* Products on AVX-512 VNNI: vpdpbusd adds four products u8 x i8 to each 32-bit lane, exactly
   (vpdpbusds is the one that saturates). 24 accumulators, four weights and one input of 32
   registers. */

#include "wane_integer_blocks.h"

#if WANE_X86

#include <immintrin.h>

#define INLINE WANE_TARGET_AVX512_VNNI static inline __attribute__((always_inline))

typedef __m512i wane_lane_avx512_vnni;
typedef uint8_t wane_element_avx512_vnni;

INLINE __m512i wane_lane_zero_avx512_vnni(void) { return _mm512_setzero_si512(); }

INLINE __m512i wane_lane_weights_avx512_vnni(const int8_t *packed) {
  return _mm512_loadu_si512(packed);
}

INLINE __m512i wane_lane_input_avx512_vnni(const uint8_t *x) {
  int quad;
  memcpy(&quad, x, sizeof quad);
  return _mm512_set1_epi32(quad);
}

INLINE __m512i wane_lane_dot_avx512_vnni(__m512i sums, __m512i x, __m512i w) {
  return _mm512_dpbusd_epi32(sums, x, w);
}

INLINE void wane_lane_store_avx512_vnni(const __m512i *lanes, int units, int32_t *to) {
  WANE_UNROLL
  for (int u = 0; u < units; u++) _mm512_storeu_si512(to + 16 * u, lanes[u]);
}

WANE_INTEGER_BLOCK_TILES(avx512_vnni, WANE_TARGET_AVX512_VNNI)

#else
typedef int wane_integer_band_avx512_vnni_is_for_x86;
#endif
