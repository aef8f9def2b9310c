// The loops for AVX-512F: registers of 16 floats.

#if defined(__x86_64__)

#include <immintrin.h>

#include "dnn_loops.h"

#define TARGET __attribute__((target("avx512f")))
#define LOOPS wane_dnn_loops__avx512
#define LOOPS_NAME "avx512"

#define TAP_BLOCK 12
enum { WIDTH = 16 };
typedef __m512 vector;
typedef __mmask16 mask;

TARGET static inline mask mask_of(int64_t count) {
  return count >= WIDTH ? (mask)0xffff : count <= 0 ? (mask)0 : (mask)((1u << count) - 1u);
}
TARGET static inline vector zero(void) { return _mm512_setzero_ps(); }
TARGET static inline vector splat(float x) { return _mm512_set1_ps(x); }
TARGET static inline vector load(const float *p) { return _mm512_loadu_ps(p); }
TARGET static inline void store(float *p, vector x) { _mm512_storeu_ps(p, x); }
TARGET static inline vector load_some(const float *p, mask m) {
  return _mm512_maskz_loadu_ps(m, p);
}
TARGET static inline void store_some(float *p, mask m, vector x) { _mm512_mask_storeu_ps(p, m, x); }
TARGET static inline vector add(vector a, vector b) { return _mm512_add_ps(a, b); }
// In this order a NaN stays a NaN.
TARGET static inline vector positive(vector a) { return _mm512_max_ps(zero(), a); }
TARGET static inline vector multiply_add(vector a, vector b, vector c) {
  return _mm512_fmadd_ps(a, b, c);
}

#include "dnn_loops_body.h"

#endif
