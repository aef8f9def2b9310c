// Convolution by the loops of this target.
//
// Backward data with stride 1 is a forward convolution: of diff_dst, padded so that the output has
// the size of the input, with the kernel turned by 180 degrees and its input and output channels
// swapped.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnn_convolution.h"
#include "dnn_error.h"

// Where the bytes come from. Backward data reads diff_dst and writes diff_src.
typedef struct {
  wane_dnn_slot src, dst;
} image_slots;

static image_slots slots_of(wane_dnn_direction direction) {
  return direction == WANE_DNN_BACKWARD_DATA ? (image_slots){SLOT_DIFF_DST, SLOT_DIFF_SRC}
                                             : (image_slots){SLOT_SRC, SLOT_DST};
}

static int64_t weights_count(const wane_dnn_convolution *s) {
  return s->kernel_h * s->kernel_w * (s->in_channels / s->groups) * s->out_channels;
}

// Images

// Writes an image into the middle of the padded one. The border is zero already.
static void write_padded(const wane_dnn_convolution_plan *plan, const float *src, float *padded) {
  const wane_dnn_convolution *s = &plan->shape;
  // Strides can leave rows and columns at the far edge unread.
  int64_t rows = plan->padded_height - s->pad_top, columns = plan->padded_width - s->pad_left;
  if (rows > s->height) rows = s->height;
  if (columns > s->width) columns = s->width;
  if (columns <= 0) return;
  for (int64_t row = 0; row < rows; row++) {
    float *to = padded + ((row + s->pad_top) * plan->padded_width + s->pad_left) * s->in_channels;
    memcpy(to, src + row * s->width * s->in_channels,
           (size_t)(columns * s->in_channels) * sizeof(float));
  }
}

static size_t padded_bytes(const wane_dnn_convolution_plan *plan) {
  return (size_t)(plan->padded_height * plan->padded_width * plan->shape.in_channels) *
         sizeof(float);
}

// The patches of one image, after padding it if need be. Group 0.
static wane_dnn_patches image_patches(const wane_dnn_kernel *kernel, const float *src,
                                      int64_t image, float *padded) {
  const wane_dnn_convolution_plan *plan = &kernel->plan.convolution;
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t width = plan->padded ? plan->padded_width : s->width;
  src += image * s->height * s->width * s->in_channels;
  if (plan->padded) {
    // Only the first image clears the border; the others write over its middle.
    if (image == 0) memset(padded, 0, padded_bytes(plan));
    write_padded(plan, src, padded);
  }
  return (wane_dnn_patches){
      .src = plan->padded ? padded : src,
      .row_step = s->stride_h * width * s->in_channels,
      .column_step = s->stride_w * s->in_channels,
      .offsets = kernel->offsets,
      .taps = s->kernel_h * s->kernel_w * (s->in_channels / s->groups),
      .rows = plan->out_height,
      .columns = plan->out_width,
      .outputs = s->out_channels / s->groups,
      .output_step = s->out_channels,
  };
}

// Execution

static wane_dnn_status run_gradient(wane_dnn_kernel *kernel, void *const *slots) {
  const wane_dnn_convolution_plan *plan = &kernel->plan.convolution;
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t inputs = s->in_channels / s->groups, outputs = s->out_channels / s->groups;
  float *weights = slots[SLOT_DIFF_WEIGHTS];
  float *bias = plan->bias ? slots[SLOT_DIFF_BIAS] : NULL;
  memset(weights, 0, (size_t)weights_count(s) * sizeof(float));
  if (bias != NULL) memset(bias, 0, (size_t)s->out_channels * sizeof(float));
  for (int64_t image = 0; image < s->batch; image++) {
    wane_dnn_patches patches = image_patches(kernel, slots[SLOT_SRC], image, slots[SLOT_SCRATCH]);
    const float *diff_dst = (const float *)slots[SLOT_DIFF_DST] +
                            image * plan->out_height * plan->out_width * s->out_channels;
    for (int64_t group = 0; group < s->groups; group++, patches.src += inputs) {
      const int64_t first = group * outputs;
      kernel->loops->convolution_gradient(&patches, diff_dst + first, weights + first,
                                          bias != NULL ? bias + first : NULL);
    }
  }
  return WANE_DNN_OK;
}

