#include "wane_pooling.h"

#include "wane_pooling_window.h"

#include <string.h>

/* Channels are worked on in strips that fit the stack. */
enum { strip = 64 };

/* One row of 2 x 2 windows, whose upper and lower image rows are `a` and `b`. */
WANE_BODY void wane_max_pool_row_2x2(const float *a, const float *b, float *y, uint16_t *index,
                                     size_t windows, size_t channels) {
  for (size_t w = 0; w < windows; w++) {
    const float *a0 = a + 2 * w * channels, *a1 = a0 + channels;
    const float *b0 = b + 2 * w * channels, *b1 = b0 + channels;
    float *to = y + w * channels;
    if (!index) {
      WANE_VECTORIZE
      for (size_t c = 0; c < channels; c++) {
        float upper = a1[c] > a0[c] ? a1[c] : a0[c];
        float lower = b1[c] > b0[c] ? b1[c] : b0[c];
        to[c] = lower > upper ? lower : upper;
      }
      continue;
    }
    uint16_t *at = index + w * channels;
    WANE_VECTORIZE
    for (size_t c = 0; c < channels; c++) {
      float upper = a1[c] > a0[c] ? a1[c] : a0[c];
      float lower = b1[c] > b0[c] ? b1[c] : b0[c];
      uint32_t in_upper = a1[c] > a0[c] ? 1 : 0;
      uint32_t in_lower = b1[c] > b0[c] ? 3 : 2;
      to[c] = lower > upper ? lower : upper;
      at[c] = (uint16_t)(lower > upper ? in_lower : in_upper);
    }
  }
}

/* One window of any shape, a strip of channels. */
WANE_BODY void wane_max_pool_window(const wane_pooling_shape *s, const wane_pooling_window *w,
                                    const float *image, float *y, uint16_t *index, size_t begin,
                                    size_t count) {
  float best[strip];
  uint32_t where[strip];
  int first = 1;
  for (int32_t iy = w->y0; iy < w->y1; iy++) {
    for (int32_t ix = w->x0; ix < w->x1; ix++) {
      const float *x = image + ((size_t)iy * s->width + ix) * s->channels + begin;
      uint32_t position = (uint32_t)((iy - w->top) * s->kernel_width + (ix - w->left));
      if (first) {
        for (size_t c = 0; c < count; c++) best[c] = x[c], where[c] = position;
        first = 0;
        continue;
      }
      for (size_t c = 0; c < count; c++) {
        where[c] = x[c] > best[c] ? position : where[c];
        best[c] = x[c] > best[c] ? x[c] : best[c];
      }
    }
  }
  for (size_t c = 0; c < count; c++) y[begin + c] = best[c];
  if (!index) return;
  for (size_t c = 0; c < count; c++) index[begin + c] = (uint16_t)where[c];
}

WANE_BODY void wane_max_pool_f32__body(const wane_pooling_shape *s, const float *x, float *y,
                                       uint16_t *index) {
  size_t channels = (size_t)s->channels;
  size_t image_size = (size_t)s->height * s->width * channels;
  size_t out_row = (size_t)s->out_width * channels;
  size_t in_row = (size_t)s->width * channels;
  int simple = wane_pooling_is_2x2(s);
  for (int32_t n = 0; n < s->batch; n++, x += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      if (simple) {
        const float *a = x + 2 * (size_t)oy * in_row;
        wane_max_pool_row_2x2(a, a + in_row, y, index, (size_t)s->out_width, channels);
      } else {
        for (int32_t ox = 0; ox < s->out_width; ox++) {
          wane_pooling_window w = wane_pooling_window_at(s, oy, ox);
          size_t to = (size_t)ox * channels;
          for (size_t c = 0; c < channels; c += strip) {
            size_t count = channels - c < strip ? channels - c : strip;
            wane_max_pool_window(s, &w, x, y + to, index ? index + to : NULL, c, count);
          }
        }
      }
      y += out_row;
      if (index) index += out_row;
    }
  }
}
WANE_KERNEL(wane_max_pool_f32,
            (const wane_pooling_shape *s, const float *x, float *y, uint16_t *index),
            (s, x, y, index))

/* One row of 2 x 2 windows: every element is written once, dy where the index points and 0
   elsewhere. */
WANE_BODY void wane_max_pool_grad_row_2x2(const uint16_t *index, const float *dy, float *a,
                                          float *b, size_t windows, size_t channels) {
  for (size_t w = 0; w < windows; w++) {
    float *a0 = a + 2 * w * channels, *a1 = a0 + channels;
    float *b0 = b + 2 * w * channels, *b1 = b0 + channels;
    const float *from = dy + w * channels;
    const uint16_t *at = index + w * channels;
    WANE_VECTORIZE
    for (size_t c = 0; c < channels; c++) {
      uint32_t position = at[c];
      float g = from[c]; /* loaded in any case: a conditional load is a branch */
      a0[c] = position == 0 ? g : 0.0f;
      a1[c] = position == 1 ? g : 0.0f;
      b0[c] = position == 2 ? g : 0.0f;
      b1[c] = position == 3 ? g : 0.0f;
    }
  }
}

