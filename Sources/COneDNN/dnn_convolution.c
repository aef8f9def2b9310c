#include "dnn_convolution.h"

#include <stddef.h>

#include "dnn_engine.h"
#include "dnn_error.h"
#include "dnn_shape.h"

// Shapes

// oneDNN addresses inside an image with 32-bit displacements.
static const int64_t largest_image_bytes = INT32_MAX;

static wane_dnn_status check_ranges(const wane_dnn_convolution *s) {
  const struct {
    const char *name;
    int64_t value, least;
  } fields[] = {
      {"batch", s->batch, 1},
      {"height", s->height, 1},
      {"width", s->width, 1},
      {"in_channels", s->in_channels, 1},
      {"out_channels", s->out_channels, 1},
      {"kernel_h", s->kernel_h, 1},
      {"kernel_w", s->kernel_w, 1},
      {"stride_h", s->stride_h, 1},
      {"stride_w", s->stride_w, 1},
      {"dilation_h", s->dilation_h, 1},
      {"dilation_w", s->dilation_w, 1},
      {"pad_top", s->pad_top, 0},
      {"pad_left", s->pad_left, 0},
      {"pad_bottom", s->pad_bottom, 0},
      {"pad_right", s->pad_right, 0},
      {"groups", s->groups, 1},
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    const wane_dnn_status status =
        wane_dnn_check_range("convolution", fields[i].name, fields[i].value, fields[i].least);
    if (status != WANE_DNN_OK) return status;
  }
  if (s->in_channels % s->groups != 0 || s->out_channels % s->groups != 0) {
    return wane_dnn_fail(
        WANE_DNN_INVALID,
        "convolution: groups (%lld) must divide in_channels (%lld) and out_channels (%lld)",
        (long long)s->groups, (long long)s->in_channels, (long long)s->out_channels);
  }
  return WANE_DNN_OK;
}

// Output size and how much of the padded input is read, in one direction.
static wane_dnn_status output_size(const char *name, int64_t input, int64_t before, int64_t after,
                                   int64_t kernel, int64_t dilation, int64_t stride,
                                   int64_t *output, int64_t *read) {
  // All values are below 2^31, so nothing here exceeds 2^62.
  const int64_t reach = dilation * (kernel - 1) + 1, padded = input + before + after;
  if (reach > padded) {
    return wane_dnn_fail(
        WANE_DNN_INVALID,
        "convolution: the kernel reaches over %lld %s but the padded input has %lld",
        (long long)reach, name, (long long)padded);
  }
  *output = (padded - reach) / stride + 1;
  *read = (*output - 1) * stride + reach;
  return WANE_DNN_OK;
}

wane_dnn_status wane_dnn_convolution_plan_make(const wane_dnn_convolution *s, uint32_t flags,
                                               wane_dnn_convolution_plan *plan) {
  wane_dnn_status status = check_ranges(s);
  *plan = (wane_dnn_convolution_plan){.shape = *s};
  if (status == WANE_DNN_OK) {
    status = output_size("rows", s->height, s->pad_top, s->pad_bottom, s->kernel_h, s->dilation_h,
                         s->stride_h, &plan->out_height, &plan->padded_height);
  }
  if (status == WANE_DNN_OK) {
    status = output_size("columns", s->width, s->pad_left, s->pad_right, s->kernel_w, s->dilation_w,
                         s->stride_w, &plan->out_width, &plan->padded_width);
  }
  if (status != WANE_DNN_OK) return status;
  const int64_t in[] = {plan->padded_height, plan->padded_width, s->in_channels, s->batch};
  const int64_t whole[] = {s->height, s->width, s->in_channels, s->batch};
  const int64_t out[] = {plan->out_height, plan->out_width, s->out_channels, s->batch};
  const int64_t weights[] = {s->kernel_h, s->kernel_w, s->in_channels / s->groups, s->out_channels};
  if (!wane_dnn_bytes_fit(in, 3, largest_image_bytes) ||
      !wane_dnn_bytes_fit(whole, 3, largest_image_bytes) ||
      !wane_dnn_bytes_fit(out, 3, largest_image_bytes) ||
      !wane_dnn_bytes_fit(weights, 4, largest_image_bytes) ||
      !wane_dnn_bytes_fit(whole, 4, INT64_MAX / 4) || !wane_dnn_bytes_fit(out, 4, INT64_MAX / 4)) {
    return wane_dnn_fail(WANE_DNN_INVALID,
                         "convolution: %lld x %lld x %lld to %lld x %lld x %lld is too large: one "
                         "image and the weights "
                         "must each be below 2 GiB",
                         (long long)s->height, (long long)s->width, (long long)s->in_channels,
                         (long long)plan->out_height, (long long)plan->out_width,
                         (long long)s->out_channels);
  }
  plan->padded = s->pad_top > 0 || s->pad_left > 0 || plan->padded_height > s->height ||
                 plan->padded_width > s->width;
  plan->bias = (flags & WANE_DNN_BIAS) != 0;
  plan->relu = (flags & WANE_DNN_RELU) != 0;
  plan->bf16 = (flags & WANE_DNN_BF16) != 0 && wane_dnn_bf16_pays(plan);
  return WANE_DNN_OK;
}

