#ifndef WANE_ACTIVATION_H
#define WANE_ACTIVATION_H

#include <stddef.h>
#include <stdint.h>

/* Activations and their gradients, on n contiguous floats; in place is allowed. Gradients are taken
   from the output y of the forward function where f'(x) can be written in terms of it. */

/* y = max(x, 0); NaN gives 0.             dx = dy where y > 0, else 0 */
void wane_relu_f32(const float *x, float *y, size_t n);
void wane_relu_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = exp(x), within 2 ulp; subnormal results are flushed to 0.       dx = dy * y */
void wane_exp_f32(const float *x, float *y, size_t n);
void wane_exp_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = 1 / (1 + exp(-x)), within 4 ulp.       dx = dy * y * (1 - y) */
void wane_sigmoid_f32(const float *x, float *y, size_t n);
void wane_sigmoid_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = tanh(x), within 4 ulp.              dx = dy * (1 - y * y) */
void wane_tanh_f32(const float *x, float *y, size_t n);
void wane_tanh_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = min(max(x, 0), 6); NaN gives 0.     dx = dy where 0 < y < 6, else 0 */
void wane_relu6_f32(const float *x, float *y, size_t n);
void wane_relu6_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = x where x > 0, else alpha * x (alpha >= 0).       dx = dy where y > 0, else alpha * dy */
void wane_leaky_relu_f32(const float *x, float alpha, float *y, size_t n);
void wane_leaky_relu_grad_f32(const float *y, float alpha, const float *dy, float *dx, size_t n);

/* y = x where x > 0, else alpha * (exp(x) - 1) (alpha >= 0); Clevert, Unterthiner, Hochreiter,
   2016. dx = dy where y > 0, else dy * (y + alpha) */
void wane_elu_f32(const float *x, float alpha, float *y, size_t n);
void wane_elu_grad_f32(const float *y, float alpha, const float *dy, float *dx, size_t n);

/* y = scale * elu(x) with the constants of Klambauer et al., "Self-normalizing neural networks",
   2017. */
void wane_selu_f32(const float *x, float *y, size_t n);
void wane_selu_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = min(max(x / 6 + 1 / 2, 0), 1).      dx = dy / 6 where 0 < y < 1, else 0 */
void wane_hard_sigmoid_f32(const float *x, float *y, size_t n);
void wane_hard_sigmoid_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = log(1 + exp(x)).                    dx = dy * (1 - exp(-y)) */
void wane_softplus_f32(const float *x, float *y, size_t n);
void wane_softplus_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* y = x / (1 + |x|).                      dx = dy * (1 - |y|)^2 */
void wane_softsign_f32(const float *x, float *y, size_t n);
void wane_softsign_grad_f32(const float *y, const float *dy, float *dx, size_t n);

/* The following are not invertible: their gradients are taken from the input x. */

/* y = x * P(Z < x) for a standard normal Z (Hendrycks and Gimpel, 2016). */
void wane_gelu_f32(const float *x, float *y, size_t n);
void wane_gelu_grad_f32(const float *x, const float *dy, float *dx, size_t n);

/* Its approximation x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
void wane_gelu_tanh_f32(const float *x, float *y, size_t n);
void wane_gelu_tanh_grad_f32(const float *x, const float *dy, float *dx, size_t n);

/* y = x * sigmoid(x). */
void wane_silu_f32(const float *x, float *y, size_t n);
void wane_silu_grad_f32(const float *x, const float *dy, float *dx, size_t n);

/* y = x * hard_sigmoid(x) (Howard et al., MobileNetV3, 2019). */
void wane_hard_swish_f32(const float *x, float *y, size_t n);
void wane_hard_swish_grad_f32(const float *x, const float *dy, float *dx, size_t n);

/* y = x * tanh(log(1 + exp(x))) (Misra, 2019). */
void wane_mish_f32(const float *x, float *y, size_t n);
void wane_mish_grad_f32(const float *x, const float *dy, float *dx, size_t n);

/* y = x where x > 0, else alpha * x, on rows of `columns` elements with a slope a column (He et
   al., 2015). The gradient adds up over the rows: dalpha[c] = sum of dy * x where x <= 0; both are
   written whole. */
void wane_prelu_f32(const float *x, const float *alpha, float *y, size_t rows, size_t columns);
void wane_prelu_grad_f32(const float *x, const float *alpha, const float *dy, float *dx,
                         float *dalpha, size_t rows, size_t columns);

/* Inverted dropout (Srivastava et al., 2014): y = x / (1 - rate) where kept, else 0. Element i of
   the array is element offset + i of the random stream, kept when its u32 (wane_random.h) is at
   least rate * 2^32; the backward pass is the same call on dy. Rate 1 and more gives zeros. */
void wane_dropout_f32(const float *x, float rate, uint64_t seed, uint64_t stream, uint64_t offset,
                      float *y, size_t n);

#endif
