// The loops for AVX2 with FMA: 16 registers of 8 floats.

#if defined(__x86_64__)

#include <immintrin.h>

#include "dnn_loops.h"

#define TARGET __attribute__((target("avx2,fma")))
#define LOOPS wane_dnn_loops__avx2
#define LOOPS_NAME "avx2"

#define TAP_BLOCK 6
enum { WIDTH = 8 };
typedef __m256 vector;
typedef __m256i mask;

TARGET static inline mask mask_of(int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int32_t limit = count > WIDTH ? WIDTH : count < 0 ? 0 : (int32_t)count;
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(limit), lanes);
}
TARGET static inline vector zero(void) { return _mm256_setzero_ps(); }
TARGET static inline vector splat(float x) { return _mm256_set1_ps(x); }
TARGET static inline vector load(const float *p) { return _mm256_loadu_ps(p); }
TARGET static inline void store(float *p, vector x) { _mm256_storeu_ps(p, x); }
TARGET static inline vector load_some(const float *p, mask m) { return _mm256_maskload_ps(p, m); }
TARGET static inline void store_some(float *p, mask m, vector x) { _mm256_maskstore_ps(p, m, x); }
TARGET static inline vector add(vector a, vector b) { return _mm256_add_ps(a, b); }
// In this order a NaN stays a NaN.
TARGET static inline vector positive(vector a) { return _mm256_max_ps(zero(), a); }
TARGET static inline vector multiply_add(vector a, vector b, vector c) {
  return _mm256_fmadd_ps(a, b, c);
}

#include "dnn_loops_body.h"

#endif
