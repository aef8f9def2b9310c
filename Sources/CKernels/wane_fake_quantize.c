#include "wane_quantize.h"

#include "wane_grid.h"

WANE_BODY void wane_fake_quantize_f32__body(const wane_grid *grid, const float *x, float *y) {
  int32_t low = grid->low, high = grid->high;
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++) {
      float step = wane_grid_step(x[p.offset + i], p.scale[i], p.zero[i], low, high);
      y[p.offset + i] = step * p.scale[i];
    }
  }
}
WANE_KERNEL(wane_fake_quantize_f32, (const wane_grid *grid, const float *x, float *y), (grid, x, y))

WANE_BODY void wane_fake_quantize_grad_f32__body(const wane_grid *grid, const float *x,
                                                 const float *dy, float *dx) {
  int32_t low = grid->low, high = grid->high;
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++) {
      /* One step beyond the bounds is enough to see that a number was outside. */
      float step = wane_grid_step(x[p.offset + i], p.scale[i], p.zero[i], low - 1, high + 1);
      int32_t q = (int32_t)step + p.zero[i];
      float g = dy[p.offset + i];
      dx[p.offset + i] = ((q >= low) & (q <= high)) ? g : 0.0f;
    }
  }
}
WANE_KERNEL(wane_fake_quantize_grad_f32,
            (const wane_grid *grid, const float *x, const float *dy, float *dx), (grid, x, dy, dx))
