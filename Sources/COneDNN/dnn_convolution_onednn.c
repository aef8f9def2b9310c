// Convolution by oneDNN's primitives: on plain NHWC (direct), or image by image in the blocked
// layout that oneDNN prefers (blocked).
//
// Blocked pays for two reorders, which is worth it where the channels are many: NHWC rows of 64 and
// more channels make the generated loops walk large strides. Going image by image keeps the
// reordered image in the second-level cache and the scratch small.

#include <stdio.h>

#include "dnn_convolution.h"
#include "dnn_error.h"

typedef struct {
  wane_dnn_layout src, weights, bias, dst;  // As the interface has them.
} plain_layouts;

static void plain_destroy(plain_layouts *plain) {
  wane_dnn_layout_destroy(&plain->src);
  wane_dnn_layout_destroy(&plain->weights);
  wane_dnn_layout_destroy(&plain->bias);
  wane_dnn_layout_destroy(&plain->dst);
}

static wane_dnn_status make_images(wane_dnn_layout *layout, int64_t batch, int64_t height,
                                   int64_t width, int64_t channels, dnnl_data_type_t type,
                                   bool any) {
  const int64_t dims[] = {batch, channels, height, width};
  const int64_t strides[] = {height * width * channels, 1, width * channels, channels};
  return wane_dnn_layout_make(layout, type, 4, dims, any ? NULL : strides);
}

// HWIO in the logical order of oneDNN: [groups,] output, input, row, column.
static wane_dnn_status make_weights(wane_dnn_layout *layout, const wane_dnn_convolution *s,
                                    dnnl_data_type_t type, bool any) {
  const int64_t inputs = s->in_channels / s->groups, outputs = s->out_channels / s->groups;
  const int64_t step = s->out_channels;
  const int64_t dims[] = {s->groups, outputs, inputs, s->kernel_h, s->kernel_w};
  const int64_t strides[] = {outputs, 1, step, s->kernel_w * inputs * step, inputs * step};
  const int skip = s->groups == 1 ? 1 : 0;
  return wane_dnn_layout_make(layout, type, 5 - skip, dims + skip, any ? NULL : strides + skip);
}

// Fills `operation` with what oneDNN is asked and `plain` with what the interface has. With bf16
// what is multiplied is bf16, and what is summed stays fp32; the reorders convert.
static wane_dnn_status make_operation(const wane_dnn_convolution_plan *plan,
                                      wane_dnn_direction direction, int64_t batch, bool any_images,
                                      wane_dnn_operation *operation, plain_layouts *plain) {
  const dnnl_data_type_t factor = plan->bf16 ? dnnl_bf16 : dnnl_f32;
  const dnnl_data_type_t src = direction == WANE_DNN_BACKWARD_DATA ? dnnl_f32 : factor;
  const dnnl_data_type_t weights = direction == WANE_DNN_BACKWARD_WEIGHTS ? dnnl_f32 : factor;
  const dnnl_data_type_t dst = direction == WANE_DNN_FORWARD ? dnnl_f32 : factor;
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t height = plan->out_height, width = plan->out_width;
  wane_dnn_status status =
      make_images(&plain->src, batch, s->height, s->width, s->in_channels, dnnl_f32, false);
  if (status == WANE_DNN_OK) {
    status = make_images(&plain->dst, batch, height, width, s->out_channels, dnnl_f32, false);
  }
  if (status == WANE_DNN_OK) status = make_weights(&plain->weights, s, dnnl_f32, false);
  if (status == WANE_DNN_OK) {
    status =
        make_images(&operation->src, batch, s->height, s->width, s->in_channels, src, any_images);
  }
  if (status == WANE_DNN_OK) {
    status = make_images(&operation->dst, batch, height, width, s->out_channels, dst, any_images);
  }
  if (status == WANE_DNN_OK) status = make_weights(&operation->weights, s, weights, true);
  if (status == WANE_DNN_OK && plan->bias) {
    const int64_t one = 1;
    status = wane_dnn_layout_make(&plain->bias, dnnl_f32, 1, &s->out_channels, &one);
    if (status == WANE_DNN_OK) {
      status = wane_dnn_layout_make(&operation->bias, dnnl_f32, 1, &s->out_channels, &one);
    }
  }
  operation->relu = plan->relu;
  operation->strides[0] = s->stride_h;
  operation->strides[1] = s->stride_w;
  operation->dilations[0] = s->dilation_h - 1;
  operation->dilations[1] = s->dilation_w - 1;
  operation->pad_before[0] = s->pad_top;
  operation->pad_before[1] = s->pad_left;
  operation->pad_after[0] = s->pad_bottom;
  operation->pad_after[1] = s->pad_right;
  return status;
}

typedef struct {
  wane_dnn_kernel *kernel;
  dnnl_primitive_desc_t descriptor;
  bool plain_weights;
} building;

static wane_dnn_layout_ref wanted(const building *b, dnnl_query_t what) {
  return dnnl_primitive_desc_query_md(b->descriptor, what, 0);
}

static bool same(wane_dnn_layout_ref a, wane_dnn_layout_ref b) {
  return dnnl_memory_desc_equal(a, b) != 0;
}

