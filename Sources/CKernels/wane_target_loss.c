#include "wane_target_loss.h"

#include "wane_softmax_row.h"

/* The smallest probability that is told from zero, as in Keras. */
static const float tiny = 1e-7f;

WANE_BODY float wane_absolute(float x) { return wane_math_float(wane_math_bits(x) & 0x7fffffffu); }

WANE_BODY void wane_absolute_error_f32__body(const float *x, const float *t, float *loss,
                                             float *gradient, size_t rows, size_t columns) {
  float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = t + r * columns;
    float sum;
    WANE_LANES_SUM(sum, columns, i, wane_absolute(a[i] - b[i]));
    loss[r] = sum * share;
    if (!gradient) continue;
    float *g = gradient + r * columns;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) {
      float up = a[c] > b[c] ? share : 0.0f;
      g[c] = a[c] < b[c] ? -share : up;
    }
  }
}
WANE_KERNEL(wane_absolute_error_f32,
            (const float *x, const float *t, float *loss, float *gradient, size_t rows,
             size_t columns),
            (x, t, loss, gradient, rows, columns))

/* With e = min(|x - t|, delta): e (|x - t| - e / 2). */
WANE_BODY float wane_huber(float x, float t, float delta) {
  float distance = wane_absolute(x - t);
  float inside = distance < delta ? distance : delta;
  return inside * (distance - 0.5f * inside);
}

WANE_BODY void wane_huber_f32__body(const float *x, const float *t, float delta, float *loss,
                                    float *gradient, size_t rows, size_t columns) {
  float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = t + r * columns;
    float sum;
    WANE_LANES_SUM(sum, columns, i, wane_huber(a[i], b[i], delta));
    loss[r] = sum * share;
    if (!gradient) continue;
    float *g = gradient + r * columns;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) {
      float e = a[c] - b[c];
      e = e < -delta ? -delta : e;
      e = e > delta ? delta : e;
      g[c] = e * share;
    }
  }
}
WANE_KERNEL(wane_huber_f32,
            (const float *x, const float *t, float delta, float *loss, float *gradient, size_t rows,
             size_t columns),
            (x, t, delta, loss, gradient, rows, columns))

WANE_BODY float wane_hinge_margin(float x, float t) {
  float sign = t == 0.0f ? -1.0f : t;
  return 1.0f - sign * x;
}

WANE_BODY void wane_hinge_f32__body(const float *x, const float *t, float *loss, float *gradient,
                                    size_t rows, size_t columns) {
  float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = t + r * columns;
    float sum;
    WANE_LANES_SUM(sum, columns, i,
                   wane_hinge_margin(a[i], b[i]) > 0.0f ? wane_hinge_margin(a[i], b[i]) : 0.0f);
    loss[r] = sum * share;
    if (!gradient) continue;
    float *g = gradient + r * columns;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) {
      float sign = b[c] == 0.0f ? -1.0f : b[c];
      g[c] = wane_hinge_margin(a[c], b[c]) > 0.0f ? -sign * share : 0.0f;
    }
  }
}
WANE_KERNEL(wane_hinge_f32,
            (const float *x, const float *t, float *loss, float *gradient, size_t rows,
             size_t columns),
            (x, t, loss, gradient, rows, columns))

WANE_BODY float wane_binary_entropy(float x, float t) {
  float positive = x > 0.0f ? x : 0.0f;
  return positive - x * t + wane_math_log(1.0f + wane_math_exp(-wane_absolute(x)));
}

/* 1 / (1 + exp(-x)) from exp(-|x|), which does not overflow. */
WANE_BODY float wane_probability(float x) {
  float e = wane_math_exp(-wane_absolute(x));
  float y = 1.0f / (1.0f + e);
  return x < 0.0f ? e * y : y;
}

