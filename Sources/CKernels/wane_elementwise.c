#include "wane_elementwise.h"

#include "wane_math.h"

/* One line a kernel: name, and y[i] from a[i] and b[i]. */
#define WANE_BINARY(name, expression)                                               \
  WANE_BODY void name##__body(const float *a, const float *b, float *y, size_t n) { \
    WANE_VECTORIZE                                                                  \
    for (size_t i = 0; i < n; i++) y[i] = expression;                               \
  }                                                                                 \
  WANE_KERNEL(name, (const float *a, const float *b, float *y, size_t n), (a, b, y, n))

WANE_BINARY(wane_add_f32, a[i] + b[i])
WANE_BINARY(wane_sub_f32, a[i] - b[i])
WANE_BINARY(wane_mul_f32, a[i] * b[i])
WANE_BINARY(wane_div_f32, a[i] / b[i])
WANE_BINARY(wane_max_f32, a[i] > b[i] ? a[i] : b[i])
WANE_BINARY(wane_min_f32, a[i] < b[i] ? a[i] : b[i])

/* The same for y[i] from x[i]. */
#define WANE_UNARY(name, expression)                                \
  WANE_BODY void name##__body(const float *x, float *y, size_t n) { \
    WANE_VECTORIZE                                                  \
    for (size_t i = 0; i < n; i++) y[i] = expression;               \
  }                                                                 \
  WANE_KERNEL(name, (const float *x, float *y, size_t n), (x, y, n))

WANE_UNARY(wane_abs_f32, wane_math_float(wane_math_bits(x[i]) & 0x7fffffffu))
WANE_UNARY(wane_square_f32, x[i] * x[i])
WANE_UNARY(wane_sqrt_f32, wane_math_sqrt(x[i]))
WANE_UNARY(wane_log_f32, wane_math_log(x[i]))

/* The same for y[i] from x[i] and a scalar s. */
#define WANE_SCALAR(name, expression)                                        \
  WANE_BODY void name##__body(const float *x, float s, float *y, size_t n) { \
    WANE_VECTORIZE                                                           \
    for (size_t i = 0; i < n; i++) y[i] = expression;                        \
  }                                                                          \
  WANE_KERNEL(name, (const float *x, float s, float *y, size_t n), (x, s, y, n))

WANE_SCALAR(wane_scale_f32, x[i] * s)
WANE_SCALAR(wane_offset_f32, x[i] + s)
WANE_SCALAR(wane_reciprocal_f32, s / x[i])

WANE_BODY void wane_fill_f32__body(float value, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = value;
}
WANE_KERNEL(wane_fill_f32, (float value, float *y, size_t n), (value, y, n))

WANE_BODY void wane_affine_f32__body(const float *x, float factor, float term, float *y, size_t n) {
  WANE_VECTORIZE
  for (size_t i = 0; i < n; i++) y[i] = x[i] * factor + term;
}
WANE_KERNEL(wane_affine_f32, (const float *x, float factor, float term, float *y, size_t n),
            (x, factor, term, y, n))

WANE_BODY void wane_axpy_f32__body(float factor, const float *x, float *y, size_t n) {
  WANE_VECTORIZE
  for (size_t i = 0; i < n; i++) y[i] += factor * x[i];
}
WANE_KERNEL(wane_axpy_f32, (float factor, const float *x, float *y, size_t n), (factor, x, y, n))

WANE_BODY void wane_clamp_f32__body(const float *x, float low, float high, float *y, size_t n) {
  WANE_VECTORIZE
  for (size_t i = 0; i < n; i++) {
    float raised = x[i] < low ? low : x[i];
    y[i] = raised > high ? high : raised;
  }
}
WANE_KERNEL(wane_clamp_f32, (const float *x, float low, float high, float *y, size_t n),
            (x, low, high, y, n))

WANE_BODY void wane_add_bias_f32__body(const float *x, const float *bias, float *y, size_t rows,
                                       size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] + bias[c];
  }
}
WANE_KERNEL(wane_add_bias_f32,
            (const float *x, const float *bias, float *y, size_t rows, size_t columns),
            (x, bias, y, rows, columns))