wane_dnn_status wane_dnn_convolution_output(const wane_dnn_convolution *shape, int64_t *height,
                                            int64_t *width) {
  wane_dnn_convolution_plan plan;
  const wane_dnn_status status = wane_dnn_convolution_plan_make(shape, 0, &plan);
  if (status != WANE_DNN_OK) return status;
  *height = plan.out_height;
  *width = plan.out_width;
  return WANE_DNN_OK;
}

// Creation

static wane_dnn_status create(const wane_dnn_convolution *shape, uint32_t flags, uint32_t allowed,
                              wane_dnn_algorithm algorithm, wane_dnn_direction direction,
                              wane_dnn_kernel **kernel) {
  *kernel = NULL;
  if ((flags & ~allowed) != 0) {
    return wane_dnn_fail(WANE_DNN_INVALID, "convolution: flags 0x%x are not among the allowed 0x%x",
                         (unsigned)flags, (unsigned)allowed);
  }
  wane_dnn_convolution_plan plan;
  wane_dnn_status status = wane_dnn_convolution_plan_make(shape, flags, &plan);
  if (status != WANE_DNN_OK) return status;
  wane_dnn_kernel *made;
  status = wane_dnn_kernel_new("convolution", &made);
  if (status != WANE_DNN_OK) return status;
  made->loops = wane_dnn_loops_best();
  made->rounds_to_bf16 = plan.bf16;
  if (algorithm == WANE_DNN_AUTO) {
    algorithm = wane_dnn_convolution_choose(&plan, direction, made->loops);
  }
  const bool plain_weights = (flags & WANE_DNN_PLAIN_WEIGHTS) != 0;
  const int previous = wane_dnn_enter();
  switch (algorithm) {
    case WANE_DNN_DIRECT:
      status = wane_dnn_convolution_direct(made, &plan, direction, plain_weights);
      break;
    case WANE_DNN_BLOCKED:
      status = wane_dnn_convolution_blocked(made, &plan, direction, plain_weights);
      break;
    case WANE_DNN_OWN:
      status = wane_dnn_convolution_own(made, &plan, direction, plain_weights);
      break;
    default:
      status = wane_dnn_fail(WANE_DNN_UNSUPPORTED, "convolution: there is no algorithm %d",
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

wane_dnn_status wane_dnn_convolution_forward_create(const wane_dnn_convolution *shape,
                                                    uint32_t flags, wane_dnn_algorithm algorithm,
                                                    wane_dnn_kernel **kernel) {
  return create(shape, flags,
                WANE_DNN_BIAS | WANE_DNN_RELU | WANE_DNN_PLAIN_WEIGHTS | WANE_DNN_BF16, algorithm,
                WANE_DNN_FORWARD, kernel);
}

wane_dnn_status wane_dnn_convolution_backward_data_create(const wane_dnn_convolution *shape,
                                                          uint32_t flags,
                                                          wane_dnn_algorithm algorithm,
                                                          wane_dnn_kernel **kernel) {
  return create(shape, flags, WANE_DNN_PLAIN_WEIGHTS | WANE_DNN_BF16, algorithm,
                WANE_DNN_BACKWARD_DATA, kernel);
}

wane_dnn_status wane_dnn_convolution_backward_weights_create(const wane_dnn_convolution *shape,
                                                             uint32_t flags,
                                                             wane_dnn_algorithm algorithm,
                                                             wane_dnn_kernel **kernel) {
  return create(shape, flags, WANE_DNN_BIAS | WANE_DNN_BF16, algorithm, WANE_DNN_BACKWARD_WEIGHTS,
                kernel);
}
