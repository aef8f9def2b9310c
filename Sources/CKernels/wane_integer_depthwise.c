/* Depthwise convolution: channels are the lanes, taps are added one after the other. */

#include "wane_integer_band.h"

/* Sums of one pixel and `count` channels, at most a block, whose accumulators stay in registers
   when count is a constant. */
WANE_BODY void wane_integer_depthwise_block(const wane_integer_band *band, const uint8_t *x,
                                            const int8_t *w, size_t down, size_t along,
                                            size_t count, int32_t *sums) {
  const wane_integer_shape *shape = band->shape;
  size_t channels = band->plan->outputs;
  int32_t lanes[WANE_INTEGER_BLOCK] = {0};
  for (size_t ky = 0; ky < (size_t)shape->kernel_height; ky++, x += down) {
    const uint8_t *tap = x;
    for (size_t kx = 0; kx < (size_t)shape->kernel_width; kx++, tap += along, w += channels)
      for (size_t c = 0; c < count; c++) lanes[c] += tap[c] * w[c];
  }
  for (size_t c = 0; c < count; c++) sums[c] = lanes[c];
}

WANE_BODY void wane_integer_depthwise_band__body(const wane_integer_band *band) {
  const wane_integer_plan *plan = band->plan;
  const int8_t *weights = band->layer->packed;
  size_t channels = plan->outputs;
  size_t along = (size_t)band->shape->dilation_width * channels;
  size_t down = (size_t)band->shape->dilation_height * plan->stage_width * channels;
  wane_integer_sums sums = {{0}}; /* the last block of channels is scaled whole */
  for (size_t begin = 0; begin < channels; begin += WANE_INTEGER_BLOCK) {
    size_t count = channels - begin;
    if (count > WANE_INTEGER_BLOCK) count = WANE_INTEGER_BLOCK;
    for (size_t pixel = 0; pixel < band->pixels; pixel += WANE_INTEGER_PIXELS) {
      size_t pixels = band->pixels - pixel;
      if (pixels > WANE_INTEGER_PIXELS) pixels = WANE_INTEGER_PIXELS;
      for (size_t i = 0; i < pixels; i++) {
        const uint8_t *x = (const uint8_t *)band->stage + band->offsets[pixel + i] + begin;
        if (count == WANE_INTEGER_BLOCK)
          wane_integer_depthwise_block(band, x, weights + begin, down, along, WANE_INTEGER_BLOCK,
                                       sums[i]);
        else
          wane_integer_depthwise_block(band, x, weights + begin, down, along, count, sums[i]);
      }
      wane_integer_epilogue(band, sums, pixel, pixels, begin, count);
    }
  }
}
WANE_KERNEL(wane_integer_depthwise_band, (const wane_integer_band *band), (band))
