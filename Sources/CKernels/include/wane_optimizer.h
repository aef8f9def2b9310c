#ifndef WANE_OPTIMIZER_H
#define WANE_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

/* One optimizer step on elements begin ..< end of the variables, with the definitions of Keras 3.

   The gradient is the sum of `count` partial gradients, one a shard, added in the order of the
   array, so the result does not depend on which worker updates which range:
     g = (partials[0] + partials[1] + ...) * scale, kept within -limit ... limit
   `mask`, unless NULL, holds a 0 or 1 for each element: g and the new weight are multiplied by
   it.

   Weight decay is decoupled (Loshchilov, Hutter, 2019) in all of them, and comes first:
     w -= learning_rate * weight_decay * w */

typedef struct {
  const float *const *partials;
  int count;
  float scale;       /* 1, or less to clip or average */
  float limit;       /* 0: none */
  const float *mask; /* or NULL */
} wane_gradient;

typedef struct {
  float learning_rate;
  float momentum; /* 0: no velocity is kept */
  int nesterov;   /* 0 or 1 */
  float weight_decay;
} wane_sgd;

/* momentum = 0: w -= learning_rate * g, and velocity may be NULL. Else (Sutskever et al., 2013)
     v = momentum * v - learning_rate * g
     w += v, or with nesterov w += momentum * v - learning_rate * g */
void wane_sgd_f32(const wane_sgd *options, const wane_gradient *gradient, float *weights,
                  float *velocity, size_t begin, size_t end);

typedef struct {
  float learning_rate;
  float beta1, beta2; /* 0.9, 0.999 */
  float epsilon;      /* 1e-7 in Keras */
  float weight_decay;
  int64_t step; /* t: 1 for the first step */
} wane_adam;

/* Adam (Kingma, Ba, 2015), the form of section 2's last paragraph:
     m += (g - m) * (1 - beta1)     v += (g * g - v) * (1 - beta2)
     w -= m * alpha / (sqrt(v) + epsilon)
     alpha = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
   With `largest` (AMSGrad; Reddi, Kale, Kumar, 2018), the largest v so far takes the place of v in
   the divisor; NULL without. */
void wane_adam_f32(const wane_adam *options, const wane_gradient *gradient, float *weights,
                   float *m, float *v, float *largest, size_t begin, size_t end);

/* Nadam (Dozat, 2016): Adam with Nesterov's momentum. With
     u(t) = beta1 * (1 - 0.96^t / 2)     p(t) = u(1) * u(2) * ... * u(t)
     n = u(t + 1) * m / (1 - p(t + 1)) + (1 - u(t)) * g / (1 - p(t))
     w -= learning_rate * n / (sqrt(v / (1 - beta2^t)) + epsilon) */
void wane_nadam_f32(const wane_adam *options, const wane_gradient *gradient, float *weights,
                    float *m, float *v, size_t begin, size_t end);

typedef struct {
  float learning_rate;
  float rho; /* 0.9 */
  float momentum;
  float epsilon;
  float weight_decay;
} wane_rmsprop;

/* RMSprop (Tieleman, Hinton, 2012):
     v = rho * v + (1 - rho) * g * g     a = rho * a + (1 - rho) * g
     d = learning_rate * g / sqrt(v + epsilon), or of v - a * a + epsilon when centered
     w -= d, or with momentum u = momentum * u + d, w -= u
   `momentum` and `average` are NULL when there is none of it. */
void wane_rmsprop_f32(const wane_rmsprop *options, const wane_gradient *gradient, float *weights,
                      float *v, float *momentum, float *average, size_t begin, size_t end);

typedef struct {
  float learning_rate;
  float epsilon;
  float weight_decay;
} wane_adagrad;

/* Adagrad (Duchi, Hazan, Singer, 2011): a += g * g, w -= learning_rate * g / sqrt(a + epsilon) */
void wane_adagrad_f32(const wane_adagrad *options, const wane_gradient *gradient, float *weights,
                      float *accumulator, size_t begin, size_t end);

typedef struct {
  float learning_rate;
  float rho; /* 0.95 */
  float epsilon;
  float weight_decay;
} wane_adadelta;

/* Adadelta (Zeiler, 2012):
     a = rho * a + (1 - rho) * g * g     d = sqrt(b + epsilon) * g / sqrt(a + epsilon)
     b = rho * b + (1 - rho) * d * d     w -= learning_rate * d */
void wane_adadelta_f32(const wane_adadelta *options, const wane_gradient *gradient, float *weights,
                       float *gradients, float *deltas, size_t begin, size_t end);

typedef struct {
  float learning_rate;
  float beta1, beta2; /* 0.9, 0.99 */
  float weight_decay;
} wane_lion;

/* Lion (Chen et al., 2023):
     w -= learning_rate * sign(beta1 * m + (1 - beta1) * g)     m = beta2 * m + (1 - beta2) * g */
void wane_lion_f32(const wane_lion *options, const wane_gradient *gradient, float *weights,
                   float *m, size_t begin, size_t end);

/* partials[0][begin ..< end] becomes the sum of all partials, in order; returns the sum of its
   squares. */
double wane_gradient_gather_f32(float *const *partials, int count, size_t begin, size_t end);

/* average = momentum * average + (1 - momentum) * x. */
void wane_moving_average_f32(const float *x, float momentum, float *average, size_t n);

#endif
