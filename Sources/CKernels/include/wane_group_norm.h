#ifndef WANE_GROUP_NORM_H
#define WANE_GROUP_NORM_H

#include <stddef.h>
#include <stdint.h>

/* Normalization of each sample by itself: group normalization (Wu and He, 2018) of x [samples,
   positions, channels], whose channels are cut into groups. Each group of each sample, over all
   positions, is brought to mean 0 and variance 1:

     y = (x - mean) * inverse * gamma + beta,   inverse = 1 / sqrt(variance + epsilon)

   With one position and one group it is layer normalization (Ba, Kiros and Hinton, 2016) of rows;
   not `centred`, mean is 0 and variance the mean square (Zhang and Sennrich, "Root mean square
   layer normalization", 2019). */
typedef struct {
  size_t samples, positions, channels, groups; /* groups divide channels */
  float epsilon;
  int32_t centred;
} wane_group_norm_shape;

/* gamma and beta [channels] may be NULL: ones and zeros. In place is allowed. */
void wane_group_norm_f32(const wane_group_norm_shape *shape, const float *x, const float *gamma,
                         const float *beta, float *y);

/* dx, and dgamma, dbeta summed over samples and positions, all written whole; dgamma and dbeta may
   be NULL. dx may be dy. */
void wane_group_norm_grad_f32(const wane_group_norm_shape *shape, const float *x,
                              const float *gamma, const float *dy, float *dx, float *dgamma,
                              float *dbeta);

#endif
