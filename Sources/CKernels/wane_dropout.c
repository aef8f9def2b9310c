#include "wane_activation.h"

#include "wane_dispatch.h"
#include "wane_philox.h"

#include <string.h>

enum { chunk = 4 * WANE_PHILOX_CHUNK };

WANE_BODY void wane_dropout_f32__body(const float *x, float rate, uint64_t seed, uint64_t stream,
                                      uint64_t offset, float *y, size_t n) {
  if (!(rate < 1.0f)) {
    memset(y, 0, n * sizeof *y);
    return;
  }
  double dropped = rate > 0.0f ? (double)rate * 0x1p32 : 0.0;
  uint32_t threshold = dropped < 4294967295.0 ? (uint32_t)dropped : UINT32_MAX;
  float scale = rate > 0.0f ? 1.0f / (1.0f - rate) : 1.0f;
  uint64_t first = offset / 4;
  size_t skip = (size_t)(offset % 4);
  uint32_t words[chunk];
  while (n > 0) {
    wane_philox_chunk(seed, stream, first, words);
    size_t count = chunk - skip < n ? chunk - skip : n;
    WANE_VECTORIZE
    for (size_t i = 0; i < count; i++) {
      float kept = x[i] * scale;
      y[i] = words[skip + i] >= threshold ? kept : 0.0f;
    }
    x += count;
    y += count;
    n -= count;
    skip = 0;
    first += WANE_PHILOX_CHUNK;
  }
}
WANE_KERNEL(wane_dropout_f32,
            (const float *x, float rate, uint64_t seed, uint64_t stream, uint64_t offset, float *y,
             size_t n),
            (x, rate, seed, stream, offset, y, n))
