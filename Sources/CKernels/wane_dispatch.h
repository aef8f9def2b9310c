#ifndef WANE_DISPATCH_H
#define WANE_DISPATCH_H

#include "wane_cpu.h"

/* How a kernel is written once and compiled for each level.

     WANE_BODY void wane_add_f32__body(const float *a, ...) { plain loop }
     WANE_KERNEL(wane_add_f32, (const float *a, ...), (a, ...))

   gives wane_add_f32__portable, __avx2 and __avx512, each with the body inlined and vectorized for
   its target, and wane_add_f32, which picks one at run time. Nothing else may be compiled with
   -march.

   Loops are plain C for the vectorizer. Sums that must vectorize use WANE_LANES accumulators
   written out as an array, so the order of the additions is part of the source and the same at
   every level. */

/* Products and sums are never contracted: fused or not would depend on the level. */
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#define WANE_BODY static inline __attribute__((always_inline))

/* The iterations that follow are independent, in spite of pointers that may be equal (in place). */
#if defined(__clang__)
#define WANE_VECTORIZE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define WANE_VECTORIZE _Pragma("GCC ivdep")
#else
#define WANE_VECTORIZE
#endif

/* Accumulators of a sum: two zmm registers, four ymm registers. */
enum { WANE_LANES = 32 };

#if defined(__x86_64__)
#define WANE_X86 1
#define WANE_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define WANE_TARGET_AVX512 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define WANE_TARGET_AVX512_VNNI \
  __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

#define WANE_KERNEL_RETURNING(type, name, parameters, arguments)                              \
  static type name##__portable parameters { return name##__body arguments; }                  \
  WANE_TARGET_AVX2 static type name##__avx2 parameters { return name##__body arguments; }     \
  WANE_TARGET_AVX512 static type name##__avx512 parameters { return name##__body arguments; } \
  type name parameters {                                                                      \
    uint32_t features = wane_cpu_features();                                                  \
    if (features & WANE_CPU_AVX512) return name##__avx512 arguments;                          \
    if (features & WANE_CPU_AVX2) return name##__avx2 arguments;                              \
    return name##__portable arguments;                                                        \
  }
#else
/* aarch64: Advanced SIMD is the baseline, the portable version uses it. */
#define WANE_KERNEL_RETURNING(type, name, parameters, arguments) \
  type name parameters { return name##__body arguments; }
#endif

#define WANE_KERNEL(name, parameters, arguments) \
  WANE_KERNEL_RETURNING(void, name, parameters, arguments)

#endif