// Binds an image argument of the main step, with a reorder before (input) or after it (output) when
// the primitive wants another layout. Bytes of one chunk are the stride of the plain side.
static wane_dnn_status bind_images(building *b, wane_dnn_step *step, int argument,
                                   dnnl_query_t what, const wane_dnn_layout *plain,
                                   wane_dnn_slot slot, wane_dnn_step *reorder, bool input) {
  wane_dnn_kernel *kernel = b->kernel;
  wane_dnn_layout_ref theirs = wanted(b, what), ours = wane_dnn_layout_get(plain);
  const size_t stride = kernel->chunks > 1 ? dnnl_memory_desc_get_size(ours) : 0;
  kernel->required |= 1u << slot;
  if (same(theirs, ours)) return wane_dnn_step_bind(step, argument, ours, slot, 0, stride);
  size_t offset;
  wane_dnn_status status =
      wane_dnn_reserve_scratch(kernel, dnnl_memory_desc_get_size(theirs), &offset);
  if (status != WANE_DNN_OK) return status;
  status =
      input ? wane_dnn_step_reorder(kernel, reorder, ours, slot, 0, theirs, SLOT_SCRATCH, offset)
            : wane_dnn_step_reorder(kernel, reorder, theirs, SLOT_SCRATCH, offset, ours, slot, 0);
  if (status != WANE_DNN_OK) return status;
  reorder->chunked = true;
  // Bindings of a reorder are [scratchpad,] from, to.
  reorder->bindings[reorder->count - (input ? 2 : 1)].stride = stride;
  return wane_dnn_step_bind(step, argument, theirs, SLOT_SCRATCH, offset, 0);
}

static wane_dnn_status bind_weights(building *b, wane_dnn_step *step, const wane_dnn_layout *plain,
                                    wane_dnn_step *reorder) {
  wane_dnn_kernel *kernel = b->kernel;
  wane_dnn_layout_ref theirs = wanted(b, dnnl_query_weights_md), ours = wane_dnn_layout_get(plain);
  kernel->required |= 1u << SLOT_WEIGHTS;
  wane_dnn_status status;
  if (b->plain_weights && !same(theirs, ours)) {
    size_t offset;
    status = wane_dnn_reserve_scratch(kernel, dnnl_memory_desc_get_size(theirs), &offset);
    if (status != WANE_DNN_OK) return status;
    status =
        wane_dnn_step_reorder(kernel, reorder, ours, SLOT_WEIGHTS, 0, theirs, SLOT_SCRATCH, offset);
    if (status != WANE_DNN_OK) return status;
    return wane_dnn_step_bind(step, DNNL_ARG_WEIGHTS, theirs, SLOT_SCRATCH, offset, 0);
  }
  if (!b->plain_weights) {
    kernel->weights_bytes = dnnl_memory_desc_get_size(theirs);
    if (!same(theirs, ours)) {
      status =
          wane_dnn_step_reorder(kernel, &kernel->pack, ours, SLOT_SRC, 0, theirs, SLOT_WEIGHTS, 0);
      if (status != WANE_DNN_OK) return status;
    }
  }
  return wane_dnn_step_bind(step, DNNL_ARG_WEIGHTS, theirs, SLOT_WEIGHTS, 0, 0);
}

static wane_dnn_status bind_gradient(building *b, wane_dnn_step *step, const plain_layouts *plain,
                                     wane_dnn_step *reorder) {
  wane_dnn_kernel *kernel = b->kernel;
  wane_dnn_layout_ref theirs = wanted(b, dnnl_query_diff_weights_md);
  wane_dnn_layout_ref ours = wane_dnn_layout_get(&plain->weights);
  wane_dnn_layout_ref bias = wane_dnn_layout_get(&plain->bias);
  wane_dnn_status status = WANE_DNN_OK;
  kernel->required |= 1u << SLOT_DIFF_WEIGHTS;
  if (bias != NULL) {
    kernel->required |= 1u << SLOT_DIFF_BIAS;
    status = wane_dnn_step_bind(step, DNNL_ARG_DIFF_BIAS, bias, SLOT_DIFF_BIAS, 0, 0);
  }
  if (status != WANE_DNN_OK) return status;
  if (same(theirs, ours)) {
    return wane_dnn_step_bind(step, DNNL_ARG_DIFF_WEIGHTS, ours, SLOT_DIFF_WEIGHTS, 0, 0);
  }
  size_t offset;
  status = wane_dnn_reserve_scratch(kernel, dnnl_memory_desc_get_size(theirs), &offset);
  if (status != WANE_DNN_OK) return status;
  status = wane_dnn_step_reorder(kernel, reorder, theirs, SLOT_SCRATCH, offset, ours,
                                 SLOT_DIFF_WEIGHTS, 0);
  if (status != WANE_DNN_OK) return status;
  return wane_dnn_step_bind(step, DNNL_ARG_DIFF_WEIGHTS, theirs, SLOT_SCRATCH, offset, 0);
}

