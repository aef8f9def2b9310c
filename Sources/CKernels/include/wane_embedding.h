#ifndef WANE_EMBEDDING_H
#define WANE_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

/* Rows of a table, [count, columns], by their indices: y[i] = table[index[i]]. Returns 0, or 1 when
   an index is not in 0 ..< count; its row is zero then. */
int wane_embedding_i32_f32(const float *table, size_t count, size_t columns, const int32_t *index,
                           size_t n, float *y);
int wane_embedding_u8_f32(const float *table, size_t count, size_t columns, const uint8_t *index,
                          size_t n, float *y);

/* The gradient of the table: dtable[index[i]] += dy[i] in the order of i, starting from zero.
   Indices out of range are passed over. */
void wane_embedding_grad_i32_f32(const int32_t *index, const float *dy, size_t n, float *dtable,
                                 size_t count, size_t columns);
void wane_embedding_grad_u8_f32(const uint8_t *index, const float *dy, size_t n, float *dtable,
                                size_t count, size_t columns);

#endif
