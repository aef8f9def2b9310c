#ifndef WANE_TARGET_LOSS_H
#define WANE_TARGET_LOSS_H

#include <stddef.h>

/* Losses between predictions x and targets t of one shape [rows, columns], with the definitions of
   Keras 3. `loss` [rows] has one value a sample, `gradient` [rows, columns] the derivative of each
   sample's value with respect to x; it may be NULL when it is not wanted. */

/* mean over the row of |x - t|; the derivative at x = t is 0. */
void wane_absolute_error_f32(const float *x, const float *t, float *loss, float *gradient,
                             size_t rows, size_t columns);

/* mean of (x - t)^2 / 2 where |x - t| <= delta, else delta |x - t| - delta^2 / 2 (Huber, 1964). */
void wane_huber_f32(const float *x, const float *t, float delta, float *loss, float *gradient,
                    size_t rows, size_t columns);

/* mean of max(1 - t x, 0), for targets -1 and 1; a target of 0 stands for -1. */
void wane_hinge_f32(const float *x, const float *t, float *loss, float *gradient, size_t rows,
                    size_t columns);

/* mean of max(x, 0) - x t + log(1 + exp(-|x|)): the cross entropy of sigmoid(x) and t. */
void wane_binary_cross_entropy_f32(const float *x, const float *t, float *loss, float *gradient,
                                   size_t rows, size_t columns);

/* The same, each element times (1 - q)^gamma, where q = p t + (1 - p) (1 - t), p = sigmoid(x) (Lin
   et al., 2017), and unless alpha is negative times t alpha + (1 - t) (1 - alpha). */
void wane_binary_focal_f32(const float *x, const float *t, float gamma, float alpha, float *loss,
                           float *gradient, size_t rows, size_t columns);

/* sum of -alpha t (1 - p)^gamma log p, p = softmax(x). */
void wane_focal_f32(const float *x, const float *t, float gamma, float alpha, float *loss,
                    float *gradient, size_t rows, size_t columns);

/* Over `inner` distributions of `columns` elements a sample, the mean of
     sum of t log(t / x), x and t within 1e-7 ... 1 (Kullback, Leibler, 1951). */
void wane_divergence_f32(const float *x, const float *t, float *loss, float *gradient, size_t rows,
                         size_t inner, size_t columns);

/* Over `inner` vectors of `columns` elements a sample, the mean of -x.t / (|x| |t|), a norm being
   at least 1e-7. */
void wane_cosine_similarity_f32(const float *x, const float *t, float *loss, float *gradient,
                                size_t rows, size_t inner, size_t columns);

#endif
