#include "wane_exact.h"

#include "wane_math.h"

#include <errno.h>
#include <string.h>

/* A layer is cut into pieces that `wane_integer.h` can add up: for each group of the convolution
   and each group of inputs that share a scale, the sums of its inputs' codes times its weights.
   Codes of 16 bits are two bytes, weights of nine bits two signed bytes; the sums of the planes are
   put together in 64 bits.

   Packed: the pieces' planes of weights, then tables of [groups of inputs, out_channels]: what is
   added to the sums, multipliers, scales of weights; then biases. */

enum {
  WANE_EXACT_ROWS = 48, /* rows of a dense layer that are run at once */
  WANE_EXACT_ALIGN = 64,
};

typedef struct {
  size_t channels, outputs;    /* of a group of the convolution */
  size_t groups, scale_groups; /* of the convolution; of inputs */
  size_t taps, places;         /* of the kernel; of the output image */
  size_t code_planes, weight_planes;
  int depthwise;
  size_t images;              /* that are run at once */
  size_t plane_bytes, tables; /* packed weights of a piece and plane; where tables begin */
} wane_exact_plan;

static size_t wane_exact_aligned(size_t bytes) {
  return (bytes + WANE_EXACT_ALIGN - 1) & ~(size_t)(WANE_EXACT_ALIGN - 1);
}

/* The piece of `length` inputs as a layer of its own. */
static wane_integer_shape wane_exact_piece(const wane_exact *layer, const wane_exact_plan *p,
                                           size_t length, size_t images) {
  wane_integer_shape shape = layer->shape;
  shape.batch = (int32_t)images;
  shape.channels = (int32_t)(p->depthwise ? (size_t)layer->shape.channels : length);
  shape.out_channels = (int32_t)(p->depthwise ? 0 : p->outputs);
  shape.max_pool = 0;
  return shape;
}

static wane_exact_plan wane_exact_plan_make(const wane_exact *layer) {
  const wane_integer_shape *s = &layer->shape;
  wane_exact_plan p = {0};
  p.depthwise = layer->groups > 1 && layer->groups == s->channels && s->channels == s->out_channels;
  p.groups = p.depthwise ? 1 : (size_t)layer->groups;
  p.channels = p.depthwise ? 1 : (size_t)(s->channels / layer->groups);
  p.outputs = (size_t)s->out_channels / p.groups;
  p.scale_groups = (p.channels + (size_t)layer->group_size - 1) / (size_t)layer->group_size;
  p.taps = (size_t)s->kernel_height * (size_t)s->kernel_width;
  p.places = (size_t)s->out_height * (size_t)s->out_width;
  p.code_planes = layer->wide_codes ? 2 : 1;
  p.weight_planes = layer->wide_weights ? 2 : 1;
  int is_dense = p.taps == 1 && s->height == 1 && s->width == 1;
  p.images = is_dense ? WANE_EXACT_ROWS : 1;
  size_t longest = p.channels < (size_t)layer->group_size ? p.channels : (size_t)layer->group_size;
  wane_integer_shape piece = wane_exact_piece(layer, &p, longest, 1);
  p.plane_bytes = wane_exact_aligned(wane_integer_packed_size(&piece));
  p.tables = p.groups * p.scale_groups * p.weight_planes * p.plane_bytes;
  return p;
}

typedef struct {
  int64_t *offsets;   /* [scale_groups, out_channels], what is added to the sums of fixed grids */
  int32_t *totals;    /* the sums of the weights */
  float *multipliers; /* of fixed grids */
  float *scales;      /* of the weights */
  float *bias;        /* [out_channels], in steps; where it is not part of the offsets */
} wane_exact_tables;

static wane_exact_tables wane_exact_tables_in(const wane_exact *layer, const wane_exact_plan *p,
                                              void *packed) {
  size_t count = p->scale_groups * (size_t)layer->shape.out_channels;
  wane_exact_tables t;
  t.offsets = (int64_t *)(void *)((char *)packed + p->tables);
  t.totals = (int32_t *)(t.offsets + count);
  t.multipliers = (float *)(t.totals + count);
  t.scales = t.multipliers + count;
  t.bias = t.scales + count;
  return t;
}