// Weights of the layer to those of the convolution that is its backward data: [row][column][input]
// [group, output] to [last row - row][last column - column][output][group, input]. The plan's
// inputs are the layer's outputs.
static void turn_weights(const wane_dnn_kernel *kernel, const float *plain, float *turned) {
  const wane_dnn_convolution *s = &kernel->plan.convolution.shape;
  const int64_t outputs = s->in_channels / s->groups, inputs = s->out_channels / s->groups;
  const int64_t pixels = s->kernel_h * s->kernel_w;
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    const float *from = plain + pixel * inputs * s->in_channels;
    float *to = turned + (pixels - 1 - pixel) * outputs * s->out_channels;
    for (int64_t group = 0; group < s->groups; group++) {
      for (int64_t output = 0; output < outputs; output++) {
        for (int64_t input = 0; input < inputs; input++) {
          to[output * s->out_channels + group * inputs + input] =
              from[input * s->in_channels + group * outputs + output];
        }
      }
    }
  }
}

static void run_images(wane_dnn_kernel *kernel, void *const *slots, image_slots at,
                       const float *weights) {
  const wane_dnn_convolution_plan *plan = &kernel->plan.convolution;
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t inputs = s->in_channels / s->groups, outputs = s->out_channels / s->groups;
  const float *bias = plan->bias ? slots[SLOT_BIAS] : NULL;
  float *padded = (float *)((char *)slots[SLOT_SCRATCH] + kernel->padded_offset);
  for (int64_t image = 0; image < s->batch; image++) {
    wane_dnn_patches patches = image_patches(kernel, slots[at.src], image, padded);
    float *dst =
        (float *)slots[at.dst] + image * plan->out_height * plan->out_width * s->out_channels;
    for (int64_t group = 0; group < s->groups; group++, patches.src += inputs) {
      const int64_t first = group * outputs;
      kernel->loops->convolution_forward(
          &patches, weights + first, bias != NULL ? bias + first : NULL, plan->relu, dst + first);
    }
  }
}

static wane_dnn_status run_forward(wane_dnn_kernel *kernel, void *const *slots) {
  run_images(kernel, slots, slots_of(WANE_DNN_FORWARD), slots[SLOT_WEIGHTS]);
  return WANE_DNN_OK;
}

static wane_dnn_status run_backward_data(wane_dnn_kernel *kernel, void *const *slots) {
  const float *weights = slots[SLOT_WEIGHTS];
  if (kernel->turn_weights) {
    float *turned = (float *)((char *)slots[SLOT_SCRATCH] + kernel->turned_offset);
    turn_weights(kernel, weights, turned);
    weights = turned;
  }
  run_images(kernel, slots, slots_of(WANE_DNN_BACKWARD_DATA), weights);
  return WANE_DNN_OK;
}

// Creation

bool wane_dnn_convolution_turn(const wane_dnn_convolution_plan *plan,
                               wane_dnn_convolution_plan *turned) {
  const wane_dnn_convolution *s = &plan->shape;
  if (s->stride_h != 1 || s->stride_w != 1) return false;
  const int64_t reach_h = s->dilation_h * (s->kernel_h - 1);
  const int64_t reach_w = s->dilation_w * (s->kernel_w - 1);
  wane_dnn_convolution t = *s;
  t.height = plan->out_height;
  t.width = plan->out_width;
  t.in_channels = s->out_channels;
  t.out_channels = s->in_channels;
  t.pad_top = reach_h - s->pad_top;
  t.pad_left = reach_w - s->pad_left;
  t.pad_bottom = s->height + reach_h - plan->out_height - t.pad_top;
  t.pad_right = s->width + reach_w - plan->out_width - t.pad_left;
  // Padding wider than the kernel reaches would have to be cut off instead.
  if (t.pad_top < 0 || t.pad_left < 0 || t.pad_bottom < 0 || t.pad_right < 0) return false;
  return wane_dnn_convolution_plan_make(&t, 0, turned) == WANE_DNN_OK;
}

