#include "wane_resample.h"

#include "wane_dispatch.h"

#include <string.h>

WANE_BODY void wane_resample_f32__body(const wane_resample_shape *s, const float *x, float *y) {
  size_t channels = s->channels, row = s->width * channels;
  for (size_t n = 0; n < s->batch; n++, x += s->height * row) {
    for (size_t oy = 0; oy < s->out_height; oy++) {
      const float *top = x + (size_t)s->vertical.low[oy] * row;
      const float *bottom = x + (size_t)s->vertical.high[oy] * row;
      float down = s->vertical.weight[oy];
      for (size_t ox = 0; ox < s->out_width; ox++, y += channels) {
        size_t left = (size_t)s->horizontal.low[ox] * channels;
        size_t right = (size_t)s->horizontal.high[ox] * channels;
        float over = s->horizontal.weight[ox];
        /* A copy is exact, infinities included. */
        if (down == 0.0f && over == 0.0f) {
          memcpy(y, top + left, channels * sizeof *y);
          continue;
        }
        WANE_VECTORIZE
        for (size_t c = 0; c < channels; c++) {
          float upper = top[left + c] * (1.0f - over) + top[right + c] * over;
          float lower = bottom[left + c] * (1.0f - over) + bottom[right + c] * over;
          y[c] = upper * (1.0f - down) + lower * down;
        }
      }
    }
  }
}
WANE_KERNEL(wane_resample_f32, (const wane_resample_shape *s, const float *x, float *y), (s, x, y))

/* to += factor * dy; `to` of the four corners may be one place, so they take turns. */
WANE_BODY void wane_resample_give(float *to, float factor, const float *dy, size_t channels) {
  WANE_VECTORIZE
  for (size_t c = 0; c < channels; c++) to[c] += factor * dy[c];
}

WANE_BODY void wane_resample_grad_f32__body(const wane_resample_shape *s, const float *dy,
                                            float *dx) {
  size_t channels = s->channels, row = s->width * channels;
  memset(dx, 0, s->batch * s->height * row * sizeof *dx);
  for (size_t n = 0; n < s->batch; n++, dx += s->height * row) {
    for (size_t oy = 0; oy < s->out_height; oy++) {
      float *top = dx + (size_t)s->vertical.low[oy] * row;
      float *bottom = dx + (size_t)s->vertical.high[oy] * row;
      float down = s->vertical.weight[oy];
      for (size_t ox = 0; ox < s->out_width; ox++, dy += channels) {
        size_t left = (size_t)s->horizontal.low[ox] * channels;
        size_t right = (size_t)s->horizontal.high[ox] * channels;
        float over = s->horizontal.weight[ox];
        wane_resample_give(top + left, (1.0f - down) * (1.0f - over), dy, channels);
        if (over != 0.0f) wane_resample_give(top + right, (1.0f - down) * over, dy, channels);
        if (down == 0.0f) continue;
        wane_resample_give(bottom + left, down * (1.0f - over), dy, channels);
        if (over != 0.0f) wane_resample_give(bottom + right, down * over, dy, channels);
      }
    }
  }
}
WANE_KERNEL(wane_resample_grad_f32, (const wane_resample_shape *s, const float *dy, float *dx),
            (s, dy, dx))
