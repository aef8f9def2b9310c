/* Rectifiers and their relatives: one formula on each side of zero. */

#include "wane_activation.h"
#include "wane_math.h"

#include <string.h>

/* y[i] from in = x[i]; and dx[i] from out = y[i] and g = dy[i]. Both sides of a choice are
   computed, because a branch is not vectorized. */
#define WANE_UNIT(name, forward, backward)                                                     \
  WANE_BODY void name##_f32__body(const float *x, float *y, size_t n) {                        \
    WANE_VECTORIZE                                                                             \
    for (size_t i = 0; i < n; i++) {                                                           \
      float in = x[i];                                                                         \
      y[i] = forward;                                                                          \
    }                                                                                          \
  }                                                                                            \
  WANE_KERNEL(name##_f32, (const float *x, float *y, size_t n), (x, y, n))                     \
  WANE_BODY void name##_grad_f32__body(const float *y, const float *dy, float *dx, size_t n) { \
    WANE_VECTORIZE                                                                             \
    for (size_t i = 0; i < n; i++) {                                                           \
      float out = y[i], g = dy[i];                                                             \
      dx[i] = backward;                                                                        \
    }                                                                                          \
  }                                                                                            \
  WANE_KERNEL(name##_grad_f32, (const float *y, const float *dy, float *dx, size_t n),         \
              (y, dy, dx, n))

/* The same with a number alpha in it. */
#define WANE_UNIT_WITH_ALPHA(name, forward, backward)                                           \
  WANE_BODY void name##_f32__body(const float *x, float alpha, float *y, size_t n) {            \
    WANE_VECTORIZE                                                                              \
    for (size_t i = 0; i < n; i++) {                                                            \
      float in = x[i];                                                                          \
      y[i] = forward;                                                                           \
    }                                                                                           \
  }                                                                                             \
  WANE_KERNEL(name##_f32, (const float *x, float alpha, float *y, size_t n), (x, alpha, y, n))  \
  WANE_BODY void name##_grad_f32__body(const float *y, float alpha, const float *dy, float *dx, \
                                       size_t n) {                                              \
    WANE_VECTORIZE                                                                              \
    for (size_t i = 0; i < n; i++) {                                                            \
      float out = y[i], g = dy[i];                                                              \
      dx[i] = backward;                                                                         \
    }                                                                                           \
  }                                                                                             \
  WANE_KERNEL(name##_grad_f32,                                                                  \
              (const float *y, float alpha, const float *dy, float *dx, size_t n),              \
              (y, alpha, dy, dx, n))

static const float selu_scale = 1.05070099f;
/* scale * 1.67326324 */
static const float selu_alpha = 1.75809934f;

WANE_UNIT(wane_relu6, in > 0.0f ? (in < 6.0f ? in : 6.0f) : 0.0f,
          out > 0.0f && out < 6.0f ? g : 0.0f)
WANE_UNIT_WITH_ALPHA(wane_leaky_relu, in > 0.0f ? in : alpha * in, out > 0.0f ? g : alpha * g)
WANE_UNIT_WITH_ALPHA(wane_elu,
                     in > 0.0f ? in : alpha * wane_math_expm1_negative(in > 0.0f ? 0.0f : in),
                     out > 0.0f ? g : g * (out + alpha))
WANE_UNIT(wane_selu,
          in > 0.0f ? selu_scale * in
                    : selu_alpha * wane_math_expm1_negative(in > 0.0f ? 0.0f : in),
          out > 0.0f ? selu_scale * g : g * (out + selu_alpha))

WANE_BODY float hard_sigmoid(float x) {
  float y = x * (1.0f / 6) + 0.5f;
  y = y < 0.0f ? 0.0f : y;
  return y > 1.0f ? 1.0f : y;
}

WANE_UNIT(wane_hard_sigmoid, hard_sigmoid(in), out > 0.0f && out < 1.0f ? g * (1.0f / 6) : 0.0f)
/* The backward formula is given the input here. */
WANE_UNIT(wane_hard_swish, in *hard_sigmoid(in),
          out <= -3.0f ? 0.0f : (out >= 3.0f ? g : g * (out * (1.0f / 3) + 0.5f)))

WANE_BODY void wane_prelu_f32__body(const float *x, const float *alpha, float *y, size_t rows,
                                    size_t columns) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) {
      float in = x[c], low = in * alpha[c];
      y[c] = in > 0.0f ? in : low;
    }
  }
}
WANE_KERNEL(wane_prelu_f32,
            (const float *x, const float *alpha, float *y, size_t rows, size_t columns),
            (x, alpha, y, rows, columns))

WANE_BODY void wane_prelu_grad_f32__body(const float *x, const float *alpha, const float *dy,
                                         float *dx, float *dalpha, size_t rows, size_t columns) {
  memset(dalpha, 0, columns * sizeof *dalpha);
  for (size_t r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) {
      float in = x[c], g = dy[c], low = g * alpha[c], part = g * in;
      dx[c] = in > 0.0f ? g : low;
      dalpha[c] += in > 0.0f ? 0.0f : part;
    }
  }
}
WANE_KERNEL(wane_prelu_grad_f32,
            (const float *x, const float *alpha, const float *dy, float *dx, float *dalpha,
             size_t rows, size_t columns),
            (x, alpha, dy, dx, dalpha, rows, columns))
