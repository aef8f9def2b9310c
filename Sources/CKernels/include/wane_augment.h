#ifndef WANE_AUGMENT_H
#define WANE_AUGMENT_H

#include <stdint.h>

/* Random changes of images while they are fed to training.

   What happens to a sample depends on four numbers alone - seed, epoch, the sample's position in
   its data set, and the options - so it is the same whatever thread meets it, and when. */

/* Where samples outside the image come from. */
enum { WANE_FILL_ZERO = 0, WANE_FILL_NEAREST = 1, WANE_FILL_REFLECT = 2 };

/* What may happen. Zeros leave samples as they are, except zoom, which is 1...1 then. */
typedef struct wane_augmentation {
  int32_t flip_horizontal, flip_vertical; /* each with probability one half when not 0 */
  float shift_height, shift_width;        /* at most, as fractions of the extents; whole pixels */
  float rotate;                           /* degrees at most, either way */
  float zoom_low, zoom_high;              /* magnification, above 0 */
  float cutout; /* side of the square set to zero, of the smaller extent */
  float noise;  /* standard deviation, in units of the sample type's 1 */
  float mixup;  /* alpha of Beta(alpha, alpha); 0 mixes nothing */
  int32_t fill;
} wane_augmentation;

/* What happens to one sample: output pixel (i, j) is the source at
   (yy i + yx j + y0, xy i + xx j + x0), and rows cut_top ..< cut_bottom of columns
   cut_left ..< cut_right are zero. */
typedef struct wane_warp {
  float yy, yx, y0;
  float xy, xx, x0;
  int32_t fill;
  int32_t cut_top, cut_bottom, cut_left, cut_right;
} wane_warp;

/* The draws for a sample of `height` x `width` pixels. */
void wane_augment_draw(const wane_augmentation *options, uint64_t seed, uint64_t epoch,
                       uint64_t position, int32_t height, int32_t width, wane_warp *warp);

/* Mixup (Zhang, Cisse, Dauphin and Lopez-Paz, 2018): the other sample, of `count`, and this one's
   weight in [1/2, 1]. */
void wane_augment_draw_mix(const wane_augmentation *options, uint64_t seed, uint64_t epoch,
                           uint64_t position, int32_t count, int32_t *partner, float *weight);

/* Applies a warp, bilinear between pixels; exact for whole shifts and flips. `x` and `y` must not
   overlap. */
void wane_warp_u8(const uint8_t *x, int32_t height, int32_t width, int32_t channels,
                  const wane_warp *warp, uint8_t *y);
void wane_warp_f32(const float *x, int32_t height, int32_t width, int32_t channels,
                   const wane_warp *warp, float *y);

/* y = y weight + b (1 - weight): the mix of two samples, in place. */
void wane_mix_u8(uint8_t *y, const uint8_t *b, float weight, int64_t n);
void wane_mix_f32(float *y, const float *b, float weight, int64_t n);

/* Adds normal noise: of deviation 255 `noise`, rounded and cut to 0...255, or `noise`. */
void wane_noise_u8(uint64_t seed, uint64_t epoch, uint64_t position, float noise, uint8_t *y,
                   int64_t n);
void wane_noise_f32(uint64_t seed, uint64_t epoch, uint64_t position, float noise, float *y,
                    int64_t n);

/* Another size, bilinear between pixel centres and without smoothing, as Keras resizes the images
   of a folder. Extents are positive. */
void wane_resize_u8(const uint8_t *x, int32_t height, int32_t width, int32_t channels, uint8_t *y,
                    int32_t new_height, int32_t new_width);

#endif
