// Loops of ours for the cases where oneDNN leaves much of the machine idle.
//
// Where and why (oneDNN 2.6.3 / ours, per cent of the fp32 peak of one AVX2 core):
// - weight gradient of a convolution: 65 / 97 with many input channels; 22 / 52 with one, which
//   oneDNN pads to 8. The sums of 6 taps by 2 vectors of outputs stay in registers over a tile.
// - forward convolution while its weights stay in the cache: 87 / 100, and it takes the weights as
//   they are, so a training step reorders nothing.
// - matrix times one vector: calling oneDNN (0.5 to 0.9 us) costs more than a small product.

#ifndef WANE_DNN_LOOPS_H
#define WANE_DNN_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

/// One image and one channel group of a convolution. A tap is one (kernel row, kernel column, input
/// channel); `offsets` says where it lies relative to the first pixel under the kernel. Padding has
/// been written out, so every tap exists for every output position. Steps are in elements.
typedef struct {
  const float *src;
  int64_t row_step, column_step;  ///< In src, from an output position to the next below, right.
  const int64_t *offsets;
  int64_t taps;
  int64_t rows, columns;  ///< Output positions.
  int64_t outputs;        ///< Output channels of the group.
  int64_t output_step;    ///< Output channels of all groups: to the next position, the next tap.
} wane_dnn_patches;

typedef struct {
  /// weights_gradient[tap, o] += sum over positions of src * diff_dst; likewise bias_gradient
  /// unless NULL.
  void (*convolution_gradient)(const wane_dnn_patches *patches, const float *diff_dst,
                               float *weights_gradient, float *bias_gradient);
  /// dst = bias + sum over taps of src * weights; no bias: NULL.
  void (*convolution_forward)(const wane_dnn_patches *patches, const float *weights,
                              const float *bias, bool relu, float *dst);
  /// dst[outputs] = bias + src[inputs] weights[inputs, outputs].
  void (*dense_row)(const float *src, const float *weights, const float *bias, bool relu,
                    int64_t inputs, int64_t outputs, float *dst);
  const char *name;
  int32_t vector_width;  ///< Floats in a vector.
} wane_dnn_loops;

/// The loops for this machine; NULL on a machine for which there are none.
const wane_dnn_loops *wane_dnn_loops_best(void);

#if defined(__x86_64__)
extern const wane_dnn_loops wane_dnn_loops__avx2;
extern const wane_dnn_loops wane_dnn_loops__avx512;
#endif

#endif
