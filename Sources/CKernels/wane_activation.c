#include "wane_activation.h"

#include "wane_math.h"

/* One line a forward function: y[i] from x[i]. */
#define WANE_ACTIVATION(name, expression)                           \
  WANE_BODY void name##__body(const float *x, float *y, size_t n) { \
    WANE_VECTORIZE                                                  \
    for (size_t i = 0; i < n; i++) y[i] = expression;               \
  }                                                                 \
  WANE_KERNEL(name, (const float *x, float *y, size_t n), (x, y, n))

/* One line a gradient: dx[i] from out = y[i] and g = dy[i], both loaded in any case, because a
   conditional load is a branch. */
#define WANE_ACTIVATION_GRADIENT(name, expression)                                    \
  WANE_BODY void name##__body(const float *y, const float *dy, float *dx, size_t n) { \
    WANE_VECTORIZE                                                                    \
    for (size_t i = 0; i < n; i++) {                                                  \
      float out = y[i], g = dy[i];                                                    \
      dx[i] = expression;                                                             \
    }                                                                                 \
  }                                                                                   \
  WANE_KERNEL(name, (const float *y, const float *dy, float *dx, size_t n), (y, dy, dx, n))

WANE_ACTIVATION(wane_relu_f32, x[i] > 0.0f ? x[i] : 0.0f)
WANE_ACTIVATION_GRADIENT(wane_relu_grad_f32, out > 0.0f ? g : 0.0f)

WANE_ACTIVATION(wane_exp_f32, wane_math_exp(x[i]))
WANE_ACTIVATION_GRADIENT(wane_exp_grad_f32, g *out)

WANE_ACTIVATION(wane_sigmoid_f32, wane_math_sigmoid(x[i]))
WANE_ACTIVATION_GRADIENT(wane_sigmoid_grad_f32, g *(out *(1.0f - out)))

WANE_ACTIVATION(wane_tanh_f32, wane_math_tanh(x[i]))
WANE_ACTIVATION_GRADIENT(wane_tanh_grad_f32, g *(1.0f - out * out))
