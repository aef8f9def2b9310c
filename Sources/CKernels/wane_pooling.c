#include "wane_pooling.h"

#include <errno.h>

/* Whether every window along one axis meets the image, without overflow. */
static int wane_pooling_check_axis(int64_t size, int64_t kernel, int64_t stride, int64_t pad,
                                   int64_t out) {
  if (size < 1 || kernel < 1 || stride < 1 || pad < 0 || out < 1) return EINVAL;
  int64_t last = (out - 1) * stride - pad;
  if (pad >= kernel || last >= size || last + kernel > INT32_MAX) return EINVAL;
  return 0;
}

int wane_pooling_check(const wane_pooling_shape *s) {
  if (s->batch < 0 || s->channels < 1) return EINVAL;
  if (wane_pooling_check_axis(s->height, s->kernel_height, s->stride_height, s->pad_top,
                              s->out_height))
    return EINVAL;
  if (wane_pooling_check_axis(s->width, s->kernel_width, s->stride_width, s->pad_left,
                              s->out_width))
    return EINVAL;
  if ((int64_t)s->kernel_height * s->kernel_width > 65536) return EINVAL;
  return 0;
}