WANE_BODY void wane_binary_cross_entropy_f32__body(const float *x, const float *t, float *loss,
                                                   float *gradient, size_t rows, size_t columns) {
  float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = t + r * columns;
    float sum;
    WANE_LANES_SUM(sum, columns, i, wane_binary_entropy(a[i], b[i]));
    loss[r] = sum * share;
    if (!gradient) continue;
    float *g = gradient + r * columns;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) g[c] = (wane_probability(a[c]) - b[c]) * share;
  }
}
WANE_KERNEL(wane_binary_cross_entropy_f32,
            (const float *x, const float *t, float *loss, float *gradient, size_t rows,
             size_t columns),
            (x, t, loss, gradient, rows, columns))

/* base^exponent for a base from 0 to 1; 0^0 = 1. */
WANE_BODY float wane_power(float base, float exponent) {
  float inside = base > FLT_MIN ? base : FLT_MIN;
  return wane_math_exp(exponent * wane_math_log(inside));
}

/* With f = (1 - q)^gamma, e the cross entropy:
     d(f e)/dx = f (p - t) + e gamma (1 - q)^(gamma - 1) (1 - 2 t) p (1 - p) */
WANE_BODY void wane_binary_focal_f32__body(const float *x, const float *t, float gamma, float alpha,
                                           float *loss, float *gradient, size_t rows,
                                           size_t columns) {
  float share = 1.0f / (float)columns;
  enum { piece = 256 };
  float values[piece];
  for (size_t r = 0; r < rows; r++) {
    float total = 0;
    for (size_t begin = 0; begin < columns; begin += piece) {
      size_t count = columns - begin < piece ? columns - begin : piece;
      const float *a = x + r * columns + begin, *b = t + r * columns + begin;
      float *g = gradient ? gradient + r * columns + begin : values;
      float entropies[piece];
      WANE_VECTORIZE
      for (size_t c = 0; c < count; c++) {
        float p = wane_probability(a[c]), target = b[c];
        float entropy = wane_binary_entropy(a[c], target);
        float rest = 1.0f - (p * target + (1.0f - p) * (1.0f - target));
        rest = rest > 0.0f ? rest : 0.0f;
        float weight = target * alpha + (1.0f - target) * (1.0f - alpha);
        weight = (alpha < 0.0f ? 1.0f : weight) * share;
        float focus = wane_power(rest, gamma);
        float slope = gamma * wane_power(rest, gamma - 1.0f) * p * (1.0f - p);
        slope = rest > 0.0f ? slope : 0.0f;
        entropies[c] = weight * focus * entropy;
        g[c] = weight * (focus * (p - target) + entropy * slope * (1.0f - 2.0f * target));
      }
      float sum;
      WANE_LANES_SUM(sum, count, i, entropies[i]);
      total += sum;
    }
    loss[r] = total;
  }
}
WANE_KERNEL(wane_binary_focal_f32,
            (const float *x, const float *t, float gamma, float alpha, float *loss, float *gradient,
             size_t rows, size_t columns),
            (x, t, gamma, alpha, loss, gradient, rows, columns))

/* With h = dL/dp = alpha t (gamma (1 - p)^(gamma - 1) log p - (1 - p)^gamma / p), the derivative is
   p (h - sum of h p), and p h needs no division. */
WANE_BODY void wane_focal_f32__body(const float *x, const float *t, float gamma, float alpha,
                                    float *loss, float *gradient, size_t rows, size_t columns) {
  enum { piece = 256 };
  float terms[piece], slopes[piece];
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *b = t + r * columns;
    float largest = wane_lanes_max(a, columns);
    float logarithm = wane_math_log(wane_softmax_row_sum(a, largest, 1.0f, columns));
    float total = 0, slope = 0;
    for (size_t begin = 0; begin < columns; begin += piece) {
      size_t count = columns - begin < piece ? columns - begin : piece;
      const float *u = a + begin, *v = b + begin;
      float *g = gradient ? gradient + r * columns + begin : slopes;
      WANE_VECTORIZE
      for (size_t c = 0; c < count; c++) {
        float log_p = (u[c] - largest) - logarithm;
        float p = wane_math_exp(log_p);
        float rest = 1.0f - p;
        rest = rest > 0.0f ? rest : 0.0f;
        float focus = wane_power(rest, gamma);
        float steep = rest > 0.0f ? gamma * wane_power(rest, gamma - 1.0f) * p * log_p : 0.0f;
        terms[c] = -alpha * v[c] * focus * log_p;
        g[c] = alpha * v[c] * (steep - focus);
        slopes[c] = g[c];
      }
      float sum;
      WANE_LANES_SUM(sum, count, i, terms[i]);
      total += sum;
      WANE_LANES_SUM(sum, count, i, slopes[i]);
      slope += sum;
    }
    loss[r] = total;
    if (!gradient) continue;
    float *g = gradient + r * columns;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++)
      g[c] -= slope * wane_math_exp((a[c] - largest) - logarithm);
  }
}
WANE_KERNEL(wane_focal_f32,
            (const float *x, const float *t, float gamma, float alpha, float *loss, float *gradient,
             size_t rows, size_t columns),
            (x, t, gamma, alpha, loss, gradient, rows, columns))