int wane_exact_check(const wane_exact *layer) {
  const wane_integer_shape *s = &layer->shape;
  if (s->max_pool != 0 || s->out_channels < 1 || s->channels < 1) return EINVAL;
  if (layer->groups < 1 || s->channels % layer->groups || s->out_channels % layer->groups)
    return EINVAL;
  if (layer->group_size < 1 || layer->rows < 1) return EINVAL;
  wane_exact_plan p = wane_exact_plan_make(layer);
  if (layer->scale_count != 1 &&
      (size_t)layer->scale_count != p.scale_groups * (size_t)s->out_channels)
    return EINVAL;
  wane_integer_shape piece = wane_exact_piece(layer, &p, p.channels, 1);
  /* The sums of a block of rows, and of weights, are counted in 32 bits. */
  int64_t sums, weights;
  if (__builtin_mul_overflow((int64_t)(p.images * p.places), (int64_t)s->out_channels, &sums) ||
      __builtin_mul_overflow((int64_t)(p.taps * p.channels), (int64_t)s->out_channels, &weights) ||
      sums > (int64_t)1 << 31 || weights > (int64_t)1 << 31)
    return EINVAL;
  return wane_integer_check(&piece);
}

size_t wane_exact_packed_size(const wane_exact *layer) {
  wane_exact_plan p = wane_exact_plan_make(layer);
  size_t outputs = (size_t)layer->shape.out_channels;
  return wane_exact_aligned(p.tables + p.scale_groups * outputs * (8 + 4 + 4 + 4) + 4 * outputs);
}

/* Scratch of a run: codes in planes, sums, wide sums, working memory of the kernel. */
typedef struct {
  size_t codes, sums, wide, kernel, total; /* bytes of a plane of codes; where the others begin */
} wane_exact_room;

static wane_exact_room wane_exact_room_make(const wane_exact *layer, const wane_exact_plan *p) {
  const wane_integer_shape *s = &layer->shape;
  wane_exact_room room;
  size_t longest = p->depthwise ? (size_t)s->channels : p->channels;
  if (!p->depthwise && longest > (size_t)layer->group_size) longest = (size_t)layer->group_size;
  size_t sums = p->images * p->places * p->outputs;
  wane_integer_shape piece = wane_exact_piece(layer, p, longest, p->images);
  room.codes = wane_exact_aligned(p->images * (size_t)s->height * (size_t)s->width * longest);
  room.sums = p->code_planes * room.codes;
  room.wide = room.sums + wane_exact_aligned(sums * sizeof(int32_t));
  room.kernel = room.wide;
  if (p->code_planes * p->weight_planes > 1)
    room.kernel += wane_exact_aligned(sums * sizeof(int64_t));
  room.total = room.kernel + wane_exact_aligned(wane_integer_scratch_size(&piece));
  return room;
}

size_t wane_exact_scratch_size(const wane_exact *layer) {
  wane_exact_plan p = wane_exact_plan_make(layer);
  size_t run = wane_exact_room_make(layer, &p).total;
  size_t pack = wane_exact_aligned(p.taps * p.channels * p.outputs);
  return run > pack ? run : pack;
}

/* Half to even, in double. */
static double wane_exact_round(double x) { return __builtin_rint(x); }

/* Where a scale of the weights is. */
static float wane_exact_scale(const wane_exact *layer, const float *scales, size_t index) {
  return scales[layer->scale_count == 1 ? 0 : index];
}

/* A weight in steps of its scale; what training has driven to no number counts as 0. */
static int32_t wane_exact_multiple(float weight, float scale) {
  float t = weight / scale;
  t = t == t ? t : 0.0f;
  t = t > -255.0f ? t : -255.0f;
  t = t < 255.0f ? t : 255.0f;
  return (int32_t)wane_math_round(t);
}

