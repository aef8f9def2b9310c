#ifndef WANE_INTEGER_BAND_H
#define WANE_INTEGER_BAND_H

#include "wane_integer_plan.h"

#include "wane_math.h"

#include <string.h>

/* One band of output rows, ready to be computed. Each level has a function
   wane_integer_band__<arch>. */
typedef struct {
  const wane_integer_shape *shape;
  const wane_integer_plan *plan;
  const wane_integer_layer *layer;
  const void *stage; /* u8, or i16 for AVX2 */
  const int32_t
      *offsets; /* of each pixel in the stage, in elements; with pooling, window by window */
  size_t pixels;
  uint8_t *y_u8; /* one of the three: where the band's first output goes */
  float *y_f32;
  int32_t *y_i32;
} wane_integer_band;

enum {
  WANE_INTEGER_PIXELS = 12,  /* pixels between two epilogues: three windows of 2 x 2 */
  WANE_INTEGER_ROWS = 6,     /* pixels of a tile */
  WANE_INTEGER_CHANNELS = 64 /* most output channels between two epilogues */
};

/* Sums of WANE_INTEGER_PIXELS pixels. */
typedef int32_t wane_integer_sums[WANE_INTEGER_PIXELS][WANE_INTEGER_CHANNELS];

/* A scaled sum. Sums wrap, as vector additions do. */
WANE_BODY float wane_integer_scaled(int32_t sum, int32_t bias, float multiplier) {
  return (float)(int32_t)((uint32_t)sum + (uint32_t)bias) * multiplier;
}

/* t is cut to integers before it is rounded, which gives the same; adding the rounder leaves the
   rounded number in the low bits, whose last byte plus the zero point is the code. */
WANE_BODY uint8_t wane_integer_code(float t, float least, float most, uint32_t zero) {
  t = t > least ? t : least;
  t = t < most ? t : most;
  return (uint8_t)(wane_math_bits(t + wane_math_rounder) + zero);
}

/* Outputs are made 16 channels at a time, all pixels of a group with the same bias and multipliers;
   a last block of fewer channels is computed whole and stored in part. Everything that a store to y
   could alias is in locals. */
WANE_BODY void wane_integer_codes(const wane_integer_sums sums, size_t pixels, size_t first,
                                  const int32_t *bias, const float *multiplier, size_t count,
                                  float least, float most, uint32_t zero, uint8_t *y,
                                  size_t stride) {
  int32_t b[WANE_INTEGER_BLOCK] = {0};
  float m[WANE_INTEGER_BLOCK] = {0};
  for (size_t c = 0; c < count; c++) b[c] = bias[c], m[c] = multiplier[c];
  for (size_t i = 0; i < pixels; i++) {
    uint8_t codes[WANE_INTEGER_BLOCK];
    for (size_t c = 0; c < WANE_INTEGER_BLOCK; c++)
      codes[c] =
          wane_integer_code(wane_integer_scaled(sums[i][first + c], b[c], m[c]), least, most, zero);
    memcpy(y + i * stride, codes, count);
  }
}

WANE_BODY void wane_integer_floats(const wane_integer_sums sums, size_t pixels, size_t first,
                                   const int32_t *bias, const float *multiplier, size_t count,
                                   float least, float *y, size_t stride) {
  int32_t b[WANE_INTEGER_BLOCK] = {0};
  float m[WANE_INTEGER_BLOCK] = {0};
  for (size_t c = 0; c < count; c++) b[c] = bias[c], m[c] = multiplier[c];
  for (size_t i = 0; i < pixels; i++) {
    float values[WANE_INTEGER_BLOCK];
    for (size_t c = 0; c < WANE_INTEGER_BLOCK; c++) {
      float t = wane_integer_scaled(sums[i][first + c], b[c], m[c]);
      values[c] = t > least ? t : least;
    }
    memcpy(y + i * stride, values, count * sizeof *y);
  }
}

/* Maximum over each window of four pixels, in place: window i ends up in row i. */
WANE_BODY void wane_integer_pool(wane_integer_sums sums, size_t windows, size_t count) {
  for (size_t i = 0; i < windows; i++) {
    const int32_t *a = sums[4 * i], *b = sums[4 * i + 1], *c = sums[4 * i + 2],
                  *d = sums[4 * i + 3];
    int32_t *to = sums[i];
    WANE_VECTORIZE
    for (size_t o = 0; o < count; o++) {
      int32_t upper = a[o] > b[o] ? a[o] : b[o];
      int32_t lower = c[o] > d[o] ? c[o] : d[o];
      to[o] = upper > lower ? upper : lower;
    }
  }
}

