#ifndef WANE_ELEMENTWISE_H
#define WANE_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

/* Elementwise arithmetic on n contiguous floats. An output may be the same array as an input (in
   place) but must not overlap it in any other way. */

/* y = a + b, a - b, a * b, a / b, max(a, b), min(a, b). max and min give b where a is NaN. */
void wane_add_f32(const float *a, const float *b, float *y, size_t n);
void wane_sub_f32(const float *a, const float *b, float *y, size_t n);
void wane_mul_f32(const float *a, const float *b, float *y, size_t n);
void wane_div_f32(const float *a, const float *b, float *y, size_t n);
void wane_max_f32(const float *a, const float *b, float *y, size_t n);
void wane_min_f32(const float *a, const float *b, float *y, size_t n);

/* y = value. */
void wane_fill_f32(float value, float *y, size_t n);

/* y = x * factor + term; with term 0 the product alone, with factor 1 the sum alone. */
void wane_scale_f32(const float *x, float factor, float *y, size_t n);
void wane_offset_f32(const float *x, float term, float *y, size_t n);
void wane_affine_f32(const float *x, float factor, float term, float *y, size_t n);

/* y = value / x. */
void wane_reciprocal_f32(const float *x, float value, float *y, size_t n);

/* y += factor * x. */
void wane_axpy_f32(float factor, const float *x, float *y, size_t n);

/* y = min(max(x, low), high); NaN stays NaN. */
void wane_clamp_f32(const float *x, float low, float high, float *y, size_t n);

/* y = |x|, x * x, sqrt(x), log(x). log is within 2 ulp; log(0) = -inf, log(x < 0) = NaN. */
void wane_abs_f32(const float *x, float *y, size_t n);
void wane_square_f32(const float *x, float *y, size_t n);
void wane_sqrt_f32(const float *x, float *y, size_t n);
void wane_log_f32(const float *x, float *y, size_t n);

/* y[r, c] = x[r, c] + bias[c], for x of shape [rows, columns]. */
void wane_add_bias_f32(const float *x, const float *bias, float *y, size_t rows, size_t columns);

#endif
