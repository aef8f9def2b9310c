#include "wane_embedding.h"

#include "wane_dispatch.h"

#include <string.h>

/* An index that is negative becomes a size beyond every count. */
#define WANE_EMBEDDING(type, suffix)                                                               \
  int wane_embedding_##suffix##_f32(const float *table, size_t count, size_t columns,              \
                                    const type *index, size_t n, float *y) {                       \
    int failed = 0;                                                                                \
    for (size_t i = 0; i < n; i++, y += columns) {                                                 \
      size_t row = (size_t)(int64_t)index[i];                                                      \
      if (row < count) {                                                                           \
        memcpy(y, table + row * columns, columns * sizeof *y);                                     \
      } else {                                                                                     \
        memset(y, 0, columns * sizeof *y);                                                         \
        failed = 1;                                                                                \
      }                                                                                            \
    }                                                                                              \
    return failed;                                                                                 \
  }                                                                                                \
  WANE_BODY void wane_embedding_grad_##suffix##_f32__body(                                         \
      const type *index, const float *dy, size_t n, float *dtable, size_t count, size_t columns) { \
    memset(dtable, 0, count *columns * sizeof *dtable);                                            \
    for (size_t i = 0; i < n; i++, dy += columns) {                                                \
      size_t row = (size_t)(int64_t)index[i];                                                      \
      if (row >= count) continue;                                                                  \
      float *sum = dtable + row * columns;                                                         \
      WANE_VECTORIZE                                                                               \
      for (size_t c = 0; c < columns; c++) sum[c] += dy[c];                                        \
    }                                                                                              \
  }                                                                                                \
  WANE_KERNEL(                                                                                     \
      wane_embedding_grad_##suffix##_f32,                                                          \
      (const type *index, const float *dy, size_t n, float *dtable, size_t count, size_t columns), \
      (index, dy, n, dtable, count, columns))

WANE_EMBEDDING(int32_t, i32)
WANE_EMBEDDING(uint8_t, u8)