void wane_exact_pack(const wane_exact *layer, const float *weights, const float *scales,
                     const float *bias, void *packed, void *scratch) {
  wane_exact_plan p = wane_exact_plan_make(layer);
  wane_exact_tables tables = wane_exact_tables_in(layer, &p, packed);
  size_t all = (size_t)layer->shape.out_channels;
  int is_one_sum = p.scale_groups == 1 && !layer->own_grids;
  int8_t *bytes = scratch;
  char *to = packed;
  for (size_t i = 0; i < p.scale_groups * all; i++) tables.totals[i] = 0;
  for (size_t group = 0; group < p.groups; group++) {
    for (size_t g = 0; g < p.scale_groups; g++) {
      size_t first = g * (size_t)layer->group_size;
      size_t length = p.channels - first;
      if (length > (size_t)layer->group_size) length = (size_t)layer->group_size;
      size_t column = group * p.outputs;
      wane_integer_shape piece = wane_exact_piece(layer, &p, length, 1);
      for (size_t plane = 0; plane < p.weight_planes; plane++) {
        int8_t *out = bytes;
        for (size_t tap = 0; tap < p.taps; tap++)
          for (size_t k = first; k < first + length; k++) {
            const float *row = weights + (tap * p.channels + k) * all + column;
            for (size_t o = 0; o < p.outputs; o++) {
              float scale = wane_exact_scale(layer, scales, g * all + column + o);
              int32_t multiple = wane_exact_multiple(row[o], scale);
              if (plane == 0) tables.totals[g * all + column + o] += multiple;
              int32_t upper = multiple >> 1;
              *out++ = (int8_t)(p.weight_planes == 1 ? multiple
                                : plane == 0         ? upper
                                                     : multiple - 2 * upper);
            }
          }
        wane_integer_pack(&piece, bytes, to);
        to += p.plane_bytes;
      }
    }
  }
  double limit = p.code_planes * p.weight_planes > 1 ? 0x1p62 : 0x1p30;
  for (size_t o = 0; o < all; o++) {
    tables.bias[o] = bias ? (float)((double)bias[o] / (double)layer->step) : 0.0f;
    for (size_t g = 0; g < p.scale_groups; g++) {
      size_t at = g * all + o;
      float scale = wane_exact_scale(layer, scales, at);
      double both = (double)layer->scale * (double)scale;
      double start = bias && is_one_sum ? wane_exact_round((double)bias[o] / both) : 0.0;
      start = start > -limit ? start : -limit;
      start = start < limit ? start : limit;
      tables.scales[at] = scale;
      tables.multipliers[at] = (float)(both / (double)layer->step);
      tables.offsets[at] = (int64_t)start - (int64_t)layer->zero * tables.totals[at];
    }
  }
}

/* Codes of `count` inputs of each of some pixels, from floats on a grid. */
WANE_BODY void wane_exact_codes__body(const float *x, size_t pixels, size_t stride, size_t count,
                                      float scale, int32_t zero, uint8_t *low, uint8_t *high) {
  for (size_t pixel = 0; pixel < pixels; pixel++, x += stride, low += count) {
    if (!high) {
      WANE_VECTORIZE
      for (size_t k = 0; k < count; k++)
        low[k] = (uint8_t)((int32_t)wane_math_round(x[k] / scale) + zero);
      continue;
    }
    for (size_t k = 0; k < count; k++) {
      int32_t code = (int32_t)wane_math_round(x[k] / scale) + zero;
      low[k] = (uint8_t)code;
      high[k] = (uint8_t)(code >> 8);
    }
    high += count;
  }
}
WANE_KERNEL(wane_exact_codes,
            (const float *x, size_t pixels, size_t stride, size_t count, float scale, int32_t zero,
             uint8_t *low, uint8_t *high),
            (x, pixels, stride, count, scale, zero, low, high))

/* y (+)= (float)(sums + offset) * multiplier, modulo 2^32 as the sums are. */
WANE_BODY void wane_exact_scale_i32__body(const int32_t *sums, size_t pixels, size_t count,
                                          const int64_t *offsets, const float *multipliers,
                                          int adds, float *y, size_t stride) {
  for (size_t pixel = 0; pixel < pixels; pixel++, sums += count, y += stride) {
    if (adds) {
      WANE_VECTORIZE
      for (size_t o = 0; o < count; o++)
        y[o] += (float)(int32_t)((uint32_t)sums[o] + (uint32_t)offsets[o]) * multipliers[o];
      continue;
    }
    WANE_VECTORIZE
    for (size_t o = 0; o < count; o++)
      y[o] = (float)(int32_t)((uint32_t)sums[o] + (uint32_t)offsets[o]) * multipliers[o];
  }
}
WANE_KERNEL(wane_exact_scale_i32,
            (const int32_t *sums, size_t pixels, size_t count, const int64_t *offsets,
             const float *multipliers, int adds, float *y, size_t stride),
            (sums, pixels, count, offsets, multipliers, adds, y, stride))

