#include "wane_optimizer.h"

#include "wane_math.h"

#include <math.h>

/* The gradient of a block of elements is summed on the stack, then the update reads it once. */
enum { block = 1024 };

WANE_BODY void wane_gradient_sum(const wane_gradient *gradient, size_t begin, size_t count,
                                 float *sum) {
  if (gradient->count < 1) {
    for (size_t i = 0; i < count; i++) sum[i] = 0.0f;
    return;
  }
  const float *first = gradient->partials[0] + begin;
  for (size_t i = 0; i < count; i++) sum[i] = first[i];
  for (int p = 1; p < gradient->count; p++) {
    const float *partial = gradient->partials[p] + begin;
    for (size_t i = 0; i < count; i++) sum[i] += partial[i];
  }
  float scale = gradient->scale;
  if (scale != 1.0f)
    for (size_t i = 0; i < count; i++) sum[i] *= scale;
  if (gradient->mask) {
    const float *mask = gradient->mask + begin;
    for (size_t i = 0; i < count; i++) sum[i] *= mask[i];
  }
}

WANE_BODY void wane_weights_mask(const wane_gradient *gradient, size_t begin, size_t count,
                                 float *weights) {
  if (!gradient->mask) return;
  const float *mask = gradient->mask + begin;
  WANE_VECTORIZE
  for (size_t i = 0; i < count; i++) weights[i] *= mask[i];
}

WANE_BODY void wane_sgd_f32__body(const wane_sgd *options, const wane_gradient *gradient,
                                  float *weights, float *velocity, size_t begin, size_t end) {
  float rate = options->learning_rate, momentum = options->momentum;
  float decay = rate * options->weight_decay;
  float sum[block];
  while (begin < end) {
    size_t count = end - begin < block ? end - begin : block;
    float *w = weights + begin;
    wane_gradient_sum(gradient, begin, count, sum);
    if (momentum == 0.0f) {
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) w[i] = (w[i] - decay * w[i]) - rate * sum[i];
    } else if (options->nesterov) {
      float *v = velocity + begin;
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        float step = rate * sum[i];
        v[i] = momentum * v[i] - step;
        w[i] = (w[i] - decay * w[i]) + (momentum * v[i] - step);
      }
    } else {
      float *v = velocity + begin;
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] - rate * sum[i];
        w[i] = (w[i] - decay * w[i]) + v[i];
      }
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_sgd_f32,
            (const wane_sgd *options, const wane_gradient *gradient, float *weights,
             float *velocity, size_t begin, size_t end),
            (options, gradient, weights, velocity, begin, end))

WANE_BODY void wane_adam_f32__body(const wane_adam *options, const wane_gradient *gradient,
                                   float *weights, float *m, float *v, size_t begin, size_t end) {
  double step = (double)options->step;
  float alpha = (float)((double)options->learning_rate * sqrt(1 - pow(options->beta2, step)) /
                        (1 - pow(options->beta1, step)));
  float take1 = 1.0f - options->beta1, take2 = 1.0f - options->beta2;
  float epsilon = options->epsilon;
  float decay = options->learning_rate * options->weight_decay;
  float sum[block];
  while (begin < end) {
    size_t count = end - begin < block ? end - begin : block;
    float *w = weights + begin, *mean = m + begin, *square = v + begin;
    wane_gradient_sum(gradient, begin, count, sum);
    WANE_VECTORIZE
    for (size_t i = 0; i < count; i++) {
      float g = sum[i];
      mean[i] += (g - mean[i]) * take1;
      square[i] += (g * g - square[i]) * take2;
      w[i] = (w[i] - decay * w[i]) - mean[i] * alpha / (wane_math_sqrt(square[i]) + epsilon);
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_adam_f32,
            (const wane_adam *options, const wane_gradient *gradient, float *weights, float *m,
             float *v, size_t begin, size_t end),
            (options, gradient, weights, m, v, begin, end))