/* Outputs of `pixels` pixels, from number `pixel` of the band, and `count` channels from `channel`.
 */
WANE_BODY void wane_integer_epilogue(const wane_integer_band *band, wane_integer_sums sums,
                                     size_t pixel, size_t pixels, size_t channel, size_t count) {
  const wane_integer_layer *layer = band->layer;
  if (band->y_i32) {
    for (size_t i = 0; i < pixels; i++)
      memcpy(band->y_i32 + (pixel + i) * band->plan->outputs + channel, sums[i],
             count * sizeof(int32_t));
    return;
  }
  if (band->plan->window == 2) {
    pixel /= 4;
    pixels /= 4;
    wane_integer_pool(sums, pixels, count);
  }
  size_t stride = band->plan->outputs;
  float least = (float)(layer->low - layer->zero), most = (float)(layer->high - layer->zero);
  float floor = layer->relu ? 0.0f : -INFINITY;
  uint32_t zero = layer->zero;
  for (size_t first = 0; first < count; first += WANE_INTEGER_BLOCK) {
    const int32_t *bias = layer->bias + channel + first;
    const float *multiplier = layer->multiplier + channel + first;
    size_t at = pixel * stride + channel + first;
    size_t left = count - first;
    if (!band->y_u8)
      wane_integer_floats(sums, pixels, first, bias, multiplier,
                          left < WANE_INTEGER_BLOCK ? left : WANE_INTEGER_BLOCK, floor,
                          band->y_f32 + at, stride);
    else if (left >= WANE_INTEGER_BLOCK) /* a constant count makes the copy one store */
      wane_integer_codes(sums, pixels, first, bias, multiplier, WANE_INTEGER_BLOCK, least, most,
                         zero, band->y_u8 + at, stride);
    else
      wane_integer_codes(sums, pixels, first, bias, multiplier, left, least, most, zero,
                         band->y_u8 + at, stride);
  }
}

/* The sums of one tile: `rows` pixels (at most WANE_INTEGER_ROWS), `blocks` blocks of output
   channels. */
typedef void (*wane_integer_tile)(const wane_integer_band *band, const int32_t *offsets,
                                  size_t rows, const int8_t *packed, size_t blocks,
                                  int32_t (*sums)[WANE_INTEGER_CHANNELS]);

/* All tiles of a band: channels outermost, so that their weights stay in L1 while the pixels pass.
 */
WANE_BODY void wane_integer_band_loop(const wane_integer_band *band, wane_integer_tile tile,
                                      size_t most_blocks) {
  const wane_integer_plan *plan = band->plan;
  size_t block_bytes = plan->segments * plan->quads * WANE_INTEGER_BLOCK * WANE_INTEGER_QUAD;
  const int8_t *packed = band->layer->packed;
  _Alignas(64) wane_integer_sums sums;
  for (size_t block = 0; block < plan->blocks;) {
    size_t blocks = plan->blocks - block;
    blocks = blocks < most_blocks ? (blocks >= 2 && most_blocks >= 2 ? 2 : 1) : most_blocks;
    size_t channel = block * WANE_INTEGER_BLOCK;
    size_t count = blocks * WANE_INTEGER_BLOCK;
    if (count > plan->outputs - channel) count = plan->outputs - channel;
    for (size_t pixel = 0; pixel < band->pixels; pixel += WANE_INTEGER_PIXELS) {
      size_t pixels = band->pixels - pixel;
      if (pixels > WANE_INTEGER_PIXELS) pixels = WANE_INTEGER_PIXELS;
      for (size_t row = 0; row < pixels; row += WANE_INTEGER_ROWS) {
        size_t rows = pixels - row < WANE_INTEGER_ROWS ? pixels - row : WANE_INTEGER_ROWS;
        tile(band, band->offsets + pixel + row, rows, packed + block * block_bytes, blocks,
             sums + row);
      }
      wane_integer_epilogue(band, sums, pixel, pixels, channel, count);
    }
    block += blocks;
  }
}

void wane_integer_band__portable(const wane_integer_band *band);
#if WANE_X86
void wane_integer_band__avx2(const wane_integer_band *band);
void wane_integer_band__avx512_vnni(const wane_integer_band *band);
#endif

/* Depthwise: u8 stage, any level. */
void wane_integer_depthwise_band(const wane_integer_band *band);

#endif
