#include "wane_integer_plan.h"

#include <errno.h>
#include <string.h>

wane_integer_shape wane_integer_dense(int32_t rows, int32_t inputs, int32_t outputs) {
  return (wane_integer_shape){
      .batch = rows,
      .height = 1,
      .width = 1,
      .channels = inputs,
      .out_channels = outputs,
      .kernel_height = 1,
      .kernel_width = 1,
      .stride_height = 1,
      .stride_width = 1,
      .dilation_height = 1,
      .dilation_width = 1,
      .out_height = 1,
      .out_width = 1,
  };
}

int wane_integer_check(const wane_integer_shape *s) {
  if (s->batch < 0 || s->height < 1 || s->width < 1 || s->channels < 1 || s->out_channels < 0 ||
      s->kernel_height < 1 || s->kernel_width < 1 || s->stride_height < 1 || s->stride_width < 1 ||
      s->dilation_height < 1 || s->dilation_width < 1 || s->pad_top < 0 || s->pad_left < 0 ||
      s->out_height < 1 || s->out_width < 1)
    return EINVAL;
  if (s->max_pool != 0 && s->max_pool != 2) return EINVAL;
  if (s->max_pool == 2 && (s->out_channels == 0 || s->out_height < 2 || s->out_width < 2))
    return EINVAL;
  /* 65 536 products of 255 * 128 stay below 2^31. */
  int64_t taps = (int64_t)s->kernel_height * s->kernel_width;
  if (taps > 65536 || (s->out_channels > 0 && taps * s->channels > 65536)) return EINVAL;
  /* What one row of windows reads, in elements. */
  int64_t rows = (int64_t)(s->kernel_height - 1) * s->dilation_height + 1 + s->stride_height;
  int64_t columns = (int64_t)(s->out_width - 1) * s->stride_width +
                    (int64_t)(s->kernel_width - 1) * s->dilation_width + 1;
  int64_t elements;
  if (rows > INT32_MAX || columns > INT32_MAX ||
      __builtin_mul_overflow(rows * columns, (int64_t)s->channels, &elements) ||
      elements > (int64_t)1 << 29)
    return EINVAL;
  return 0;
}

size_t wane_integer_packed_size(const wane_integer_shape *shape) {
  wane_integer_plan p = wane_integer_plan_make(shape);
  if (p.depthwise) return p.segments * p.outputs;
  return p.blocks * p.segments * p.quads * WANE_INTEGER_BLOCK * WANE_INTEGER_QUAD;
}

size_t wane_integer_scratch_size(const wane_integer_shape *shape) {
  wane_integer_plan p = wane_integer_plan_make(shape);
  return wane_integer_stage_bytes(&p, (size_t)shape->channels) +
         p.band_rows * p.out_width * sizeof(int32_t);
}

void wane_integer_pack(const wane_integer_shape *shape, const int8_t *weights, void *packed) {
  wane_integer_plan p = wane_integer_plan_make(shape);
  if (p.depthwise) {
    memcpy(packed, weights, p.segments * p.outputs);
    return;
  }
  int8_t *to = packed;
  for (size_t block = 0; block < p.blocks; block++) {
    for (size_t segment = 0; segment < p.segments; segment++) {
      for (size_t quad = 0; quad < p.quads; quad++) {
        for (size_t lane = 0; lane < WANE_INTEGER_BLOCK; lane++) {
          for (size_t j = 0; j < WANE_INTEGER_QUAD; j++) {
            size_t k = quad * WANE_INTEGER_QUAD + j, o = block * WANE_INTEGER_BLOCK + lane;
            int inside = k < p.segment_length && o < p.outputs;
            *to++ = inside ? weights[(segment * p.segment_length + k) * p.outputs + o] : 0;
          }
        }
      }
    }
  }
}

void wane_integer_fold_bias(const wane_integer_shape *shape, const int8_t *weights,
                            const int32_t *bias, int32_t zero_x, int32_t *folded) {
  wane_integer_plan p = wane_integer_plan_make(shape);
  size_t products = p.segments * p.segment_length;
  for (size_t o = 0; o < p.outputs; o++) {
    int64_t sum = 0;
    for (size_t k = 0; k < products; k++) sum += weights[k * p.outputs + o];
    /* Modulo 2^32, as the accumulators are. */
    folded[o] = (int32_t)(uint32_t)((bias ? bias[o] : 0) - zero_x * sum);
  }
}
