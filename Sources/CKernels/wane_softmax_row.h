#ifndef WANE_SOFTMAX_ROW_H
#define WANE_SOFTMAX_ROW_H

#include "wane_lanes.h"
#include "wane_math.h"

/* y = exp((x - largest) * factor) for one row, and their sum, which is at least 1 for finite rows.
   y may be x. */
WANE_BODY float wane_softmax_row_exp(const float *x, float largest, float factor, float *y,
                                     size_t columns) {
  WANE_VECTORIZE
  for (size_t c = 0; c < columns; c++) y[c] = wane_math_exp((x[c] - largest) * factor);
  float sum;
  WANE_LANES_SUM(sum, columns, i, y[i]);
  return sum;
}

/* The sum alone, in pieces of the stack. */
WANE_BODY float wane_softmax_row_sum(const float *x, float largest, float factor, size_t columns) {
  enum { piece = 256 };
  float exponentials[piece];
  float sum = 0;
  for (size_t begin = 0; begin < columns; begin += piece) {
    size_t count = columns - begin < piece ? columns - begin : piece;
    sum += wane_softmax_row_exp(x + begin, largest, factor, exponentials, count);
  }
  return sum;
}

/* Index of the first maximum; 0 for a row of NaN. */
WANE_BODY size_t wane_softmax_row_argmax(const float *x, float largest, size_t columns) {
  for (size_t c = 0; c < columns; c++)
    if (x[c] == largest) return c;
  return 0;
}

#endif
