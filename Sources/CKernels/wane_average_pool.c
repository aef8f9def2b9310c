#include "wane_pooling.h"

#include "wane_pooling_window.h"

#include <string.h>

enum { strip = 64 };

/* One window of floats, all channels. */
WANE_BODY void wane_average_pool_window(const wane_pooling_shape *s, const wane_pooling_window *w,
                                        const float *image, float *y) {
  size_t channels = (size_t)s->channels;
  float inverse = 1.0f / (float)((w->y1 - w->y0) * (w->x1 - w->x0));
  for (size_t begin = 0; begin < channels; begin += strip) {
    size_t count = channels - begin < strip ? channels - begin : strip;
    float sums[strip] = {0};
    for (int32_t iy = w->y0; iy < w->y1; iy++) {
      const float *x = image + ((size_t)iy * s->width + w->x0) * channels + begin;
      for (int32_t ix = w->x0; ix < w->x1; ix++, x += channels)
        for (size_t c = 0; c < count; c++) sums[c] += x[c];
    }
    for (size_t c = 0; c < count; c++) y[begin + c] = sums[c] * inverse;
  }
}

WANE_BODY void wane_average_pool_f32__body(const wane_pooling_shape *s, const float *x, float *y) {
  size_t image_size = (size_t)s->height * s->width * s->channels;
  for (int32_t n = 0; n < s->batch; n++, x += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      for (int32_t ox = 0; ox < s->out_width; ox++, y += s->channels) {
        wane_pooling_window w = wane_pooling_window_at(s, oy, ox);
        wane_average_pool_window(s, &w, x, y);
      }
    }
  }
}
WANE_KERNEL(wane_average_pool_f32, (const wane_pooling_shape *s, const float *x, float *y),
            (s, x, y))

/* Adds dy / count to every element of one window. */
WANE_BODY void wane_average_pool_grad_window(const wane_pooling_shape *s,
                                             const wane_pooling_window *w, const float *dy,
                                             float *image) {
  size_t channels = (size_t)s->channels;
  float inverse = 1.0f / (float)((w->y1 - w->y0) * (w->x1 - w->x0));
  for (int32_t iy = w->y0; iy < w->y1; iy++) {
    float *dx = image + ((size_t)iy * s->width + w->x0) * channels;
    for (int32_t ix = w->x0; ix < w->x1; ix++, dx += channels) {
      WANE_VECTORIZE
      for (size_t c = 0; c < channels; c++) dx[c] += dy[c] * inverse;
    }
  }
}

WANE_BODY void wane_average_pool_grad_f32__body(const wane_pooling_shape *s, const float *dy,
                                                float *dx) {
  size_t image_size = (size_t)s->height * s->width * s->channels;
  memset(dx, 0, (size_t)s->batch * image_size * sizeof *dx);
  for (int32_t n = 0; n < s->batch; n++, dx += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      for (int32_t ox = 0; ox < s->out_width; ox++, dy += s->channels) {
        wane_pooling_window w = wane_pooling_window_at(s, oy, ox);
        wane_average_pool_grad_window(s, &w, dy, dx);
      }
    }
  }
}
WANE_KERNEL(wane_average_pool_grad_f32, (const wane_pooling_shape *s, const float *dy, float *dx),
            (s, dy, dx))

/* sum / count rounded half to even. Both are below 2^24, so the float quotient is at most one off
   after truncation, and the remainder tells. */
WANE_BODY int32_t wane_average_round(int32_t sum, int32_t count) {
  int32_t quotient = (int32_t)((float)sum / (float)count);
  int32_t remainder = sum - quotient * count;
  quotient -= remainder < 0;
  remainder += remainder < 0 ? count : 0;
  int32_t twice = 2 * remainder;
  return quotient + (twice > count || (twice == count && (quotient & 1)));
}

/* One window of bytes, all channels. */
WANE_BODY void wane_average_pool_window_u8(const wane_pooling_shape *s,
                                           const wane_pooling_window *w, const uint8_t *image,
                                           uint8_t *y) {
  size_t channels = (size_t)s->channels;
  int32_t elements = (w->y1 - w->y0) * (w->x1 - w->x0);
  for (size_t begin = 0; begin < channels; begin += strip) {
    size_t count = channels - begin < strip ? channels - begin : strip;
    int32_t sums[strip] = {0};
    for (int32_t iy = w->y0; iy < w->y1; iy++) {
      const uint8_t *x = image + ((size_t)iy * s->width + w->x0) * channels + begin;
      for (int32_t ix = w->x0; ix < w->x1; ix++, x += channels)
        for (size_t c = 0; c < count; c++) sums[c] += x[c];
    }
    for (size_t c = 0; c < count; c++)
      y[begin + c] = (uint8_t)wane_average_round(sums[c], elements);
  }
}

WANE_BODY void wane_average_pool_u8__body(const wane_pooling_shape *s, const uint8_t *x,
                                          uint8_t *y) {
  size_t image_size = (size_t)s->height * s->width * s->channels;
  for (int32_t n = 0; n < s->batch; n++, x += image_size) {
    for (int32_t oy = 0; oy < s->out_height; oy++) {
      for (int32_t ox = 0; ox < s->out_width; ox++, y += s->channels) {
        wane_pooling_window w = wane_pooling_window_at(s, oy, ox);
        wane_average_pool_window_u8(s, &w, x, y);
      }
    }
  }
}
WANE_KERNEL(wane_average_pool_u8, (const wane_pooling_shape *s, const uint8_t *x, uint8_t *y),
            (s, x, y))
