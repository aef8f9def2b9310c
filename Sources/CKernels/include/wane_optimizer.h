#ifndef WANE_OPTIMIZER_H
#define WANE_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

/* One optimizer step on elements begin ..< end of a parameter, with the definitions of Keras 3.

   The gradient is the sum of `count` partial gradients, one a shard, added in the order of the
   array, so the result does not depend on which worker updates which range:
     g = (partials[0] + partials[1] + ...) * scale
   `mask`, unless NULL, holds a 0 or 1 for each element: g and the new weight are multiplied by
   it. */

typedef struct {
  const float *const *partials;
  int count;
  float scale;       /* 1, or less to clip or average */
  const float *mask; /* or NULL */
} wane_gradient;

typedef struct {
  float learning_rate;
  float momentum;     /* 0: no velocity is kept */
  int nesterov;       /* 0 or 1 */
  float weight_decay; /* decoupled: w -= learning_rate * weight_decay * w, first */
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
  float weight_decay; /* decoupled (Loshchilov, Hutter, 2019), as above; 0 is Adam */
  int64_t step;       /* t: 1 for the first step */
} wane_adam;

/* Adam (Kingma, Ba, 2015), the form of section 2's last paragraph:
     m += (g - m) * (1 - beta1)     v += (g * g - v) * (1 - beta2)
     w -= m * alpha / (sqrt(v) + epsilon)
     alpha = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t) */
void wane_adam_f32(const wane_adam *options, const wane_gradient *gradient, float *weights,
                   float *m, float *v, size_t begin, size_t end);

#endif
