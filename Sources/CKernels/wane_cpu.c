#include "wane_cpu.h"

#include <stdatomic.h>

/* Bit 31 tells "not detected yet" from "no features". Detection is idempotent, so a race is
   harmless. */
static const uint32_t detected = UINT32_C(1) << 31;
static _Atomic uint32_t processor_features;
static _Atomic uint32_t usable_features;

static uint32_t wane_cpu_detect(void) {
  uint32_t features = detected;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    features |= WANE_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      features |= WANE_CPU_AVX512;
      if (__builtin_cpu_supports("avx512vnni")) features |= WANE_CPU_AVX512_VNNI;
    }
  }
#elif defined(__aarch64__)
  features |= WANE_CPU_NEON;
#endif
  return features;
}

uint32_t wane_cpu_restrict(uint32_t mask) {
  uint32_t features = atomic_load_explicit(&processor_features, memory_order_relaxed);
  if (!features) {
    features = wane_cpu_detect();
    atomic_store_explicit(&processor_features, features, memory_order_relaxed);
  }
  /* A level needs the ones below it. */
  features &= mask;
  if (!(features & WANE_CPU_AVX2)) features &= ~(uint32_t)WANE_CPU_AVX512;
  if (!(features & WANE_CPU_AVX512)) features &= ~(uint32_t)WANE_CPU_AVX512_VNNI;
  atomic_store_explicit(&usable_features, features | detected, memory_order_relaxed);
  return features & ~detected;
}

uint32_t wane_cpu_features(void) {
  uint32_t features = atomic_load_explicit(&usable_features, memory_order_relaxed);
  if (!features) return wane_cpu_restrict(~UINT32_C(0));
  return features & ~detected;
}

const char *wane_cpu_name(void) {
  uint32_t features = wane_cpu_features();
  if (features & WANE_CPU_AVX512_VNNI) return "avx512_vnni";
  if (features & WANE_CPU_AVX512) return "avx512";
  if (features & WANE_CPU_AVX2) return "avx2";
  if (features & WANE_CPU_NEON) return "neon";
  return "portable";
}
