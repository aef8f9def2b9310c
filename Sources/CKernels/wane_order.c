#include "wane_order.h"

#include "wane_dispatch.h"

#include <string.h>

void wane_cumulative_sum_f32(const float *x, float *y, int reversed, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    double sum = 0;
    for (size_t i = 0; i < columns; i++) {
      size_t c = reversed ? columns - 1 - i : i;
      sum += x[c];
      y[c] = (float)sum;
    }
  }
}

/* Whether an element that stands later comes before one that stands earlier. */
static int wane_order_swaps(float earlier, float later, int descending) {
  if (earlier != earlier) return later == later;
  return descending ? later > earlier : later < earlier;
}

/* Merges runs of `length` positions of one row from `from` to `to`. */
static void wane_order_merge(const float *x, const int32_t *from, int32_t *to, size_t length,
                             size_t columns, int descending) {
  for (size_t start = 0; start < columns; start += 2 * length) {
    size_t middle = columns - start < length ? columns : start + length;
    size_t end = columns - middle < length ? columns : middle + length;
    size_t a = start, b = middle;
    for (size_t i = start; i < end; i++) {
      int takes_later =
          a == middle || (b < end && wane_order_swaps(x[from[a]], x[from[b]], descending));
      to[i] = takes_later ? from[b++] : from[a++];
    }
  }
}

void wane_sort_f32(const float *x, float *values, int32_t *positions, int32_t *scratch,
                   int descending, int32_t first, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += columns, positions += columns) {
    int32_t *from = positions, *to = scratch;
    for (size_t c = 0; c < columns; c++) from[c] = (int32_t)c;
    for (size_t length = 1; length < columns; length *= 2) {
      wane_order_merge(x, from, to, length, columns, descending);
      int32_t *other = from;
      from = to;
      to = other;
    }
    if (values) {
      for (size_t c = 0; c < columns; c++) values[c] = x[from[c]];
      values += columns;
    }
    for (size_t c = 0; c < columns; c++) positions[c] = from[c] + first;
  }
}

WANE_BODY void wane_take_along_f32__body(const float *x, const int32_t *positions, int32_t first,
                                         float *y, size_t rows, size_t columns, size_t count) {
  for (size_t r = 0; r < rows; r++, x += columns, positions += count, y += count) {
    for (size_t i = 0; i < count; i++) {
      size_t c = (size_t)((int64_t)positions[i] - first);
      y[i] = c < columns ? x[c] : 0.0f;
    }
  }
}
WANE_KERNEL(wane_take_along_f32,
            (const float *x, const int32_t *positions, int32_t first, float *y, size_t rows,
             size_t columns, size_t count),
            (x, positions, first, y, rows, columns, count))

void wane_put_along_f32(const float *dy, const int32_t *positions, int32_t first, float *dx,
                        size_t rows, size_t columns, size_t count) {
  memset(dx, 0, rows * columns * sizeof *dx);
  for (size_t r = 0; r < rows; r++, dx += columns, positions += count, dy += count) {
    for (size_t i = 0; i < count; i++) {
      size_t c = (size_t)((int64_t)positions[i] - first);
      if (c < columns) dx[c] += dy[i];
    }
  }
}

void wane_extreme_position_f32(const float *x, int32_t *position, int smallest, int32_t first,
                               size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += columns) {
    size_t best = 0;
    for (size_t c = 1; c < columns && x[best] == x[best]; c++) {
      if (x[c] != x[c] || (smallest ? x[c] < x[best] : x[c] > x[best])) best = c;
    }
    position[r] = (int32_t)best + first;
  }
}
