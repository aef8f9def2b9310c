/* Every row keeps what it needs of its logits before the gradient, which may be the same array, is
   written. */

#include "wane_loss.h"

#include "wane_softmax_row.h"

WANE_BODY int64_t wane_cross_entropy_index_f32__body(const float *logits, const int32_t *labels,
                                                     float *loss, float *gradient, float factor,
                                                     size_t rows, size_t columns) {
  int64_t correct = 0;
  for (size_t r = 0; r < rows; r++) {
    if (labels[r] < 0 || (size_t)labels[r] >= columns) return -(int64_t)(r + 1);
    size_t label = (size_t)labels[r];
    const float *x = logits + r * columns;
    float largest = wane_lanes_max(x, columns);
    float at_label = x[label] - largest;
    correct += wane_softmax_row_argmax(x, largest, columns) == label;
    float sum;
    if (gradient) {
      float *g = gradient + r * columns;
      sum = wane_softmax_row_exp(x, largest, 1.0f, g, columns);
      float scale = factor / sum;
      WANE_VECTORIZE
      for (size_t c = 0; c < columns; c++) g[c] *= scale;
      g[label] -= factor;
    } else {
      sum = wane_softmax_row_sum(x, largest, 1.0f, columns);
    }
    loss[r] = wane_math_log(sum) - at_label;
  }
  return correct;
}
WANE_KERNEL_RETURNING(int64_t, wane_cross_entropy_index_f32,
                      (const float *logits, const int32_t *labels, float *loss, float *gradient,
                       float factor, size_t rows, size_t columns),
                      (logits, labels, loss, gradient, factor, rows, columns))

WANE_BODY int64_t wane_cross_entropy_dense_f32__body(const float *logits, const float *targets,
                                                     float *loss, float *gradient, float factor,
                                                     size_t rows, size_t columns) {
  int64_t correct = 0;
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * columns, *t = targets + r * columns;
    float largest = wane_lanes_max(x, columns);
    correct += wane_softmax_row_argmax(x, largest, columns) ==
               wane_softmax_row_argmax(t, wane_lanes_max(t, columns), columns);
    float weight, dot;
    WANE_LANES_SUM(weight, columns, i, t[i]);
    WANE_LANES_SUM(dot, columns, i, t[i] * (x[i] - largest));
    float sum;
    if (gradient) {
      float *g = gradient + r * columns;
      sum = wane_softmax_row_exp(x, largest, 1.0f, g, columns);
      float scale = weight / sum;
      WANE_VECTORIZE
      for (size_t c = 0; c < columns; c++) g[c] = factor * (g[c] * scale - t[c]);
    } else {
      sum = wane_softmax_row_sum(x, largest, 1.0f, columns);
    }
    loss[r] = weight * wane_math_log(sum) - dot;
  }
  return correct;
}
WANE_KERNEL_RETURNING(int64_t, wane_cross_entropy_dense_f32,
                      (const float *logits, const float *targets, float *loss, float *gradient,
                       float factor, size_t rows, size_t columns),
                      (logits, targets, loss, gradient, factor, rows, columns))

/* With s = student / T, t = teacher / T, each less its maximum, and the sums S, P of their
   exponentials:
     sum p (log p - log q) = sum p (t - s) + log S - log P,  p = exp(t) / P */
WANE_BODY void wane_distillation_f32__body(const float *student, const float *teacher,
                                           float temperature, float *loss, float *gradient,
                                           float factor, size_t rows, size_t columns) {
  float inverse = 1.0f / temperature;
  for (size_t r = 0; r < rows; r++) {
    const float *s = student + r * columns, *t = teacher + r * columns;
    float s_largest = wane_lanes_max(s, columns), t_largest = wane_lanes_max(t, columns);
    float s_sum = wane_softmax_row_sum(s, s_largest, inverse, columns);
    float t_sum = wane_softmax_row_sum(t, t_largest, inverse, columns);
    float s_scale = 1.0f / s_sum, t_scale = 1.0f / t_sum;
    float scale = factor * temperature;
    enum { piece = 256 };
    float p[piece];
    float dot = 0;
    for (size_t begin = 0; begin < columns; begin += piece) {
      size_t count = columns - begin < piece ? columns - begin : piece;
      const float *sp = s + begin, *tp = t + begin;
      WANE_VECTORIZE
      for (size_t c = 0; c < count; c++)
        p[c] = wane_math_exp((tp[c] - t_largest) * inverse) * t_scale;
      float part;
      WANE_LANES_SUM(part, count, i,
                     p[i] * (((tp[i] - t_largest) - (sp[i] - s_largest)) * inverse));
      dot += part;
      if (!gradient) continue;
      float *g = gradient + r * columns + begin;
      WANE_VECTORIZE
      for (size_t c = 0; c < count; c++)
        g[c] = scale * (wane_math_exp((sp[c] - s_largest) * inverse) * s_scale - p[c]);
    }
    float divergence = dot + (wane_math_log(s_sum) - wane_math_log(t_sum));
    loss[r] = temperature * temperature * divergence;
  }
}
WANE_KERNEL(wane_distillation_f32,
            (const float *student, const float *teacher, float temperature, float *loss,
             float *gradient, float factor, size_t rows, size_t columns),
            (student, teacher, temperature, loss, gradient, factor, rows, columns))

WANE_BODY void wane_squared_error_f32__body(const float *x, const float *targets, float *loss,
                                            float *gradient, float factor, size_t rows,
                                            size_t columns) {
  float inverse = 1.0f / (float)columns;
  float scale = 2.0f * factor * inverse;
  for (size_t r = 0; r < rows; r++) {
    const float *a = x + r * columns, *t = targets + r * columns;
    float sum;
    WANE_LANES_SUM(sum, columns, i, (a[i] - t[i]) * (a[i] - t[i]));
    loss[r] = sum * inverse;
    if (!gradient) continue;
    float *g = gradient + r * columns;
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) g[c] = scale * (a[c] - t[c]);
  }
}
WANE_KERNEL(wane_squared_error_f32,
            (const float *x, const float *targets, float *loss, float *gradient, float factor,
             size_t rows, size_t columns),
            (x, targets, loss, gradient, factor, rows, columns))
