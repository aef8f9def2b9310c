#include "wane_softmax.h"

#include "wane_softmax_row.h"

WANE_BODY void wane_softmax_f32__body(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *from = x + r * columns;
    float *to = y + r * columns;
    float largest = wane_lanes_max(from, columns);
    float sum = wane_softmax_row_exp(from, largest, 1.0f, to, columns);
    float inverse = 1.0f / sum;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) to[c] *= inverse;
  }
}
WANE_KERNEL(wane_softmax_f32, (const float *x, float *y, size_t rows, size_t columns),
            (x, y, rows, columns))

WANE_BODY void wane_log_softmax_f32__body(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *from = x + r * columns;
    float *to = y + r * columns;
    float largest = wane_lanes_max(from, columns);
    float logarithm = wane_math_log(wane_softmax_row_sum(from, largest, 1.0f, columns));
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) to[c] = (from[c] - largest) - logarithm;
  }
}
WANE_KERNEL(wane_log_softmax_f32, (const float *x, float *y, size_t rows, size_t columns),
            (x, y, rows, columns))

WANE_BODY void wane_softmax_grad_f32__body(const float *y, const float *dy, float *dx, size_t rows,
                                           size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *p = y + r * columns, *g = dy + r * columns;
    float *to = dx + r * columns;
    float dot;
    WANE_LANES_SUM(dot, columns, i, p[i] * g[i]);
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) to[c] = p[c] * (g[c] - dot);
  }
}
WANE_KERNEL(wane_softmax_grad_f32,
            (const float *y, const float *dy, float *dx, size_t rows, size_t columns),
            (y, dy, dx, rows, columns))

WANE_BODY void wane_log_softmax_grad_f32__body(const float *y, const float *dy, float *dx,
                                               size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *p = y + r * columns, *g = dy + r * columns;
    float *to = dx + r * columns;
    float sum;
    WANE_LANES_SUM(sum, columns, i, g[i]);
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) to[c] = g[c] - wane_math_exp(p[c]) * sum;
  }
}
WANE_KERNEL(wane_log_softmax_grad_f32,
            (const float *y, const float *dy, float *dx, size_t rows, size_t columns),
            (y, dy, dx, rows, columns))
