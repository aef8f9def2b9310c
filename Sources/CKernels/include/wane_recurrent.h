#ifndef WANE_RECURRENT_H
#define WANE_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

/* One time step of recurrent cells, between the matrix products: what happens to each of `rows`
   samples and `units` units by itself. Backward steps take what the forward step left. */

/* LSTM (Hochreiter and Schmidhuber, 1997; with forget gates: Gers, Schmidhuber and Cummins, 2000).
   gates [rows, 4 units] holds x W + h U in the order i, f, g, o; bias is [4 units].
     i, f, o = sigmoid, g = tanh of the sums      cell = f before + i g      state = o tanh(cell)
   The gates are left in place of the sums. cell may be before. */
void wane_lstm_step_f32(float *gates, const float *bias, const float *before, float *cell,
                        float *state, size_t rows, size_t units);

/* dsums [rows, 4 units] from the gradient of the state and, in dcell, that of the cell, which
   becomes the gradient of `before`. */
void wane_lstm_step_grad_f32(const float *gates, const float *before, const float *cell,
                             const float *dstate, float *dcell, float *dsums, size_t rows,
                             size_t units);

/* GRU (Cho et al., 2014), the reset gate applied after the product as cuDNN and Keras do it.
   gates [rows, 3 units] holds x W and inner [rows, 3 units] holds h U, both in the order z, r, g;
   bias is [2, 3 units].
     z, r = sigmoid(gates + inner)     g = tanh(gates + r inner)     state = z before + (1 - z) g
   with the first bias in gates and the second in inner. z, r, g are left in gates, the biased inner
   of g in carry [rows, units]. state may be before. */
void wane_gru_step_f32(float *gates, const float *inner, const float *bias, const float *before,
                       float *carry, float *state, size_t rows, size_t units);

/* dgates and dinner [rows, 3 units] from the gradient of the state, which becomes the part of the
   gradient of `before` that does not pass through the product. */
void wane_gru_step_grad_f32(const float *gates, const float *carry, const float *before,
                            float *dstate, float *dgates, float *dinner, size_t rows, size_t units);

/* y[r, c] = x[r, c], or y[r, c] += x[r, c], for rows that lie x_step and y_step elements apart. */
void wane_copy_rows_f32(const float *x, size_t x_step, float *y, size_t y_step, size_t rows,
                        size_t columns);
void wane_add_rows_f32(const float *x, size_t x_step, float *y, size_t y_step, size_t rows,
                       size_t columns);

/* y[columns, rows] = x[rows, columns] transposed. */
void wane_transpose_f32(const float *x, float *y, size_t rows, size_t columns);

#endif
