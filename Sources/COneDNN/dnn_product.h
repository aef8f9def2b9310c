// Row-major matrix products and what surrounds them.

#ifndef WANE_DNN_PRODUCT_H
#define WANE_DNN_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "wane_dnn.h"

/// c[m, n] = a[m, k] b[k, n]; a transposed operand is stored [k, m] or [n, k].
wane_dnn_status wane_dnn_product(const char *operation, bool transpose_a, bool transpose_b,
                                 int64_t m, int64_t n, int64_t k, const float *a, const float *b,
                                 float *c);

/// to[column][row] = from[row][column].
void wane_dnn_transpose(const float *from, int64_t rows, int64_t columns, float *to);

/// Adds a bias to every row (NULL: none), then max(0, x) if asked.
void wane_dnn_finish_rows(float *values, const float *bias, bool relu, int64_t rows,
                          int64_t columns);

/// sums[columns] = sum over rows.
void wane_dnn_sum_rows(const float *values, int64_t rows, int64_t columns, float *sums);

#endif
