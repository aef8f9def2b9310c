// The part of oneDNN this target uses, with one spelling for the C APIs of 2.x and 3.x.
//
// 3.x made memory descriptors opaque and dropped operation descriptors. Everything else here
// (queries, memories, reorders, execution) has the same form in both.

#ifndef WANE_DNN_BACKEND_H
#define WANE_DNN_BACKEND_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#include "wane_dnn.h"

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t wane_dnn_layout_ref;
#else
typedef const dnnl_memory_desc_t *wane_dnn_layout_ref;
#endif

/// A memory descriptor of ours. Zero-initialised is empty; destroying it empty or twice is
/// harmless.
typedef struct {
  dnnl_memory_desc_t descriptor;
  bool made;
} wane_dnn_layout;

/// NULL for an empty layout.
wane_dnn_layout_ref wane_dnn_layout_get(const wane_dnn_layout *layout);
void wane_dnn_layout_destroy(wane_dnn_layout *layout);

/// Elements of one type with the given strides in elements, or, with strides NULL, in whatever
/// layout oneDNN prefers.
wane_dnn_status wane_dnn_layout_make(wane_dnn_layout *layout, dnnl_data_type_t type, int rank,
                                     const int64_t *dims, const int64_t *strides);

/// What a convolution or an inner product is asked to be. In backward kinds the layouts are those
/// of the gradients. An empty bias is no bias.
typedef enum {
  WANE_DNN_FORWARD,
  WANE_DNN_BACKWARD_DATA,
  WANE_DNN_BACKWARD_WEIGHTS
} wane_dnn_direction;

typedef struct {
  wane_dnn_layout src, weights, bias, dst;
  bool relu;
  // Convolution only.
  dnnl_dims_t strides, dilations, pad_before, pad_after;
} wane_dnn_operation;

void wane_dnn_operation_destroy(wane_dnn_operation *operation);

/// Primitive descriptors with the scratchpad supplied by the caller. `descriptor` is the caller's
/// to destroy, NULL on failure. `forward` is the same layer's forward operation, a hint for the
/// backward directions.
wane_dnn_status wane_dnn_describe_convolution(const wane_dnn_operation *operation,
                                              const wane_dnn_operation *forward,
                                              wane_dnn_direction direction,
                                              dnnl_primitive_desc_t *descriptor);
wane_dnn_status wane_dnn_describe_inner_product(const wane_dnn_operation *operation,
                                                const wane_dnn_operation *forward,
                                                wane_dnn_direction direction,
                                                dnnl_primitive_desc_t *descriptor);
wane_dnn_status wane_dnn_describe_reorder(wane_dnn_layout_ref from, wane_dnn_layout_ref to,
                                          dnnl_primitive_desc_t *descriptor);

#endif
