// Dense layers whose operands are rounded to bf16: reorders round them into scratch, oneDNN
// multiplies, sums and results stay fp32. Constant weights are rounded once, into the layout that
// oneDNN prefers.

#include <stdio.h>

#include "dnn_dense.h"
#include "dnn_error.h"
#include "dnn_product.h"

// Time of bf16 over that of fp32 on one core of a Zen 5, rounding included, forward / backward data
// / backward weights:
//
//   rows x inputs -> outputs     weights that change        constant weights
//   128 x 1024 -> 1024           0.54 / 0.48 / 0.51         0.46
//    64 x 1024 -> 1024           0.59 / 0.48 / 0.52         0.43
//    32 x 1024 -> 1024           0.76 / 0.47 / 0.54         0.46
//    16 x 1024 -> 1024           1.05 / 0.45 / 1.03         0.43
//     1 x 1024 -> 1024           1.75 / 1.57 / 0.79         0.50
//    64 x  784 ->  300           0.72 / 0.58 / 0.59         0.50
//   128 x  300 ->  100           0.67 / 0.60 / 0.64         0.56
//    64 x 1600 ->   64           0.75 / 0.43 / 0.67         0.53
//
// Without the instruction oneDNN emulates it, slower than fp32, and it may have been told not to
// use it.
static bool has_bf16(void) {
#if defined(__x86_64__)
  const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
  const unsigned wanted = (unsigned)dnnl_cpu_isa_avx512_core_bf16;
  return __builtin_cpu_supports("avx512bf16") && (isa & wanted) == wanted;
#else
  return false;
#endif
}

bool wane_dnn_dense_bf16_pays(const wane_dnn_dense_plan *plan, bool constant_weights) {
  const wane_dnn_dense *s = &plan->shape;
  if (!has_bf16() || s->inputs < 32 || s->outputs < 32) return false;
  const double weights = (double)s->inputs * (double)s->outputs;
  if (constant_weights && weights >= 1 << 17) return true;
  return s->batch >= 32 && weights * (double)s->batch >= 1 << 19;
}

static wane_dnn_status run(wane_dnn_kernel *kernel, void *const *slots) {
  const wane_dnn_dense_plan *p = &kernel->plan.dense;
  const wane_dnn_status status = wane_dnn_run_steps(kernel, slots);
  if (status != WANE_DNN_OK) return status;
  if (p->direction == WANE_DNN_FORWARD) {
    wane_dnn_finish_rows(slots[SLOT_DST], p->bias ? slots[SLOT_BIAS] : NULL, p->relu,
                         p->shape.batch, p->shape.outputs);
  } else if (p->direction == WANE_DNN_BACKWARD_WEIGHTS && p->bias) {
    wane_dnn_sum_rows(slots[SLOT_DIFF_DST], p->shape.batch, p->shape.outputs,
                      slots[SLOT_DIFF_BIAS]);
  }
  return WANE_DNN_OK;
}

// One side of the product: a matrix of the interface, and what oneDNN sees of it.
typedef struct {
  int argument;
  wane_dnn_slot slot;
  int64_t dims[2], strides[2];
  bool is_result;
} side;

// Rounds an operand into scratch in a step of its own, or takes a result as it is.
static wane_dnn_status bind_side(wane_dnn_kernel *kernel, wane_dnn_step *main, const side *s,
                                 const wane_dnn_layout *layout) {
  wane_dnn_layout_ref theirs = wane_dnn_layout_get(layout);
  kernel->required |= 1u << s->slot;
  if (s->is_result) return wane_dnn_step_bind(main, s->argument, theirs, s->slot, 0, 0);
  wane_dnn_layout plain = {0};
  size_t offset = 0;
  wane_dnn_status status = wane_dnn_layout_make(&plain, dnnl_f32, 2, s->dims, s->strides);
  if (status == WANE_DNN_OK) {
    status = wane_dnn_reserve_scratch(kernel, dnnl_memory_desc_get_size(theirs), &offset);
  }
  if (status == WANE_DNN_OK) {
    status = wane_dnn_step_reorder(kernel, &kernel->steps[kernel->step_count++],
                                   wane_dnn_layout_get(&plain), s->slot, 0, theirs, SLOT_SCRATCH,
                                   offset);
  }
  wane_dnn_layout_destroy(&plain);
  if (status != WANE_DNN_OK) return status;
  return wane_dnn_step_bind(main, s->argument, theirs, SLOT_SCRATCH, offset, 0);
}