WANE_BODY float wane_share(float x) {
  float low = x > tiny ? x : tiny;
  return low < 1.0f ? low : 1.0f;
}

WANE_BODY void wane_divergence_f32__body(const float *x, const float *t, float *loss,
                                         float *gradient, size_t rows, size_t inner,
                                         size_t columns) {
  float share = 1.0f / (float)inner;
  size_t width = inner * columns;
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * width, *b = t + r * width;
    float sum;
    WANE_LANES_SUM(
        sum, width, i,
        wane_share(b[i]) * (wane_math_log(wane_share(b[i])) - wane_math_log(wane_share(a[i]))));
    loss[r] = sum * share;
    if (!gradient) continue;
    float *g = gradient + r * width;
    WANE_VECTORIZE
    for (size_t c = 0; c < width; c++) {
      float slope = -share * wane_share(b[c]) / wane_share(a[c]);
      slope = a[c] >= tiny ? slope : 0.0f;
      g[c] = a[c] <= 1.0f ? slope : 0.0f;
    }
  }
}
WANE_KERNEL(wane_divergence_f32,
            (const float *x, const float *t, float *loss, float *gradient, size_t rows,
             size_t inner, size_t columns),
            (x, t, loss, gradient, rows, inner, columns))

/* 1 / |x| of a sum of squares, at most 1e7. */
WANE_BODY float wane_inverse_norm(float squares) {
  float norm = wane_math_sqrt(squares);
  return 1.0f / (norm > tiny ? norm : tiny);
}

/* With u = x / |x|, v = t / |t|, c = u.v: d(-c)/dx = -(v - c u) / |x|; below the least norm, |x| is
   a constant and c u falls away. */
WANE_BODY void wane_cosine_similarity_f32__body(const float *x, const float *t, float *loss,
                                                float *gradient, size_t rows, size_t inner,
                                                size_t columns) {
  float share = 1.0f / (float)inner;
  for (size_t r = 0; r < rows; r++) {
    float total = 0;
    for (size_t row = r * inner; row < (r + 1) * inner; row++) {
      const float *a = x + row * columns, *b = t + row * columns;
      float xx, tt, xt;
      WANE_LANES_SUM(xx, columns, i, a[i] * a[i]);
      WANE_LANES_SUM(tt, columns, i, b[i] * b[i]);
      WANE_LANES_SUM(xt, columns, i, a[i] * b[i]);
      float of_x = wane_inverse_norm(xx), of_t = wane_inverse_norm(tt);
      float similarity = xt * of_x * of_t;
      total -= similarity;
      if (!gradient) continue;
      float *g = gradient + row * columns;
      float along = xx > tiny * tiny ? similarity * of_x * of_x * share : 0.0f;
      float towards = of_x * of_t * share;
      WANE_VECTORIZE
      for (size_t c = 0; c < columns; c++) g[c] = along * a[c] - towards * b[c];
    }
    loss[r] = total * share;
  }
}
WANE_KERNEL(wane_cosine_similarity_f32,
            (const float *x, const float *t, float *loss, float *gradient, size_t rows,
             size_t inner, size_t columns),
            (x, t, loss, gradient, rows, inner, columns))
