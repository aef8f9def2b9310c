#ifndef WANE_POOLING_WINDOW_H
#define WANE_POOLING_WINDOW_H

#include "wane_pooling.h"

#include "wane_dispatch.h"

/* The part of a window that lies inside the image: rows y0 ..< y1, columns x0 ..< x1 of the image,
   and where the window itself starts (negative in the padding). */
typedef struct {
  int32_t top, left;
  int32_t y0, y1, x0, x1;
} wane_pooling_window;

WANE_BODY wane_pooling_window wane_pooling_window_at(const wane_pooling_shape *s, int32_t oy,
                                                     int32_t ox) {
  wane_pooling_window w;
  w.top = oy * s->stride_height - s->pad_top;
  w.left = ox * s->stride_width - s->pad_left;
  w.y0 = w.top > 0 ? w.top : 0;
  w.x0 = w.left > 0 ? w.left : 0;
  w.y1 = w.top + s->kernel_height < s->height ? w.top + s->kernel_height : s->height;
  w.x1 = w.left + s->kernel_width < s->width ? w.left + s->kernel_width : s->width;
  return w;
}

/* Whether all windows are 2 x 2, side by side and inside the image: the usual case has its own
   loops. */
WANE_BODY int wane_pooling_is_2x2(const wane_pooling_shape *s) {
  return s->kernel_height == 2 && s->kernel_width == 2 && s->stride_height == 2 &&
         s->stride_width == 2 && s->pad_top == 0 && s->pad_left == 0 &&
         2 * s->out_height <= s->height && 2 * s->out_width <= s->width;
}

#endif
