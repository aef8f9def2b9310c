#ifndef WANE_POOLING_H
#define WANE_POOLING_H

#include <stddef.h>
#include <stdint.h>

/* Max and average pooling of NHWC images. Padding takes no part: a maximum or an average is over
   the elements of the window that lie inside the image, as in Keras. Images are independent, so a
   batch is cut into shards by moving the pointers and setting `batch`. */

typedef struct {
  int32_t batch, height, width, channels;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t pad_top, pad_left;
  int32_t out_height, out_width;
} wane_pooling_shape;

/* 0, or EINVAL when the functions below cannot run on this shape: a size that is not positive
   (batch may be 0), a negative padding, a window that lies outside the image altogether, or more
   than 65 536 elements in a window. They do not check it again. */
int wane_pooling_check(const wane_pooling_shape *shape);

/* y = maximum of the window. `index`, unless NULL, gets where it was found first:
   ky * kernel_width + kx. */
void wane_max_pool_f32(const wane_pooling_shape *shape, const float *x, float *y, uint16_t *index);

/* dx = sum of dy over the windows whose maximum is here; dx is written whole. */
void wane_max_pool_grad_f32(const wane_pooling_shape *shape, const uint16_t *index, const float *dy,
                            float *dx);

/* y = x where the index points. */
void wane_max_pool_selection_f32(const wane_pooling_shape *shape, const uint16_t *index,
                                 const float *x, float *y);

void wane_average_pool_f32(const wane_pooling_shape *shape, const float *x, float *y);
void wane_average_pool_grad_f32(const wane_pooling_shape *shape, const float *dy, float *dx);

/* On quantized images. The average is the exact quotient rounded half to even; scale and zero point
   are those of the input in both cases. */
void wane_max_pool_u8(const wane_pooling_shape *shape, const uint8_t *x, uint8_t *y);
void wane_average_pool_u8(const wane_pooling_shape *shape, const uint8_t *x, uint8_t *y);

#endif
