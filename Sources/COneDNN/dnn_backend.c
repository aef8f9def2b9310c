#include "dnn_backend.h"

#include <string.h>

#include "dnn_engine.h"
#include "dnn_error.h"

// Layouts

wane_dnn_layout_ref wane_dnn_layout_get(const wane_dnn_layout *layout) {
  if (!layout->made) return NULL;
#if DNNL_VERSION_MAJOR >= 3
  return layout->descriptor;
#else
  return &layout->descriptor;
#endif
}

void wane_dnn_layout_destroy(wane_dnn_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  if (layout->made) dnnl_memory_desc_destroy(layout->descriptor);
#endif
  layout->made = false;
}

wane_dnn_status wane_dnn_layout_make(wane_dnn_layout *layout, dnnl_data_type_t type, int rank,
                                     const int64_t *dims, const int64_t *strides) {
  dnnl_dims_t all_dims = {0}, all_strides = {0};
  for (int i = 0; i < rank; i++) {
    all_dims[i] = dims[i];
    all_strides[i] = strides != NULL ? strides[i] : 0;
  }
#if DNNL_VERSION_MAJOR >= 3
  const dnnl_status_t made =
      strides != NULL ? dnnl_memory_desc_create_with_strides(&layout->descriptor, rank, all_dims,
                                                             type, all_strides)
                      : dnnl_memory_desc_create_with_tag(&layout->descriptor, rank, all_dims, type,
                                                         dnnl_format_tag_any);
#else
  const dnnl_status_t made =
      strides != NULL
          ? dnnl_memory_desc_init_by_strides(&layout->descriptor, rank, all_dims, type, all_strides)
          : dnnl_memory_desc_init_by_tag(&layout->descriptor, rank, all_dims, type,
                                         dnnl_format_tag_any);
#endif
  layout->made = made == dnnl_success;
  return wane_dnn_check(made, "oneDNN memory descriptor");
}

void wane_dnn_operation_destroy(wane_dnn_operation *operation) {
  wane_dnn_layout_destroy(&operation->src);
  wane_dnn_layout_destroy(&operation->weights);
  wane_dnn_layout_destroy(&operation->bias);
  wane_dnn_layout_destroy(&operation->dst);
}

// Attributes

static dnnl_status_t append_relu(dnnl_primitive_attr_t attributes) {
  dnnl_post_ops_t operations = NULL;
  dnnl_status_t status = dnnl_post_ops_create(&operations);
  if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
  status = dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0.0f, 0.0f);
#else
  status = dnnl_post_ops_append_eltwise(operations, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
#endif
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, operations);
  dnnl_post_ops_destroy(operations);
  return status;
}

static wane_dnn_status make_attributes(bool relu, dnnl_primitive_attr_t *attributes) {
  *attributes = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status == dnnl_success) {
    status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  }
  if (status == dnnl_success && relu) status = append_relu(*attributes);
  if (status != dnnl_success && *attributes != NULL) {
    dnnl_primitive_attr_destroy(*attributes);
    *attributes = NULL;
  }
  return wane_dnn_check(status, "oneDNN attributes");
}

// Descriptions. Each backward description needs a forward one of the same shape as a hint.

static dnnl_status_t describe_convolution(const wane_dnn_operation *o, wane_dnn_direction direction,
                                          dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                          dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *made) {
  wane_dnn_layout_ref src = wane_dnn_layout_get(&o->src), dst = wane_dnn_layout_get(&o->dst);
  wane_dnn_layout_ref weights = wane_dnn_layout_get(&o->weights);
  wane_dnn_layout_ref bias = wane_dnn_layout_get(&o->bias);
  // Training keeps implementations whose backward counterparts accept the same layouts.
  const dnnl_prop_kind_t kind = dnnl_forward_training;
  const dnnl_alg_kind_t direct = dnnl_convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  switch (direction) {
    case WANE_DNN_FORWARD:
      return dnnl_convolution_forward_primitive_desc_create(
          made, engine, kind, direct, src, weights, bias, dst, o->strides, o->dilations,
          o->pad_before, o->pad_after, attributes);
    case WANE_DNN_BACKWARD_DATA:
      return dnnl_convolution_backward_data_primitive_desc_create(
          made, engine, direct, src, weights, dst, o->strides, o->dilations, o->pad_before,
          o->pad_after, hint, attributes);
    default:
      return dnnl_convolution_backward_weights_primitive_desc_create(
          made, engine, direct, src, weights, bias, dst, o->strides, o->dilations, o->pad_before,
          o->pad_after, hint, attributes);
  }
#else
  dnnl_convolution_desc_t descriptor;
  dnnl_status_t status;
  switch (direction) {
    case WANE_DNN_FORWARD:
      status = dnnl_dilated_convolution_forward_desc_init(&descriptor, kind, direct, src, weights,
                                                          bias, dst, o->strides, o->dilations,
                                                          o->pad_before, o->pad_after);
      break;
    case WANE_DNN_BACKWARD_DATA:
      status = dnnl_dilated_convolution_backward_data_desc_init(&descriptor, direct, src, weights,
                                                                dst, o->strides, o->dilations,
                                                                o->pad_before, o->pad_after);
      break;
    default:
      status = dnnl_dilated_convolution_backward_weights_desc_init(
          &descriptor, direct, src, weights, bias, dst, o->strides, o->dilations, o->pad_before,
          o->pad_after);
  }
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(made, &descriptor, attributes, engine, hint);
#endif
}

