#include "wane_group_norm.h"

#include "wane_lanes.h"
#include "wane_math.h"

#include <string.h>

/* Mean and 1 / sqrt(variance + epsilon) of a group: `positions` rows of `width` floats, `channels`
   apart. Rows are summed in lanes, and their sums in double precision. */
WANE_BODY void group_moments(const wane_group_norm_shape *s, const float *x, float *mean,
                             float *inverse) {
  size_t width = s->channels / s->groups;
  double count = (double)s->positions * (double)width, total = 0;
  float centre = 0.0f;
  if (s->centred) {
    for (size_t p = 0; p < s->positions; p++) {
      const float *row = x + p * s->channels;
      float sum;
      WANE_LANES_SUM(sum, width, i, row[i]);
      total += sum;
    }
    centre = (float)(total / count);
  }
  total = 0;
  for (size_t p = 0; p < s->positions; p++) {
    const float *row = x + p * s->channels;
    float sum;
    WANE_LANES_SUM(sum, width, i, (row[i] - centre) * (row[i] - centre));
    total += sum;
  }
  *mean = centre;
  *inverse = 1.0f / wane_math_sqrt((float)(total / count) + s->epsilon);
}

WANE_BODY void wane_group_norm_f32__body(const wane_group_norm_shape *s, const float *x,
                                         const float *gamma, const float *beta, float *y) {
  size_t width = s->channels / s->groups, size = s->positions * s->channels;
  for (size_t n = 0; n < s->samples; n++, x += size, y += size) {
    for (size_t begin = 0; begin < s->channels; begin += width) {
      float mean, inverse;
      group_moments(s, x + begin, &mean, &inverse);
      for (size_t p = 0; p < s->positions; p++) {
        const float *from = x + p * s->channels + begin;
        float *to = y + p * s->channels + begin;
        WANE_VECTORIZE
        for (size_t i = 0; i < width; i++) to[i] = (from[i] - mean) * inverse;
        if (gamma) {
          WANE_VECTORIZE
          for (size_t i = 0; i < width; i++) to[i] *= gamma[begin + i];
        }
        if (beta) {
          WANE_VECTORIZE
          for (size_t i = 0; i < width; i++) to[i] += beta[begin + i];
        }
      }
    }
  }
}
WANE_KERNEL(wane_group_norm_f32,
            (const wane_group_norm_shape *s, const float *x, const float *gamma, const float *beta,
             float *y),
            (s, x, gamma, beta, y))

/* With h = dy gamma and xhat = (x - mean) inverse:
     dx = inverse (h - mean(h) - xhat mean(h xhat)), the first mean only when centred. */
WANE_BODY void wane_group_norm_grad_f32__body(const wane_group_norm_shape *s, const float *x,
                                              const float *gamma, const float *dy, float *dx,
                                              float *dgamma, float *dbeta) {
  size_t width = s->channels / s->groups, size = s->positions * s->channels;
  double count = (double)s->positions * (double)width;
  if (dgamma) memset(dgamma, 0, s->channels * sizeof *dgamma);
  if (dbeta) memset(dbeta, 0, s->channels * sizeof *dbeta);
  for (size_t n = 0; n < s->samples; n++, x += size, dy += size, dx += size) {
    for (size_t begin = 0; begin < s->channels; begin += width) {
      float mean, inverse;
      group_moments(s, x + begin, &mean, &inverse);
      double total = 0, product = 0;
      for (size_t p = 0; p < s->positions; p++) {
        const float *from = x + p * s->channels + begin, *g = dy + p * s->channels + begin;
        float sum, along;
        if (gamma) {
          const float *factor = gamma + begin;
          WANE_LANES_SUM(sum, width, i, g[i] * factor[i]);
          WANE_LANES_SUM(along, width, i, g[i] * factor[i] * (from[i] - mean));
        } else {
          WANE_LANES_SUM(sum, width, i, g[i]);
          WANE_LANES_SUM(along, width, i, g[i] * (from[i] - mean));
        }
        total += sum;
        product += along;
        if (dgamma) {
          float *to = dgamma + begin;
          for (size_t i = 0; i < width; i++) to[i] += g[i] * ((from[i] - mean) * inverse);
        }
        if (dbeta) {
          float *to = dbeta + begin;
          for (size_t i = 0; i < width; i++) to[i] += g[i];
        }
      }
      float shift = s->centred ? (float)(total / count) : 0.0f;
      float slope = (float)(product / count) * inverse * inverse;
      for (size_t p = 0; p < s->positions; p++) {
        const float *from = x + p * s->channels + begin, *g = dy + p * s->channels + begin;
        float *to = dx + p * s->channels + begin;
        if (gamma) {
          const float *factor = gamma + begin;
          WANE_VECTORIZE
          for (size_t i = 0; i < width; i++)
            to[i] = inverse * (g[i] * factor[i] - shift - (from[i] - mean) * slope);
        } else {
          WANE_VECTORIZE
          for (size_t i = 0; i < width; i++)
            to[i] = inverse * (g[i] - shift - (from[i] - mean) * slope);
        }
      }
    }
  }
}
WANE_KERNEL(wane_group_norm_grad_f32,
            (const wane_group_norm_shape *s, const float *x, const float *gamma, const float *dy,
             float *dx, float *dgamma, float *dbeta),
            (s, x, gamma, dy, dx, dgamma, dbeta))
