#include "dnn_loops.h"

#include <stddef.h>

const wane_dnn_loops *wane_dnn_loops_best(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return &wane_dnn_loops__avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &wane_dnn_loops__avx2;
#endif
  return NULL;
}
