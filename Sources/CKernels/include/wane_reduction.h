#ifndef WANE_REDUCTION_H
#define WANE_REDUCTION_H

#include <stddef.h>
#include <stdint.h>

/* Sums and maxima. Sums are taken in 32 float lanes over blocks of 8192 elements and the blocks are
   added in double, in a fixed order: the same bits at every level, error independent of n. */

/* Sum of x, of a * b, of x * x, of |x|; 0 when n is 0. */
double wane_sum_f32(const float *x, size_t n);
double wane_dot_f32(const float *a, const float *b, size_t n);
double wane_sum_squares_f32(const float *x, size_t n);
double wane_sum_abs_f32(const float *x, size_t n);

/* y[r] = sum over c of x[r, c], of shape [rows, columns]. */
void wane_row_sum_f32(const float *x, float *y, size_t rows, size_t columns);

/* y[c] = sum over r of x[r, c]: the gradient of a bias. */
void wane_column_sum_f32(const float *x, float *y, size_t rows, size_t columns);

/* For each row of x [rows, columns]: its maximum and the index of the first element that has it.
   Either output may be NULL. NaN elements are passed over; a row of NaN alone, or an empty one,
   gives index 0 and -inf. */
void wane_row_max_f32(const float *x, float *maximum, int32_t *index, size_t rows, size_t columns);

/* The number of elements that are not 0 (NaN counts). */
size_t wane_count_nonzero_f32(const float *x, size_t n);

/* 1 when no element is NaN or infinite, else 0. */
int wane_all_finite_f32(const float *x, size_t n);

#endif
