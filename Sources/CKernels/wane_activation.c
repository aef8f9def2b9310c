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

WANE_ACTIVATION(wane_softplus_f32, wane_math_softplus(x[i]))
WANE_ACTIVATION_GRADIENT(wane_softplus_grad_f32, g * -wane_math_expm1_negative(-out))

WANE_BODY float magnitude(float x) { return wane_math_float(wane_math_bits(x) & 0x7fffffffu); }

WANE_ACTIVATION(wane_softsign_f32, x[i] / (1.0f + magnitude(x[i])))
WANE_ACTIVATION_GRADIENT(wane_softsign_grad_f32,
                         g *((1.0f - magnitude(out)) * (1.0f - magnitude(out))))

/* From here on the gradient's first argument is the input: `out` is x. */

WANE_BODY float gelu(float x) {
  float density, below;
  wane_math_normal(x, &density, &below);
  return x * below;
}

WANE_BODY float gelu_slope(float x) {
  float density, below;
  wane_math_normal(x, &density, &below);
  return below + x * density;
}

WANE_ACTIVATION(wane_gelu_f32, gelu(x[i]))
WANE_ACTIVATION_GRADIENT(wane_gelu_grad_f32, g *gelu_slope(out))

/* sqrt(2 / pi) */
static const float gelu_factor = 0.79788456f;

WANE_BODY float gelu_bend(float x) {
  return wane_math_tanh(gelu_factor * (x + 0.044715f * (x * x * x)));
}

WANE_BODY float gelu_tanh_slope(float x) {
  float t = gelu_bend(x);
  float inner = gelu_factor * (1.0f + 0.134145f * (x * x)); /* 3 * 0.044715 */
  return 0.5f * (1.0f + t) + 0.5f * x * ((1.0f - t) * (1.0f + t)) * inner;
}

WANE_ACTIVATION(wane_gelu_tanh_f32, 0.5f * x[i] * (1.0f + gelu_bend(x[i])))
WANE_ACTIVATION_GRADIENT(wane_gelu_tanh_grad_f32, g *gelu_tanh_slope(out))

WANE_BODY float silu_slope(float x) {
  float s = wane_math_sigmoid(x);
  return s + x * (s * (1.0f - s));
}

WANE_ACTIVATION(wane_silu_f32, x[i] * wane_math_sigmoid(x[i]))
WANE_ACTIVATION_GRADIENT(wane_silu_grad_f32, g *silu_slope(out))

/* With e = exp(x) and n = e^2 + 2 e:  tanh(log(1 + e)) = n / (n + 2), and 1 - that is 2 / (n + 2).
   From x = 20 on it is 1 in single precision. */
WANE_BODY float mish_excess(float x) {
  float e = wane_math_exp(x > 20.0f ? 20.0f : x);
  return e * e + 2.0f * e;
}

WANE_BODY float mish(float x) {
  float n = mish_excess(x);
  return x * (n / (n + 2.0f));
}

WANE_BODY float mish_slope(float x) {
  float n = mish_excess(x);
  float t = n / (n + 2.0f);
  return t + x * (2.0f / (n + 2.0f) * (1.0f + t)) * wane_math_sigmoid(x);
}

WANE_ACTIVATION(wane_mish_f32, mish(x[i]))
WANE_ACTIVATION_GRADIENT(wane_mish_grad_f32, g *mish_slope(out))
