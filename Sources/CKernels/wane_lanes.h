#ifndef WANE_LANES_H
#define WANE_LANES_H

#include "wane_dispatch.h"

#include <stddef.h>

/* Sums in WANE_LANES accumulators. Lane l takes elements l, l + 32, ...; the lanes are then added
   in a fixed tree. Write the loop as

     float lanes[WANE_LANES] = {0};
     size_t i = 0;
     for (; i + WANE_LANES <= n; i += WANE_LANES)
       for (int l = 0; l < WANE_LANES; l++) lanes[l] += f(x[i + l]);
     for (int l = 0; i < n; i++, l++) lanes[l] += f(x[i]);
     sum = wane_lanes_sum(lanes);                                                              */

WANE_BODY float wane_lanes_sum(const float lanes[WANE_LANES]) {
  float a[16], b[8], c[4];
  for (int l = 0; l < 16; l++) a[l] = lanes[l] + lanes[l + 16];
  for (int l = 0; l < 8; l++) b[l] = a[l] + a[l + 8];
  for (int l = 0; l < 4; l++) c[l] = b[l] + b[l + 4];
  return (c[0] + c[2]) + (c[1] + c[3]);
}

/* The loop above, for an expression in x[i] (and whatever else i indexes). The tail has its own
   index so that the main loop vectorizes. */
#define WANE_LANES_SUM(result, n, i, expression)             \
  do {                                                       \
    float lanes_[WANE_LANES] = {0};                          \
    size_t block_ = 0;                                       \
    for (; block_ + WANE_LANES <= (n); block_ += WANE_LANES) \
      for (size_t lane_ = 0; lane_ < WANE_LANES; lane_++) {  \
        const size_t i = block_ + lane_;                     \
        lanes_[lane_] += (expression);                       \
      }                                                      \
    for (size_t lane_ = 0; block_ + lane_ < (n); lane_++) {  \
      const size_t i = block_ + lane_;                       \
      lanes_[lane_] += (expression);                         \
    }                                                        \
    result = wane_lanes_sum(lanes_);                         \
  } while (0)

/* The maximum of x[0 ..< n], passing NaN over; -inf when there is none. */
WANE_BODY float wane_lanes_max(const float *x, size_t n) {
  float lanes[WANE_LANES];
  for (int l = 0; l < WANE_LANES; l++) lanes[l] = -__builtin_inff();
  size_t i = 0;
  for (; i + WANE_LANES <= n; i += WANE_LANES)
    for (int l = 0; l < WANE_LANES; l++) lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
  for (int l = 0; i < n; i++, l++) lanes[l] = x[i] > lanes[l] ? x[i] : lanes[l];
  float largest = lanes[0];
  for (int l = 1; l < WANE_LANES; l++) largest = lanes[l] > largest ? lanes[l] : largest;
  return largest;
}

#endif
