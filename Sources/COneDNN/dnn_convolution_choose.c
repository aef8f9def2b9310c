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
// With AVX-512 oneDNN reaches 85 to 95 % on layers with many channels, so forward only the first
// layer is left to us: oneDNN pads its few channels to 16. The gradient of the weights is faster in
// our loops wherever the sums of a tap run over rows that are long enough. A Zen 5 core, batch 16,
// GFLOP/s (peak 300), own / direct:
//
//   shape                   forward    backward weights
//   13x13x32 -> 64, 3x3     242 / 250  256 / 233
//   16x16x32 -> 32, 3x3     238 / 265  255 / 249
//   32x32x16 -> 16, 3x3     123 / 221  119 / 233
//   8x8x64 -> 64, 3x3       216 / 299  256 / 283
//   49x10x1 -> 64, 10x4     223 / 140  237 / 123
//   48x48x8 -> 16, 1x1       93 / 141   95 / 61
//   24x24x32 -> 32, 1x1     244 / 238  224 / 139
//   25x5x64 -> 64, 1x1      231 / 250  238 / 180
//   6x6x128 -> 128, 1x1     247 / 247  243 / 215
//   3x3x256 -> 256, 1x1     167 / 235  164 / 216

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
  if (loops->vector_width > 8) return taps <= (s->in_channels / s->groups < 4 ? 64 : 32);
  return s->kernel_h * s->kernel_w > 1 &&
         taps * s->out_channels * (int64_t)sizeof(float) <= cached_weights_bytes;
}

static bool own_gradient(const wane_dnn_convolution_plan *plan, const wane_dnn_loops *loops) {
  const wane_dnn_convolution *s = &plan->shape;
  const int64_t taps = s->kernel_h * s->kernel_w * (s->in_channels / s->groups);
  if (taps < 4 || lane_use(s->out_channels / s->groups, loops) < 50) return false;
  if (loops->vector_width <= 8 || s->in_channels / s->groups < 4) return true;
  const bool is_point = s->kernel_h * s->kernel_w == 1;
  return is_point ? plan->out_width >= 5
                  : plan->out_width >= 10 && lane_use(s->out_channels / s->groups, loops) >= 75;
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

// oneDNN pads channels to 16 and emulates bf16 where the processor lacks it, slower than fp32.
bool wane_dnn_bf16_pays(const wane_dnn_convolution_plan *plan) {
#if defined(__x86_64__)
  const wane_dnn_convolution *s = &plan->shape;
  return __builtin_cpu_supports("avx512bf16") && s->groups == 1 && s->in_channels >= 16 &&
         s->out_channels >= 16;
#else
  (void)plan;
  return false;
#endif
}

wane_dnn_algorithm wane_dnn_convolution_choose(const wane_dnn_convolution_plan *plan,
                                               wane_dnn_direction direction,
                                               const wane_dnn_loops *loops) {
  if (loops == NULL || plan->bf16) return WANE_DNN_DIRECT;
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
