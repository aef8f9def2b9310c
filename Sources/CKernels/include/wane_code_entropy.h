#ifndef WANE_CODE_ENTROPY_H
#define WANE_CODE_ENTROPY_H

#include "wane_quantize.h"

/* How often the codes of a symmetric grid (no zero points) occur among weights that are not rounded
   yet: a weight between two codes counts for both, for each by its nearness, so that the counts are
   continuous in the weights. Weights beyond the grid count for its ends. NaN counts for 0. */

/* Adds to counts[k - low], k in low ... high, low < high. */
void wane_code_counts_f32(const wane_grid *grid, const float *x, double *counts);

/* dx = slope[k - low] / scale for a weight between codes k and k + 1, k in low ..< high; 0 beyond
   the grid. */
void wane_code_slopes_f32(const wane_grid *grid, const float *x, const float *slope, float *dx);

#endif