static dnnl_status_t describe_inner_product(const wane_dnn_operation *o,
                                            wane_dnn_direction direction, dnnl_engine_t engine,
                                            dnnl_primitive_attr_t attributes,
                                            dnnl_primitive_desc_t hint,
                                            dnnl_primitive_desc_t *made) {
  wane_dnn_layout_ref src = wane_dnn_layout_get(&o->src), dst = wane_dnn_layout_get(&o->dst);
  wane_dnn_layout_ref weights = wane_dnn_layout_get(&o->weights);
  wane_dnn_layout_ref bias = wane_dnn_layout_get(&o->bias);
  const dnnl_prop_kind_t kind = dnnl_forward_training;
#if DNNL_VERSION_MAJOR >= 3
  switch (direction) {
    case WANE_DNN_FORWARD:
      return dnnl_inner_product_forward_primitive_desc_create(made, engine, kind, src, weights,
                                                              bias, dst, attributes);
    case WANE_DNN_BACKWARD_DATA:
      return dnnl_inner_product_backward_data_primitive_desc_create(made, engine, src, weights, dst,
                                                                    hint, attributes);
    default:
      return dnnl_inner_product_backward_weights_primitive_desc_create(made, engine, src, weights,
                                                                       bias, dst, hint, attributes);
  }
#else
  dnnl_inner_product_desc_t descriptor;
  dnnl_status_t status;
  switch (direction) {
    case WANE_DNN_FORWARD:
      status = dnnl_inner_product_forward_desc_init(&descriptor, kind, src, weights, bias, dst);
      break;
    case WANE_DNN_BACKWARD_DATA:
      status = dnnl_inner_product_backward_data_desc_init(&descriptor, src, weights, dst);
      break;
    default:
      status = dnnl_inner_product_backward_weights_desc_init(&descriptor, src, weights, bias, dst);
  }
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(made, &descriptor, attributes, engine, hint);
#endif
}

typedef dnnl_status_t describe_function(const wane_dnn_operation *, wane_dnn_direction,
                                        dnnl_engine_t, dnnl_primitive_attr_t, dnnl_primitive_desc_t,
                                        dnnl_primitive_desc_t *);

static wane_dnn_status describe_with_hint(describe_function *describe, const char *name,
                                          const wane_dnn_operation *operation,
                                          const wane_dnn_operation *forward,
                                          wane_dnn_direction direction,
                                          dnnl_primitive_desc_t *made) {
  *made = NULL;
  dnnl_engine_t engine;
  dnnl_primitive_attr_t attributes;
  wane_dnn_status status = wane_dnn_engine(&engine);
  if (status == WANE_DNN_OK) status = make_attributes(operation->relu, &attributes);
  if (status != WANE_DNN_OK) return status;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t described = dnnl_success;
  if (direction != WANE_DNN_FORWARD) {
    described = describe(forward, WANE_DNN_FORWARD, engine, attributes, NULL, &hint);
  }
  if (described == dnnl_success) {
    described = describe(operation, direction, engine, attributes, hint, made);
  }
  if (hint != NULL) dnnl_primitive_desc_destroy(hint);
  dnnl_primitive_attr_destroy(attributes);
  return wane_dnn_check(described, name);
}

wane_dnn_status wane_dnn_describe_convolution(const wane_dnn_operation *operation,
                                              const wane_dnn_operation *forward,
                                              wane_dnn_direction direction,
                                              dnnl_primitive_desc_t *made) {
  return describe_with_hint(describe_convolution, "convolution", operation, forward, direction,
                            made);
}

wane_dnn_status wane_dnn_describe_inner_product(const wane_dnn_operation *operation,
                                                const wane_dnn_operation *forward,
                                                wane_dnn_direction direction,
                                                dnnl_primitive_desc_t *made) {
  return describe_with_hint(describe_inner_product, "dense", operation, forward, direction, made);
}

wane_dnn_status wane_dnn_describe_reorder(wane_dnn_layout_ref from, wane_dnn_layout_ref to,
                                          dnnl_primitive_desc_t *made) {
  *made = NULL;
  dnnl_engine_t engine;
  dnnl_primitive_attr_t attributes;
  wane_dnn_status status = wane_dnn_engine(&engine);
  if (status == WANE_DNN_OK) status = make_attributes(false, &attributes);
  if (status != WANE_DNN_OK) return status;
  const dnnl_status_t described =
      dnnl_reorder_primitive_desc_create(made, from, engine, to, engine, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return wane_dnn_check(described, "reorder");
}
