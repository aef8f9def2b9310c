#include "wane_reduction.h"

#include "wane_lanes.h"
#include "wane_math.h"

#include <string.h>

/* A block keeps the float error at 8192 / 32 = 256 additions a lane. */
enum { block = 8192 };

#define WANE_SUM(name, parameters, arguments, expression)   \
  WANE_BODY double name##__body parameters {                \
    double total = 0;                                       \
    for (size_t begin = 0; begin < n; begin += block) {     \
      size_t count = n - begin < block ? n - begin : block; \
      float sum;                                            \
      WANE_LANES_SUM(sum, count, i, expression);            \
      total += (double)sum;                                 \
    }                                                       \
    return total;                                           \
  }                                                         \
  WANE_KERNEL_RETURNING(double, name, parameters, arguments)

WANE_SUM(wane_sum_f32, (const float *x, size_t n), (x, n), x[begin + i])
WANE_SUM(wane_dot_f32, (const float *a, const float *b, size_t n), (a, b, n),
         a[begin + i] * b[begin + i])
WANE_SUM(wane_sum_squares_f32, (const float *x, size_t n), (x, n), x[begin + i] * x[begin + i])
WANE_SUM(wane_sum_abs_f32, (const float *x, size_t n), (x, n),
         wane_math_float(wane_math_bits(x[begin + i]) & 0x7fffffffu))

WANE_BODY void wane_row_sum_f32__body(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * columns;
    WANE_LANES_SUM(y[r], columns, i, row[i]);
  }
}
WANE_KERNEL(wane_row_sum_f32, (const float *x, float *y, size_t rows, size_t columns),
            (x, y, rows, columns))

/* Columns in strips that stay in registers or L1; rows in blocks, whose sums are added last: the
   error grows with the number of blocks plus their height, not with the number of rows. */
enum { strip = 64, row_block = 256 };

WANE_BODY void wane_column_sum_f32__body(const float *x, float *y, size_t rows, size_t columns) {
  memset(y, 0, columns * sizeof *y);
  for (size_t begin = 0; begin < rows; begin += row_block) {
    size_t end = rows - begin < row_block ? rows : begin + row_block;
    for (size_t c = 0; c < columns; c += strip) {
      size_t width = columns - c < strip ? columns - c : strip;
      float sums[strip] = {0};
      size_t r = begin;
      for (; r + 4 <= end; r += 4) {
        const float *row = x + r * columns + c;
        for (size_t i = 0; i < width; i++)
          sums[i] += (row[i] + row[columns + i]) + (row[2 * columns + i] + row[3 * columns + i]);
      }
      for (; r < end; r++)
        for (size_t i = 0; i < width; i++) sums[i] += x[r * columns + c + i];
      for (size_t i = 0; i < width; i++) y[c + i] += sums[i];
    }
  }
}
WANE_KERNEL(wane_column_sum_f32, (const float *x, float *y, size_t rows, size_t columns),
            (x, y, rows, columns))

WANE_BODY void wane_row_max_f32__body(const float *x, float *maximum, int32_t *index, size_t rows,
                                      size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * columns;
    float largest = wane_lanes_max(row, columns);
    if (maximum) maximum[r] = largest;
    if (!index) continue;
    size_t first = 0;
    while (first < columns && row[first] != largest) first++;
    index[r] = first < columns ? (int32_t)first : 0;
  }
}
WANE_KERNEL(wane_row_max_f32,
            (const float *x, float *maximum, int32_t *index, size_t rows, size_t columns),
            (x, maximum, index, rows, columns))

WANE_BODY size_t wane_count_nonzero_f32__body(const float *x, size_t n) {
  size_t total = 0;
  for (size_t begin = 0; begin < n; begin += block) {
    size_t end = n - begin < block ? n : begin + block;
    uint32_t count = 0;
    for (size_t i = begin; i < end; i++) count += x[i] != 0.0f;
    total += count;
  }
  return total;
}
WANE_KERNEL_RETURNING(size_t, wane_count_nonzero_f32, (const float *x, size_t n), (x, n))

WANE_BODY int wane_all_finite_f32__body(const float *x, size_t n) {
  for (size_t begin = 0; begin < n; begin += block) {
    size_t end = n - begin < block ? n : begin + block;
    uint32_t bad = 0;
    for (size_t i = begin; i < end; i++) bad |= (wane_math_bits(x[i]) & 0x7f800000u) == 0x7f800000u;
    if (bad) return 0;
  }
  return 1;
}
WANE_KERNEL_RETURNING(int, wane_all_finite_f32, (const float *x, size_t n), (x, n))
