#ifndef WANE_ACTIVATION_H
#define WANE_ACTIVATION_H

#include <stddef.h>
#include <stdint.h>

/* Activations and their gradients, on n contiguous floats; in place is allowed. Gradients are taken
   from the output y of the forward function: dx = dy * f'(x), with f' written in terms of y. */

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

/* Inverted dropout (Srivastava et al., 2014): y = x / (1 - rate) where kept, else 0. Element i of
   the array is element offset + i of the random stream, kept when its u32 (wane_random.h) is at
   least rate * 2^32; the backward pass is the same call on dy. Rate 1 and more gives zeros. */
void wane_dropout_f32(const float *x, float rate, uint64_t seed, uint64_t stream, uint64_t offset,
                      float *y, size_t n);

#endif