// Weights that do not change: packed in the layout of the primitive.
static wane_dnn_status bind_packed(wane_dnn_kernel *kernel, wane_dnn_step *main, const side *s,
                                   dnnl_primitive_desc_t descriptor) {
  wane_dnn_layout_ref theirs = dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
  wane_dnn_layout plain = {0};
  kernel->required |= 1u << SLOT_WEIGHTS;
  kernel->weights_bytes = dnnl_memory_desc_get_size(theirs);
  wane_dnn_status status = wane_dnn_layout_make(&plain, dnnl_f32, 2, s->dims, s->strides);
  if (status == WANE_DNN_OK) {
    status = wane_dnn_step_reorder(kernel, &kernel->pack, wane_dnn_layout_get(&plain), SLOT_SRC, 0,
                                   theirs, SLOT_WEIGHTS, 0);
  }
  wane_dnn_layout_destroy(&plain);
  if (status != WANE_DNN_OK) return status;
  return wane_dnn_step_bind(main, DNNL_ARG_WEIGHTS, theirs, SLOT_WEIGHTS, 0, 0);
}

wane_dnn_status wane_dnn_dense_bf16(wane_dnn_kernel *kernel, bool constant_weights) {
  const wane_dnn_dense_plan *p = &kernel->plan.dense;
  const int64_t batch = p->shape.batch, inputs = p->shape.inputs, outputs = p->shape.outputs;
  const bool data = p->direction == WANE_DNN_BACKWARD_DATA;
  const bool gradient = p->direction == WANE_DNN_BACKWARD_WEIGHTS;
  const side src = {data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC,
                    data ? SLOT_DIFF_SRC : SLOT_SRC,
                    {batch, inputs},
                    {inputs, 1},
                    data};
  const side weights = {gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
                        gradient ? SLOT_DIFF_WEIGHTS : SLOT_WEIGHTS,
                        {outputs, inputs},
                        {1, outputs},
                        gradient};
  const side dst = {p->direction == WANE_DNN_FORWARD ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
                    p->direction == WANE_DNN_FORWARD ? SLOT_DST : SLOT_DIFF_DST,
                    {batch, outputs},
                    {outputs, 1},
                    p->direction == WANE_DNN_FORWARD};
  const side *const sides[] = {&src, &weights, &dst};
  // The hint of backward directions is a forward product of nothing but bf16.
  wane_dnn_operation o = {0}, forward = {0};
  wane_dnn_layout *const layouts[] = {&o.src, &o.weights, &o.dst};
  wane_dnn_layout *const hints[] = {&forward.src, &forward.weights, &forward.dst};
  wane_dnn_status status = WANE_DNN_OK;
  for (int i = 0; i < 3 && status == WANE_DNN_OK; i++) {
    const bool any = constant_weights && i == 1;
    status = wane_dnn_layout_make(layouts[i], sides[i]->is_result ? dnnl_f32 : dnnl_bf16, 2,
                                  sides[i]->dims, any ? NULL : sides[i]->strides);
    if (status == WANE_DNN_OK) {
      status = wane_dnn_layout_make(hints[i], dnnl_bf16, 2, sides[i]->dims, NULL);
    }
  }
  dnnl_primitive_desc_t descriptor = NULL;
  if (status == WANE_DNN_OK) {
    status = wane_dnn_describe_inner_product(&o, &forward, p->direction, &descriptor);
  }
  if (status == WANE_DNN_OK) {
    const char *name = "oneDNN";
    (void)dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
    snprintf(kernel->implementation, sizeof kernel->implementation, "bf16 %s", name);
    // The last step: roundings come before it.
    wane_dnn_step *main = &kernel->steps[MAX_STEPS - 1];
    for (int i = 0; i < 3 && status == WANE_DNN_OK; i++) {
      status = constant_weights && i == 1 ? bind_packed(kernel, main, &weights, descriptor)
                                          : bind_side(kernel, main, sides[i], layouts[i]);
    }
    const wane_dnn_status made = wane_dnn_step_make(kernel, main, descriptor);
    if (status == WANE_DNN_OK) status = made;
  }
  if (status == WANE_DNN_OK) {
    kernel->steps[kernel->step_count++] = kernel->steps[MAX_STEPS - 1];
    kernel->steps[MAX_STEPS - 1] = (wane_dnn_step){0};
    if (p->bias) kernel->required |= 1u << (gradient ? SLOT_DIFF_BIAS : SLOT_BIAS);
    kernel->run = run;
    kernel->rounds_to_bf16 = true;
  }
  wane_dnn_operation_destroy(&o);
  wane_dnn_operation_destroy(&forward);
  return status;
}
