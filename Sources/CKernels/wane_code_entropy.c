#include "wane_code_entropy.h"

#include "wane_grid.h"

/* The places of the elements of a piece on the grid: the code below, and how far above it. */
WANE_BODY void wane_code_cells(const wane_grid *grid, const wane_grid_piece *p, const float *x,
                               int32_t *cell, float *above, float *inside) {
  float low = (float)grid->low, high = (float)grid->high;
  int32_t last = grid->high - 1;
  WANE_VECTORIZE
  for (size_t i = 0; i < p->count; i++) {
    float t = x[p->offset + i] / p->scale[i];
    t = t == t ? t : 0.0f;
    inside[i] = ((t >= low) & (t <= high)) ? 1.0f : 0.0f;
    t = t > low ? t : low;
    t = t < high ? t : high;
    int32_t k = (int32_t)t;
    k -= (float)k > t ? 1 : 0;
    k = k < last ? k : last;
    cell[i] = k - grid->low;
    above[i] = t - (float)k;
  }
}

WANE_BODY void wane_code_counts_f32__body(const wane_grid *grid, const float *x, double *counts) {
  int32_t cell[WANE_GRID_PIECE];
  float above[WANE_GRID_PIECE], inside[WANE_GRID_PIECE];
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    wane_code_cells(grid, &p, x, cell, above, inside);
    for (size_t i = 0; i < p.count; i++) {
      counts[cell[i]] += 1.0f - above[i];
      counts[cell[i] + 1] += above[i];
    }
  }
}
WANE_KERNEL(wane_code_counts_f32, (const wane_grid *grid, const float *x, double *counts),
            (grid, x, counts))

WANE_BODY void wane_code_slopes_f32__body(const wane_grid *grid, const float *x, const float *slope,
                                          float *dx) {
  int32_t cell[WANE_GRID_PIECE];
  float above[WANE_GRID_PIECE], inside[WANE_GRID_PIECE];
  wane_grid_piece p;
  for (wane_grid_begin(&p); wane_grid_next(grid, &p);) {
    wane_code_cells(grid, &p, x, cell, above, inside);
    WANE_VECTORIZE
    for (size_t i = 0; i < p.count; i++) {
      dx[p.offset + i] = inside[i] * slope[cell[i]] / p.scale[i];
    }
  }
}
WANE_KERNEL(wane_code_slopes_f32,
            (const wane_grid *grid, const float *x, const float *slope, float *dx),
            (grid, x, slope, dx))
