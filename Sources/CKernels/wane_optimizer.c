#include "wane_optimizer.h"

#include "wane_math.h"
#include "wane_reduction.h"

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
  float limit = gradient->limit;
  if (limit > 0.0f)
    for (size_t i = 0; i < count; i++) {
      float low = sum[i] < -limit ? -limit : sum[i];
      sum[i] = low > limit ? limit : low;
    }
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
                                   float *weights, float *m, float *v, float *largest, size_t begin,
                                   size_t end) {
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
    if (largest) {
      float *most = largest + begin;
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        float g = sum[i];
        mean[i] += (g - mean[i]) * take1;
        square[i] += (g * g - square[i]) * take2;
        most[i] = square[i] > most[i] ? square[i] : most[i];
        w[i] = (w[i] - decay * w[i]) - mean[i] * alpha / (wane_math_sqrt(most[i]) + epsilon);
      }
    } else {
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        float g = sum[i];
        mean[i] += (g - mean[i]) * take1;
        square[i] += (g * g - square[i]) * take2;
        w[i] = (w[i] - decay * w[i]) - mean[i] * alpha / (wane_math_sqrt(square[i]) + epsilon);
      }
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_adam_f32,
            (const wane_adam *options, const wane_gradient *gradient, float *weights, float *m,
             float *v, float *largest, size_t begin, size_t end),
            (options, gradient, weights, m, v, largest, begin, end))

/* p(t); it falls below what a float can tell from 0 within some hundred steps. */
static double wane_nadam_product(double beta1, int64_t step) {
  double product = 1, power = 1;
  for (int64_t i = 0; i < step && product > 1e-30; i++) {
    power *= 0.96;
    product *= beta1 * (1 - 0.5 * power);
  }
  return product;
}

WANE_BODY void wane_nadam_f32__body(const wane_adam *options, const wane_gradient *gradient,
                                    float *weights, float *m, float *v, size_t begin, size_t end) {
  double step = (double)options->step, beta1 = options->beta1;
  double now = beta1 * (1 - 0.5 * pow(0.96, step));
  double next = beta1 * (1 - 0.5 * pow(0.96, step + 1));
  double product = wane_nadam_product(beta1, options->step);
  float rate = options->learning_rate, epsilon = options->epsilon;
  float of_mean = (float)(next / (1 - product * next));
  float of_gradient = (float)((1 - now) / (1 - product));
  float of_square = (float)(1 / (1 - pow(options->beta2, step)));
  float take1 = 1.0f - options->beta1, take2 = 1.0f - options->beta2;
  float decay = rate * options->weight_decay;
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
      float ahead = of_mean * mean[i] + of_gradient * g;
      w[i] =
          (w[i] - decay * w[i]) - rate * ahead / (wane_math_sqrt(square[i] * of_square) + epsilon);
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_nadam_f32,
            (const wane_adam *options, const wane_gradient *gradient, float *weights, float *m,
             float *v, size_t begin, size_t end),
            (options, gradient, weights, m, v, begin, end))

WANE_BODY void wane_rmsprop_f32__body(const wane_rmsprop *options, const wane_gradient *gradient,
                                      float *weights, float *v, float *momentum, float *average,
                                      size_t begin, size_t end) {
  float rate = options->learning_rate, rho = options->rho, take = 1.0f - options->rho;
  float epsilon = options->epsilon, keep = options->momentum;
  float decay = rate * options->weight_decay;
  float sum[block];
  while (begin < end) {
    size_t count = end - begin < block ? end - begin : block;
    float *w = weights + begin, *square = v + begin;
    wane_gradient_sum(gradient, begin, count, sum);
    if (average) {
      float *a = average + begin;
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        float g = sum[i];
        square[i] = rho * square[i] + take * (g * g);
        a[i] = rho * a[i] + take * g;
        sum[i] = rate * g / wane_math_sqrt(square[i] - a[i] * a[i] + epsilon);
      }
    } else {
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        float g = sum[i];
        square[i] = rho * square[i] + take * (g * g);
        sum[i] = rate * g / wane_math_sqrt(square[i] + epsilon);
      }
    }
    if (momentum) {
      float *u = momentum + begin;
      WANE_VECTORIZE
      for (size_t i = 0; i < count; i++) {
        u[i] = keep * u[i] + sum[i];
        sum[i] = u[i];
      }
    }
    WANE_VECTORIZE
    for (size_t i = 0; i < count; i++) w[i] = (w[i] - decay * w[i]) - sum[i];
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_rmsprop_f32,
            (const wane_rmsprop *options, const wane_gradient *gradient, float *weights, float *v,
             float *momentum, float *average, size_t begin, size_t end),
            (options, gradient, weights, v, momentum, average, begin, end))

