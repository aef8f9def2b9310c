#ifndef WANE_RESAMPLE_H
#define WANE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* Interpolation of NHWC images to another size. Along each axis a result lies between two
   positions of the image: (1 - weight) * x[low] + weight * x[high]. A weight of 0 everywhere copies
   (nearest neighbour). */
typedef struct {
  const int32_t *low, *high; /* [size of the result], both inside the image */
  const float *weight;       /* [size of the result], in [0, 1] */
} wane_resample_axis;

typedef struct {
  size_t batch, height, width, channels;
  size_t out_height, out_width;
  wane_resample_axis vertical, horizontal;
} wane_resample_shape;

void wane_resample_f32(const wane_resample_shape *shape, const float *x, float *y);

/* dx = every dy given back to the elements it was made of; dx is written whole. */
void wane_resample_grad_f32(const wane_resample_shape *shape, const float *dy, float *dx);

#endif
