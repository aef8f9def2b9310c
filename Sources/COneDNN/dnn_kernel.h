// What a kernel is inside: a few oneDNN primitives run one after another, or one function of ours.

#ifndef WANE_DNN_KERNEL_H
#define WANE_DNN_KERNEL_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#include "dnn_backend.h"
#include "dnn_loops.h"
#include "wane_dnn.h"

/// Where the bytes of a primitive's argument come from: a field of wane_dnn_arguments, or scratch.
typedef enum {
  SLOT_SRC,
  SLOT_WEIGHTS,
  SLOT_BIAS,
  SLOT_DST,
  SLOT_DIFF_DST,
  SLOT_DIFF_SRC,
  SLOT_DIFF_WEIGHTS,
  SLOT_DIFF_BIAS,
  SLOT_SCRATCH,
  SLOT_COUNT,
} wane_dnn_slot;

/// One argument of a primitive. `bound` is the address set last: setting an address costs more than
/// a comparison, and an executor with fixed buffers repeats the same ones.
typedef struct {
  dnnl_memory_t memory;
  void *bound;
  wane_dnn_slot slot;
  size_t offset;  ///< Bytes from the start of the slot.
  size_t stride;  ///< Bytes from one chunk to the next.
} wane_dnn_binding;

enum { MAX_BINDINGS = 5, MAX_STEPS = 4 };

/// A primitive with its arguments. A step that is not `chunked` runs once, before the first chunk.
typedef struct {
  dnnl_primitive_t primitive;
  int count;
  bool chunked;
  wane_dnn_binding bindings[MAX_BINDINGS];
  dnnl_exec_arg_t arguments[MAX_BINDINGS];
} wane_dnn_step;

/// The shape of a convolution after validation, with what the loops of ours need to know. Backward
/// data of ours is planned as the forward convolution that it equals.
typedef struct {
  wane_dnn_convolution shape;
  int64_t out_height, out_width;
  int64_t padded_height, padded_width;  ///< The part of the padded image that is read.
  bool padded;
  bool bias, relu, bf16;
} wane_dnn_convolution_plan;

typedef struct {
  wane_dnn_direction direction;
  wane_dnn_dense shape;
  bool bias, relu;
} wane_dnn_dense_plan;

typedef struct {
  wane_dnn_matmul shape;
  bool bias, relu;
} wane_dnn_matmul_plan;

struct wane_dnn_kernel {
  /// Executes. The addresses in `slots` are checked already; slots[SLOT_SCRATCH] is 64-byte
  /// aligned.
  wane_dnn_status (*run)(wane_dnn_kernel *kernel, void *const *slots);
  dnnl_stream_t stream;
  int step_count;
  int64_t chunks;
  wane_dnn_step steps[MAX_STEPS];
  wane_dnn_step pack;  ///< Reorder of plain into packed weights.
  /// Packs instead of `pack`. Neither: packed weights are the plain ones.
  void (*pack_with)(const wane_dnn_kernel *kernel, const float *plain, float *packed);
  uint32_t required;  ///< Bit i: slot i must not be NULL.
  size_t scratch_bytes, weights_bytes;
  const char *name;  ///< For error texts.
  char implementation[48];
  const wane_dnn_loops *loops;
  bool rounds_to_bf16;  ///< What is multiplied is bf16.
  int64_t *offsets;     ///< Owned; of the taps of a convolution, in elements.
  bool turn_weights;  ///< Convolution of ours: weights are turned into scratch at every execution.
  /// In scratch; `turned` also of a dense layer.
  size_t padded_offset, turned_offset;
  union {
    wane_dnn_convolution_plan convolution;
    wane_dnn_dense_plan dense;
    wane_dnn_matmul_plan matmul;
  } plan;
};

/// An empty kernel with a stream.
wane_dnn_status wane_dnn_kernel_new(const char *name, wane_dnn_kernel **kernel);

/// Reserves 64-byte aligned scratch and returns its offset.
wane_dnn_status wane_dnn_reserve_scratch(wane_dnn_kernel *kernel, size_t bytes, size_t *offset);

/// Makes the primitive of a step and reserves its scratchpad. Takes the descriptor over, also on
/// failure.
wane_dnn_status wane_dnn_step_make(wane_dnn_kernel *kernel, wane_dnn_step *step,
                                   dnnl_primitive_desc_t descriptor);

/// Adds one argument (DNNL_ARG_...) to a step.
wane_dnn_status wane_dnn_step_bind(wane_dnn_step *step, int argument, wane_dnn_layout_ref layout,
                                   wane_dnn_slot slot, size_t offset, size_t stride);

/// A step that copies between layouts.
wane_dnn_status wane_dnn_step_reorder(wane_dnn_kernel *kernel, wane_dnn_step *step,
                                      wane_dnn_layout_ref from, wane_dnn_slot from_slot,
                                      size_t from_offset, wane_dnn_layout_ref to,
                                      wane_dnn_slot to_slot, size_t to_offset);

/// Runs the steps of a kernel; the `run` of kernels made of primitives.
wane_dnn_status wane_dnn_run_steps(wane_dnn_kernel *kernel, void *const *slots);

#endif