WANE_BODY void wane_adagrad_f32__body(const wane_adagrad *options, const wane_gradient *gradient,
                                      float *weights, float *accumulator, size_t begin,
                                      size_t end) {
  float rate = options->learning_rate, epsilon = options->epsilon;
  float decay = rate * options->weight_decay;
  float sum[block];
  while (begin < end) {
    size_t count = end - begin < block ? end - begin : block;
    float *w = weights + begin, *a = accumulator + begin;
    wane_gradient_sum(gradient, begin, count, sum);
    WANE_VECTORIZE
    for (size_t i = 0; i < count; i++) {
      a[i] += sum[i] * sum[i];
      w[i] = (w[i] - decay * w[i]) - rate * sum[i] / wane_math_sqrt(a[i] + epsilon);
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_adagrad_f32,
            (const wane_adagrad *options, const wane_gradient *gradient, float *weights,
             float *accumulator, size_t begin, size_t end),
            (options, gradient, weights, accumulator, begin, end))

WANE_BODY void wane_adadelta_f32__body(const wane_adadelta *options, const wane_gradient *gradient,
                                       float *weights, float *gradients, float *deltas,
                                       size_t begin, size_t end) {
  float rate = options->learning_rate, rho = options->rho, take = 1.0f - options->rho;
  float epsilon = options->epsilon;
  float decay = rate * options->weight_decay;
  float sum[block];
  while (begin < end) {
    size_t count = end - begin < block ? end - begin : block;
    float *w = weights + begin, *a = gradients + begin, *b = deltas + begin;
    wane_gradient_sum(gradient, begin, count, sum);
    WANE_VECTORIZE
    for (size_t i = 0; i < count; i++) {
      float g = sum[i];
      a[i] = rho * a[i] + take * (g * g);
      float delta = wane_math_sqrt(b[i] + epsilon) * g / wane_math_sqrt(a[i] + epsilon);
      b[i] = rho * b[i] + take * (delta * delta);
      w[i] = (w[i] - decay * w[i]) - rate * delta;
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_adadelta_f32,
            (const wane_adadelta *options, const wane_gradient *gradient, float *weights,
             float *gradients, float *deltas, size_t begin, size_t end),
            (options, gradient, weights, gradients, deltas, begin, end))

WANE_BODY void wane_lion_f32__body(const wane_lion *options, const wane_gradient *gradient,
                                   float *weights, float *m, size_t begin, size_t end) {
  float rate = options->learning_rate, beta1 = options->beta1, beta2 = options->beta2;
  float take1 = 1.0f - beta1, take2 = 1.0f - beta2;
  float decay = rate * options->weight_decay;
  float sum[block];
  while (begin < end) {
    size_t count = end - begin < block ? end - begin : block;
    float *w = weights + begin, *mean = m + begin;
    wane_gradient_sum(gradient, begin, count, sum);
    WANE_VECTORIZE
    for (size_t i = 0; i < count; i++) {
      float direction = beta1 * mean[i] + take1 * sum[i];
      float step = direction > 0.0f ? rate : 0.0f;
      step = direction < 0.0f ? -rate : step;
      w[i] = (w[i] - decay * w[i]) - step;
      mean[i] = beta2 * mean[i] + take2 * sum[i];
    }
    wane_weights_mask(gradient, begin, count, w);
    begin += count;
  }
}
WANE_KERNEL(wane_lion_f32,
            (const wane_lion *options, const wane_gradient *gradient, float *weights, float *m,
             size_t begin, size_t end),
            (options, gradient, weights, m, begin, end))

WANE_BODY double wane_gradient_gather_f32__body(float *const *partials, int count, size_t begin,
                                                size_t end) {
  if (count < 1) return 0;
  float *total = partials[0];
  for (int p = 1; p < count; p++) {
    const float *partial = partials[p];
    WANE_VECTORIZE
    for (size_t i = begin; i < end; i++) total[i] += partial[i];
  }
  return wane_sum_squares_f32(total + begin, end - begin);
}
WANE_KERNEL_RETURNING(double, wane_gradient_gather_f32,
                      (float *const *partials, int count, size_t begin, size_t end),
                      (partials, count, begin, end))

WANE_BODY void wane_moving_average_f32__body(const float *x, float momentum, float *average,
                                             size_t n) {
  float take = 1.0f - momentum;
  WANE_VECTORIZE
  for (size_t i = 0; i < n; i++) average[i] = momentum * average[i] + take * x[i];
}
WANE_KERNEL(wane_moving_average_f32, (const float *x, float momentum, float *average, size_t n),
            (x, momentum, average, n))
