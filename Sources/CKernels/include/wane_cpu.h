#ifndef WANE_CPU_H
#define WANE_CPU_H

#include <stdint.h>

/* Which instructions the kernels may use.

   Every kernel has a portable version; the faster ones are chosen at run time from the feature word
   below. A bit stands for the whole group of extensions that the kernels of that level need, and
   the bits are cumulative: AVX512 is reported only together with AVX2. All levels compute the same
   bits, floating point included: no kernel contracts a * b + c, and sums have a fixed number of
   lanes. */

enum {
  WANE_CPU_AVX2 = 1 << 0,        /* AVX2 and FMA, and the system saves ymm registers */
  WANE_CPU_AVX512 = 1 << 1,      /* AVX-512 F, BW, DQ and VL, and the system saves zmm registers */
  WANE_CPU_AVX512_VNNI = 1 << 2, /* vpdpbusd on zmm registers */
  WANE_CPU_NEON = 1 << 3         /* Advanced SIMD: always present on aarch64 */
};

/* The features that the kernels use now: those of the processor, less what
   `wane_cpu_restrict` took away. */
uint32_t wane_cpu_features(void);

/* Limits the kernels to `mask` and the features of the processor, and returns what is left. `~0u`
   lifts the limit. For tests and measurements; to be called while no kernel runs. */
uint32_t wane_cpu_restrict(uint32_t mask);

/* The level in use: "avx512_vnni", "avx512", "avx2", "neon" or "portable". */
const char *wane_cpu_name(void);

#endif
