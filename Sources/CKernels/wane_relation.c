#include "wane_relation.h"

#include "wane_lanes.h"
#include "wane_math.h"

#include <string.h>

WANE_BODY void wane_row_distances_f32__body(const float *x, float *d, size_t rows, size_t width) {
  for (size_t i = 0; i < rows; i++) {
    const float *a = x + i * width;
    d[i * rows + i] = 0.0f;
    for (size_t j = 0; j < i; j++) {
      const float *b = x + j * width;
      float sum;
      WANE_LANES_SUM(sum, width, k, (a[k] - b[k]) * (a[k] - b[k]));
      d[i * rows + j] = d[j * rows + i] = wane_math_sqrt(sum);
    }
  }
}
WANE_KERNEL(wane_row_distances_f32, (const float *x, float *d, size_t rows, size_t width),
            (x, d, rows, width))

WANE_BODY void wane_row_products_f32__body(const float *x, float *g, size_t rows, size_t width) {
  for (size_t i = 0; i < rows; i++) {
    const float *a = x + i * width;
    for (size_t j = 0; j <= i; j++) {
      const float *b = x + j * width;
      float sum;
      WANE_LANES_SUM(sum, width, k, a[k] * b[k]);
      g[i * rows + j] = g[j * rows + i] = sum;
    }
  }
}
WANE_KERNEL(wane_row_products_f32, (const float *x, float *g, size_t rows, size_t width),
            (x, g, rows, width))

WANE_BODY void wane_row_combine_f32__body(const float *c, const float *x, float *y, size_t begin,
                                          size_t end, size_t rows, size_t width) {
  for (size_t i = begin; i < end; i++, y += width) {
    memset(y, 0, width * sizeof *y);
    for (size_t j = 0; j < rows; j++) {
      const float *b = x + j * width;
      const float factor = c[i * rows + j];
      WANE_VECTORIZE
      for (size_t k = 0; k < width; k++) y[k] += factor * b[k];
    }
  }
}
WANE_KERNEL(wane_row_combine_f32,
            (const float *c, const float *x, float *y, size_t begin, size_t end, size_t rows,
             size_t width),
            (c, x, y, begin, end, rows, width))
