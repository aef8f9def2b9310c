#ifndef WANE_ORDER_H
#define WANE_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* Order along the rows of x [rows, columns]. Positions in a row count from `first`. */

#ifdef __clang__
#pragma clang assume_nonnull begin
#else
#define _Nullable
#endif

/* Sums of the elements of a row up to each one, or from each one to the last when `reversed` is not
   0; summed in double precision. */
void wane_cumulative_sum_f32(const float *x, float *y, int reversed, size_t rows, size_t columns);

/* The elements of each row in order, and where each came from. Equal elements keep their order, NaN
   come last. `values` may be NULL; `scratch` is room for `columns` positions. */
void wane_sort_f32(const float *x, float *_Nullable values, int32_t *positions, int32_t *scratch,
                   int descending, int32_t first, size_t rows, size_t columns);

/* y [rows, count] = the elements of x at positions [rows, count]; 0 at one that is not in the row.
 */
void wane_take_along_f32(const float *x, const int32_t *positions, int32_t first, float *y,
                         size_t rows, size_t columns, size_t count);

/* dx [rows, columns] = the sums of dy [rows, count] over the places they were taken from. */
void wane_put_along_f32(const float *dy, const int32_t *positions, int32_t first, float *dx,
                        size_t rows, size_t columns, size_t count);

/* Where the largest element of each row is, or the smallest; the first of several, and a NaN counts
   as the extreme. A row has at least one element. */
void wane_extreme_position_f32(const float *x, int32_t *position, int smallest, int32_t first,
                               size_t rows, size_t columns);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
