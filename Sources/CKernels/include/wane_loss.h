#ifndef WANE_LOSS_H
#define WANE_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* Losses with their gradients in one pass. Logits and gradients have the shape [rows, columns],
   `loss` [rows]: one value a sample, unscaled. `gradient` is multiplied by `factor` (1 / batch for
   a mean) and may be NULL when it is not wanted; it may be the same array as the logits. */

/* Cross entropy from logits and class indices 0 ..< columns:
     loss = log(sum(exp(x))) - x[label]      gradient = factor * (softmax(x) - onehot(label))
   Returns how many rows have their first maximum at the label, or -(r + 1) when the label of row r
   is out of range; then loss and gradient of the rows before r are written and no others. */
int64_t wane_cross_entropy_index_f32(const float *logits, const int32_t *labels, float *loss,
                                     float *gradient, float factor, size_t rows, size_t columns);

/* Cross entropy against distributions t [rows, columns] (one-hot or probabilities, of any sum):
     loss = sum(t) * log(sum(exp(x))) - sum(t * x)     gradient = factor * (softmax(x) * sum(t) - t)
   Returns how many rows have the same first maximum in x and t. */
int64_t wane_cross_entropy_dense_f32(const float *logits, const float *targets, float *loss,
                                     float *gradient, float factor, size_t rows, size_t columns);

/* Distillation (Hinton, Vinyals, Dean, 2015): p = softmax(teacher / T), q = softmax(student / T),
     loss = T^2 * sum(p * (log p - log q))     gradient = factor * T * (q - p), for the student
   T must be positive. */
void wane_distillation_f32(const float *student, const float *teacher, float temperature,
                           float *loss, float *gradient, float factor, size_t rows, size_t columns);

/* Mean squared error: loss = sum over the row of (x - t)^2 / columns,
     gradient = factor * 2 * (x - t) / columns */
void wane_squared_error_f32(const float *x, const float *targets, float *loss, float *gradient,
                            float factor, size_t rows, size_t columns);

#endif