static void wane_exact_scale_i64(const int64_t *sums, size_t pixels, size_t count,
                                 const int64_t *offsets, const float *multipliers, int adds,
                                 float *y, size_t stride) {
  for (size_t pixel = 0; pixel < pixels; pixel++, sums += count, y += stride)
    for (size_t o = 0; o < count; o++) {
      float t = (float)(sums[o] + offsets[o]) * multipliers[o];
      y[o] = adds ? y[o] + t : t;
    }
}

/* The sums of one piece for some images, in `sums` or, in planes, in `wide`. */
static void wane_exact_sums(const wane_exact_plan *p, const wane_integer_shape *piece,
                            const wane_exact_room *room, const char *packed, int32_t zero,
                            char *scratch) {
  int32_t *sums = (int32_t *)(void *)(scratch + room->sums);
  int64_t *wide = (int64_t *)(void *)(scratch + room->wide);
  size_t count = (size_t)piece->batch * p->places * p->outputs;
  int first = 1;
  for (size_t code = 0; code < p->code_planes; code++) {
    for (size_t weight = 0; weight < p->weight_planes; weight++) {
      wane_integer_layer layer = {.packed = packed + weight * p->plane_bytes,
                                  .zero_x = (uint8_t)(code == 0 ? zero : zero >> 8)};
      wane_integer_run_i32(piece, &layer, (uint8_t *)scratch + code * room->codes, sums,
                           scratch + room->kernel);
      if (p->code_planes * p->weight_planes == 1) return;
      int64_t factor = code == 0 ? 1 : 256;
      if (p->weight_planes > 1 && weight == 0) factor *= 2;
      for (size_t i = 0; i < count; i++)
        wide[i] = (first ? 0 : wide[i]) + factor * (int64_t)sums[i];
      first = 0;
    }
  }
}

/* Multipliers and offsets of one sample's grid for a row of channels, in chunks. */
enum { WANE_EXACT_CHUNK = 64 };

static void wane_exact_scale_own(const wane_exact *layer, const wane_exact_plan *p,
                                 const wane_exact_room *room, const wane_exact_tables *tables,
                                 size_t at, size_t pixel, size_t pixels, const float *grid,
                                 int adds, char *scratch, float *y, size_t stride) {
  const int32_t *sums = (int32_t *)(void *)(scratch + room->sums) + pixel * p->outputs;
  const int64_t *wide = (int64_t *)(void *)(scratch + room->wide) + pixel * p->outputs;
  int is_wide = p->code_planes * p->weight_planes > 1;
  for (size_t first = 0; first < p->outputs; first += WANE_EXACT_CHUNK) {
    int64_t offsets[WANE_EXACT_CHUNK];
    float multipliers[WANE_EXACT_CHUNK];
    size_t count = p->outputs - first;
    if (count > WANE_EXACT_CHUNK) count = WANE_EXACT_CHUNK;
    for (size_t o = 0; o < count; o++) {
      double both = (double)grid[0] * (double)tables->scales[at + first + o];
      multipliers[o] = (float)(both / (double)layer->step);
      offsets[o] = -(int64_t)grid[1] * tables->totals[at + first + o];
    }
    for (size_t i = 0; i < pixels; i++) {
      if (is_wide)
        wane_exact_scale_i64(wide + i * p->outputs + first, 1, count, offsets, multipliers, adds,
                             y + i * stride + first, stride);
      else
        wane_exact_scale_i32(sums + i * p->outputs + first, 1, count, offsets, multipliers, adds,
                             y + i * stride + first, stride);
    }
  }
}

