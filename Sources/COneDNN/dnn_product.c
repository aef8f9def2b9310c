#include "dnn_product.h"

#include <string.h>

#include "dnn_error.h"
#include "dnn_gemm.h"

wane_dnn_status wane_dnn_product(const char *operation, bool transpose_a, bool transpose_b,
                                 int64_t m, int64_t n, int64_t k, const float *a, const float *b,
                                 float *c) {
  return wane_dnn_check(
      wane_dnn_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a,
                     transpose_a ? m : k, b, transpose_b ? k : n, 0.0f, c, n),
      operation);
}

void wane_dnn_transpose(const float *from, int64_t rows, int64_t columns, float *to) {
  // A strip of 16 rows writes whole cache lines.
  enum { STRIP = 16 };
  for (int64_t top = 0; top < rows; top += STRIP) {
    const int64_t bottom = rows - top < STRIP ? rows : top + STRIP;
    for (int64_t column = 0; column < columns; column++) {
      for (int64_t row = top; row < bottom; row++) {
        to[column * rows + row] = from[row * columns + column];
      }
    }
  }
}

void wane_dnn_finish_rows(float *values, const float *bias, bool relu, int64_t rows,
                          int64_t columns) {
  if (bias == NULL && !relu) return;
  for (int64_t row = 0; row < rows; row++, values += columns) {
    if (bias != NULL) {
      for (int64_t i = 0; i < columns; i++) values[i] += bias[i];
    }
    // Written so that a NaN stays a NaN.
    if (relu) {
      for (int64_t i = 0; i < columns; i++) values[i] = values[i] < 0.0f ? 0.0f : values[i];
    }
  }
}

void wane_dnn_sum_rows(const float *values, int64_t rows, int64_t columns, float *sums) {
  memset(sums, 0, (size_t)columns * sizeof(float));
  for (int64_t row = 0; row < rows; row++, values += columns) {
    for (int64_t i = 0; i < columns; i++) sums[i] += values[i];
  }
}
