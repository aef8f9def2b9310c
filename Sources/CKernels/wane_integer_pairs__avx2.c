/* Short sums over many pixels on AVX2: a first layer of 3 x 3 has 9 products, and with quads more
   time goes into loops over segments and sums across lanes than into products. Here the weights of
   a block are widened once a band, to i16 in pairs of products, [pairs][16 channels][2]: vpmaddwd
   then has one channel a lane, and with the offset of each pair in a table the loop is flat. */

#include "wane_integer_pairs__avx2.h"

#include "wane_integer_tile.h"

#if WANE_X86

#include <immintrin.h>

typedef struct {
  size_t count;
  int32_t offsets[WANE_INTEGER_MOST_PAIRS]; /* from a pixel's first element */
  _Alignas(64) int16_t weights[WANE_INTEGER_MOST_PAIRS][WANE_INTEGER_BLOCK][2];
} wane_integer_pairs;

static void wane_integer_pairs_locate(const wane_integer_band *band, wane_integer_pairs *pairs) {
  const wane_integer_shape *shape = band->shape;
  const wane_integer_plan *plan = band->plan;
  size_t channels = (size_t)shape->channels;
  size_t down = (size_t)shape->dilation_height * plan->stage_width * channels;
  size_t along = (size_t)shape->dilation_width * channels;
  size_t in_row = plan->segments / (size_t)shape->kernel_height;
  pairs->count = 0;
  for (size_t segment = 0; segment < plan->segments; segment++) {
    size_t start = segment / in_row * down + segment % in_row * along;
    for (size_t k = 0; k < plan->segment_length; k += 2)
      pairs->offsets[pairs->count++] = (int32_t)(start + k);
  }
}

/* Weights of one block: from quads of i8 to pairs of i16. */
WANE_TARGET_AVX2 static void wane_integer_pairs_widen(const wane_integer_plan *plan,
                                                      const int8_t *packed,
                                                      wane_integer_pairs *pairs) {
  size_t pair = 0;
  for (size_t segment = 0; segment < plan->segments; segment++) {
    size_t left = (plan->segment_length + 1) / 2;
    for (size_t quad = 0; quad < plan->quads; quad++, packed += 64) {
      size_t count = left < 2 ? left : 2;
      left -= count;
      for (size_t i = 0; i < count; i++, pair++) {
        for (size_t lane = 0; lane < WANE_INTEGER_BLOCK; lane++) {
          pairs->weights[pair][lane][0] = packed[4 * lane + 2 * i];
          pairs->weights[pair][lane][1] = packed[4 * lane + 2 * i + 1];
        }
      }
    }
  }
}

/* Six pixels times sixteen channels: twelve accumulators. */
WANE_TARGET_AVX2 static void wane_integer_pairs_tile(const int16_t *stage, const int32_t *offsets,
                                                     const wane_integer_pairs *pairs,
                                                     int32_t (*sums)[WANE_INTEGER_CHANNELS]) {
  const int16_t *x[WANE_INTEGER_ROWS];
  __m256i lanes[WANE_INTEGER_ROWS][2];
  WANE_UNROLL
  for (int r = 0; r < WANE_INTEGER_ROWS; r++) {
    x[r] = stage + offsets[r];
    lanes[r][0] = lanes[r][1] = _mm256_setzero_si256();
  }
  for (size_t pair = 0; pair < pairs->count; pair++) {
    ptrdiff_t at = pairs->offsets[pair];
    const __m256i *w = (const __m256i *)(const void *)pairs->weights[pair];
    __m256i w0 = _mm256_load_si256(w), w1 = _mm256_load_si256(w + 1);
    WANE_UNROLL
    for (int r = 0; r < WANE_INTEGER_ROWS; r++) {
      int both;
      memcpy(&both, x[r] + at, sizeof both);
      __m256i input = _mm256_set1_epi32(both);
      lanes[r][0] = _mm256_add_epi32(lanes[r][0], _mm256_madd_epi16(input, w0));
      lanes[r][1] = _mm256_add_epi32(lanes[r][1], _mm256_madd_epi16(input, w1));
    }
  }
  WANE_UNROLL
  for (int r = 0; r < WANE_INTEGER_ROWS; r++) {
    _mm256_storeu_si256((__m256i *)sums[r], lanes[r][0]);
    _mm256_storeu_si256((__m256i *)(sums[r] + 8), lanes[r][1]);
  }
}

WANE_TARGET_AVX2 void wane_integer_pairs_band__avx2(const wane_integer_band *band) {
  const wane_integer_plan *plan = band->plan;
  const int16_t *stage = band->stage;
  const int8_t *packed = band->layer->packed;
  size_t block_bytes = plan->segments * plan->quads * WANE_INTEGER_BLOCK * WANE_INTEGER_QUAD;
  wane_integer_pairs pairs;
  _Alignas(64) wane_integer_sums sums;
  wane_integer_pairs_locate(band, &pairs);
  for (size_t block = 0; block < plan->blocks; block++) {
    wane_integer_pairs_widen(plan, packed + block * block_bytes, &pairs);
    size_t channel = block * WANE_INTEGER_BLOCK;
    size_t count = plan->outputs - channel;
    if (count > WANE_INTEGER_BLOCK) count = WANE_INTEGER_BLOCK;
    for (size_t pixel = 0; pixel < band->pixels; pixel += WANE_INTEGER_PIXELS) {
      size_t pixels = band->pixels - pixel;
      if (pixels > WANE_INTEGER_PIXELS) pixels = WANE_INTEGER_PIXELS;
      /* Too few pixels at the end: the last one is computed again. */
      int32_t padded[WANE_INTEGER_PIXELS];
      const int32_t *offsets = band->offsets + pixel;
      if (pixels < WANE_INTEGER_PIXELS) {
        for (size_t i = 0; i < WANE_INTEGER_PIXELS; i++)
          padded[i] = offsets[i < pixels ? i : pixels - 1];
        offsets = padded;
      }
      for (size_t row = 0; row < pixels; row += WANE_INTEGER_ROWS)
        wane_integer_pairs_tile(stage, offsets + row, &pairs, sums + row);
      wane_integer_epilogue(band, sums, pixel, pixels, channel, count);
    }
  }
}

#else
typedef int wane_integer_pairs_avx2_is_for_x86;
#endif
