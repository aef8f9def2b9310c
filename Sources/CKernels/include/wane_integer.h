#ifndef WANE_INTEGER_H
#define WANE_INTEGER_H

#include <stddef.h>
#include <stdint.h>

/* Integer inference: u8 activations times i8 weights, exact in i32, no saturation on the way.

     acc[o] = bias[o] + sum over k of x[k] * w[k, o]

   Outside the image x is the input's zero point. The zero point is taken out by the bias:
   `wane_integer_fold_bias` makes bias[o] = b[o] - zero_x * sum over k of w[k, o] once for a layer.
   Output, from t = (float)acc * multiplier[o], each operation rounded once, half to even:
     u8    y = clamp(round(t) + zero, low, high)           relu: low = zero
     f32   y = t, or max(t, 0)
   All levels give the same bits. */

/* A convolution of NHWC images. A dense layer [M, K] x [K, O] is the convolution of M images of
   1 x 1 with K channels: `wane_integer_dense`. */
typedef struct {
  int32_t batch, height, width, channels;
  int32_t out_channels; /* depthwise: 0, each channel has its own kernel */
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left;
  int32_t out_height, out_width; /* of the convolution, before pooling */
  int32_t max_pool;              /* 2: a max pool of 2 x 2, stride 2, follows (see below); else 0 */
} wane_integer_shape;

/* Fused max pooling: y is [batch, out_height / 2, out_width / 2, O]. The maximum is taken of the
   sums, before they are scaled; the multipliers must not be negative, then the result is that of
   pooling y. Not for depthwise. */

/* The shape of a dense layer. */
wane_integer_shape wane_integer_dense(int32_t rows, int32_t inputs, int32_t outputs);

/* 0, or EINVAL: a size that is not positive (batch may be 0), a negative padding, sums of more than
   65 536 products, which could overflow, one padded image row over 2^30 bytes, or pooling that does
   not fit. The functions below do not check it again. */
int wane_integer_check(const wane_integer_shape *shape);

/* Bytes of the packed weights, and the packing of w, [kernel_height, kernel_width, channels,
   out_channels] (depthwise: [kernel_height, kernel_width, channels]). One layout serves every
   level. `packed` must be aligned to 64 bytes. Does not depend on `batch`, height or width. */
size_t wane_integer_packed_size(const wane_integer_shape *shape);
void wane_integer_pack(const wane_integer_shape *shape, const int8_t *weights, void *packed);

/* folded[o] = bias[o] - zero_x * sum(w[.., o]); `bias` may be NULL for zeros. */
void wane_integer_fold_bias(const wane_integer_shape *shape, const int8_t *weights,
                            const int32_t *bias, int32_t zero_x, int32_t *folded);

/* Bytes of working memory for one call, aligned to 64; one block for each thread that calls. */
size_t wane_integer_scratch_size(const wane_integer_shape *shape);

typedef struct {
  const void *packed;      /* from wane_integer_pack */
  const int32_t *bias;     /* [O], folded */
  const float *multiplier; /* [O]: scale_x * scale_w[o] / scale_y, or without scale_y for f32 */
  uint8_t zero_x;          /* what padding is */
  uint8_t zero, low, high; /* of the output; low <= high */
  uint8_t relu;            /* of the f32 output: 0 or 1 */
} wane_integer_layer;

/* y: [batch, out_height, out_width, O], or pooled. */
void wane_integer_run_u8(const wane_integer_shape *shape, const wane_integer_layer *layer,
                         const uint8_t *x, uint8_t *y, void *scratch);
void wane_integer_run_f32(const wane_integer_shape *shape, const wane_integer_layer *layer,
                          const uint8_t *x, float *y, void *scratch);

/* The sums as they are, without bias, multipliers or pooling: of the layer only the weights and the
   padding are read. */
void wane_integer_run_i32(const wane_integer_shape *shape, const wane_integer_layer *layer,
                          const uint8_t *x, int32_t *y, void *scratch);

#endif