WANE_BODY void wane_exact_add_bias__body(const float *bias, size_t pixels, size_t count, float *y) {
  for (size_t pixel = 0; pixel < pixels; pixel++, y += count) {
    WANE_VECTORIZE
    for (size_t o = 0; o < count; o++) y[o] += bias[o];
  }
}
WANE_KERNEL(wane_exact_add_bias, (const float *bias, size_t pixels, size_t count, float *y),
            (bias, pixels, count, y))

/* Some images at once, the first of them number `image`. */
static void wane_exact_block(const wane_exact *layer, const wane_exact_plan *p,
                             const wane_exact_room *room, const void *packed, const float *x,
                             const float *grids, size_t image, size_t images, float *y,
                             char *scratch) {
  const wane_integer_shape *s = &layer->shape;
  wane_exact_tables tables = wane_exact_tables_in(layer, p, (void *)(uintptr_t)packed);
  size_t in_pixels = (size_t)s->height * (size_t)s->width, in_channels = (size_t)s->channels;
  size_t all = (size_t)s->out_channels;
  const char *piece_weights = packed;
  uint8_t *codes = (uint8_t *)scratch;
  for (size_t group = 0; group < p->groups; group++) {
    for (size_t g = 0; g < p->scale_groups; g++) {
      size_t first = g * (size_t)layer->group_size;
      size_t length = p->channels - first;
      if (length > (size_t)layer->group_size) length = (size_t)layer->group_size;
      if (p->depthwise) length = in_channels;
      wane_integer_shape piece = wane_exact_piece(layer, p, length, images);
      for (size_t i = 0; i < images; i++) {
        const float *grid = grids ? grids + (image + i) / (size_t)layer->rows * 2 : NULL;
        uint8_t *to = codes + i * in_pixels * length;
        wane_exact_codes(x + i * in_pixels * in_channels + group * p->channels + first, in_pixels,
                         in_channels, length, grid ? grid[0] : layer->scale,
                         grid ? (int32_t)grid[1] : layer->zero, to,
                         p->code_planes > 1 ? to + room->codes : NULL);
      }
      /* Images that have their own zero point outside are run one by one; rows have no outside. */
      int32_t zero = grids ? (int32_t)grids[image / (size_t)layer->rows * 2 + 1] : layer->zero;
      wane_exact_sums(p, &piece, room, piece_weights, zero, scratch);
      piece_weights += p->weight_planes * p->plane_bytes;
      size_t at = g * all + group * p->outputs;
      float *to = y + group * p->outputs;
      if (grids) {
        for (size_t i = 0; i < images; i++)
          wane_exact_scale_own(layer, p, room, &tables, at, i * p->places, p->places,
                               grids + (image + i) / (size_t)layer->rows * 2, g > 0, scratch,
                               to + i * p->places * all, all);
      } else if (p->code_planes * p->weight_planes > 1) {
        wane_exact_scale_i64((int64_t *)(void *)(scratch + room->wide), images * p->places,
                             p->outputs, tables.offsets + at, tables.multipliers + at, g > 0, to,
                             all);
      } else {
        wane_exact_scale_i32((int32_t *)(void *)(scratch + room->sums), images * p->places,
                             p->outputs, tables.offsets + at, tables.multipliers + at, g > 0, to,
                             all);
      }
    }
  }
  if (grids || p->scale_groups > 1) wane_exact_add_bias(tables.bias, images * p->places, all, y);
}

void wane_exact_run(const wane_exact *layer, const void *packed, const float *x, const float *grids,
                    float *y, void *scratch) {
  wane_exact_plan p = wane_exact_plan_make(layer);
  wane_exact_room room = wane_exact_room_make(layer, &p);
  size_t batch = (size_t)layer->shape.batch;
  size_t in =
      (size_t)layer->shape.height * (size_t)layer->shape.width * (size_t)layer->shape.channels;
  size_t out = p.places * (size_t)layer->shape.out_channels;
  for (size_t image = 0; image < batch; image += p.images) {
    size_t images = batch - image < p.images ? batch - image : p.images;
    wane_exact_block(layer, &p, &room, packed, x + image * in, grids, image, images,
                     y + image * out, scratch);
  }
}
