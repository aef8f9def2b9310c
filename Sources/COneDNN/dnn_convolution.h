// Convolution kernels: what the algorithms share.

#ifndef WANE_DNN_CONVOLUTION_H
#define WANE_DNN_CONVOLUTION_H

#include "dnn_kernel.h"

/// Checks a shape and derives the rest. Every size it accepts is far from overflowing.
wane_dnn_status wane_dnn_convolution_plan_make(const wane_dnn_convolution *shape, uint32_t flags,
                                               wane_dnn_convolution_plan *plan);

/// The algorithm for this shape on this machine: a pure function of both.
wane_dnn_algorithm wane_dnn_convolution_choose(const wane_dnn_convolution_plan *plan,
                                               wane_dnn_direction direction,
                                               const wane_dnn_loops *loops);

/// Whether this machine multiplies bf16 in hardware and the layer has the channels to use it.
bool wane_dnn_bf16_pays(const wane_dnn_convolution_plan *plan);

/// The forward convolution that computes the backward data of `plan`; false when there is none.
bool wane_dnn_convolution_turn(const wane_dnn_convolution_plan *plan,
                               wane_dnn_convolution_plan *turned);

/// The three ways to fill a new kernel, which is the caller's also on failure.
wane_dnn_status wane_dnn_convolution_direct(wane_dnn_kernel *kernel,
                                            const wane_dnn_convolution_plan *plan,
                                            wane_dnn_direction direction, bool plain_weights);
wane_dnn_status wane_dnn_convolution_blocked(wane_dnn_kernel *kernel,
                                             const wane_dnn_convolution_plan *plan,
                                             wane_dnn_direction direction, bool plain_weights);
wane_dnn_status wane_dnn_convolution_own(wane_dnn_kernel *kernel,
                                         const wane_dnn_convolution_plan *plan,
                                         wane_dnn_direction direction, bool plain_weights);

#endif
