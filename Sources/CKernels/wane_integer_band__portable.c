/* The same loops in plain C, on vectors of 16 lanes that the compiler splits as it can. */

#include "wane_integer_blocks.h"

#define INLINE static inline __attribute__((always_inline))

typedef union {
  int32_t sum[16];
  int8_t weight[16][4];
  uint8_t input[4];
} wane_lane_portable;
typedef uint8_t wane_element_portable;

INLINE wane_lane_portable wane_lane_zero_portable(void) { return (wane_lane_portable){{0}}; }

INLINE wane_lane_portable wane_lane_weights_portable(const int8_t *packed) {
  wane_lane_portable w;
  memcpy(w.weight, packed, sizeof w.weight);
  return w;
}

INLINE wane_lane_portable wane_lane_input_portable(const uint8_t *x) {
  wane_lane_portable input;
  memcpy(input.input, x, sizeof input.input);
  return input;
}

INLINE wane_lane_portable wane_lane_dot_portable(wane_lane_portable sums, wane_lane_portable x,
                                                 wane_lane_portable w) {
  for (int lane = 0; lane < 16; lane++)
    for (int j = 0; j < 4; j++) sums.sum[lane] += x.input[j] * w.weight[lane][j];
  return sums;
}

INLINE void wane_lane_store_portable(const wane_lane_portable *lanes, int units, int32_t *to) {
  for (int u = 0; u < units; u++) memcpy(to + 16 * u, lanes[u].sum, sizeof lanes[u].sum);
}

WANE_INTEGER_BLOCK_TILES(portable, )
