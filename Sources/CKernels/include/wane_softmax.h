#ifndef WANE_SOFTMAX_H
#define WANE_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

/* Softmax over the rows of x [rows, columns]. In place is allowed. The row's maximum is taken off
   first, so no finite input overflows. */

void wane_softmax_f32(const float *x, float *y, size_t rows, size_t columns);
void wane_log_softmax_f32(const float *x, float *y, size_t rows, size_t columns);

/* From the output y of the forward function:
     softmax      dx = y * (dy - sum(dy * y))
     log softmax  dx = dy - exp(y) * sum(dy) */
void wane_softmax_grad_f32(const float *y, const float *dy, float *dx, size_t rows, size_t columns);
void wane_log_softmax_grad_f32(const float *y, const float *dy, float *dx, size_t rows,
                               size_t columns);

#endif
