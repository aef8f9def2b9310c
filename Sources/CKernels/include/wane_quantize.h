#ifndef WANE_QUANTIZE_H
#define WANE_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

/* Affine quantization. One definition, the same bits on every path:

     q = clamp(round(x / scale) + zero, low, high)      a true division, rounded half to even
     x' = (q - zero) * scale

   which is ONNX's QuantizeLinear and DequantizeLinear. NaN is taken as 0; infinities clamp. `scale`
   must be positive and finite, and low <= zero <= high within -65536 ... 65535.

   Channels: an array of shape [outer, channels, inner] whose middle axis has one scale and zero
   point a channel. Per tensor: channels 1. First axis: outer 1. Last axis: inner 1. */

typedef struct {
  const float *scale;  /* [channels] */
  const int32_t *zero; /* [channels], or NULL for zeros */
  int32_t low, high;   /* 0, 255 for u8; -128 or -127, 127 for i8; -7, 7 for symmetric 4-bit */
  size_t outer, channels, inner;
} wane_grid;

/* [low, high] is cut to the range of the element type. */
void wane_quantize_f32_u8(const wane_grid *grid, const float *x, uint8_t *q);
void wane_quantize_f32_i8(const wane_grid *grid, const float *x, int8_t *q);
void wane_dequantize_u8_f32(const wane_grid *grid, const uint8_t *q, float *x);
void wane_dequantize_i8_f32(const wane_grid *grid, const int8_t *q, float *x);

/* y = dequantize(quantize(x)), in float: what the integers will compute (Jacob et al., 2018). In
   place is allowed. */
void wane_fake_quantize_f32(const wane_grid *grid, const float *x, float *y);

/* Straight-through gradient (Bengio et al., 2013): dx = dy where round(x / scale) + zero was within
   low ... high before the clamp, else 0. dx may be dy. */
void wane_fake_quantize_grad_f32(const wane_grid *grid, const float *x, const float *dy, float *dx);

/* Lowers *minimum and raises *maximum to cover x. NaN is passed over. Start with +inf and -inf. */
void wane_range_f32(const float *x, size_t n, float *minimum, float *maximum);

/* minimum[c], maximum[c], likewise, over an array of shape [outer, channels, inner]. */
void wane_channel_range_f32(const float *x, size_t outer, size_t channels, size_t inner,
                            float *minimum, float *maximum);

/* Adds x to a histogram of `bins` equal bins over low ... high, high > low. Elements outside go to
   the first and last bin; NaN is passed over. */
void wane_histogram_f32(const float *x, size_t n, float low, float high, uint64_t *counts,
                        size_t bins);

#endif
