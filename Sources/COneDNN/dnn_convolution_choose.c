// Which algorithm computes a convolution.
//
// Measured with oneDNN 2.6.3 on a Zen 3 core (AVX2), per cent of the fp32 peak, batch 16 (8 from
// the third row on), weights plain; own / direct:
//
//   shape                   forward    backward data   backward weights
//   13x13x32 -> 64, 3x3     100 / 87   69 / 88         97 / 65
//   28x28x1 -> 32, 3x3       70 / 60                   52 / 22
//   32x32x3 -> 32, 3x3       89 / 87                   80 / 49
//   16x16x128 -> 128, 1x1    94 / 101                  81 / 76
//
// With AVX-512 oneDNN reaches 85 to 95 % on layers with many channels, so there only the first
// layer is left to us: oneDNN pads its few channels to 16.

#include "dnn_convolution.h"

static const int64_t cached_weights_bytes = 256 * 1024;  // Half of a usual second-level cache.

// Share of the lanes that do work, in per cent, when outputs are taken two vectors at a time.
static int64_t lane_use(int64_t outputs, const wane_dnn_loops *loops) {
  const int64_t block = 2 * loops->vector_width, blocks = (outputs + block - 1) / block;
  return 100 * outputs / (blocks * block);
}

static bool own_forward(const wane_dnn_convolution_plan *plan, const wane_dnn_loops *loops) {
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t taps = s->kernel_h * s->kernel_w * (s->in_channels / s->groups);
  // Sums of few positions do not hide the latency of a multiply-add.
  if (plan->out_width < 4 || lane_use(s->out_channels / s->groups, loops) < 75) return false;
  if (loops->vector_width > 8) return taps <= 32;
  return s->kernel_h * s->kernel_w > 1 &&
         taps * s->out_channels * (int64_t)sizeof(float) <= cached_weights_bytes;
}

static bool own_gradient(const wane_dnn_convolution_plan *plan, const wane_dnn_loops *loops) {
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t taps = s->kernel_h * s->kernel_w * (s->in_channels / s->groups);
  if (taps < 4 || lane_use(s->out_channels / s->groups, loops) < 50) return false;
  return loops->vector_width > 8 ? s->in_channels / s->groups < 4 : true;
}

// Measured the same way with batches 8 and 32, blocked with its reorders / direct:
//   56x56x64 -> 64, 3x3     forward 87 / 73   backward data 85 / 72
//   32x32x64 -> 64, 3x3     forward 82 / 74   backward data 85 / 74
//   16x16x128 -> 128, 3x3   forward 86 / 70   backward data 87 / 86
//   13x13x32 -> 64, 3x3     forward 86 / 87   backward data 86 / 88
static bool prefer_blocked(const wane_dnn_convolution_plan *plan, wane_dnn_direction direction,
                           const wane_dnn_loops *loops) {
  const wane_dnn_convolution *s = &plan->shape;
  const bool strided = s->stride_h > 1 || s->stride_w > 1;
  const int64_t image_bytes = s->height * s->width * s->in_channels * (int64_t)sizeof(float);
  if (loops->vector_width > 8 || direction == WANE_DNN_BACKWARD_WEIGHTS) return false;
  if (s->groups > 1 || s->kernel_h * s->kernel_w == 1) return false;
  if (strided && direction == WANE_DNN_BACKWARD_DATA) return false;
  return s->in_channels % 8 == 0 && s->out_channels % 8 == 0 && s->in_channels >= 64 &&
         s->out_channels >= 64 && image_bytes >= 128 * 1024;
}

wane_dnn_algorithm wane_dnn_convolution_choose(const wane_dnn_convolution_plan *plan,
                                               wane_dnn_direction direction,
                                               const wane_dnn_loops *loops) {
  if (loops == NULL) return WANE_DNN_DIRECT;
  wane_dnn_convolution_plan turned;
  bool own = false;
  switch (direction) {
    case WANE_DNN_FORWARD:
      own = own_forward(plan, loops);
      break;
    case WANE_DNN_BACKWARD_DATA:
      // The turned convolution also multiplies the zeros around diff_dst, which oneDNN skips: it
      // pays with padding "same", not with "valid".
      own = wane_dnn_convolution_turn(plan, &turned) && own_forward(&turned, loops) &&
            100 * plan->out_height * plan->out_width >= 95 * plan->shape.height * plan->shape.width;
      break;
    case WANE_DNN_BACKWARD_WEIGHTS:
      own = own_gradient(plan, loops);
      break;
  }
  if (own) return WANE_DNN_OWN;
  return prefer_blocked(plan, direction, loops) ? WANE_DNN_BLOCKED : WANE_DNN_DIRECT;
}