// Binds everything of one direction. Steps of the kernel that stay empty are dropped afterwards.
static wane_dnn_status bind_all(building *b, wane_dnn_direction direction,
                                const plain_layouts *plain) {
  wane_dnn_kernel *kernel = b->kernel;
  wane_dnn_step *weights = &kernel->steps[0], *input = &kernel->steps[1];
  wane_dnn_step *step = &kernel->steps[2], *output = &kernel->steps[3];
  wane_dnn_layout_ref bias = wane_dnn_layout_get(&plain->bias);
  wane_dnn_status status = WANE_DNN_OK;
  step->chunked = true;
  switch (direction) {
    case WANE_DNN_FORWARD:
      status =
          bind_images(b, step, DNNL_ARG_SRC, dnnl_query_src_md, &plain->src, SLOT_SRC, input, true);
      if (status == WANE_DNN_OK) status = bind_weights(b, step, &plain->weights, weights);
      if (status == WANE_DNN_OK && bias != NULL) {
        kernel->required |= 1u << SLOT_BIAS;
        status = wane_dnn_step_bind(step, DNNL_ARG_BIAS, bias, SLOT_BIAS, 0, 0);
      }
      if (status == WANE_DNN_OK) {
        status = bind_images(b, step, DNNL_ARG_DST, dnnl_query_dst_md, &plain->dst, SLOT_DST,
                             output, false);
      }
      return status;
    case WANE_DNN_BACKWARD_DATA:
      status = bind_images(b, step, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, &plain->dst,
                           SLOT_DIFF_DST, input, true);
      if (status == WANE_DNN_OK) status = bind_weights(b, step, &plain->weights, weights);
      if (status == WANE_DNN_OK) {
        status = bind_images(b, step, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, &plain->src,
                             SLOT_DIFF_SRC, output, false);
      }
      return status;
    default:
      // Both images are plain here (blocked has no such direction), so steps 0 and 1 stay empty.
      status =
          bind_images(b, step, DNNL_ARG_SRC, dnnl_query_src_md, &plain->src, SLOT_SRC, input, true);
      if (status == WANE_DNN_OK) {
        status = bind_images(b, step, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, &plain->dst,
                             SLOT_DIFF_DST, weights, true);
      }
      if (status == WANE_DNN_OK) status = bind_gradient(b, step, plain, output);
      return status;
  }
}

static wane_dnn_status build(wane_dnn_kernel *kernel, const wane_dnn_convolution_plan *plan,
                             wane_dnn_direction direction, bool plain_weights, bool any_images) {
  wane_dnn_operation operation = {0}, forward = {0};
  plain_layouts plain = {0}, unused = {0};
  building b = {.kernel = kernel, .plain_weights = plain_weights};
  kernel->chunks = any_images ? plan->shape.batch : 1;
  wane_dnn_status status = make_operation(plan, direction, plan->shape.batch / kernel->chunks,
                                          any_images, &operation, &plain);
  if (status == WANE_DNN_OK) {
    status = make_operation(plan, WANE_DNN_FORWARD, plan->shape.batch / kernel->chunks, any_images,
                            &forward, &unused);
  }
  if (status == WANE_DNN_OK) {
    status = wane_dnn_describe_convolution(&operation, &forward, direction, &b.descriptor);
  }
  if (status == WANE_DNN_OK) {
    const char *name = "oneDNN";
    (void)dnnl_primitive_desc_query(b.descriptor, dnnl_query_impl_info_str, 0, &name);
    snprintf(kernel->implementation, sizeof kernel->implementation, "%s%s", name,
             any_images ? " blocked" : "");
    // Layouts are read from the descriptor, so arguments are bound before the step takes it over.
    status = bind_all(&b, direction, &plain);
    const wane_dnn_status made = wane_dnn_step_make(kernel, &kernel->steps[2], b.descriptor);
    if (status == WANE_DNN_OK) status = made;
  }
  for (int i = 0; i < MAX_STEPS && status == WANE_DNN_OK; i++) {
    if (kernel->steps[i].primitive == NULL) continue;
    const wane_dnn_step step = kernel->steps[i];
    kernel->steps[i] = (wane_dnn_step){0};
    kernel->steps[kernel->step_count++] = step;
  }
  wane_dnn_operation_destroy(&operation);
  wane_dnn_operation_destroy(&forward);
  plain_destroy(&plain);
  plain_destroy(&unused);
  return status;
}

wane_dnn_status wane_dnn_convolution_direct(wane_dnn_kernel *kernel,
                                            const wane_dnn_convolution_plan *plan,
                                            wane_dnn_direction direction, bool plain_weights) {
  return build(kernel, plan, direction, plain_weights, false);
}

wane_dnn_status wane_dnn_convolution_blocked(wane_dnn_kernel *kernel,
                                             const wane_dnn_convolution_plan *plan,
                                             wane_dnn_direction direction, bool plain_weights) {
  if (direction == WANE_DNN_BACKWARD_WEIGHTS) {
    return wane_dnn_fail(
        WANE_DNN_UNSUPPORTED,
        "convolution: the weight gradient is not computed image by image in blocked layout");
  }
  return build(kernel, plan, direction, plain_weights, true);
}
