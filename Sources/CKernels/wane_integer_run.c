#include "wane_integer_band.h"

#include <string.h>

/* Copies `count` elements of input into the stage, and fills with padding. */
typedef struct {
  void (*copy)(const uint8_t *x, void *stage, size_t at, size_t count);
  void (*fill)(uint8_t value, void *stage, size_t at, size_t count);
  void (*compute)(const wane_integer_band *band);
} wane_integer_level;

static void wane_integer_copy_u8(const uint8_t *x, void *stage, size_t at, size_t count) {
  memcpy((uint8_t *)stage + at, x, count);
}

static void wane_integer_fill_u8(uint8_t value, void *stage, size_t at, size_t count) {
  memset((uint8_t *)stage + at, value, count);
}

#if WANE_X86
WANE_TARGET_AVX2 static void wane_integer_copy_i16__avx2(const uint8_t *x, void *stage, size_t at,
                                                         size_t count) {
  int16_t *to = (int16_t *)stage + at;
  for (size_t i = 0; i < count; i++) to[i] = x[i];
}

WANE_TARGET_AVX2 static void wane_integer_fill_i16__avx2(uint8_t value, void *stage, size_t at,
                                                         size_t count) {
  int16_t *to = (int16_t *)stage + at;
  for (size_t i = 0; i < count; i++) to[i] = value;
}
#endif

static wane_integer_level wane_integer_level_for(const wane_integer_plan *plan) {
  wane_integer_level level = {wane_integer_copy_u8, wane_integer_fill_u8,
                              wane_integer_band__portable};
  if (plan->depthwise) {
    level.compute = wane_integer_depthwise_band;
    return level;
  }
#if WANE_X86
  uint32_t features = wane_cpu_features();
  if (features & WANE_CPU_AVX512_VNNI) {
    level.compute = wane_integer_band__avx512_vnni;
  } else if (features & WANE_CPU_AVX2) {
    level = (wane_integer_level){wane_integer_copy_i16__avx2, wane_integer_fill_i16__avx2,
                                 wane_integer_band__avx2};
  }
#endif
  return level;
}

/* Stages the input rows that `rows` output rows from `first` on read, with their padding. */
static void wane_integer_stage(const wane_integer_shape *shape, const wane_integer_plan *plan,
                               const wane_integer_level *level, uint8_t zero_x,
                               const uint8_t *image, size_t first, size_t rows, void *stage) {
  size_t channels = (size_t)shape->channels;
  size_t row_size = plan->stage_width * channels;
  size_t left =
      (size_t)shape->pad_left < plan->stage_width ? (size_t)shape->pad_left : plan->stage_width;
  size_t copied =
      plan->stage_width - left < plan->in_width ? plan->stage_width - left : plan->in_width;
  size_t right = plan->stage_width - left - copied;
  size_t needed = wane_integer_reach(shape, rows);
  int64_t top = (int64_t)(first * (size_t)shape->stride_height) - shape->pad_top;
  for (size_t r = 0; r < needed; r++) {
    int64_t row = top + (int64_t)r;
    size_t at = r * row_size;
    if (row < 0 || row >= (int64_t)plan->in_height) {
      level->fill(zero_x, stage, at, row_size);
      continue;
    }
    if (left) level->fill(zero_x, stage, at, left * channels);
    level->copy(image + (size_t)row * plan->in_width * channels, stage, at + left * channels,
                copied * channels);
    if (right) level->fill(zero_x, stage, at + (left + copied) * channels, right * channels);
  }
  /* Read by the quad that overhangs the last segment, times zero weights. */
  level->fill(0, stage, needed * row_size, WANE_INTEGER_QUAD - 1);
}

/* Offsets of the pixels of `rows` output rows, row by row, or window by window; returns how many.
 */
static size_t wane_integer_list(const wane_integer_shape *shape, const wane_integer_plan *plan,
                                size_t rows, int32_t *offsets) {
  size_t channels = (size_t)shape->channels;
  size_t down = (size_t)shape->stride_height * plan->stage_width * channels;
  size_t along = (size_t)shape->stride_width * channels;
  size_t window = plan->window, count = 0;
  for (size_t oy = 0; oy + window <= rows; oy += window)
    for (size_t ox = 0; ox + window <= plan->out_width; ox += window)
      for (size_t ky = 0; ky < window; ky++)
        for (size_t kx = 0; kx < window; kx++)
          offsets[count++] = (int32_t)((oy + ky) * down + (ox + kx) * along);
  return count;
}

static void wane_integer_run(const wane_integer_shape *shape, const wane_integer_layer *layer,
                             const uint8_t *x, uint8_t *y_u8, float *y_f32, int32_t *y_i32,
                             void *scratch) {
  wane_integer_plan plan = wane_integer_plan_make(shape);
  wane_integer_level level = wane_integer_level_for(&plan);
  size_t channels = (size_t)shape->channels;
  int32_t *offsets =
      (int32_t *)(void *)((char *)scratch + wane_integer_stage_bytes(&plan, channels));
  size_t area = plan.window * plan.window;
  size_t listed_rows = 0, pixels = 0;
  size_t out_height = plan.out_height / plan.window * plan.window;
  for (size_t image = 0; image < plan.images; image++) {
    for (size_t first = 0; first < out_height; first += plan.band_rows) {
      size_t rows = out_height - first < plan.band_rows ? out_height - first : plan.band_rows;
      if (rows != listed_rows) {
        pixels = wane_integer_list(shape, &plan, rows, offsets);
        listed_rows = rows;
      }
      wane_integer_stage(shape, &plan, &level, layer->zero_x, x, first, rows, scratch);
      wane_integer_band band = {shape, &plan, layer, scratch, offsets, pixels, y_u8, y_f32, y_i32};
      level.compute(&band);
      size_t written = pixels / area * plan.outputs;
      if (y_u8) y_u8 += written;
      if (y_f32) y_f32 += written;
      if (y_i32) y_i32 += written;
    }
    x += plan.in_height * plan.in_width * channels;
  }
}

void wane_integer_run_u8(const wane_integer_shape *shape, const wane_integer_layer *layer,
                         const uint8_t *x, uint8_t *y, void *scratch) {
  wane_integer_run(shape, layer, x, y, NULL, NULL, scratch);
}

void wane_integer_run_f32(const wane_integer_shape *shape, const wane_integer_layer *layer,
                          const uint8_t *x, float *y, void *scratch) {
  wane_integer_run(shape, layer, x, NULL, y, NULL, scratch);
}

void wane_integer_run_i32(const wane_integer_shape *shape, const wane_integer_layer *layer,
                          const uint8_t *x, int32_t *y, void *scratch) {
  wane_integer_run(shape, layer, x, NULL, NULL, y, scratch);
}
