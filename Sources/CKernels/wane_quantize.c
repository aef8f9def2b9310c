#include "wane_quantize.h"

#include "wane_grid.h"

WANE_BODY int32_t wane_quantize_higher(int32_t a, int32_t b) { return a > b ? a : b; }
WANE_BODY int32_t wane_quantize_lower(int32_t a, int32_t b) { return a < b ? a : b; }

WANE_BODY void wane_quantize_f32_u8__body(const wane_grid *grid, const float *x, uint8_t *q) {
  int32_t low = wane_quantize_higher(grid->low, 0), high = wane_quantize_lower(grid->high, 255);
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++) {
      float step = wane_grid_step(x[p.offset + i], p.scale[i], p.zero[i], low, high);
      q[p.offset + i] = (uint8_t)((int32_t)step + p.zero[i]);
    }
  }
}
WANE_KERNEL(wane_quantize_f32_u8, (const wane_grid *grid, const float *x, uint8_t *q), (grid, x, q))

WANE_BODY void wane_quantize_f32_i8__body(const wane_grid *grid, const float *x, int8_t *q) {
  int32_t low = wane_quantize_higher(grid->low, -128), high = wane_quantize_lower(grid->high, 127);
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++) {
      float step = wane_grid_step(x[p.offset + i], p.scale[i], p.zero[i], low, high);
      q[p.offset + i] = (int8_t)((int32_t)step + p.zero[i]);
    }
  }
}
WANE_KERNEL(wane_quantize_f32_i8, (const wane_grid *grid, const float *x, int8_t *q), (grid, x, q))

WANE_BODY void wane_dequantize_u8_f32__body(const wane_grid *grid, const uint8_t *q, float *x) {
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++)
      x[p.offset + i] = (float)(q[p.offset + i] - p.zero[i]) * p.scale[i];
  }
}
WANE_KERNEL(wane_dequantize_u8_f32, (const wane_grid *grid, const uint8_t *q, float *x),
            (grid, q, x))

WANE_BODY void wane_dequantize_i8_f32__body(const wane_grid *grid, const int8_t *q, float *x) {
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++)
      x[p.offset + i] = (float)(q[p.offset + i] - p.zero[i]) * p.scale[i];
  }
}
WANE_KERNEL(wane_dequantize_i8_f32, (const wane_grid *grid, const int8_t *q, float *x),
            (grid, q, x))
