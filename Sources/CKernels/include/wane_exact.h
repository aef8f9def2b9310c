#ifndef WANE_EXACT_H
#define WANE_EXACT_H

#include "wane_integer.h"

/* A convolution or dense layer on floats that lie on grids, computed in integers: what training
   simulates, and what runs where `wane_integer.h` has no form for a layer: groups, activations of
   16 bits, weights of nine bits (-255 ... 255), a scale for each group of inputs, a grid for each
   sample.

     x = (code - zero) * scale        w[k, o] = multiple[k, o] * scale_w[g, o], k of group g
     acc[g, o] = sum over k of group g of (code[k] - zero) * multiple[k, o]           exact

   One group and one grid for all samples, as `wane_integer.h`:
     b[o] = round(bias[o] / (scale * scale_w[o]))           in double, half to even
     y[o] = (float)(acc[o] + b[o]) * (float)(scale * scale_w[o] / step)
   else, each operation in float, in the order of the groups:
     y[o] = ((float)acc[0, o] * m[0, o] + (float)acc[1, o] * m[1, o] + ...) + (float)(bias[o] /
   step) m[g, o] = (float)(scale * scale_w[g, o] / step) Outside the image x is 0. Scales are
   multiplied and divided in double. All levels give the same bits. */

typedef struct {
  wane_integer_shape shape; /* of the whole layer; out_channels > 0, max_pool 0 */
  int32_t groups;           /* of the convolution: channels and out_channels are multiples of it */
  int32_t group_size;       /* inputs of an output channel that share a scale */
  int32_t wide_codes;       /* 0: codes are 0 ... 255; 1: 0 ... 65535 */
  int32_t wide_weights;     /* 0: multiples are -128 ... 127; 1: -255 ... 255 */
  int32_t own_grids;        /* each sample has its scale and zero point */
  int32_t rows;             /* a dense layer: how many rows belong to a sample, else 1 */
  int32_t scale_count;      /* 1: one for all; else groups of inputs x out_channels */
  float scale;              /* of x, unless samples have their own */
  int32_t zero;
  float step; /* y counts in these; 1 for values */
} wane_exact;

/* 0, or EINVAL for what cannot run. The functions below do not check again. */
int wane_exact_check(const wane_exact *layer);

/* Bytes of the weights as they run, whatever batch and image; aligned to 64. */
size_t wane_exact_packed_size(const wane_exact *layer);

/* Bytes of working memory, for packing and for running; aligned to 64. */
size_t wane_exact_scratch_size(const wane_exact *layer);

/* Packs weights that lie on their grid, [kernel_height, kernel_width, channels / groups,
   out_channels]; `scales` is [groups of inputs, out_channels] or one, `bias` [out_channels] or
   NULL. */
void wane_exact_pack(const wane_exact *layer, const float *weights, const float *scales,
                     const float *bias, void *packed, void *scratch);

/* x and y: floats, NHWC. `grids`: scale and zero point of each sample, as floats; NULL when all
   have that of the layer. */
void wane_exact_run(const wane_exact *layer, const void *packed, const float *x, const float *grids,
                    float *y, void *scratch);

#endif