static wane_dnn_status make_offsets(wane_dnn_kernel *kernel) {
  const wane_dnn_convolution_plan *plan = &kernel->plan.convolution;
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t inputs = s->in_channels / s->groups;
  const int64_t width = plan->padded ? plan->padded_width : s->width;
  // Weights are below 2 GiB, so this is far from overflowing.
  const size_t taps = (size_t)(s->kernel_h * s->kernel_w * inputs);
  kernel->offsets = malloc(taps * sizeof *kernel->offsets);
  if (kernel->offsets == NULL) {
    return wane_dnn_fail(WANE_DNN_OUT_OF_MEMORY, "convolution: not enough memory");
  }
  int64_t *next = kernel->offsets;
  for (int64_t row = 0; row < s->kernel_h; row++) {
    for (int64_t column = 0; column < s->kernel_w; column++) {
      const int64_t pixel = row * s->dilation_h * width + column * s->dilation_w;
      for (int64_t input = 0; input < inputs; input++) *next++ = pixel * s->in_channels + input;
    }
  }
  return WANE_DNN_OK;
}

wane_dnn_status wane_dnn_convolution_own(wane_dnn_kernel *kernel,
                                         const wane_dnn_convolution_plan *plan,
                                         wane_dnn_direction direction, bool plain_weights) {
  if (kernel->loops == NULL) {
    return wane_dnn_fail(WANE_DNN_UNSUPPORTED, "convolution: no loops of ours for this machine");
  }
  kernel->plan.convolution = *plan;
  const bool turned = direction == WANE_DNN_BACKWARD_DATA;
  if (turned && !wane_dnn_convolution_turn(plan, &kernel->plan.convolution)) {
    return wane_dnn_fail(
        WANE_DNN_UNSUPPORTED,
        "convolution: no loops of ours for backward data with this stride or padding");
  }
  plan = &kernel->plan.convolution;
  const bool gradient = direction == WANE_DNN_BACKWARD_WEIGHTS;
  const size_t weights = (size_t)weights_count(&plan->shape) * sizeof(float);
  wane_dnn_status status = make_offsets(kernel);
  if (status == WANE_DNN_OK && plan->padded) {
    status = wane_dnn_reserve_scratch(kernel, padded_bytes(plan), &kernel->padded_offset);
  }
  kernel->turn_weights = turned && plain_weights;
  if (status == WANE_DNN_OK && kernel->turn_weights) {
    status = wane_dnn_reserve_scratch(kernel, weights, &kernel->turned_offset);
  }
  if (status != WANE_DNN_OK) return status;
  if (gradient) {
    kernel->run = run_gradient;
    kernel->required = 1u << SLOT_SRC | 1u << SLOT_DIFF_DST | 1u << SLOT_DIFF_WEIGHTS |
                       (plan->bias ? 1u << SLOT_DIFF_BIAS : 0);
  } else {
    const image_slots at = slots_of(direction);
    kernel->run = turned ? run_backward_data : run_forward;
    kernel->required =
        1u << at.src | 1u << at.dst | 1u << SLOT_WEIGHTS | (plan->bias ? 1u << SLOT_BIAS : 0);
    if (!plain_weights) {
      kernel->weights_bytes = weights;
      kernel->pack_with = turned ? turn_weights : NULL;
    }
  }
  snprintf(kernel->implementation, sizeof kernel->implementation, "wane %s:%s",
           gradient ? "gradient" : "patches", kernel->loops->name);
  return WANE_DNN_OK;
}
