// Dense layers.
//
// The matrix product goes straight to oneDNN's sgemm: its inner product primitive calls the same
// loops on AVX2, and 0.9 us later. One row is done by a loop of this target. The primitive stays
// available (direct) for machines where its packed weights pay.

#include <stdio.h>
#include <string.h>

#include "dnn_dense.h"
#include "dnn_engine.h"
#include "dnn_error.h"
#include "dnn_product.h"
#include "dnn_shape.h"

static wane_dnn_status check_shape(const wane_dnn_dense *s) {
  wane_dnn_status status = wane_dnn_check_range("dense", "batch", s->batch, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("dense", "inputs", s->inputs, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("dense", "outputs", s->outputs, 1);
  if (status != WANE_DNN_OK) return status;
  // Sizes are below 2^31, so the bytes of two multiplied are below 2^64; half of that is the limit.
  const int64_t src[] = {s->batch, s->inputs}, dst[] = {s->batch, s->outputs};
  const int64_t weights[] = {s->inputs, s->outputs}, limit = INT64_MAX / 4;
  if (!wane_dnn_bytes_fit(src, 2, limit) || !wane_dnn_bytes_fit(dst, 2, limit) ||
      !wane_dnn_bytes_fit(weights, 2, limit)) {
    return wane_dnn_fail(WANE_DNN_INVALID, "dense: %lld x %lld to %lld is too large",
                         (long long)s->batch, (long long)s->inputs, (long long)s->outputs);
  }
  return WANE_DNN_OK;
}

// Products and the single row

static wane_dnn_status run_row(wane_dnn_kernel *kernel, void *const *slots) {
  const wane_dnn_dense_plan *p = &kernel->plan.dense;
  kernel->loops->dense_row(slots[SLOT_SRC], slots[SLOT_WEIGHTS], p->bias ? slots[SLOT_BIAS] : NULL,
                           p->relu, p->shape.inputs, p->shape.outputs, slots[SLOT_DST]);
  return WANE_DNN_OK;
}

static wane_dnn_status run_product(wane_dnn_kernel *kernel, void *const *slots) {
  const wane_dnn_dense_plan *p = &kernel->plan.dense;
  const int64_t batch = p->shape.batch, inputs = p->shape.inputs, outputs = p->shape.outputs;
  wane_dnn_status status;
  switch (p->direction) {
    case WANE_DNN_FORWARD:
      status = wane_dnn_product("dense", false, false, batch, outputs, inputs, slots[SLOT_SRC],
                                slots[SLOT_WEIGHTS], slots[SLOT_DST]);
      if (status == WANE_DNN_OK) {
        wane_dnn_finish_rows(slots[SLOT_DST], p->bias ? slots[SLOT_BIAS] : NULL, p->relu, batch,
                             outputs);
      }
      return status;
    case WANE_DNN_BACKWARD_DATA:
      return wane_dnn_product("dense", false, true, batch, inputs, outputs, slots[SLOT_DIFF_DST],
                              slots[SLOT_WEIGHTS], slots[SLOT_DIFF_SRC]);
    default:
      status = wane_dnn_product("dense", true, false, inputs, outputs, batch, slots[SLOT_SRC],
                                slots[SLOT_DIFF_DST], slots[SLOT_DIFF_WEIGHTS]);
      if (status == WANE_DNN_OK && p->bias) {
        wane_dnn_sum_rows(slots[SLOT_DIFF_DST], batch, outputs, slots[SLOT_DIFF_BIAS]);
      }
      return status;
  }
}

// diff_src turned: weights times diff_dst turned gives [inputs][batch], which a transposition makes
// rows again. oneDNN's sgemm turns its right operand first, and the batch is the smaller one: on a
// Zen 5 core 23 us instead of 37 for 16 rows, 1600 inputs and 64 outputs.
static wane_dnn_status run_turned_product(wane_dnn_kernel *kernel, void *const *slots) {
  const wane_dnn_dense *s = &kernel->plan.dense.shape;
  float *turned = (float *)((char *)slots[SLOT_SCRATCH] + kernel->turned_offset);
  const wane_dnn_status status =
      wane_dnn_product("dense", false, true, s->inputs, s->batch, s->outputs, slots[SLOT_WEIGHTS],
                       slots[SLOT_DIFF_DST], turned);
  if (status == WANE_DNN_OK) {
    wane_dnn_transpose(turned, s->inputs, s->batch, slots[SLOT_DIFF_SRC]);
  }
  return status;
}

// Measured with AVX-512 only; with few inputs the transposition does not pay.
static bool turning_pays(const wane_dnn_kernel *kernel) {
  const wane_dnn_dense *s = &kernel->plan.dense.shape;
  return kernel->loops != NULL && kernel->loops->vector_width > 8 && s->batch > 1 &&
         s->inputs >= 256 && s->inputs >= 16 * s->batch;
}

static wane_dnn_status make_product(wane_dnn_kernel *kernel, bool row, bool plain_weights) {
  const wane_dnn_dense_plan *p = &kernel->plan.dense;
  kernel->run = row ? run_row : run_product;
  snprintf(kernel->implementation, sizeof kernel->implementation, "%s%s",
           row ? "wane row:" : "sgemm", row ? kernel->loops->name : "");
  switch (p->direction) {
    case WANE_DNN_FORWARD:
      kernel->required = 1u << SLOT_SRC | 1u << SLOT_WEIGHTS | 1u << SLOT_DST;
      if (p->bias) kernel->required |= 1u << SLOT_BIAS;
      break;
    case WANE_DNN_BACKWARD_DATA:
      kernel->required = 1u << SLOT_DIFF_DST | 1u << SLOT_WEIGHTS | 1u << SLOT_DIFF_SRC;
      if (turning_pays(kernel)) {
        const size_t bytes = (size_t)(p->shape.batch * p->shape.inputs) * sizeof(float);
        const wane_dnn_status status =
            wane_dnn_reserve_scratch(kernel, bytes, &kernel->turned_offset);
        if (status != WANE_DNN_OK) return status;
        kernel->run = run_turned_product;
      }
      break;
    default:
      kernel->required = 1u << SLOT_SRC | 1u << SLOT_DIFF_DST | 1u << SLOT_DIFF_WEIGHTS;
      if (p->bias) kernel->required |= 1u << SLOT_DIFF_BIAS;
      return WANE_DNN_OK;
  }
  // Packed weights are the plain ones.
  if (!plain_weights) {
    kernel->weights_bytes = (size_t)(p->shape.inputs * p->shape.outputs) * sizeof(float);
  }
  return WANE_DNN_OK;
}

// oneDNN's inner product

static wane_dnn_status bind_direct(wane_dnn_kernel *kernel, const wane_dnn_operation *o,
                                   const wane_dnn_layout *plain, dnnl_primitive_desc_t descriptor,
                                   bool plain_weights) {
  const wane_dnn_direction direction = kernel->plan.dense.direction;
  wane_dnn_step *step = &kernel->steps[0];
  wane_dnn_layout_ref src = wane_dnn_layout_get(&o->src), dst = wane_dnn_layout_get(&o->dst);
  wane_dnn_layout_ref bias = wane_dnn_layout_get(&o->bias);
  const bool gradient = direction == WANE_DNN_BACKWARD_WEIGHTS;
  wane_dnn_layout_ref weights = dnnl_primitive_desc_query_md(
      descriptor, gradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
  const struct {
    bool present;
    int argument;
    wane_dnn_layout_ref layout;
    wane_dnn_slot slot;
  } all[] = {
      {direction != WANE_DNN_BACKWARD_DATA, DNNL_ARG_SRC, src, SLOT_SRC},
      {direction == WANE_DNN_BACKWARD_DATA, DNNL_ARG_DIFF_SRC, src, SLOT_DIFF_SRC},
      {!gradient, DNNL_ARG_WEIGHTS, weights, SLOT_WEIGHTS},
      {gradient, DNNL_ARG_DIFF_WEIGHTS, weights, SLOT_DIFF_WEIGHTS},
      {bias != NULL && !gradient, DNNL_ARG_BIAS, bias, SLOT_BIAS},
      {bias != NULL && gradient, DNNL_ARG_DIFF_BIAS, bias, SLOT_DIFF_BIAS},
      {direction == WANE_DNN_FORWARD, DNNL_ARG_DST, dst, SLOT_DST},
      {direction != WANE_DNN_FORWARD, DNNL_ARG_DIFF_DST, dst, SLOT_DIFF_DST},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (!all[i].present) continue;
    kernel->required |= 1u << all[i].slot;
    const wane_dnn_status status =
        wane_dnn_step_bind(step, all[i].argument, all[i].layout, all[i].slot, 0, 0);
    if (status != WANE_DNN_OK) return status;
  }
  // Only packed weights may have a layout of their own (see make_direct).
  if (gradient || plain_weights) return WANE_DNN_OK;
  kernel->weights_bytes = dnnl_memory_desc_get_size(weights);
  wane_dnn_layout_ref ours = wane_dnn_layout_get(plain);
  if (dnnl_memory_desc_equal(weights, ours)) return WANE_DNN_OK;
  return wane_dnn_step_reorder(kernel, &kernel->pack, ours, SLOT_SRC, 0, weights, SLOT_WEIGHTS, 0);
}

static wane_dnn_status make_direct(wane_dnn_kernel *kernel, bool plain_weights) {
  const wane_dnn_dense_plan *p = &kernel->plan.dense;
  const int64_t batch = p->shape.batch, inputs = p->shape.inputs, outputs = p->shape.outputs;
  const int64_t src[] = {batch, inputs}, src_steps[] = {inputs, 1};
  const int64_t dst[] = {batch, outputs}, dst_steps[] = {outputs, 1};
  const int64_t weights[] = {outputs, inputs}, weights_steps[] = {1, outputs}, one = 1;
  // Weights that change at every step are taken as they are: repacking costs more than it gains.
  const bool any = !plain_weights && p->direction != WANE_DNN_BACKWARD_WEIGHTS;
  wane_dnn_operation o = {.relu = p->relu};
  wane_dnn_layout plain = {0};
  dnnl_primitive_desc_t descriptor = NULL;
  wane_dnn_status status = wane_dnn_layout_make(&o.src, dnnl_f32, 2, src, src_steps);
  if (status == WANE_DNN_OK) status = wane_dnn_layout_make(&o.dst, dnnl_f32, 2, dst, dst_steps);
  if (status == WANE_DNN_OK) {
    status = wane_dnn_layout_make(&o.weights, dnnl_f32, 2, weights, any ? NULL : weights_steps);
  }
  if (status == WANE_DNN_OK)
    status = wane_dnn_layout_make(&plain, dnnl_f32, 2, weights, weights_steps);
  if (status == WANE_DNN_OK && p->bias) {
    status = wane_dnn_layout_make(&o.bias, dnnl_f32, 1, &outputs, &one);
  }
  if (status == WANE_DNN_OK) {
    status = wane_dnn_describe_inner_product(&o, &o, p->direction, &descriptor);
  }
  if (status == WANE_DNN_OK) {
    const char *name = "oneDNN";
    (void)dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
    snprintf(kernel->implementation, sizeof kernel->implementation, "%s", name);
    status = bind_direct(kernel, &o, &plain, descriptor, plain_weights);
    const wane_dnn_status made = wane_dnn_step_make(kernel, &kernel->steps[0], descriptor);
    if (status == WANE_DNN_OK) status = made;
    kernel->step_count = 1;
  }
  wane_dnn_operation_destroy(&o);
  wane_dnn_layout_destroy(&plain);
  return status;
}

// Creation

static wane_dnn_status create(const wane_dnn_dense *shape, uint32_t flags, uint32_t allowed,
                              wane_dnn_algorithm algorithm, wane_dnn_direction direction,
                              wane_dnn_kernel **kernel) {
  *kernel = NULL;
  if ((flags & ~allowed) != 0) {
    return wane_dnn_fail(WANE_DNN_INVALID, "dense: flags 0x%x are not among the allowed 0x%x",
                         (unsigned)flags, (unsigned)allowed);
  }
  wane_dnn_status status = check_shape(shape);
  if (status != WANE_DNN_OK) return status;
  wane_dnn_kernel *made;
  status = wane_dnn_kernel_new("dense", &made);
  if (status != WANE_DNN_OK) return status;
  made->loops = wane_dnn_loops_best();
  made->plan.dense = (wane_dnn_dense_plan){.direction = direction,
                                           .shape = *shape,
                                           .bias = (flags & WANE_DNN_BIAS) != 0,
                                           .relu = (flags & WANE_DNN_RELU) != 0};
  const bool plain_weights = (flags & WANE_DNN_PLAIN_WEIGHTS) != 0;
  const bool row = direction == WANE_DNN_FORWARD && shape->batch == 1 && made->loops != NULL;
  const bool constant = direction == WANE_DNN_FORWARD && !plain_weights;
  const bool rounds = algorithm == WANE_DNN_AUTO && (flags & WANE_DNN_BF16) != 0 &&
                      wane_dnn_dense_bf16_pays(&made->plan.dense, constant);
  if (algorithm == WANE_DNN_AUTO) algorithm = row ? WANE_DNN_OWN : WANE_DNN_GEMM;
  const int previous = wane_dnn_enter();
  if (rounds) {
    status = wane_dnn_dense_bf16(made, constant);
  } else if (algorithm == WANE_DNN_DIRECT) {
    status = make_direct(made, plain_weights);
  } else if (algorithm == WANE_DNN_GEMM || (algorithm == WANE_DNN_OWN && row)) {
    status = make_product(made, algorithm == WANE_DNN_OWN, plain_weights);
  } else {
    status = wane_dnn_fail(WANE_DNN_UNSUPPORTED, "dense: algorithm %d cannot compute this",
                           (int)algorithm);
  }
  wane_dnn_leave(previous);
  if (status == WANE_DNN_OK) {
    *kernel = made;
  } else {
    wane_dnn_kernel_destroy(made);
  }
  return status;
}

wane_dnn_status wane_dnn_dense_forward_create(const wane_dnn_dense *shape, uint32_t flags,
                                              wane_dnn_algorithm algorithm,
                                              wane_dnn_kernel **kernel) {
  const uint32_t allowed = WANE_DNN_BIAS | WANE_DNN_RELU | WANE_DNN_PLAIN_WEIGHTS | WANE_DNN_BF16;
  return create(shape, flags, allowed, algorithm, WANE_DNN_FORWARD, kernel);
}

wane_dnn_status wane_dnn_dense_backward_data_create(const wane_dnn_dense *shape, uint32_t flags,
                                                    wane_dnn_algorithm algorithm,
                                                    wane_dnn_kernel **kernel) {
  return create(shape, flags, WANE_DNN_PLAIN_WEIGHTS | WANE_DNN_BF16, algorithm,
                WANE_DNN_BACKWARD_DATA, kernel);
}

wane_dnn_status wane_dnn_dense_backward_weights_create(const wane_dnn_dense *shape, uint32_t flags,
                                                       wane_dnn_algorithm algorithm,
                                                       wane_dnn_kernel **kernel) {
  return create(shape, flags, WANE_DNN_BIAS | WANE_DNN_BF16, algorithm, WANE_DNN_BACKWARD_WEIGHTS,
                kernel);
}
