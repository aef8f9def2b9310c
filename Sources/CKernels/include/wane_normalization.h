#ifndef WANE_NORMALIZATION_H
#define WANE_NORMALIZATION_H

#include <stddef.h>
#include <stdint.h>

/* Batch normalization (Ioffe, Szegedy, 2015) in pieces, on x [rows, channels], so that the shards
   of a batch can meet between them. */

/* mean[c] and squares[c] = sum over rows of (x - mean)^2. Blocks of rows are centred on their own
   mean and combined as below, so a mean far from 0 costs no digits. Zeros when rows is 0. */
void wane_batch_norm_moments_f32(const float *x, float *mean, float *squares, size_t rows,
                                 size_t channels);

/* Adds the moments of `count_b` rows to those of `count_a` rows, in place in a (Chan, Golub,
   LeVeque, 1979). The variance of the batch is squares / count. */
void wane_batch_norm_combine_f32(float *mean_a, float *squares_a, size_t count_a,
                                 const float *mean_b, const float *squares_b, size_t count_b,
                                 size_t channels);

/* y = (x - mean) * scale + beta, with scale = gamma / sqrt(variance + epsilon). In place is
   allowed. */
void wane_batch_norm_apply_f32(const float *x, const float *mean, const float *scale,
                               const float *beta, float *y, size_t rows, size_t channels);

/* Sums for the backward pass, of one shard:
     dbeta = sum(dy), dgamma = sum(dy * (x - mean) * inverse),
   with inverse = 1 / sqrt(variance + epsilon). Shards add. */
void wane_batch_norm_grad_sums_f32(const float *x, const float *dy, const float *mean,
                                   const float *inverse, float *dgamma, float *dbeta, size_t rows,
                                   size_t channels);

/* dx = gamma * inverse * (dy - (dbeta + xhat * dgamma) / count), xhat = (x - mean) * inverse, with
   the sums of the whole batch, `count` rows. dx may be dy. */
void wane_batch_norm_grad_f32(const float *x, const float *dy, const float *mean,
                              const float *inverse, const float *gamma, const float *dgamma,
                              const float *dbeta, size_t count, float *dx, size_t rows,
                              size_t channels);

#endif