WANE_BODY void wane_max_pool_grad_f32__body(const wane_pooling_shape *s, const uint16_t *index,
                                            const float *dy, float *dx) {
  size_t channels = (size_t)s->channels;
  size_t in_row = (size_t)s->width * channels;
  size_t image_size = (size_t)s->height * in_row;
  size_t out_row = (size_t)s->out_width * channels;
  if (wane_pooling_is_2x2(s)) {
    size_t used = 2 * out_row; /* of a row; what an odd size leaves over gets 0 */
    for (int32_t n = 0; n < s->batch; n++, dx += image_size) {
      for (int32_t oy = 0; oy < s->out_height; oy++, index += out_row, dy += out_row) {
        float *a = dx + 2 * (size_t)oy * in_row, *b = a + in_row;
        wane_max_pool_grad_row_2x2(index, dy, a, b, (size_t)s->out_width, channels);
        memset(a + used, 0, (in_row - used) * sizeof *a);
        memset(b + used, 0, (in_row - used) * sizeof *b);
      }
      size_t rows = 2 * (size_t)s->out_height;
      memset(dx + rows * in_row, 0, (image_size - rows * in_row) * sizeof *dx);
    }
    return;
  }
  memset(dx, 0, (size_t)s->batch * image_size * sizeof *dx);
  for (int32_t n = 0; n < s->batch; n++, dx += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      for (int32_t ox = 0; ox < s->out_width; ox++, index += channels, dy += channels) {
        /* The window's first element may lie outside, so positions are added as numbers, not
           pointers. */
        int64_t top = (int64_t)oy * s->stride_height - s->pad_top;
        int64_t left = (int64_t)ox * s->stride_width - s->pad_left;
        for (size_t c = 0; c < channels; c++) {
          int64_t row = top + index[c] / s->kernel_width;
          int64_t column = left + index[c] % s->kernel_width;
          dx[(size_t)(row * s->width + column) * channels + c] += dy[c];
        }
      }
    }
  }
}
WANE_KERNEL(wane_max_pool_grad_f32,
            (const wane_pooling_shape *s, const uint16_t *index, const float *dy, float *dx),
            (s, index, dy, dx))

WANE_BODY void wane_max_pool_selection_f32__body(const wane_pooling_shape *s, const uint16_t *index,
                                                 const float *x, float *y) {
  size_t channels = (size_t)s->channels;
  size_t image_size = (size_t)s->height * s->width * channels;
  for (int32_t n = 0; n < s->batch; n++, x += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      for (int32_t ox = 0; ox < s->out_width; ox++, index += channels, y += channels) {
        int64_t top = (int64_t)oy * s->stride_height - s->pad_top;
        int64_t left = (int64_t)ox * s->stride_width - s->pad_left;
        for (size_t c = 0; c < channels; c++) {
          int64_t row = top + index[c] / s->kernel_width;
          int64_t column = left + index[c] % s->kernel_width;
          y[c] = x[(size_t)(row * s->width + column) * channels + c];
        }
      }
    }
  }
}
WANE_KERNEL(wane_max_pool_selection_f32,
            (const wane_pooling_shape *s, const uint16_t *index, const float *x, float *y),
            (s, index, x, y))

WANE_BODY void wane_max_pool_u8__body(const wane_pooling_shape *s, const uint8_t *x, uint8_t *y) {
  size_t channels = (size_t)s->channels;
  size_t image_size = (size_t)s->height * s->width * channels;
  for (int32_t n = 0; n < s->batch; n++, x += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      for (int32_t ox = 0; ox < s->out_width; ox++, y += channels) {
        wane_pooling_window w = wane_pooling_window_at(s, oy, ox);
        memset(y, 0, channels);
        for (int32_t iy = w.y0; iy < w.y1; iy++) {
          for (int32_t ix = w.x0; ix < w.x1; ix++) {
            const uint8_t *from = x + ((size_t)iy * s->width + ix) * channels;
            WANE_VECTORIZE
            for (size_t c = 0; c < channels; c++) y[c] = from[c] > y[c] ? from[c] : y[c];
          }
        }
      }
    }
  }
}
WANE_KERNEL(wane_max_pool_u8, (const wane_pooling_shape *s, const uint8_t *x, uint8_t *y),
            (s, x, y))
