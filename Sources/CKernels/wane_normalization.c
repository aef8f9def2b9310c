#include "wane_normalization.h"

#include "wane_dispatch.h"

#include <string.h>

/* Strips of channels whose sums stay in L1, blocks of rows whose second pass hits the cache. */
enum { strip = 64, row_block = 128 };

/* Moments of b rows joined with those of a rows, for `channels` channels:
     mean = mean_a + d b / (a + b),  squares = squares_a + squares_b + d^2 a b / (a + b)
   with d = mean_b - mean_a. */
WANE_BODY void wane_batch_norm_combine_f32__body(float *mean_a, float *squares_a, size_t count_a,
                                                 const float *mean_b, const float *squares_b,
                                                 size_t count_b, size_t channels) {
  if (count_b == 0) return;
  double total = (double)count_a + (double)count_b;
  float share = (float)((double)count_b / total);
  float weight = (float)((double)count_a * ((double)count_b / total));
  WANE_VECTORIZE
  for (size_t c = 0; c < channels; c++) {
    float d = mean_b[c] - mean_a[c];
    mean_a[c] += d * share;
    squares_a[c] += squares_b[c] + d * d * weight;
  }
}
WANE_KERNEL(wane_batch_norm_combine_f32,
            (float *mean_a, float *squares_a, size_t count_a, const float *mean_b,
             const float *squares_b, size_t count_b, size_t channels),
            (mean_a, squares_a, count_a, mean_b, squares_b, count_b, channels))

WANE_BODY void wane_batch_norm_moments_f32__body(const float *x, float *mean, float *squares,
                                                 size_t rows, size_t channels) {
  memset(mean, 0, channels * sizeof *mean);
  memset(squares, 0, channels * sizeof *squares);
  for (size_t begin = 0; begin < rows; begin += row_block) {
    size_t height = rows - begin < row_block ? rows - begin : row_block;
    float inverse = 1.0f / (float)height;
    for (size_t c = 0; c < channels; c += strip) {
      size_t width = channels - c < strip ? channels - c : strip;
      const float *from = x + begin * channels + c;
      float centres[strip] = {0}, deviations[strip] = {0};
      /* Relative to the first row, so that the sum is small and its rounding too. */
      for (size_t r = 1; r < height; r++)
        for (size_t i = 0; i < width; i++) centres[i] += from[r * channels + i] - from[i];
      for (size_t i = 0; i < width; i++) centres[i] = from[i] + centres[i] * inverse;
      for (size_t r = 0; r < height; r++) {
        for (size_t i = 0; i < width; i++) {
          float d = from[r * channels + i] - centres[i];
          deviations[i] += d * d;
        }
      }
      wane_batch_norm_combine_f32__body(mean + c, squares + c, begin, centres, deviations, height,
                                        width);
    }
  }
}
WANE_KERNEL(wane_batch_norm_moments_f32,
            (const float *x, float *mean, float *squares, size_t rows, size_t channels),
            (x, mean, squares, rows, channels))

WANE_BODY void wane_batch_norm_apply_f32__body(const float *x, const float *mean,
                                               const float *scale, const float *beta, float *y,
                                               size_t rows, size_t channels) {
  for (size_t r = 0; r < rows; r++, x += channels, y += channels) {
    WANE_VECTORIZE
    for (size_t c = 0; c < channels; c++) y[c] = (x[c] - mean[c]) * scale[c] + beta[c];
  }
}
WANE_KERNEL(wane_batch_norm_apply_f32,
            (const float *x, const float *mean, const float *scale, const float *beta, float *y,
             size_t rows, size_t channels),
            (x, mean, scale, beta, y, rows, channels))

WANE_BODY void wane_batch_norm_grad_sums_f32__body(const float *x, const float *dy,
                                                   const float *mean, const float *inverse,
                                                   float *dgamma, float *dbeta, size_t rows,
                                                   size_t channels) {
  memset(dgamma, 0, channels * sizeof *dgamma);
  memset(dbeta, 0, channels * sizeof *dbeta);
  for (size_t begin = 0; begin < rows; begin += row_block) {
    size_t height = rows - begin < row_block ? rows - begin : row_block;
    for (size_t c = 0; c < channels; c += strip) {
      size_t width = channels - c < strip ? channels - c : strip;
      float gammas[strip] = {0}, betas[strip] = {0};
      const float *from = x + begin * channels + c, *g = dy + begin * channels + c;
      const float *centre = mean + c;
      size_t r = 0;
      /* Four rows are added before they join the sums: a quarter of the roundings. */
      for (; r + 4 <= height; r += 4, from += 4 * channels, g += 4 * channels) {
        for (size_t i = 0; i < width; i++) {
          size_t i1 = i + channels, i2 = i1 + channels, i3 = i2 + channels;
          betas[i] += (g[i] + g[i1]) + (g[i2] + g[i3]);
          float upper = g[i] * (from[i] - centre[i]) + g[i1] * (from[i1] - centre[i]);
          float lower = g[i2] * (from[i2] - centre[i]) + g[i3] * (from[i3] - centre[i]);
          gammas[i] += upper + lower;
        }
      }
      for (; r < height; r++, from += channels, g += channels) {
        for (size_t i = 0; i < width; i++) {
          betas[i] += g[i];
          gammas[i] += g[i] * (from[i] - centre[i]);
        }
      }
      for (size_t i = 0; i < width; i++) {
        dbeta[c + i] += betas[i];
        dgamma[c + i] += gammas[i] * inverse[c + i];
      }
    }
  }
}
WANE_KERNEL(wane_batch_norm_grad_sums_f32,
            (const float *x, const float *dy, const float *mean, const float *inverse,
             float *dgamma, float *dbeta, size_t rows, size_t channels),
            (x, dy, mean, inverse, dgamma, dbeta, rows, channels))

WANE_BODY void wane_batch_norm_grad_f32__body(const float *x, const float *dy, const float *mean,
                                              const float *inverse, const float *gamma,
                                              const float *dgamma, const float *dbeta, size_t count,
                                              float *dx, size_t rows, size_t channels) {
  float share = count ? 1.0f / (float)count : 0.0f;
  /* dx = a dy - b (x - mean) - d, with one factor a channel. */
  for (size_t c = 0; c < channels; c += strip) {
    size_t width = channels - c < strip ? channels - c : strip;
    float a[strip], b[strip], d[strip];
    for (size_t i = 0; i < width; i++) {
      a[i] = gamma[c + i] * inverse[c + i];
      b[i] = a[i] * (inverse[c + i] * dgamma[c + i] * share);
      d[i] = a[i] * (dbeta[c + i] * share);
    }
    for (size_t r = 0; r < rows; r++) {
      const float *from = x + r * channels + c, *g = dy + r * channels + c;
      float *to = dx + r * channels + c;
      WANE_VECTORIZE
      for (size_t i = 0; i < width; i++)
        to[i] = (a[i] * g[i] - b[i] * (from[i] - mean[c + i])) - d[i];
    }
  }
}
WANE_KERNEL(wane_batch_norm_grad_f32,
            (const float *x, const float *dy, const float *mean, const float *inverse,
             const float *gamma, const float *dgamma, const float *dbeta, size_t count, float *dx,
             size_t rows, size_t channels),
            (x, dy, mean, inverse, gamma, dgamma, dbeta, count, dx, rows, channels))
